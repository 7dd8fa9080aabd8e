/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/codes.h"

#include <stddef.h>

static const struct {
	const char *name;
	unsigned int http_status;
} codes[CODE_MAX] = {
#define CODE_ROW(symbol, name, status) [symbol] = {name, status},
	CODES(CODE_ROW)
#undef CODE_ROW
};

/* A code that is none says as much as an internal error does. */
static size_t code_index(int code)
{
	return code >= 0 && code < CODE_MAX ? (size_t)code : CODE_INTERNAL;
}

const char *code_name(int code)
{
	return codes[code_index(code)].name;
}

unsigned int code_http_status(int code)
{
	return codes[code_index(code)].http_status;
}
