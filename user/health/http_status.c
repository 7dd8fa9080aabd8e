/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The status line of an HTTP check's reply: "HTTP/1.1 200 OK\r\n". Fed by the probe with what
 * the socket had; a server may send it byte by byte, or send something else altogether.
 */
#include "health/http_status.h"

#include <errno.h>
#include <stdbool.h>

/* What each byte of the fixed part must be: 'd' a digit, 's' a digit of the status, else itself. */
static const char pattern[] = "HTTP/1.d sss";
enum { FIXED_SIZE = sizeof(pattern) - 1 };

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool take_fixed(struct http_status *status, char byte)
{
	switch (pattern[status->position]) {
	case 'd':
		return is_digit(byte);
	case 's':
		if (!is_digit(byte))
			return false;
		status->code = status->code * 10 + (unsigned int)(byte - '0');
		return true;
	default:
		return byte == pattern[status->position];
	}
}

/* The rest: nothing, or a blank and a reason phrase of printable bytes, tabs and what is beyond
 * ASCII. */
static bool take_reason(const struct http_status *status, char byte)
{
	if (status->last == '\r')
		return byte == '\n';
	if (byte == '\r' || byte == '\n')
		return true;
	if (status->position == FIXED_SIZE)
		return byte == ' ';
	return byte == '\t' || ((unsigned char)byte >= 0x20 && byte != 0x7f);
}

int http_status_feed(struct http_status *status, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		bool good;

		if (status->position >= HTTP_STATUS_LINE_MAX)
			return -EBADMSG;

		good = status->position < FIXED_SIZE ? take_fixed(status, data[i])
						     : take_reason(status, data[i]);
		if (!good)
			return -EBADMSG;
		status->position++;
		status->last = data[i];
		if (data[i] == '\n')
			return status->code >= 100 && status->code <= 599 ? (int)status->code
									  : -EBADMSG;
	}
	return status->position >= HTTP_STATUS_LINE_MAX ? -EBADMSG : 0;
}
