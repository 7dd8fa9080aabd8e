/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLI_HANDLERS_H
#define TANDEM_CLI_HANDLERS_H

#include "cli/command.h"

/* What the commands do; the table in commands.c names each once. They print their own errors. */
enum exit_status run_status(struct session *session, const struct invocation *invocation);
enum exit_status run_doctor(struct session *session, const struct invocation *invocation);
enum exit_status run_health(struct session *session, const struct invocation *invocation);
enum exit_status run_drops(struct session *session, const struct invocation *invocation);
enum exit_status run_trace(struct session *session, const struct invocation *invocation);
enum exit_status run_server_add(struct session *session, const struct invocation *invocation);
enum exit_status run_server_del(struct session *session, const struct invocation *invocation);
enum exit_status run_server_list(struct session *session, const struct invocation *invocation);
enum exit_status run_lb_create(struct session *session, const struct invocation *invocation);
enum exit_status run_lb_list(struct session *session, const struct invocation *invocation);
enum exit_status run_lb_show(struct session *session, const struct invocation *invocation);
enum exit_status run_lb_delete(struct session *session, const struct invocation *invocation);
enum exit_status run_group_create(struct session *session, const struct invocation *invocation);
enum exit_status run_group_list(struct session *session, const struct invocation *invocation);
enum exit_status run_group_show(struct session *session, const struct invocation *invocation);
enum exit_status run_group_delete(struct session *session, const struct invocation *invocation);
enum exit_status run_listener_create(struct session *session, const struct invocation *invocation);
enum exit_status run_listener_list(struct session *session, const struct invocation *invocation);
enum exit_status run_listener_show(struct session *session, const struct invocation *invocation);
enum exit_status run_listener_start(struct session *session, const struct invocation *invocation);
enum exit_status run_listener_stop(struct session *session, const struct invocation *invocation);
enum exit_status run_listener_delete(struct session *session, const struct invocation *invocation);
enum exit_status run_api(struct session *session, const struct invocation *invocation);
enum exit_status run_help(struct session *session, const struct invocation *invocation);

#endif
