/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/utf8.h"

int error_set(struct error *reterr, int code, const char *field, const char *format, ...)
{
	va_list args;

	if (!reterr)
		return -EINVAL;
	reterr->code = code;
	snprintf(reterr->field, sizeof(reterr->field), "%s", field ? field : "");
	va_start(args, format);
	vsnprintf(reterr->message, sizeof(reterr->message), format, args);
	va_end(args);
	utf8_sanitize(reterr->field);
	utf8_sanitize(reterr->message);
	return -EINVAL;
}

int error_errno(struct error *reterr, int r, const char *format, ...)
{
	AUTO(free_memory) char *text = NULL;
	char what[sizeof(struct error)];
	va_list args;

	if (!reterr)
		return r;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);

	if (!reterr->message[0]) {
		reterr->code = 0;
		reterr->field[0] = '\0';
	}
	text = xasprintf("%s: %s", what, reterr->message[0] ? reterr->message : strerror(-r));
	snprintf(reterr->message, sizeof(reterr->message), "%s", text);
	utf8_sanitize(reterr->message);
	return r;
}
