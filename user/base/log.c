/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

static int log_level = LOG_INFO;

void log_set_level(int priority)
{
	log_level = priority;
}

/* The service manager names the journal's socket; stderr may have been redirected since. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char expected[64];
	struct stat status;

	if (!stream || fstat(STDERR_FILENO, &status) < 0)
		return false;
	snprintf(expected, sizeof(expected), "%ju:%ju", (uintmax_t)status.st_dev,
		 (uintmax_t)status.st_ino);
	return strcmp(stream, expected) == 0;
}

static void write_line(int priority, const char *format, va_list args)
{
	char line[2048], time[CLOCK_TEXT_MAX];

	vsnprintf(line, sizeof(line), format, args);
	/* A value that came from outside must not start a second line. */
	utf8_sanitize(line);
	if (stderr_is_journal())
		fprintf(stderr, "<%d>%s\n", priority, line);
	else
		fprintf(stderr, "%s %s\n", clock_format(clock_wall_s(), time), line);
}

void log_write(int priority, const char *format, ...)
{
	va_list args;

	if (priority > log_level)
		return;
	va_start(args, format);
	write_line(priority, format, args);
	va_end(args);
}

int log_error_errno(int r, const char *format, ...)
{
	char what[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	log_write(LOG_ERR, "%s: %s", what, strerror(-r));
	return r;
}
