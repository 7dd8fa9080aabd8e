/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TAG_H
#define TANDEM_TAG_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "model/limits.h"

/* A label on an object: key 1-64 characters, value 0-128; keys are unique on an object. */
struct tag {
	char key[64 * 4 + 1];
	char value[128 * 4 + 1];
};

struct tags {
	size_t count;
	struct tag items[TAGS_MAX];
};

/*
 * Append a tag. @key NULL or "" is MissingParam.TagKey; a key or value that breaks the API's rules
 * (length, "aliyun" and "acs:" as a start of the key, "http://" and "https://" in either), a key
 * that is there already, or more than TAGS_MAX are refused. @index (from 1) names the field
 * Tag.<index>.Key.
 * @value NULL is "". Returns 0 or -EINVAL.
 */
CHECKED int tags_add(struct tags *tags, unsigned int index, const char *key, const char *value,
		     struct error *reterr);

#endif
