/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLI_SESSION_H
#define TANDEM_CLI_SESSION_H

#include <stdbool.h>

#include <jansson.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/params.h"
#include "cli/table.h"

/* What a command runs with. */
struct session {
	struct client *client;
	const char *region;
	bool json; /* print the API's answer instead of a table */
	bool colour;
	unsigned int width; /* of the terminal; 0: not a terminal */
};

/* "tandemctl: <text>" on stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Call @action; STATUS_OK where the agent did it: @ret_answer is then the caller's. Else the
 * refusal is on stderr already. @ret_answer may be NULL.
 */
enum exit_status session_call(struct session *session, const char *action,
			      const struct params *params, json_t **ret_answer);

/* The same, but the agent's refusal comes back as @ret_code, the caller's (free), and is not
 * printed. */
enum exit_status session_try(struct session *session, const char *action,
			     const struct params *params, json_t **ret_answer, char **ret_code);

/* Start @params with RegionId and what the invocation says. */
enum exit_status session_params(struct session *session, const struct invocation *invocation,
				struct params *params);

/* Both in one: call @action with what the invocation says. */
enum exit_status session_run(struct session *session, const struct invocation *invocation,
			     const char *action, json_t **ret_answer);

void session_print_json(const json_t *answer);
void session_print_table(const struct session *session, const struct table *table);

/* Answers. The text of @key in @object, "" where there is none; an integer, 0 where there is none.
 */
const char *answer_text(const json_t *object, const char *key);
json_int_t answer_number(const json_t *object, const char *key);
/* The API's lists: @object's @plural.@singular. NULL where it is absent. Borrowed. */
json_t *answer_list(const json_t *object, const char *plural, const char *singular);

/* "12s", "3m12s", "4h05m", "9d03h" into @buffer of AGE_TEXT_MAX bytes; returns it. */
enum { AGE_TEXT_MAX = 32 };
char *age_format(int64_t seconds, char *buffer);
/* How long @time ("2026-11-25T02:15:27Z") lies back at @now_s, in the same way; "-" where it is no
 * time. */
char *age_since(const char *time, int64_t now_s, char *buffer);

/* "192.0.2.1:80" or "[2001:db8::1]:80", and a name in the same way. The caller's. */
char *endpoint_format(const char *host, json_int_t port);

#endif
