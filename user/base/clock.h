/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLOCK_H
#define TANDEM_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT_MAX = sizeof("2026-11-25T02:15:27Z") };

/* CLOCK_MONOTONIC in microseconds: for every duration and deadline. */
uint64_t clock_monotonic_us(void);

/* Seconds and microseconds since 1970 UTC: only for what a person is shown. */
int64_t clock_wall_s(void);
int64_t clock_wall_us(void);

/* @wall_s as "YYYY-MM-DDThh:mm:ssZ" into @buffer of at least CLOCK_TEXT_MAX bytes; returns @buffer.
 */
char *clock_format(int64_t wall_s, char *buffer);

#endif
