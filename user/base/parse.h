/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_PARSE_H
#define TANDEM_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Numbers from text. The whole text must be a decimal number without blanks or a plus sign.
 * Returns 0, -EINVAL where it is not a number, or -ERANGE where it is outside @min..@max.
 */
int parse_integer(const char *text, int64_t min, int64_t max, int64_t *ret);
int parse_u16(const char *text, uint16_t *ret);

/* "true", "false", "on", "off", "1", "0", in either case. Returns 0 or -EINVAL. */
int parse_bool(const char *text, bool *ret);

#endif
