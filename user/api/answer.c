/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "api/answer.h"

#include <stdlib.h>

#include <uuid/uuid.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "model/codes.h"

/* The values are made here and valid, so that only memory can be what is missing. */
static void check_done(int r)
{
	if (r < 0)
		abort();
}

static json_t *check_made(json_t *value)
{
	if (!value)
		abort();
	return value;
}

json_t *answer_new(void)
{
	json_t *answer = check_made(json_object());
	char text[UUID_STR_LEN];
	uuid_t id;

	uuid_generate_random(id);
	uuid_unparse_upper(id, text);
	answer_set_text(answer, "RequestId", text);
	return answer;
}

json_t *answer_error(const json_t *answer, const char *host, const struct error *error)
{
	json_t *body = check_made(json_object());

	answer_set_text(body, "RequestId", json_string_value(json_object_get(answer, "RequestId")));
	answer_set_text(body, "HostId", host);
	answer_set_text(body, "Code", code_name(error->code));
	answer_set_text(body, "Message", error->message);
	return body;
}

char *answer_text(const json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);

	if (!text)
		abort();
	return text;
}

void answer_set_text(json_t *object, const char *key, const char *value)
{
	json_t *text = json_string(value);

	if (!text) {
		AUTO(free_memory) char *copy = xstrdup(value);

		utf8_sanitize(copy);
		text = json_string(copy);
	}
	check_done(json_object_set_new(object, key, check_made(text)));
}

void answer_set_integer(json_t *object, const char *key, int64_t value)
{
	check_done(json_object_set_new(object, key, check_made(json_integer(value))));
}

void answer_set_bool(json_t *object, const char *key, bool value)
{
	check_done(json_object_set_new(object, key, json_boolean(value)));
}

void answer_set_switch(json_t *object, const char *key, bool value)
{
	answer_set_text(object, key, value ? "on" : "off");
}

void answer_set_time(json_t *object, const char *key, int64_t wall_s)
{
	char text[CLOCK_TEXT_MAX];

	answer_set_text(object, key, clock_format(wall_s, text));
}

void answer_set_address(json_t *object, const char *key, const struct netaddr *address)
{
	char text[NETADDR_TEXT_MAX];

	answer_set_text(object, key, netaddr_format(address, text));
}

void answer_set_tags(json_t *object, const struct tags *tags)
{
	json_t *list = answer_set_list(object, "Tags", "Tag");

	for (size_t i = 0; i < tags->count; i++) {
		json_t *tag = answer_append_object(list);

		answer_set_text(tag, "TagKey", tags->items[i].key);
		answer_set_text(tag, "TagValue", tags->items[i].value);
	}
}

json_t *answer_set_object(json_t *object, const char *key)
{
	json_t *inner = check_made(json_object());

	check_done(json_object_set_new(object, key, inner));
	return inner;
}

json_t *answer_set_list(json_t *object, const char *key, const char *item)
{
	json_t *array = check_made(json_array());

	check_done(json_object_set_new(answer_set_object(object, key), item, array));
	return array;
}

json_t *answer_append_object(json_t *array)
{
	json_t *object = check_made(json_object());

	check_done(json_array_append_new(array, object));
	return object;
}

void answer_append_integer(json_t *array, int64_t value)
{
	check_done(json_array_append_new(array, check_made(json_integer(value))));
}
