/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLI_CLIENT_H
#define TANDEM_CLI_CLIENT_H

#include <jansson.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/params.h"

/* The API over the agent's unix socket. One connection, kept for all the calls of a command. */
struct client;

/* @socket_path is copied. -ENAMETOOLONG where no socket can have that path. */
CHECKED int client_new(const char *socket_path, struct client **ret, struct error *reterr);
/* NULL is fine; returns NULL. */
struct client *client_free(struct client *client);
DEFINE_AUTO(struct client, client_free)

/*
 * Call @action. Returns 0 where the agent answered with a JSON object, be it an error or not:
 * @ret_answer is the caller's (json_decref), @ret_status the HTTP status. A negative errno where
 * there is no such answer; the message then says what may be wrong and what to do.
 */
CHECKED int client_call(struct client *client, const char *action, const struct params *params,
			long *ret_status, json_t **ret_answer, struct error *reterr);

#endif
