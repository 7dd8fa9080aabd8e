/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "api/filter.h"

#include <string.h>

#include "model/codes.h"

enum { LIST_MAX = 10 };

bool filter_equals(const char *wanted, const char *value)
{
	return !wanted || strcmp(wanted, value) == 0;
}

bool filter_list_has(const char *wanted, const char *value)
{
	size_t length = strlen(value);

	if (!wanted)
		return true;
	for (;;) {
		size_t size = strcspn(wanted, ",");

		if (size == length && memcmp(wanted, value, size) == 0)
			return true;
		if (!wanted[size])
			return false;
		wanted += size + 1;
	}
}

static bool has_tag(const struct tags *tags, const struct tag *wanted)
{
	for (size_t i = 0; i < tags->count; i++) {
		const struct tag *tag = &tags->items[i];

		if (strcmp(tag->key, wanted->key) == 0)
			return !wanted->value[0] || strcmp(tag->value, wanted->value) == 0;
	}
	return false;
}

bool filter_tags(const struct tags *wanted, const struct tags *tags)
{
	for (size_t i = 0; i < wanted->count; i++) {
		if (!has_tag(tags, &wanted->items[i]))
			return false;
	}
	return true;
}

int filter_list_check(const char *list, const char *name, struct error *reterr)
{
	unsigned int count = 1;

	for (const char *c = list; c && *c; c++)
		count += *c == ',';
	if (count > LIST_MAX)
		return error_set(reterr, CODE_INVALID_PARAMETER, name,
				 "%s lists %u elements; at most %d are allowed.", name, count,
				 LIST_MAX);
	return 0;
}
