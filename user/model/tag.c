/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/tag.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "model/codes.h"
#include "model/text.h"

enum { KEY_LENGTH_MAX = 64, VALUE_LENGTH_MAX = 128 };

static bool has_address(const char *text)
{
	return strstr(text, "http://") || strstr(text, "https://");
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static int check_key(const struct tags *tags, const char *field, const char *key,
		     struct error *reterr)
{
	if (!text_is_printable(key, 1, KEY_LENGTH_MAX))
		return error_set(reterr, CODE_INVALID_TAG_KEY, field,
				 "The tag key must have 1 to %d printable characters: %.80s",
				 KEY_LENGTH_MAX, key);
	if (starts_with(key, "aliyun") || starts_with(key, "acs:"))
		return error_set(reterr, CODE_INVALID_TAG_KEY, field,
				 "The tag key %s must not start with aliyun or acs:", key);
	if (has_address(key))
		return error_set(reterr, CODE_INVALID_TAG_KEY, field,
				 "The tag key %s must not contain http:// or https://", key);
	for (size_t i = 0; i < tags->count; i++) {
		if (strcmp(tags->items[i].key, key) == 0)
			return error_set(reterr, CODE_INVALID_TAG_KEY, field,
					 "The tag key %s is given twice", key);
	}
	return 0;
}

static int check_value(const char *field, const char *value, struct error *reterr)
{
	if (!text_is_printable(value, 0, VALUE_LENGTH_MAX))
		return error_set(reterr, CODE_INVALID_TAG_VALUE, field,
				 "The tag value must have at most %d printable characters: %.160s",
				 VALUE_LENGTH_MAX, value);
	if (has_address(value))
		return error_set(reterr, CODE_INVALID_TAG_VALUE, field,
				 "The tag value %s must not contain http:// or https://", value);
	return 0;
}

int tags_add(struct tags *tags, unsigned int index, const char *key, const char *value,
	     struct error *reterr)
{
	char key_field[32], value_field[32];
	struct tag *tag;
	int r;

	snprintf(key_field, sizeof(key_field), "Tag.%u.Key", index);
	snprintf(value_field, sizeof(value_field), "Tag.%u.Value", index);
	if (!value)
		value = "";
	if (!key || !*key)
		return error_set(reterr, CODE_MISSING_TAG_KEY, key_field,
				 "%s must not be empty (its value is \"%.160s\")", key_field,
				 value);
	if (tags->count == TAGS_MAX)
		return error_set(reterr, CODE_TAG_LIMIT, key_field, "At most %d tags are allowed",
				 TAGS_MAX);

	r = check_key(tags, key_field, key, reterr);
	if (r < 0)
		return r;

	r = check_value(value_field, value, reterr);
	if (r < 0)
		return r;

	/* Both fit: their lengths in characters were checked, and a character has at most four
	 * bytes. */
	tag = &tags->items[tags->count++];
	snprintf(tag->key, sizeof(tag->key), "%s", key);
	snprintf(tag->value, sizeof(tag->value), "%s", value);
	return 0;
}
