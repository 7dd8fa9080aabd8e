/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/handlers.h"
#include "cli/session.h"

enum exit_status run_server_add(struct session *session, const struct invocation *invocation)
{
	return session_run(session, invocation, "RegisterServer", NULL);
}

enum exit_status run_server_del(struct session *session, const struct invocation *invocation)
{
	return session_run(session, invocation, "DeregisterServer", NULL);
}

static void print_servers(const struct session *session, const json_t *answer)
{
	static const struct column columns[] = {{"ID", COLUMN_TEXT},
						{"ADDRESS", COLUMN_TEXT},
						{"TYPE", COLUMN_TEXT},
						{"ZONE", COLUMN_TEXT},
						{"NETWORK", COLUMN_TEXT},
						{"DESCRIPTION", COLUMN_ELASTIC},
						{}};
	AUTO(table_free) struct table *table = table_new(columns);
	const json_t *item;
	size_t i;

	json_array_foreach (answer_list(answer, "Servers", "Server"), i, item) {
		table_cell(table, STYLE_BOLD, "%s", answer_text(item, "ServerId"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "ServerIp"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "Type"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "ZoneId"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "VpcId"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "Description"));
	}
	session_print_table(session, table);
}

enum exit_status run_server_list(struct session *session, const struct invocation *invocation)
{
	json_auto_t *answer = NULL;
	enum exit_status status = session_run(session, invocation, "DescribeServers", &answer);

	if (status)
		return status;
	if (session->json)
		session_print_json(answer);
	else
		print_servers(session, answer);
	return STATUS_OK;
}
