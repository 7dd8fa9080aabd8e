/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/clock.h"

#include <time.h>

static const int64_t last_second_of_9999 = 253402300799;

uint64_t clock_monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int64_t clock_wall_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

int64_t clock_wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

char *clock_format(int64_t wall_s, char *buffer)
{
	struct tm utc;
	time_t seconds;

	/* Outside the years of four digits the text would not fit. */
	seconds = wall_s < 0 ? 0 : wall_s > last_second_of_9999 ? last_second_of_9999 : wall_s;
	gmtime_r(&seconds, &utc);
	strftime(buffer, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return buffer;
}
