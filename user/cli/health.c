/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "base/memory.h"
#include "cli/handlers.h"
#include "cli/session.h"

static enum style status_style(const char *status)
{
	if (!strcmp(status, "normal"))
		return STYLE_GOOD;
	return strcmp(status, "abnormal") ? STYLE_PLAIN : STYLE_BAD;
}

/* Returns whether a server is abnormal. */
static bool is_abnormal(const json_t *servers)
{
	const json_t *item;
	size_t i;

	json_array_foreach (servers, i, item) {
		if (!strcmp(answer_text(item, "ServerHealthStatus"), "abnormal"))
			return true;
	}
	return false;
}

static void print_health(const struct session *session, const json_t *servers)
{
	static const struct column columns[] = {{"LISTENER", COLUMN_TEXT}, {"SERVER", COLUMN_TEXT},
						{"ADDRESS", COLUMN_TEXT},  {"PORT", COLUMN_NUMBER},
						{"HEALTH", COLUMN_TEXT},   {}};
	AUTO(table_free) struct table *table = table_new(columns);
	const json_t *item;
	size_t i;

	json_array_foreach (servers, i, item) {
		const char *status = answer_text(item, "ServerHealthStatus");

		table_cell(table, STYLE_BOLD, "%" JSON_INTEGER_FORMAT "/%s",
			   answer_number(item, "ListenerPort"), answer_text(item, "Protocol"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "ServerId"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "ServerIp"));
		table_cell(table, STYLE_PLAIN, "%" JSON_INTEGER_FORMAT,
			   answer_number(item, "Port"));
		table_cell(table, status_style(status), "%s", status);
	}
	session_print_table(session, table);
}

enum exit_status run_health(struct session *session, const struct invocation *invocation)
{
	json_auto_t *answer = NULL;
	enum exit_status status = session_run(session, invocation, "DescribeHealthStatus", &answer);
	const json_t *servers = answer_list(answer, "BackendServers", "BackendServer");

	if (status)
		return status;
	if (session->json)
		session_print_json(answer);
	else
		print_health(session, servers);
	return is_abnormal(servers) ? STATUS_REFUSED : STATUS_OK;
}
