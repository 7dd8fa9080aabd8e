/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "api/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/netaddr.h"
#include "base/parse.h"
#include "model/codes.h"
#include "model/tag.h"

int fields_missing(const char *name, struct error *reterr)
{
	return error_set(reterr, CODE_MISSING_PARAMETER, name, "%s is mandatory for this action.",
			 name);
}

int fields_parse_address(const char *text, void *ret)
{
	return netaddr_parse(text, ret);
}

/* The members are 1, 2, 4 or 8 bytes wide; @value is within the field's range, which fits. */
static void store_integer(void *member, size_t size, int64_t value)
{
	switch (size) {
	case sizeof(uint8_t):
		*(uint8_t *)member = (uint8_t)value;
		break;
	case sizeof(uint16_t):
		*(uint16_t *)member = (uint16_t)value;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)member = (uint32_t)value;
		break;
	default:
		*(uint64_t *)member = (uint64_t)value;
		break;
	}
}

static int invalid(const struct field *field, const char *value, const char *expected,
		   struct error *reterr)
{
	return error_set(reterr, CODE_INVALID_PARAMETER, field->name,
			 "The specified %s is not valid: %.80s. It must be %s.", field->name, value,
			 expected);
}

static int read_text(const struct field *field, const char *value, char *member,
		     struct error *reterr)
{
	char expected[64];

	if (string_copy(member, field->size, value) == 0)
		return 0;
	snprintf(expected, sizeof(expected), "at most %zu bytes long", field->size - 1);
	return invalid(field, value, expected, reterr);
}

static int read_integer(const struct field *field, const char *value, void *member,
			struct error *reterr)
{
	char expected[64];
	int64_t number;

	if (parse_integer(value, field->min, field->max, &number) == 0) {
		store_integer(member, field->size, number);
		return 0;
	}
	snprintf(expected, sizeof(expected), "a number within %" PRId64 " to %" PRId64, field->min,
		 field->max);
	return invalid(field, value, expected, reterr);
}

static int read_words(const struct field *field, const char *value, const char *const words[2],
		      bool *member, struct error *reterr)
{
	char expected[64];

	for (size_t i = 0; i < 2; i++) {
		if (strcasecmp(value, words[i]) == 0) {
			*member = i == 1;
			return 0;
		}
	}
	snprintf(expected, sizeof(expected), "%s or %s", words[1], words[0]);
	return invalid(field, value, expected, reterr);
}

static int read_fixed(const struct field *field, const char *value, struct error *reterr)
{
	size_t length = strlen(value);
	const char *word = field->expected;

	while (*word) {
		size_t size = strcspn(word, " ");

		if (size == length && strncasecmp(word, value, size) == 0)
			return 0;
		word += size + strspn(word + size, " ");
	}
	if (!field->expected[0])
		return error_set(reterr, CODE_UNSUPPORTED_PARAMETER, field->name,
				 "%s is not supported: %.80s. Leave it out.", field->name, value);
	return error_set(reterr, CODE_UNSUPPORTED_PARAMETER, field->name,
			 "%s %.80s is not supported. What is: %s.", field->name, value,
			 field->expected);
}

/* The N of "Tag.N.Key" or "Tag.N.Value", LONG_MAX where it is beyond; 0 where @name is something
 * else. */
static long tag_index(const char *name)
{
	char *end;
	long index;

	/* Only the canonical number: what "Tag.01.Key" means, nobody says. */
	if (strncasecmp(name, "T", 1) != 0 || strncmp(name + 1, "ag.", 3) != 0 || name[4] < '1' ||
	    name[4] > '9')
		return 0;
	index = strtol(name + 4, &end, 10);
	if (strcmp(end, ".Key") != 0 && strcmp(end, ".Value") != 0)
		return 0;
	return index;
}

static int read_tags(const struct params *params, struct tags *tags, struct error *reterr)
{
	const char *given;
	int r;

	for (size_t i = 0; (given = params_name_at(params, i)); i++) {
		if (tag_index(given) > TAGS_MAX)
			return error_set(reterr, CODE_TAG_LIMIT, given,
					 "An object has at most %d tags: Tag.1.Key to Tag.%d.Key.",
					 TAGS_MAX, TAGS_MAX);
	}
	for (unsigned int n = 1; n <= TAGS_MAX; n++) {
		char name[32];
		const char *key, *value;

		snprintf(name, sizeof(name), "Tag.%u.Key", n);
		key = params_get(params, name);
		snprintf(name, sizeof(name), "Tag.%u.Value", n);
		value = params_get(params, name);
		if (!key && !value)
			continue;
		r = tags_add(tags, n, key, value, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_field(const struct field *field, const char *value, void *member,
		      struct error *reterr)
{
	static const char *const truth[2] = {"false", "true"};
	static const char *const positions[2] = {"off", "on"};

	switch (field->kind) {
	case FIELD_TEXT:
		return read_text(field, value, member, reterr);
	case FIELD_BORROWED:
		*(const char **)member = value;
		return 0;
	case FIELD_INTEGER:
		return read_integer(field, value, member, reterr);
	case FIELD_BOOL:
		return read_words(field, value, truth, member, reterr);
	case FIELD_SWITCH:
		return read_words(field, value, positions, member, reterr);
	case FIELD_PARSED:
		if (field->parse(value, member) < 0)
			return invalid(field, value, field->expected, reterr);
		return 0;
	case FIELD_FIXED:
		return read_fixed(field, value, reterr);
	case FIELD_TAGS:
		break;
	}
	return 0;
}

int fields_read(const struct request_layout *layout, const struct params *params, void *request,
		struct error *reterr)
{
	int r;

	for (size_t i = 0; i < layout->count; i++) {
		const struct field *field = &layout->fields[i];

		if ((field->flags & FIELD_REQUIRED) && !params_get_filled(params, field->name))
			return fields_missing(field->name, reterr);
	}
	for (size_t i = 0; i < layout->count; i++) {
		const struct field *field = &layout->fields[i];
		const char *value = params_get_filled(params, field->name);
		void *member = (char *)request + field->offset;

		if (field->kind == FIELD_TAGS)
			r = read_tags(params, member, reterr);
		else
			r = value ? read_field(field, value, member, reterr) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}
