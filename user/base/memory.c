/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Does not allocate, so no stdio. */
static void *abort_if_null(void *ptr)
{
	if (!ptr)
		abort();
	return ptr;
}

void *xcalloc(size_t count, size_t size)
{
	/* calloc(0) may return NULL without being out of memory. */
	return abort_if_null(calloc(count ? count : 1, size ? size : 1));
}

void *xreallocarray(void *ptr, size_t count, size_t size)
{
	return abort_if_null(reallocarray(ptr, count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return abort_if_null(strdup(text));
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	return abort_if_null(length < 0 ? NULL : text);
}

int string_copy(char *buffer, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (length >= size)
		return -ENOSPC;
	memcpy(buffer, text, length + 1);
	return 0;
}
