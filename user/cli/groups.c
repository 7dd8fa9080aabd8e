/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "base/memory.h"
#include "base/parse.h"
#include "cli/balancers.h"
#include "cli/handlers.h"
#include "cli/session.h"
#include "cli/values.h"

/* The server of --primary or --secondary, with the port of --port where it names none. */
static enum exit_status read_server(const struct invocation *invocation, const char *option,
				    enum server_role role, json_t *list)
{
	const char *port = invocation_option(invocation, "port");
	struct backend_server server;
	struct error error = {};

	if (server_spec_parse(invocation_option(invocation, option), role, &server, &error) < 0) {
		complain("--%s: %s", option, error.message);
		return STATUS_USAGE;
	}
	if (!server.port && (!port || parse_u16(port, &server.port) < 0)) {
		complain("--%s: \"%s\" names no port: SERVER:PORT does, or --port for both", option,
			 invocation_option(invocation, option));
		return STATUS_USAGE;
	}
	json_array_append_new(list, server_spec_json(&server));
	return STATUS_OK;
}

enum exit_status run_group_create(struct session *session, const struct invocation *invocation)
{
	AUTO_PARAMS params = {};
	AUTO(free_memory) char *text = NULL;
	json_auto_t *servers = json_array();
	json_auto_t *answer = NULL;
	enum exit_status status = session_params(session, invocation, &params);

	if (!status)
		status = tags_read(invocation, &params);
	if (!status)
		status = read_server(invocation, "primary", ROLE_MASTER, servers);
	if (!status)
		status = read_server(invocation, "secondary", ROLE_SLAVE, servers);
	if (status)
		return status;
	text = json_dumps(servers, JSON_COMPACT);
	params_add(&params, "MasterSlaveBackendServers", text);
	status = session_call(session, "CreateMasterSlaveServerGroup", &params, &answer);
	if (status)
		return status;
	if (session->json)
		session_print_json(answer);
	else
		puts(answer_text(answer, "MasterSlaveServerGroupId"));
	return STATUS_OK;
}

/*
 * Add to @list the groups of one load balancer, each with its servers. A group or load balancer
 * that went away since it was listed is left out: reading is no transaction.
 */
static enum exit_status add_group(struct session *session, json_t *item, json_t *list)
{
	AUTO_PARAMS params = {};
	AUTO(free_memory) char *code = NULL;
	json_auto_t *answer = NULL;
	enum exit_status status;

	params_add(&params, "RegionId", session->region);
	params_add(&params, "MasterSlaveServerGroupId",
		   answer_text(item, "MasterSlaveServerGroupId"));
	status = session_try(session, "DescribeMasterSlaveServerGroupAttribute", &params, &answer,
			     &code);
	if (status == STATUS_REFUSED && !strcmp(code, "InvalidParameter"))
		return STATUS_OK;
	if (status == STATUS_REFUSED)
		complain("the agent refused to show a group (%s)", code);
	if (status)
		return status;
	json_object_del(answer, "RequestId");
	json_object_update_missing(item, answer);
	json_array_append(list, item);
	return STATUS_OK;
}

static enum exit_status add_groups(struct session *session, const char *balancer_id, json_t *list)
{
	AUTO_PARAMS params = {};
	json_auto_t *answer = NULL;
	enum exit_status status;
	json_t *item;
	size_t i;

	params_add(&params, "RegionId", session->region);
	params_add(&params, "LoadBalancerId", balancer_id);
	params_add(&params, "IncludeListener", "true");
	status = session_call(session, "DescribeMasterSlaveServerGroups", &params, &answer);
	if (status)
		return status;
	json_array_foreach (
		answer_list(answer, "MasterSlaveServerGroups", "MasterSlaveServerGroup"), i, item) {
		status = add_group(session, item, list);
		if (status)
			return status;
	}
	return STATUS_OK;
}

static enum exit_status add_all_groups(struct session *session, json_t *list)
{
	json_auto_t *balancers = NULL;
	enum exit_status status = balancers_fetch(session, &balancers);
	json_t *balancer;
	size_t i;

	json_array_foreach (balancers, i, balancer) {
		if (!status)
			status = add_groups(session, answer_text(balancer, "LoadBalancerId"), list);
	}
	return status;
}

/* The server of @role in the group, as one text; "-" where the group is empty. The caller's. */
static char *server_text(const json_t *group, const char *role)
{
	const json_t *item;
	size_t i;

	json_array_foreach (
		answer_list(group, "MasterSlaveBackendServers", "MasterSlaveBackendServer"), i,
		item) {
		AUTO(free_memory) char *endpoint = NULL;
		json_int_t weight = answer_number(item, "Weight");

		if (strcmp(answer_text(item, "ServerType"), role) != 0)
			continue;
		endpoint =
			endpoint_format(answer_text(item, "ServerId"), answer_number(item, "Port"));
		if (weight == 100)
			return TAKE(endpoint);
		return xasprintf("%s weight=%" JSON_INTEGER_FORMAT, endpoint, weight);
	}
	return xstrdup("-");
}

/* "80/tcp 53/udp". The caller's. */
static char *listeners_text(const json_t *group)
{
	json_t *listeners =
		answer_list(json_object_get(group, "AssociatedObjects"), "Listeners", "Listener");
	char *text = xstrdup("");
	const json_t *item;
	size_t i;

	json_array_foreach (listeners, i, item) {
		char *longer =
			xasprintf("%s%s%" JSON_INTEGER_FORMAT "/%s", text, i ? " " : "",
				  answer_number(item, "Port"), answer_text(item, "Protocol"));

		free(text);
		text = longer;
	}
	return text;
}

static void print_groups(const struct session *session, const json_t *list)
{
	static const struct column columns[] = {{"ID", COLUMN_TEXT},
						{"NAME", COLUMN_ELASTIC},
						{"LB", COLUMN_TEXT},
						{"PRIMARY", COLUMN_ELASTIC},
						{"SECONDARY", COLUMN_ELASTIC},
						{"LISTENERS", COLUMN_ELASTIC},
						{}};
	AUTO(table_free) struct table *table = table_new(columns);
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		AUTO(free_memory) char *primary = server_text(item, "Master");
		AUTO(free_memory) char *secondary = server_text(item, "Slave");
		AUTO(free_memory) char *listeners = listeners_text(item);

		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "MasterSlaveServerGroupId"));
		table_cell(table, STYLE_PLAIN, "%s",
			   answer_text(item, "MasterSlaveServerGroupName"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "LoadBalancerId"));
		table_cell(table, STYLE_PLAIN, "%s", primary);
		table_cell(table, STYLE_PLAIN, "%s", secondary);
		table_cell(table, STYLE_PLAIN, "%s", listeners);
	}
	session_print_table(session, table);
}

enum exit_status run_group_list(struct session *session, const struct invocation *invocation)
{
	const char *balancer_id = invocation_option(invocation, "lb");
	json_auto_t *list = json_array();
	json_auto_t *answer = NULL;
	enum exit_status status;

	if (balancer_id)
		status = add_groups(session, balancer_id, list);
	else
		status = add_all_groups(session, list);
	if (status)
		return status;
	if (!session->json) {
		print_groups(session, list);
		return STATUS_OK;
	}
	answer = json_pack("{s{sO}}", "MasterSlaveServerGroups", "MasterSlaveServerGroup", list);
	session_print_json(answer);
	return STATUS_OK;
}

static void print_group(const struct session *session, const json_t *answer)
{
	static const struct column columns[] = {{"ROLE", COLUMN_TEXT},
						{"SERVER", COLUMN_TEXT},
						{"ADDRESS", COLUMN_TEXT},
						{"WEIGHT", COLUMN_NUMBER},
						{"TYPE", COLUMN_TEXT},
						{"DESCRIPTION", COLUMN_ELASTIC},
						{}};
	AUTO(table_free) struct table *table = table_new(columns);
	const json_t *item;
	size_t i;

	printf("%s  %s  of %s, created %s\n", answer_text(answer, "MasterSlaveServerGroupId"),
	       answer_text(answer, "MasterSlaveServerGroupName"),
	       answer_text(answer, "LoadBalancerId"), answer_text(answer, "CreateTime"));
	json_array_foreach (
		answer_list(answer, "MasterSlaveBackendServers", "MasterSlaveBackendServer"), i,
		item) {
		AUTO(free_memory)
		char *endpoint =
			endpoint_format(answer_text(item, "ServerId"), answer_number(item, "Port"));
		bool primary = !strcmp(answer_text(item, "ServerType"), "Master");

		table_cell(table, STYLE_BOLD, "%s", primary ? "primary" : "secondary");
		table_cell(table, STYLE_PLAIN, "%s", endpoint);
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "ServerIp"));
		table_cell(table, STYLE_PLAIN, "%" JSON_INTEGER_FORMAT,
			   answer_number(item, "Weight"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "Type"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "Description"));
	}
	session_print_table(session, table);
}

enum exit_status run_group_show(struct session *session, const struct invocation *invocation)
{
	json_auto_t *answer = NULL;
	enum exit_status status = session_run(session, invocation,
					      "DescribeMasterSlaveServerGroupAttribute", &answer);

	if (status)
		return status;
	if (session->json)
		session_print_json(answer);
	else
		print_group(session, answer);
	return STATUS_OK;
}

enum exit_status run_group_delete(struct session *session, const struct invocation *invocation)
{
	return session_run(session, invocation, "DeleteMasterSlaveServerGroup", NULL);
}
