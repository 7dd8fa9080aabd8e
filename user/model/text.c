/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/utf8.h"
#include "model/limits.h"

int text_length(const char *text)
{
	uint32_t character;
	int length = 0;

	while (*text) {
		int bytes = utf8_decode(text, &character);

		if (bytes < 0)
			return bytes;
		text += bytes;
		length++;
	}
	return length;
}

static bool has_length(const char *text, size_t min, size_t max)
{
	int length = text_length(text);

	return length >= 0 && (size_t)length >= min && (size_t)length <= max;
}

bool text_is_printable(const char *text, size_t min, size_t max)
{
	uint32_t character;

	if (!has_length(text, min, max))
		return false;
	for (; *text; text += utf8_decode(text, &character)) {
		if (utf8_decode(text, &character) < 0 || !utf8_is_printable(character))
			return false;
	}
	return true;
}

/* Not isalnum(): that asks the locale. */
static bool is_alphanumeric(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9');
}

bool text_is_word(const char *text, size_t min, size_t max, const char *extra, bool beyond_ascii)
{
	if (!text_is_printable(text, min, max))
		return false;
	for (; *text; text++) {
		bool is_ascii = (unsigned char)*text < 0x80;

		if (!is_ascii && !beyond_ascii)
			return false;
		if (is_ascii && !is_alphanumeric(*text) && !strchr(extra, *text))
			return false;
	}
	return true;
}

int text_find(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (name && strcasecmp(names[i], name) == 0)
			return (int)i;
	}
	return -EINVAL;
}

/* A byte that is equally likely to be any of the 252 smallest, so that modulo 36 is fair. */
static unsigned int random_byte(void)
{
	unsigned char byte;

	do {
		if (getrandom(&byte, 1, 0) != 1 && errno != EINTR)
			abort();
	} while (byte >= 252);
	return byte;
}

void text_new_id(const char *prefix, char *buffer)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char random[20 + 1] = {0};

	for (size_t i = 0; i < sizeof(random) - 1; i++)
		random[i] = alphabet[random_byte() % 36];
	snprintf(buffer, ID_SIZE, "%s%s", prefix, random);
}
