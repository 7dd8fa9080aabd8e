/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLI_BALANCERS_H
#define TANDEM_CLI_BALANCERS_H

#include "cli/session.h"

/*
 * All load balancers, page by page, as DescribeLoadBalancers shows them: a JSON list, the caller's.
 * What goes wrong is on stderr already.
 */
enum exit_status balancers_fetch(struct session *session, json_t **ret_list);

/* Read the values of --tag KEY=VALUE into @params. */
enum exit_status tags_read(const struct invocation *invocation, struct params *params);

#endif
