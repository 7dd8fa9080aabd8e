/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "api/params.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "model/codes.h"
#include "model/text.h"

struct param {
	char *name;
	char *value;
};

struct params {
	size_t count;
	struct param items[PARAMS_MAX];
};

/* A piece of the encoded text; not terminated. */
struct slice {
	const char *start;
	size_t size;
};

struct params *params_new(void)
{
	return xcalloc(1, sizeof(struct params));
}

struct params *params_free(struct params *params)
{
	if (!params)
		return NULL;
	for (size_t i = 0; i < params->count; i++) {
		free(params->items[i].name);
		free(params->items[i].value);
	}
	free(params);
	return NULL;
}

static bool name_matches(const char *a, const char *b)
{
	return strncasecmp(a, b, 1) == 0 && (!a[0] || strcmp(a + 1, b + 1) == 0);
}

const char *params_get(const struct params *params, const char *name)
{
	for (size_t i = 0; i < params->count; i++) {
		if (name_matches(params->items[i].name, name))
			return params->items[i].value;
	}
	return NULL;
}

const char *params_get_filled(const struct params *params, const char *name)
{
	const char *value = params_get(params, name);

	return value && value[0] ? value : NULL;
}

const char *params_name_at(const struct params *params, size_t index)
{
	return index < params->count ? params->items[index].name : NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte at @at of @text, which is moved past it; -1 where a %XX is broken. */
static int decode_byte(const struct slice *text, size_t *at)
{
	char c = text->start[(*at)++];
	int high, low;

	if (c == '+')
		return ' ';
	if (c != '%')
		return (unsigned char)c;
	if (text->size - *at < 2)
		return -1;
	high = hex_digit(text->start[*at]);
	low = hex_digit(text->start[*at + 1]);
	if (high < 0 || low < 0)
		return -1;
	*at += 2;
	return high << 4 | low;
}

static int malformed(const char *what, const struct slice *text, struct error *reterr)
{
	int shown = text->size < 64 ? (int)text->size : 64;

	error_set(reterr, CODE_MALFORMED_REQUEST, "",
		  "The parameters of the request must be UTF-8 in URL encoding; %s in: %.*s", what,
		  shown, text->start);
	return -EINVAL;
}

static int decode_text(const struct slice *text, char **ret, struct error *reterr)
{
	AUTO(free_memory) char *decoded = xcalloc(text->size + 1, 1);
	size_t length = 0;
	size_t at = 0;

	while (at < text->size) {
		int byte = decode_byte(text, &at);

		if (byte < 0)
			return malformed("a % without two hexadecimal digits", text, reterr);
		if (byte == 0)
			return malformed("a NUL", text, reterr);
		decoded[length++] = (char)byte;
	}
	if (text_length(decoded) < 0)
		return malformed("bytes that are not UTF-8", text, reterr);
	*ret = TAKE(decoded);
	return 0;
}

static int add_pair(struct params *params, const struct slice *pair, struct error *reterr)
{
	AUTO(free_memory) char *name = NULL;
	AUTO(free_memory) char *value = NULL;
	const char *equals = memchr(pair->start, '=', pair->size);
	const char *end = pair->start + pair->size;
	struct slice left = {pair->start, equals ? (size_t)(equals - pair->start) : pair->size};
	struct slice right = {equals ? equals + 1 : end, equals ? (size_t)(end - equals - 1) : 0};
	int r;

	r = decode_text(&left, &name, reterr);
	if (r < 0)
		return r;
	if (!name[0])
		return malformed("a value without a name", pair, reterr);
	r = decode_text(&right, &value, reterr);
	if (r < 0)
		return r;

	if (params_get(params, name))
		return error_set(reterr, CODE_DUPLICATE_PARAMETER, name,
				 "The parameter %s is given more than once.", name);
	if (params->count == PARAMS_MAX)
		return error_set(reterr, CODE_REQUEST_TOO_LARGE, "",
				 "The request has more than %d parameters.", PARAMS_MAX);
	params->items[params->count].name = TAKE(name);
	params->items[params->count].value = TAKE(value);
	params->count++;
	return 0;
}

int params_decode(struct params *params, const char *bytes, size_t size, struct error *reterr)
{
	size_t at = 0;
	int r;

	while (at < size) {
		const char *ampersand = memchr(bytes + at, '&', size - at);
		size_t end = ampersand ? (size_t)(ampersand - bytes) : size;
		struct slice pair = {bytes + at, end - at};

		at = end + 1;
		if (pair.size == 0)
			continue;
		r = add_pair(params, &pair, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}
