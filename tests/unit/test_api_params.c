/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bag of parameters, the typed fields, and that the tables of all actions are well-formed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "api/actions.h"
#include "api/fields.h"
#include "api/filter.h"
#include "api/params.h"
#include "base/memory.h"
#include "base/netaddr.h"
#include "model/codes.h"

static int decode(struct params *params, const char *text, struct error *reterr)
{
	return params_decode(params, text, strlen(text), reterr);
}

static struct params *given_params(const char *text)
{
	struct params *params = params_new();
	struct error error = {0};

	if (decode(params, text, &error) < 0)
		fail_msg("%s: %s", text, error.message);
	return params;
}

static void test_decode_when_well_formed_then_values_are_found(void **state)
{
	static const struct {
		const char *text, *name, *value;
	} rows[] = {
		{"a=1", "a", "1"},
		{"a=1&b=2", "b", "2"},
		{"a=", "a", ""},
		{"a", "a", ""},
		{"&&a=1&", "a", "1"},
		{"a=b=c", "a", "b=c"},
		{"a=x+y%20z", "a", "x y z"},
		{"a=%2B%26%3D%25", "a", "+&=%"},
		{"%54ag.1.Key=%e4%b8%bb", "Tag.1.Key", "\xe4\xb8\xbb"},
		/* What SDKs leave as it is, and what they raise. */
		{"a=*~(!')", "a", "*~(!')"},
		{"HealthCheckInterval=3", "healthCheckInterval", "3"},
		{"healthCheckInterval=3", "HealthCheckInterval", "3"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(params_free) struct params *params = given_params(rows[i].text);
		const char *value = params_get(params, rows[i].name);

		if (!value || strcmp(value, rows[i].value) != 0)
			fail_msg("%s: %s is %s", rows[i].text, rows[i].name, value);
	}
}

static void test_get_when_the_name_differs_beyond_its_first_letter_then_null(void **state)
{
	AUTO(params_free) struct params *params = given_params("RegionId=x&empty=");

	(void)state;
	assert_null(params_get(params, "Regionid"));
	assert_null(params_get(params, "RegionI"));
	assert_null(params_get(params, "RegionId2"));
	assert_null(params_get(params, ""));
	assert_non_null(params_get(params, "Empty"));
	assert_null(params_get_filled(params, "Empty"));
}

static void test_decode_when_broken_then_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *message;
	} rows[] = {
		{"a=%", CODE_MALFORMED_REQUEST, "without two hexadecimal digits in: %"},
		{"a=%4", CODE_MALFORMED_REQUEST, "hexadecimal"},
		{"a=%4g", CODE_MALFORMED_REQUEST, "hexadecimal"},
		{"a=%-1", CODE_MALFORMED_REQUEST, "hexadecimal"},
		{"%zz=1", CODE_MALFORMED_REQUEST, "hexadecimal"},
		/* The escape does not reach over the end of its piece. */
		{"a=%4&1=b", CODE_MALFORMED_REQUEST, "hexadecimal"},
		{"a=x%00y", CODE_MALFORMED_REQUEST, "a NUL"},
		{"a%00=1", CODE_MALFORMED_REQUEST, "a NUL"},
		{"a=%ff", CODE_MALFORMED_REQUEST, "UTF-8"},
		{"a=%c0%af", CODE_MALFORMED_REQUEST, "UTF-8"},
		{"a=%ed%a0%80", CODE_MALFORMED_REQUEST, "UTF-8"},
		{"a\xc3=1", CODE_MALFORMED_REQUEST, "UTF-8"},
		{"=1", CODE_MALFORMED_REQUEST, "without a name"},
		{"a=1&a=1", CODE_DUPLICATE_PARAMETER, "parameter a "},
		{"a=1&A=2", CODE_DUPLICATE_PARAMETER, "parameter A "},
		{"a=1&%61=2", CODE_DUPLICATE_PARAMETER, "parameter a "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(params_free) struct params *params = params_new();
		struct error error = {0};

		assert_int_equal(decode(params, rows[i].text, &error), -EINVAL);
		if (error.code != rows[i].code || !strstr(error.message, rows[i].message))
			fail_msg("%s: %s: %s", rows[i].text, code_name(error.code), error.message);
	}
}

static void test_decode_when_a_name_is_in_query_and_body_then_duplicate(void **state)
{
	AUTO(params_free) struct params *params = given_params("Action=x&RegionId=local");
	struct error error = {0};

	(void)state;
	assert_int_equal(decode(params, "LoadBalancerId=a&RegionId=local", &error), -EINVAL);
	assert_int_equal(error.code, CODE_DUPLICATE_PARAMETER);
	assert_string_equal(error.field, "RegionId");
}

static void test_decode_when_text_is_not_terminated_then_nothing_beyond_is_read(void **state)
{
	/* The sanitizer sees a read past the end of the allocation. */
	char *bytes = malloc(3);
	struct params *params = params_new();
	struct error error = {0};

	(void)state;
	memcpy(bytes, "a=%", 3);
	assert_int_equal(params_decode(params, bytes, 3, &error), -EINVAL);
	assert_int_equal(params_decode(params, bytes, 2, &error), 0);
	assert_string_equal(params_get(params, "a"), "");
	params_free(params);
	free(bytes);
}

static void test_decode_when_more_than_the_limit_then_too_large(void **state)
{
	AUTO(params_free) struct params *params = params_new();
	struct error error = {0};
	char text[16];

	(void)state;
	for (int i = 0; i < PARAMS_MAX; i++) {
		snprintf(text, sizeof(text), "p%d=1", i);
		assert_int_equal(decode(params, text, &error), 0);
	}
	assert_int_equal(decode(params, "one=more", &error), -EINVAL);
	assert_int_equal(error.code, CODE_REQUEST_TOO_LARGE);
	assert_string_equal(params_get(params, "p511"), "1");
}

struct sample {
	char text[4 + 1];
	const char *borrowed;
	uint16_t port;
	int32_t number;
	bool truth, position;
	struct netaddr address;
	struct tags tags;
};

static void sample_init(void *request)
{
	struct sample *sample = request;

	sample->number = 7;
	sample->position = true;
}

static const struct field sample_fields[] = {
	{"Text", FIELD_TEXT, FIELD_AT(struct sample, text)},
	{"Borrowed", FIELD_BORROWED, FIELD_AT(struct sample, borrowed), FIELD_REQUIRED},
	{"Port", FIELD_INTEGER, FIELD_AT(struct sample, port), .min = 1, .max = 65535},
	{"Number", FIELD_INTEGER, FIELD_AT(struct sample, number), .min = -1, .max = 100},
	{"Truth", FIELD_BOOL, FIELD_AT(struct sample, truth)},
	{"Position", FIELD_SWITCH, FIELD_AT(struct sample, position)},
	{"Address", FIELD_PARSED, FIELD_AT(struct sample, address), .parse = fields_parse_address,
	 .expected = "an address"},
	{"Tag", FIELD_TAGS, FIELD_AT(struct sample, tags)},
	{"Fixed", FIELD_FIXED, .expected = "one two"},
	{"Never", FIELD_FIXED, .expected = ""},
};
static const struct request_layout sample_layout =
	REQUEST_LAYOUT(struct sample, sample_fields, sample_init);

static int read_sample(const struct params *params, struct sample *ret, struct error *reterr)
{
	memset(ret, 0, sizeof(*ret));
	sample_init(ret);
	return fields_read(&sample_layout, params, ret, reterr);
}

static void test_fields_when_given_then_members_have_their_values(void **state)
{
	AUTO(params_free)
	struct params *params =
		given_params("Text=abcd&Borrowed=b&Port=65535&Number=-1&Truth=True&Position=off&"
			     "Address=2001:db8::1&Fixed=TWO&Never=&Unknown=x&"
			     "Tag.2.Key=k2&Tag.1.Key=k1&Tag.1.Value=v1&Tag.20.Key=k20");
	struct netaddr address;
	struct sample sample;
	struct error error = {0};

	(void)state;
	if (read_sample(params, &sample, &error) < 0)
		fail_msg("%s", error.message);
	assert_string_equal(sample.text, "abcd");
	assert_ptr_equal(sample.borrowed, params_get(params, "Borrowed"));
	assert_int_equal(sample.port, 65535);
	assert_int_equal(sample.number, -1);
	assert_true(sample.truth);
	assert_false(sample.position);
	assert_int_equal(netaddr_parse("2001:db8::1", &address), 0);
	assert_true(netaddr_equal(&sample.address, &address));
	assert_int_equal(sample.tags.count, 3);
	assert_string_equal(sample.tags.items[0].value, "v1");
	assert_string_equal(sample.tags.items[1].key, "k2");
	assert_string_equal(sample.tags.items[2].key, "k20");
}

static void test_fields_when_absent_or_empty_then_defaults_stay(void **state)
{
	AUTO(params_free) struct params *params = given_params("borrowed=b&Number=&Position=");
	struct sample sample;
	struct error error = {0};

	(void)state;
	assert_int_equal(read_sample(params, &sample, &error), 0);
	assert_int_equal(sample.number, 7);
	assert_true(sample.position);
	assert_int_equal(sample.port, 0);
	assert_int_equal(sample.tags.count, 0);
}

static void test_fields_when_wrong_then_refused_by_name(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *field, *message;
	} rows[] = {
		{"Text=a", CODE_MISSING_PARAMETER, "Borrowed",
		 "Borrowed is mandatory for this action."},
		{"Borrowed=", CODE_MISSING_PARAMETER, "Borrowed", "mandatory"},
		/* What is missing is told before what is wrong. */
		{"Port=x", CODE_MISSING_PARAMETER, "Borrowed", "mandatory"},
		{"Borrowed=b&Text=abcde", CODE_INVALID_PARAMETER, "Text", "at most 4 bytes"},
		{"Borrowed=b&Port=0", CODE_INVALID_PARAMETER, "Port",
		 "0. It must be a number within 1 "
		 "to 65535"},
		{"Borrowed=b&Port=65536", CODE_INVALID_PARAMETER, "Port", "65536"},
		{"Borrowed=b&Port=-1", CODE_INVALID_PARAMETER, "Port", "-1"},
		{"Borrowed=b&Port=%2B1", CODE_INVALID_PARAMETER, "Port", "+1"},
		{"Borrowed=b&Port=+1", CODE_INVALID_PARAMETER, "Port", " 1"},
		{"Borrowed=b&Port=1x", CODE_INVALID_PARAMETER, "Port", "1x"},
		{"Borrowed=b&Port=1.0", CODE_INVALID_PARAMETER, "Port", "1.0"},
		{"Borrowed=b&Port=18446744073709551617", CODE_INVALID_PARAMETER, "Port", "1844"},
		{"Borrowed=b&Number=101", CODE_INVALID_PARAMETER, "Number", "-1 to 100"},
		{"Borrowed=b&Truth=on", CODE_INVALID_PARAMETER, "Truth", "true or false"},
		{"Borrowed=b&Position=true", CODE_INVALID_PARAMETER, "Position", "on or off"},
		{"Borrowed=b&Address=10.0.0", CODE_INVALID_PARAMETER, "Address", "an address"},
		{"Borrowed=b&Fixed=three", CODE_UNSUPPORTED_PARAMETER, "Fixed",
		 "three is not supported. What is: one two."},
		{"Borrowed=b&Fixed=one+two", CODE_UNSUPPORTED_PARAMETER, "Fixed", "one two"},
		{"Borrowed=b&Fixed=tw", CODE_UNSUPPORTED_PARAMETER, "Fixed", "tw is not"},
		{"Borrowed=b&Never=x", CODE_UNSUPPORTED_PARAMETER, "Never", "Leave it out"},
		{"Borrowed=b&Tag.1.Value=v", CODE_MISSING_TAG_KEY, "Tag.1.Key", ""},
		{"Borrowed=b&Tag.21.Key=k", CODE_TAG_LIMIT, "Tag.21.Key", "at most 20"},
		{"Borrowed=b&Tag.99999999999999999999.Key=k", CODE_TAG_LIMIT,
		 "Tag.99999999999999999999.Key", ""},
		{"Borrowed=b&Tag.1.Key=acs:x", CODE_INVALID_TAG_KEY, "Tag.1.Key", ""},
		{"Borrowed=b&Tag.1.Key=k&Tag.1.Value=http://x", CODE_INVALID_TAG_VALUE,
		 "Tag.1.Value", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(params_free) struct params *params = given_params(rows[i].text);
		struct error error = {0};
		struct sample sample;

		assert_int_equal(read_sample(params, &sample, &error), -EINVAL);
		if (error.code != rows[i].code || strcmp(error.field, rows[i].field) != 0 ||
		    !strstr(error.message, rows[i].message))
			fail_msg("%s: %s, %s: %s", rows[i].text, code_name(error.code), error.field,
				 error.message);
	}
}

static void test_tags_when_the_number_is_odd_then_the_parameter_is_unknown(void **state)
{
	AUTO(params_free)
	struct params *params =
		given_params("Borrowed=b&Tag.0.Key=a&Tag.01.Key=b&Tag.-1.Key=c&Tag.1x.Key=d&"
			     "Tag..Key=e&Tag.1.Name=f&Tag.1.Key.2=g");
	struct error error = {0};
	struct sample sample;

	(void)state;
	assert_int_equal(read_sample(params, &sample, &error), 0);
	assert_int_equal(sample.tags.count, 0);
}

static void test_filter_when_compared_then_whole_elements_match(void **state)
{
	struct tags wanted = {.count = 1}, tags = {.count = 2};
	struct error error = {0};

	(void)state;
	assert_true(filter_list_has(NULL, "a"));
	assert_true(filter_list_has("a,bc,d", "bc"));
	assert_true(filter_list_has("a,bc,d", "d"));
	assert_false(filter_list_has("a,bc,d", "b"));
	assert_false(filter_list_has("abc", "bc"));
	assert_int_equal(filter_list_check("1,2,3,4,5,6,7,8,9,10", "Ids", &error), 0);
	assert_int_equal(filter_list_check("1,2,3,4,5,6,7,8,9,10,11", "Ids", &error), -EINVAL);

	strcpy(tags.items[0].key, "a");
	strcpy(tags.items[1].key, "b");
	strcpy(tags.items[1].value, "2");
	strcpy(wanted.items[0].key, "b");
	assert_true(filter_tags(&wanted, &tags));
	strcpy(wanted.items[0].value, "2");
	assert_true(filter_tags(&wanted, &tags));
	strcpy(wanted.items[0].value, "3");
	assert_false(filter_tags(&wanted, &tags));
	strcpy(wanted.items[0].key, "c");
	assert_false(filter_tags(&wanted, &tags));
}

static bool integer_fits(const struct field *field)
{
	int bits = (int)field->size * 8;

	if (field->size != 1 && field->size != 2 && field->size != 4 && field->size != 8)
		return false;
	return bits == 64 || field->max < (int64_t)1 << bits;
}

static bool is_well_formed(const struct field *field, const struct request_layout *layout)
{
	static const size_t sizes[] = {
		[FIELD_BORROWED] = sizeof(char *),
		[FIELD_BOOL] = sizeof(bool),
		[FIELD_SWITCH] = sizeof(bool),
		[FIELD_TAGS] = sizeof(struct tags),
		[FIELD_FIXED] = 0,
	};

	if (!field->name || !field->name[0] ||
	    strlen(field->name) >= sizeof(((struct error *)NULL)->field))
		return false;
	if (field->offset + field->size > layout->size)
		return false;
	switch (field->kind) {
	case FIELD_TEXT:
		return field->size > 1;
	case FIELD_INTEGER:
		return field->min < field->max && integer_fits(field);
	case FIELD_PARSED:
		return field->size && field->parse && field->expected && field->expected[0];
	case FIELD_FIXED:
		return field->size == 0 && field->expected && !(field->flags & FIELD_REQUIRED);
	default:
		return field->size == sizes[field->kind];
	}
}

static void test_actions_when_looked_at_then_their_tables_are_well_formed(void **state)
{
	(void)state;
	assert_int_equal(actions_count, 24);
	for (size_t i = 0; i < actions_count; i++) {
		const struct request_layout *layout = actions[i].layout;

		assert_non_null(actions[i].handle);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(actions[i].name, actions[k].name);
		for (size_t k = 0; k < layout->count; k++) {
			const struct field *field = &layout->fields[k];

			if (!is_well_formed(field, layout))
				fail_msg("%s: %s", actions[i].name, field->name);
			/* The same for every action, so checked before. */
			assert_string_not_equal(field->name, "RegionId");
			for (size_t m = 0; m < k; m++)
				if (strcasecmp(field->name, layout->fields[m].name) == 0)
					fail_msg("%s: %s twice", actions[i].name, field->name);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode_when_well_formed_then_values_are_found),
		cmocka_unit_test(test_get_when_the_name_differs_beyond_its_first_letter_then_null),
		cmocka_unit_test(test_decode_when_broken_then_refused_with_the_reason),
		cmocka_unit_test(test_decode_when_a_name_is_in_query_and_body_then_duplicate),
		cmocka_unit_test(
			test_decode_when_text_is_not_terminated_then_nothing_beyond_is_read),
		cmocka_unit_test(test_decode_when_more_than_the_limit_then_too_large),
		cmocka_unit_test(test_fields_when_given_then_members_have_their_values),
		cmocka_unit_test(test_fields_when_absent_or_empty_then_defaults_stay),
		cmocka_unit_test(test_fields_when_wrong_then_refused_by_name),
		cmocka_unit_test(test_tags_when_the_number_is_odd_then_the_parameter_is_unknown),
		cmocka_unit_test(test_filter_when_compared_then_whole_elements_match),
		cmocka_unit_test(test_actions_when_looked_at_then_their_tables_are_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
