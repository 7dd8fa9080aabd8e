/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sources: user/health/http_status.c */
/*
 * The status line of a checked server's reply: any bytes, in any pieces. The first byte of the
 * input is the size of the pieces; whatever it is, the verdict must be that of the whole.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "health/http_status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(const char *text, size_t size, size_t piece)
{
	struct http_status status = {0};
	int r = 0;

	for (size_t at = 0; at < size && r == 0; at += piece)
		r = http_status_feed(&status, text + at, size - at < piece ? size - at : piece);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	int whole;

	if (size < 2)
		return 0;
	whole = feed(text, size - 1, size - 1);
	if (whole != 0 && whole != -EBADMSG && (whole < 100 || whole > 599))
		abort();
	if (whole == 0 && size - 1 >= HTTP_STATUS_LINE_MAX)
		abort();
	if (feed(text, size - 1, (size_t)data[0] + 1) != whole)
		abort();
	return 0;
}
