/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_MEMORY_H
#define TANDEM_MEMORY_H

#include <stddef.h>

/*
 * Allocation that cannot fail: out of memory aborts. Packets go on meanwhile, since program
 * and maps are pinned, and the service manager starts the agent anew. What is returned is
 * owned by the caller and freed with free().
 */
void *xcalloc(size_t count, size_t size);
void *xreallocarray(void *ptr, size_t count, size_t size);
char *xstrdup(const char *text);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Copy @text into @buffer of @size bytes, always terminated. Returns 0, or -ENOSPC and leaves
 * @buffer as it was where @text does not fit.
 */
int string_copy(char *buffer, size_t size, const char *text);

#endif
