/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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
	char inner[sizeof(reterr->message)];
	va_list args;
	size_t used;
	int length;

	if (!reterr)
		return r;
	memcpy(inner, reterr->message, sizeof(inner));
	if (!inner[0]) {
		reterr->code = 0;
		reterr->field[0] = '\0';
		snprintf(inner, sizeof(inner), "%s", strerror(-r));
	}

	va_start(args, format);
	length = vsnprintf(reterr->message, sizeof(reterr->message), format, args);
	va_end(args);

	used = length < 0 ? 0 : (size_t)length;
	if (used < sizeof(reterr->message))
		snprintf(reterr->message + used, sizeof(reterr->message) - used, ": %s", inner);
	utf8_sanitize(reterr->message);
	return r;
}
