/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_API_ANSWER_H
#define TANDEM_API_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/netaddr.h"
#include "model/tag.h"

/*
 * Building answers. None of these fails: out of memory aborts as in base/memory.h, and text that is
 * not UTF-8 (a Host header) is made so.
 */

/* A new object with a RequestId of its own. The caller owns it. */
json_t *answer_new(void);

/* The body of an error, with the RequestId of @answer. The caller owns it. */
json_t *answer_error(const json_t *answer, const char *host, const struct error *error);

/* @answer as text, for the caller to free. */
char *answer_text(const json_t *answer);

/* Set @key of @object. */
void answer_set_text(json_t *object, const char *key, const char *value);
void answer_set_integer(json_t *object, const char *key, int64_t value);
void answer_set_bool(json_t *object, const char *key, bool value);
void answer_set_switch(json_t *object, const char *key, bool value); /* "on", "off" */
void answer_set_time(json_t *object, const char *key, int64_t wall_s);
void answer_set_address(json_t *object, const char *key, const struct netaddr *address);
void answer_set_tags(json_t *object, const struct tags *tags);

/* A new object at @key of @object. Borrowed. */
json_t *answer_set_object(json_t *object, const char *key);

/* A list as the API has it, {"<key>": {"<item>": [...]}}: the new, empty array. Borrowed. */
json_t *answer_set_list(json_t *object, const char *key, const char *item);

/* Append to @array: a new object (borrowed), or a number. */
json_t *answer_append_object(json_t *array);
void answer_append_integer(json_t *array, int64_t value);

#endif
