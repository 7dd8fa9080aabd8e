/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TEXT_H
#define TANDEM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The number of characters of valid UTF-8 @text, or -EILSEQ where it is not valid UTF-8. */
int text_length(const char *text);

/* Whether @text has @min..@max characters, each printable (no control characters). */
bool text_is_printable(const char *text, size_t min, size_t max);

/* Whether @text has @min..@max characters: ASCII letters, digits, those in @extra, and, as the API
 * allows in names, characters beyond ASCII where @beyond_ascii says so. */
bool text_is_word(const char *text, size_t min, size_t max, const char *extra, bool beyond_ascii);

/* The index of @name among @names, case aside, or -EINVAL where it is not there or NULL. */
int text_find(const char *const *names, size_t count, const char *name);

/* A new id: @prefix and 20 random characters of a-z0-9 into @buffer of ID_SIZE bytes. */
void text_new_id(const char *prefix, char *buffer);

#endif
