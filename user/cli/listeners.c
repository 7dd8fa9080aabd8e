/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "base/memory.h"
#include "cli/balancers.h"
#include "cli/handlers.h"
#include "cli/session.h"

static const char *create_action(const struct invocation *invocation)
{
	if (!strcmp(invocation_option(invocation, "protocol"), "udp"))
		return "CreateLoadBalancerUDPListener";
	return "CreateLoadBalancerTCPListener";
}

/* What the options say that is not one parameter each. */
static void add_check(const struct invocation *invocation, struct params *params)
{
	const char *check = invocation_option(invocation, "check");

	if (check && !strcmp(check, "off"))
		params_add(params, "HealthCheckSwitch", "off");
	else if (check)
		params_add(params, "HealthCheckType", check);
	if (invocation_option(invocation, "silence-is-up"))
		params_add(params, "HealthCheckAssumeUpOnSilence", "on");
	params_add(params, "Bandwidth", "-1");
}

/* The parameters that name a listener, and no others. */
static void name_listener(const struct session *session, const struct invocation *invocation,
			  const char *protocol, struct params *params)
{
	params_add(params, "RegionId", session->region);
	params_add(params, "LoadBalancerId", invocation_option(invocation, "lb"));
	params_add(params, "ListenerPort", invocation_option(invocation, "port"));
	params_add(params, "ListenerProtocol", protocol);
}

static enum exit_status start_created(struct session *session, const struct invocation *invocation)
{
	AUTO_PARAMS params = {};
	enum exit_status status;

	name_listener(session, invocation, invocation_option(invocation, "protocol"), &params);
	status = session_call(session, "StartLoadBalancerListener", &params, NULL);
	if (status)
		complain("the listener was created, but is stopped");
	return status;
}

enum exit_status run_listener_create(struct session *session, const struct invocation *invocation)
{
	AUTO_PARAMS params = {};
	json_auto_t *answer = NULL;
	enum exit_status status = session_params(session, invocation, &params);

	if (!status)
		status = tags_read(invocation, &params);
	if (status)
		return status;
	add_check(invocation, &params);
	status = session_call(session, create_action(invocation), &params, &answer);
	if (!status && session->json)
		session_print_json(answer);
	if (!status && invocation_option(invocation, "start"))
		status = start_created(session, invocation);
	return status;
}

/* "http every 2s, 3/3": how the servers are checked. The caller's. */
static char *check_text(const json_t *listener)
{
	json_int_t interval_ms = answer_number(listener, "HealthCheckIntervalMs");
	bool whole = interval_ms % 1000 == 0;

	if (strcmp(answer_text(listener, "HealthCheck"), "on") != 0)
		return xstrdup("off");
	return xasprintf("%s every %" JSON_INTEGER_FORMAT "%s, up %" JSON_INTEGER_FORMAT
			 " down %" JSON_INTEGER_FORMAT,
			 answer_text(listener, "HealthCheckType"),
			 whole ? interval_ms / 1000 : interval_ms, whole ? "s" : "ms",
			 answer_number(listener, "HealthyThreshold"),
			 answer_number(listener, "UnhealthyThreshold"));
}

static void print_listeners(const struct session *session, const json_t *list)
{
	static const struct column columns[] = {{"LB", COLUMN_TEXT},
						{"LISTENER", COLUMN_TEXT},
						{"STATUS", COLUMN_TEXT},
						{"GROUP", COLUMN_TEXT},
						{"CHECK", COLUMN_TEXT},
						{"NONE HEALTHY", COLUMN_TEXT},
						{"DESCRIPTION", COLUMN_ELASTIC},
						{}};
	AUTO(table_free) struct table *table = table_new(columns);
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		AUTO(free_memory) char *check = check_text(item);
		AUTO(free_memory)
		char *endpoint = endpoint_format(answer_text(item, "Address"),
						 answer_number(item, "ListenerPort"));
		bool running = !strcmp(answer_text(item, "Status"), "running");

		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "LoadBalancerId"));
		table_cell(table, STYLE_BOLD, "%s/%s", endpoint,
			   answer_text(item, "ListenerProtocol"));
		table_cell(table, running ? STYLE_GOOD : STYLE_WARNING, "%s",
			   answer_text(item, "Status"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "MasterSlaveServerGroupId"));
		table_cell(table, STYLE_PLAIN, "%s", check);
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "NoneHealthy"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "Description"));
	}
	session_print_table(session, table);
}

enum exit_status run_listener_list(struct session *session, const struct invocation *invocation)
{
	json_auto_t *answer = NULL;
	json_auto_t *part = NULL;
	enum exit_status status = session_run(session, invocation, "DescribeStatus", &answer);

	if (status)
		return status;
	if (!session->json) {
		print_listeners(session, answer_list(answer, "Listeners", "Listener"));
		return STATUS_OK;
	}
	part = json_pack("{sO}", "Listeners", json_object_get(answer, "Listeners"));
	session_print_json(part);
	return STATUS_OK;
}

/* The protocol of the listener at --port: --protocol, else that of the only one there. The
 * caller's. */
static enum exit_status find_protocol(struct session *session, const struct invocation *invocation,
				      char **ret)
{
	const char *given = invocation_option(invocation, "protocol");
	const char *port = invocation_option(invocation, "port");
	AUTO_PARAMS params = {};
	AUTO(free_memory) char *found = NULL;
	json_auto_t *answer = NULL;
	enum exit_status status;
	const json_t *item;
	size_t i;

	if (given) {
		*ret = xstrdup(given);
		return STATUS_OK;
	}
	params_add(&params, "RegionId", session->region);
	params_add(&params, "LoadBalancerId", invocation_option(invocation, "lb"));
	status = session_call(session, "DescribeLoadBalancerAttribute", &params, &answer);
	if (status)
		return status;
	json_array_foreach (
		answer_list(answer, "ListenerPortsAndProtocol", "ListenerPortAndProtocol"), i,
		item) {
		if (answer_number(item, "ListenerPort") != strtol(port, NULL, 10))
			continue;
		if (found) {
			complain("port %s has a tcp and a udp listener: --protocol says which",
				 port);
			return STATUS_USAGE;
		}
		found = xstrdup(answer_text(item, "ListenerProtocol"));
	}
	if (!found) {
		complain("%s has no listener at port %s", invocation_option(invocation, "lb"),
			 port);
		return STATUS_REFUSED;
	}
	*ret = TAKE(found);
	return STATUS_OK;
}

/* Every plain value of the answer, by its name in the API. */
static void print_listener(const struct session *session, json_t *answer)
{
	static const struct column columns[] = {{"", COLUMN_TEXT}, {"", COLUMN_TEXT}, {}};
	AUTO(table_free) struct table *table = table_new(columns);
	const char *key;
	json_t *value;

	json_object_foreach (answer, key, value) {
		if (!strcmp(key, "RequestId") || json_is_object(value) || json_is_array(value))
			continue;
		table_cell(table, STYLE_BOLD, "%s", key);
		if (json_is_integer(value))
			table_cell(table, STYLE_PLAIN, "%" JSON_INTEGER_FORMAT,
				   json_integer_value(value));
		else if (json_is_boolean(value))
			table_cell(table, STYLE_PLAIN, "%s",
				   json_is_true(value) ? "true" : "false");
		else
			table_cell(table, STYLE_PLAIN, "%s", answer_text(answer, key));
	}
	session_print_table(session, table);
}

enum exit_status run_listener_show(struct session *session, const struct invocation *invocation)
{
	AUTO_PARAMS params = {};
	AUTO(free_memory) char *protocol = NULL;
	json_auto_t *answer = NULL;
	enum exit_status status = find_protocol(session, invocation, &protocol);

	if (status)
		return status;
	name_listener(session, invocation, protocol, &params);
	status = session_call(session,
			      strcmp(protocol, "udp") ? "DescribeLoadBalancerTCPListenerAttribute"
						      : "DescribeLoadBalancerUDPListenerAttribute",
			      &params, &answer);
	if (status)
		return status;
	if (session->json)
		session_print_json(answer);
	else
		print_listener(session, answer);
	return STATUS_OK;
}

enum exit_status run_listener_start(struct session *session, const struct invocation *invocation)
{
	return session_run(session, invocation, "StartLoadBalancerListener", NULL);
}

enum exit_status run_listener_stop(struct session *session, const struct invocation *invocation)
{
	return session_run(session, invocation, "StopLoadBalancerListener", NULL);
}

enum exit_status run_listener_delete(struct session *session, const struct invocation *invocation)
{
	return session_run(session, invocation, "DeleteLoadBalancerListener", NULL);
}
