/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_API_HTTP_H
#define TANDEM_API_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "api/actions.h"

enum {
	HTTP_BODY_MAX = 256 * 1024,
	/* What is sent beyond HTTP_BODY_MAX is read and dropped up to here, so that the answer
	 * reaches the client; beyond, the connection is closed. */
	HTTP_DISCARD_MAX = 4 * 1024 * 1024,
};

/* One request, taken apart by whoever speaks HTTP. All text borrowed; NULL where there is none. */
struct http_request {
	const char *method, *path, *query;
	const char *host, *content_type;
	const char *body;
	size_t body_size;
	/* What is wrong with the body as it came; then @body is not what was sent. */
	bool body_is_too_large;
	bool body_size_is_ambiguous; /* the headers tell its size in more than one way */
};

struct http_answer {
	unsigned int status;
	char *body; /* JSON, for the caller to free */
};

/* Do what @request asks for with @call (whose params are ignored). There is always an answer. */
struct http_answer http_respond(const struct call *call, const struct http_request *request);

#endif
