/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_UTF8_H
#define TANDEM_UTF8_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Read the first character of @text, which is not empty. Returns the number of its bytes, or
 * -EILSEQ where they are not UTF-8 (also overlong forms, surrogates, and what lies beyond Unicode).
 */
int utf8_decode(const char *text, uint32_t *ret);

/* Whether a terminal and a log show @character as itself: no control, no change of direction. */
bool utf8_is_printable(uint32_t character);

/* Make @text valid UTF-8 of printable characters: a "?" takes the place of each byte that is not.
 */
void utf8_sanitize(char *text);

#endif
