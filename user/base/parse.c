/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/cleanup.h"

int parse_integer(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	const char *digits = text[0] == '-' ? text + 1 : text;
	long long value;
	char *end;

	/* strtoll() would take blanks and a plus sign before the digits. */
	if (!isdigit((unsigned char)digits[0]))
		return -EINVAL;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno == ERANGE || value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_u16(const char *text, uint16_t *ret)
{
	int64_t value;
	int r;

	r = parse_integer(text, 0, UINT16_MAX, &value);
	if (r < 0)
		return r;
	*ret = (uint16_t)value;
	return 0;
}

int parse_bool(const char *text, bool *ret)
{
	static const struct {
		const char *text;
		bool value;
	} words[] = {
		{"true", true},	  {"on", true},	  {"1", true},
		{"false", false}, {"off", false}, {"0", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(text, words[i].text) == 0) {
			*ret = words[i].value;
			return 0;
		}
	}
	return -EINVAL;
}
