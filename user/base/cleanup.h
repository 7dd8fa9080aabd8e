/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLEANUP_H
#define TANDEM_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

/* AUTO(store_free) struct store *store = NULL; frees store when it leaves scope. */
#define AUTO(func) __attribute__((cleanup(func##p)))

/* The caller must look at what the function returns. */
#define CHECKED __attribute__((warn_unused_result))

/* Give up ownership: yield the pointer and leave NULL behind. */
#define TAKE(ptr)                                                                                  \
	({                                                                                         \
		__typeof__(ptr) *take_from = &(ptr);                                               \
		__typeof__(ptr) taken = *take_from;                                                \
		*take_from = NULL;                                                                 \
		taken;                                                                             \
	})

/* Define func##p(), which AUTO(func) calls with the variable's address. */
#define DEFINE_AUTO(type, func)                                                                    \
	static inline void func##p(type **ptr)                                                     \
	{                                                                                          \
		*ptr = func(*ptr);                                                                 \
	}

/* AUTO(free_memory) char *text = ...: free() at the end of the scope. */
static inline void free_memoryp(void *ptr)
{
	free(*(void **)ptr);
}

/* AUTO(close_fd) int fd = ...: close() at the end of the scope, where it is open. */
static inline void close_fdp(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
