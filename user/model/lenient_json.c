/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/lenient_json.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/*
 * One character of a string that is enclosed in @quote, from *@from to *@to, in double-quoted form:
 * at most two bytes come from one, never more than two from two. Both are moved on.
 */
static void convert_character(char quote, const char **from, char **to)
{
	char character = *(*from)++;

	if (character == '\\' && **from == '\'') {
		/* JSON knows no escape for an apostrophe, since it needs none. */
		character = *(*from)++;
	} else if (character == '\\' && **from) {
		*(*to)++ = character;
		character = *(*from)++;
	} else if (character == '"' && quote == '\'') {
		*(*to)++ = '\\';
	}
	*(*to)++ = character;
}

/* @to has room for twice the length of @text and a terminator. */
static void convert_quotes(const char *text, char *to)
{
	char quote = '\0';

	while (*text) {
		if (quote && *text != quote) {
			convert_character(quote, &text, &to);
		} else if (quote) {
			quote = '\0';
			*to++ = '"';
			text++;
		} else if (*text == '\'' || *text == '"') {
			quote = *text++;
			*to++ = '"';
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

json_t *lenient_json_load(const char *text, json_error_t *reterr)
{
	size_t length = strlen(text);
	AUTO(free_memory) char *strict = NULL;

	if (length > LENIENT_JSON_MAX) {
		*reterr = (json_error_t){.line = 1, .column = LENIENT_JSON_MAX};
		snprintf(reterr->text, sizeof(reterr->text), "longer than %d bytes",
			 LENIENT_JSON_MAX);
		return NULL;
	}
	strict = xcalloc(2 * length + 1, 1);
	convert_quotes(text, strict);
	return json_loads(strict, JSON_REJECT_DUPLICATES, reterr);
}
