/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "model/codes.h"
#include "model/load_balancer.h"
#include "model/server.h"
#include "model/tag.h"
#include "model/text.h"

/* Set an array of characters to a text that fits. */
#define SET(array, text) assert_int_equal(string_copy(array, sizeof(array), text), 0)

/* Fill @buffer with @count times @text. */
static char *repeat(char *buffer, const char *text, unsigned int count)
{
	size_t length = strlen(text);

	for (unsigned int i = 0; i < count; i++)
		memcpy(buffer + i * length, text, length);
	buffer[count * length] = '\0';
	return buffer;
}

static void assert_error(const struct error *error, enum code code, const char *field)
{
	if (error->code != (int)code || strcmp(error->field, field) != 0)
		print_error("got %s, field %s: %s\n", code_name(error->code), error->field,
			    error->message);
	assert_string_equal(code_name(error->code), code_name(code));
	assert_int_equal(error->code, code);
	assert_string_equal(error->field, field);
	assert_true(error->message[0]);
}

static void test_code_for_each_symbol_then_has_name_and_status(void **state)
{
	(void)state;
	for (int code = 0; code < CODE_MAX; code++) {
		assert_true(code_name(code)[0]);
		assert_in_range(code_http_status(code), 400, 599);
	}
	assert_string_equal(code_name(CODE_GROUP_IN_USE), "RspoolVipExist");
	assert_int_equal(code_http_status(CODE_GROUP_IN_USE), 400);
	assert_string_equal(code_name(CODE_INVALID_PARAMETER_NOT_FOUND), "InvalidParameter");
	assert_int_equal(code_http_status(CODE_INVALID_PARAMETER_NOT_FOUND), 404);
	assert_string_equal(code_name(CODE_MAX), "InternalError");
	assert_string_equal(code_name(-1), "InternalError");
	assert_int_equal(code_http_status(-1), 500);
}

static void test_text_length_of_utf8_then_counts_characters(void **state)
{
	(void)state;
	assert_int_equal(text_length(""), 0);
	assert_int_equal(text_length("abc"), 3);
	assert_int_equal(text_length("\xe4\xb8\xbb\xe5\xa4\x87"), 2);
	assert_int_equal(text_length("a\xff"), -EILSEQ);
	assert_int_equal(text_length("\xe4\xb8"), -EILSEQ);
}

static void test_text_is_printable_with_controls_then_is_false(void **state)
{
	(void)state;
	assert_true(text_is_printable("a b~\xc3\xa4", 5, 5));
	assert_true(text_is_printable("", 0, 5));
	assert_false(text_is_printable("", 1, 5));
	assert_false(text_is_printable("abcdef", 1, 5));
	assert_false(text_is_printable("a\tb", 1, 5));
	assert_false(text_is_printable("a\x7f", 1, 5));
	assert_false(text_is_printable("\xc2\x9b", 1, 5));
	assert_false(text_is_printable("\xe2\x80\xae", 1, 5));
	assert_false(text_is_printable("\xff", 1, 5));
}

static void test_text_is_word_with_others_than_allowed_then_is_false(void **state)
{
	(void)state;
	assert_true(text_is_word("i-a.B_9", 1, 7, "-._", false));
	assert_false(text_is_word("i a", 1, 7, "-._", false));
	assert_false(text_is_word("i/a", 1, 7, "-._", true));
	assert_false(text_is_word("\xe4\xb8\xbb", 1, 7, "-._", false));
	assert_true(text_is_word("\xe4\xb8\xbb", 1, 7, "-._", true));
	assert_false(text_is_word("\xe4\xb8", 1, 7, "-._", true));
	assert_false(text_is_word("", 1, 7, "-._", true));
}

static void test_text_new_id_when_made_often_then_differs_and_uses_the_alphabet(void **state)
{
	char first[ID_SIZE], second[ID_SIZE];
	unsigned int seen[256] = {0};

	(void)state;
	for (int i = 0; i < 500; i++) {
		text_new_id("rsp-", first);
		assert_int_equal(strlen(first), 24);
		assert_memory_equal(first, "rsp-", 4);
		for (const char *at = first + 4; *at; at++)
			seen[(unsigned char)*at]++;
		text_new_id("rsp-", second);
		assert_string_not_equal(first, second);
	}
	for (int i = 0; i < 256; i++) {
		bool allowed = (i >= 'a' && i <= 'z') || (i >= '0' && i <= '9');

		/* 10,000 draws over 36: a fair draw leaves none out. */
		assert_true(allowed ? seen[i] > 0 : seen[i] == 0);
	}
}

static void test_tags_add_within_the_rules_then_keeps_them_in_order(void **state)
{
	struct tags tags = {0};
	char key[300], value[600];

	(void)state;
	assert_int_equal(tags_add(&tags, 1, "env", "prod", NULL), 0);
	assert_int_equal(tags_add(&tags, 2, "empty", NULL, NULL), 0);
	assert_int_equal(tags_add(&tags, 3, repeat(key, "\xf0\x9f\x98\x80", 64),
				  repeat(value, "\xf0\x9f\x98\x80", 128), NULL),
			 0);
	assert_int_equal(tags.count, 3);
	assert_string_equal(tags.items[0].key, "env");
	assert_string_equal(tags.items[0].value, "prod");
	assert_string_equal(tags.items[1].value, "");
	assert_string_equal(tags.items[2].key, key);
	assert_string_equal(tags.items[2].value, value);
}

static void test_tags_add_against_a_rule_then_refuses_with_its_code(void **state)
{
	char long_key[80], long_value[200];
	const struct {
		const char *key, *value;
		enum code code;
		const char *field;
	} rows[] = {
		{NULL, "v", CODE_MISSING_TAG_KEY, "Tag.4.Key"},
		{"", "v", CODE_MISSING_TAG_KEY, "Tag.4.Key"},
		{repeat(long_key, "k", 65), "v", CODE_INVALID_TAG_KEY, "Tag.4.Key"},
		{"aliyun", "v", CODE_INVALID_TAG_KEY, "Tag.4.Key"},
		{"aliyunx", "v", CODE_INVALID_TAG_KEY, "Tag.4.Key"},
		{"acs:x", "v", CODE_INVALID_TAG_KEY, "Tag.4.Key"},
		{"see http://x", "v", CODE_INVALID_TAG_KEY, "Tag.4.Key"},
		{"https://x", "v", CODE_INVALID_TAG_KEY, "Tag.4.Key"},
		{"a\nb", "v", CODE_INVALID_TAG_KEY, "Tag.4.Key"},
		{"\xff", "v", CODE_INVALID_TAG_KEY, "Tag.4.Key"},
		{"there", "v", CODE_INVALID_TAG_KEY, "Tag.4.Key"},
		{"k", repeat(long_value, "v", 129), CODE_INVALID_TAG_VALUE, "Tag.4.Value"},
		{"k", "http://x", CODE_INVALID_TAG_VALUE, "Tag.4.Value"},
		{"k", "x https://", CODE_INVALID_TAG_VALUE, "Tag.4.Value"},
		{"k", "\x01", CODE_INVALID_TAG_VALUE, "Tag.4.Value"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tags tags = {0};
		struct error error = {0};

		assert_int_equal(tags_add(&tags, 1, "there", "", NULL), 0);
		assert_int_equal(tags_add(&tags, 4, rows[i].key, rows[i].value, &error), -EINVAL);
		assert_error(&error, rows[i].code, rows[i].field);
		assert_int_equal(tags.count, 1);
	}
}

static void test_tags_add_where_the_ban_is_for_the_start_then_allows_it_inside(void **state)
{
	struct tags tags = {0};

	(void)state;
	assert_int_equal(tags_add(&tags, 1, "my-aliyun", "aliyun acs:", NULL), 0);
	assert_int_equal(tags_add(&tags, 2, "x-acs:", "http:/", NULL), 0);
}

static void test_tags_add_beyond_twenty_then_refuses(void **state)
{
	struct tags tags = {0};
	struct error error = {0};
	char key[16];

	(void)state;
	for (unsigned int i = 1; i <= TAGS_MAX; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		assert_int_equal(tags_add(&tags, i, key, "", NULL), 0);
	}
	assert_int_equal(tags_add(&tags, 21, "k21", "", &error), -EINVAL);
	assert_error(&error, CODE_TAG_LIMIT, "Tag.21.Key");
	assert_int_equal(tags.count, TAGS_MAX);
}

static struct load_balancer some_balancer(void)
{
	struct load_balancer balancer = {.intranet = true};

	assert_int_equal(netaddr_parse("10.0.0.9", &balancer.address), 0);
	return balancer;
}

static void test_load_balancer_prepare_with_an_address_alone_then_fills_the_rest(void **state)
{
	struct load_balancer balancer = some_balancer();

	(void)state;
	assert_int_equal(load_balancer_prepare(&balancer, NULL), 0);
	assert_memory_equal(balancer.id, "lb-", 3);
	assert_int_equal(strlen(balancer.id), 23);
	assert_non_null(strstr(balancer.name, balancer.id));
	assert_true(balancer.create_time > 0);
}

static void test_load_balancer_prepare_when_all_is_given_then_changes_nothing(void **state)
{
	struct load_balancer balancer = some_balancer(), before;

	(void)state;
	SET(balancer.id, "lb-mine");
	SET(balancer.name, "\xe4\xb8\xbb-web.1_a");
	SET(balancer.vpc_id, "vpc-1");
	SET(balancer.resource_group_id, "rg-acfmxazb4ph****");
	balancer.create_time = 7;
	before = balancer;
	assert_int_equal(load_balancer_prepare(&balancer, NULL), 0);
	assert_memory_equal(&balancer, &before, sizeof(before));
}

static void test_load_balancer_prepare_with_a_bad_address_then_refuses(void **state)
{
	static const struct {
		const char *address;
		enum code code;
	} rows[] = {
		{NULL, CODE_MISSING_PARAMETER},	       {"127.0.0.1", CODE_INVALID_PARAMETER},
		{"224.0.0.1", CODE_INVALID_PARAMETER}, {"0.0.0.0", CODE_INVALID_PARAMETER},
		{"fe80::1", CODE_INVALID_PARAMETER},   {"::", CODE_INVALID_PARAMETER},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct load_balancer balancer = {0};
		struct error error = {0};

		if (rows[i].address)
			assert_int_equal(netaddr_parse(rows[i].address, &balancer.address), 0);
		assert_int_equal(load_balancer_prepare(&balancer, &error), -EINVAL);
		assert_error(&error, rows[i].code, "Address");
		assert_string_equal(balancer.id, "");
	}
}

static void test_load_balancer_prepare_with_a_bad_name_then_refuses(void **state)
{
	char longest[NAME_SIZE];
	const char *const names[] = {
		"1web", "-web", "a b", "a/b", "web\n", "a\xff", repeat(longest, "a", 81),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct load_balancer balancer = some_balancer();
		struct error error = {0};

		SET(balancer.name, names[i]);
		assert_int_equal(load_balancer_prepare(&balancer, &error), -EINVAL);
		assert_error(&error, CODE_INVALID_PARAMETER, "LoadBalancerName");
	}
}

static void test_load_balancer_prepare_with_controls_in_a_label_then_names_it(void **state)
{
	static const struct {
		size_t offset;
		const char *field;
	} rows[] = {
		{offsetof(struct load_balancer, vpc_id), "VpcId"},
		{offsetof(struct load_balancer, vswitch_id), "VSwitchId"},
		{offsetof(struct load_balancer, master_zone_id), "MasterZoneId"},
		{offsetof(struct load_balancer, slave_zone_id), "SlaveZoneId"},
		{offsetof(struct load_balancer, resource_group_id), "ResourceGroupId"},
		{offsetof(struct load_balancer, spec), "LoadBalancerSpec"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct load_balancer balancer = some_balancer();
		struct error error = {0};

		memcpy((char *)&balancer + rows[i].offset, "a\x1b", 3);
		assert_int_equal(load_balancer_prepare(&balancer, &error), -EINVAL);
		assert_error(&error, CODE_INVALID_PARAMETER, rows[i].field);
	}
}

static struct server some_server(void)
{
	struct server server = {.id = "i-web.1_A"};

	assert_int_equal(netaddr_parse("10.0.1.10", &server.address), 0);
	return server;
}

static void test_server_prepare_when_good_then_sets_the_time_once(void **state)
{
	struct server server = some_server();

	(void)state;
	assert_int_equal(server_prepare(&server, NULL), 0);
	assert_true(server.create_time > 0);
	server.create_time = 7;
	assert_int_equal(server_prepare(&server, NULL), 0);
	assert_int_equal(server.create_time, 7);
}

static void test_server_prepare_with_a_bad_id_then_refuses(void **state)
{
	static const struct {
		const char *id;
		enum code code;
	} rows[] = {
		{"", CODE_MISSING_PARAMETER},	      {"a b", CODE_INVALID_PARAMETER},
		{"a/b", CODE_INVALID_PARAMETER},      {"\xe4\xb8\xbb", CODE_INVALID_PARAMETER},
		{"10.0.0.1", CODE_INVALID_PARAMETER}, {"2001:db8::1", CODE_INVALID_PARAMETER},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct server server = some_server();
		struct error error = {0};

		SET(server.id, rows[i].id);
		assert_int_equal(server_prepare(&server, &error), -EINVAL);
		assert_error(&error, rows[i].code, "ServerId");
	}
}

static void test_server_prepare_with_a_bad_field_then_names_it(void **state)
{
	struct server server = some_server();
	struct error error = {0};
	char text[300];

	(void)state;
	server.address = (struct netaddr){0};
	assert_int_equal(server_prepare(&server, &error), -EINVAL);
	assert_error(&error, CODE_MISSING_PARAMETER, "ServerIp");

	assert_int_equal(netaddr_parse("127.0.0.1", &server.address), 0);
	assert_int_equal(server_prepare(&server, &error), -EINVAL);
	assert_error(&error, CODE_INVALID_PARAMETER, "ServerIp");

	server = some_server();
	server.type = SERVER_TYPE_MAX;
	assert_int_equal(server_prepare(&server, &error), -EINVAL);
	assert_error(&error, CODE_INVALID_SERVER_TYPE, "Type");

	server = some_server();
	SET(server.zone, "\x07");
	assert_int_equal(server_prepare(&server, &error), -EINVAL);
	assert_error(&error, CODE_INVALID_PARAMETER, "ZoneId");

	server = some_server();
	SET(server.network, "\x07");
	assert_int_equal(server_prepare(&server, &error), -EINVAL);
	assert_error(&error, CODE_INVALID_PARAMETER, "VpcId");

	server = some_server();
	SET(server.description, repeat(text, "x", 257));
	assert_int_equal(server_prepare(&server, &error), -EINVAL);
	assert_error(&error, CODE_INVALID_PARAMETER, "Description");
}

static void test_server_type_in_any_case_then_is_read(void **state)
{
	enum server_type type = SERVER_ECS;

	(void)state;
	assert_int_equal(server_type_parse("ENI", &type), 0);
	assert_int_equal(type, SERVER_ENI);
	assert_string_equal(server_type_name(SERVER_ECI), "eci");
	assert_int_equal(server_type_parse("ec", &type), -EINVAL);
	assert_int_equal(server_type_parse("", &type), -EINVAL);
	assert_int_equal(server_type_parse(NULL, &type), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_code_for_each_symbol_then_has_name_and_status),
		cmocka_unit_test(test_text_length_of_utf8_then_counts_characters),
		cmocka_unit_test(test_text_is_printable_with_controls_then_is_false),
		cmocka_unit_test(test_text_is_word_with_others_than_allowed_then_is_false),
		cmocka_unit_test(
			test_text_new_id_when_made_often_then_differs_and_uses_the_alphabet),
		cmocka_unit_test(test_tags_add_within_the_rules_then_keeps_them_in_order),
		cmocka_unit_test(test_tags_add_against_a_rule_then_refuses_with_its_code),
		cmocka_unit_test(
			test_tags_add_where_the_ban_is_for_the_start_then_allows_it_inside),
		cmocka_unit_test(test_tags_add_beyond_twenty_then_refuses),
		cmocka_unit_test(
			test_load_balancer_prepare_with_an_address_alone_then_fills_the_rest),
		cmocka_unit_test(test_load_balancer_prepare_when_all_is_given_then_changes_nothing),
		cmocka_unit_test(test_load_balancer_prepare_with_a_bad_address_then_refuses),
		cmocka_unit_test(test_load_balancer_prepare_with_a_bad_name_then_refuses),
		cmocka_unit_test(test_load_balancer_prepare_with_controls_in_a_label_then_names_it),
		cmocka_unit_test(test_server_prepare_when_good_then_sets_the_time_once),
		cmocka_unit_test(test_server_prepare_with_a_bad_id_then_refuses),
		cmocka_unit_test(test_server_prepare_with_a_bad_field_then_names_it),
		cmocka_unit_test(test_server_type_in_any_case_then_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
