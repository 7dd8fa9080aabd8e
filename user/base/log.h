/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_LOG_H
#define TANDEM_LOG_H

#include <syslog.h>

/*
 * One line an event on stderr: fixed words, then key=value. Where stderr is the journal
 * (JOURNAL_STREAM), each line starts with the priority as "<N>"; on a terminal or in a file it
 * starts with the time.
 */
void log_set_level(int priority);
void log_write(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Log "<what>: <strerror(-r)>" at LOG_ERR and return @r, a negative errno. */
int log_error_errno(int r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* NOLINTBEGIN(readability-identifier-naming): used as functions */
#define log_error(...)	 log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)	 log_write(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	 log_write(LOG_DEBUG, __VA_ARGS__)
/* NOLINTEND(readability-identifier-naming) */

#endif
