/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/utf8.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

/* A first byte says how many follow; @min is the first character that needs so many. */
static const struct form {
	uint8_t mask, lead;
	int length;
	uint32_t min;
} forms[] = {
	{0x80, 0x00, 1, 0x0},
	{0xe0, 0xc0, 2, 0x80},
	{0xf0, 0xe0, 3, 0x800},
	{0xf8, 0xf0, 4, 0x10000},
};

int utf8_decode(const char *text, uint32_t *ret)
{
	const uint8_t *bytes = (const uint8_t *)text;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const struct form *form = &forms[i];
		uint32_t character = bytes[0] & (uint8_t)~form->mask;

		if ((bytes[0] & form->mask) != form->lead)
			continue;
		/* The terminator is no continuation byte, so this never reads past it. */
		for (int k = 1; k < form->length; k++) {
			if ((bytes[k] & 0xc0) != 0x80)
				return -EILSEQ;
			character = character << 6 | (bytes[k] & 0x3f);
		}
		if (character < form->min || character > 0x10ffff ||
		    (character >= 0xd800 && character <= 0xdfff))
			return -EILSEQ;
		*ret = character;
		return form->length;
	}
	return -EILSEQ;
}

bool utf8_is_printable(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f}, {0x200e, 0x200f}, /* direction marks */
		{0x2028, 0x202e}, /* line and paragraph separator, embedded directions */
		{0x2066, 0x2069}, /* isolated directions */
		{0xfeff, 0xfeff}, /* byte order mark */
		{0xfff9, 0xfffb}, /* annotations */
		{0xfffe, 0xffff}, /* no characters */
	};

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		if (character >= hidden[i].first && character <= hidden[i].last)
			return false;
	}
	return true;
}

void utf8_sanitize(char *text)
{
	char *to = text;
	uint32_t character;

	while (*text) {
		int length = utf8_decode(text, &character);

		if (length > 0 && utf8_is_printable(character)) {
			memmove(to, text, (size_t)length);
			to += length;
			text += length;
		} else {
			*to++ = '?';
			text += length > 0 ? length : 1;
		}
	}
	*to = '\0';
}
