/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_HTTP_STATUS_H
#define TANDEM_HTTP_STATUS_H

#include <stddef.h>

#include "base/cleanup.h"

/* The longest status line that is read, line end included. */
enum { HTTP_STATUS_LINE_MAX = 512 };

/*
 * Reads the status line of an HTTP/1.x response, in as many pieces as it comes, and nothing behind
 * it. Zero-initialised is ready. Plain data: keeps no bytes, only where it is.
 */
struct http_status {
	size_t position;   /* bytes of the line seen */
	unsigned int code; /* what of the three digits is read */
	char last;	   /* the byte before this one: a CR must be followed by LF */
};

/*
 * Read on. Returns the status (100-599) once the line has ended, 0 where more is needed, or
 * -EBADMSG where this is no HTTP/1.x response or its line is longer than HTTP_STATUS_LINE_MAX. Not
 * to be called again after anything but 0. The bytes come from outside and may be anything.
 */
CHECKED int http_status_feed(struct http_status *status, const char *data, size_t size);

#endif
