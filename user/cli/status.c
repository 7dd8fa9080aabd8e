/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an operator looks at first: who serves, why, and what is wrong. */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/handlers.h"
#include "cli/session.h"

enum { MAP_ALARM_PERCENT = 80 };

static json_t *listeners_of(const json_t *answer)
{
	return answer_list(answer, "Listeners", "Listener");
}

static const json_t *server_of(const json_t *listener, const char *role)
{
	const json_t *item;
	size_t i;

	json_array_foreach (answer_list(listener, "Servers", "Server"), i, item) {
		if (!strcmp(answer_text(item, "ServerType"), role))
			return item;
	}
	return NULL;
}

/* "192.0.2.1:80/tcp". The caller's. */
static char *listener_text(const json_t *listener)
{
	AUTO(free_memory)
	char *endpoint = endpoint_format(answer_text(listener, "Address"),
					 answer_number(listener, "ListenerPort"));

	return xasprintf("%s/%s", endpoint, answer_text(listener, "ListenerProtocol"));
}

static bool is_running(const json_t *listener)
{
	return !strcmp(answer_text(listener, "Status"), "running");
}

static bool is_active(const json_t *listener, const char *role)
{
	return !strcmp(answer_text(listener, "Active"), role);
}

static const char *role_text(const char *role)
{
	if (!strcmp(role, "Master"))
		return "primary";
	return strcmp(role, "Slave") ? role : "secondary";
}

static enum style health_style(const char *health)
{
	if (!strcmp(health, "up"))
		return STYLE_GOOD;
	return strcmp(health, "down") ? STYLE_PLAIN : STYLE_BAD;
}

/* "i-web1:8080 up (reply in 0.3 ms)", and how many packets it got. */
static void add_server(struct table *table, const json_t *server)
{
	AUTO(free_memory)
	char *endpoint =
		endpoint_format(answer_text(server, "ServerId"), answer_number(server, "Port"));
	const char *health = answer_text(server, "Health");
	const char *evidence = answer_text(server, "Evidence");
	bool idle = json_object_get(server, "Weight") && !answer_number(server, "Weight");

	if (server)
		table_cell(table, health_style(health), "%s %s%s%s%s%s", endpoint, health,
			   idle ? " weight=0" : "", *evidence ? " (" : "", evidence,
			   *evidence ? ")" : "");
	else
		table_cell(table, STYLE_PLAIN, "-");
	table_cell(table, STYLE_PLAIN, "%" JSON_INTEGER_FORMAT,
		   answer_number(json_object_get(server, "Counters"), "PacketsIn"));
}

static void add_listener(struct table *table, const json_t *listener, int64_t now_s)
{
	AUTO(free_memory) char *name = listener_text(listener);
	bool running = is_running(listener);
	bool none = running && is_active(listener, "none");
	char since[AGE_TEXT_MAX];

	table_cell(table, STYLE_BOLD, "%s", name);
	table_cell(table, none ? STYLE_BAD : STYLE_BOLD, "%s",
		   running ? role_text(answer_text(listener, "Active")) : "stopped");
	table_cell(table, STYLE_PLAIN, "%s",
		   running ? age_since(answer_text(listener, "ActiveSince"), now_s, since) : "-");
	table_cell(table, STYLE_PLAIN, "%s", answer_text(listener, "Reason"));
	add_server(table, server_of(listener, "Master"));
	add_server(table, server_of(listener, "Slave"));
}

static void print_listeners(const struct session *session, const json_t *listeners)
{
	static const struct column columns[] = {{"LISTENER", COLUMN_TEXT},
						{"ACTIVE", COLUMN_TEXT},
						{"SINCE", COLUMN_TEXT},
						{"REASON", COLUMN_TEXT},
						{"PRIMARY", COLUMN_ELASTIC},
						{"PACKETS", COLUMN_NUMBER},
						{"SECONDARY", COLUMN_ELASTIC},
						{"PACKETS", COLUMN_NUMBER},
						{}};
	AUTO(table_free) struct table *table = table_new(columns);
	const json_t *item;
	size_t i;

	json_array_foreach (listeners, i, item) {
		add_listener(table, item, clock_wall_s());
	}
	session_print_table(session, table);
}

static void warn(const struct session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A warning is part of the answer, so it goes where the table went. */
static void warn(const struct session *session, const char *format, ...)
{
	va_list args;

	printf("%s%s", session->colour ? style_start(STYLE_WARNING) : "", "warning: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	puts(session->colour ? STYLE_RESET : "");
}

static void warn_nexthop(const struct session *session, const char *name, const json_t *server)
{
	if (server && !strcmp(answer_text(server, "NextHop"), "unresolved"))
		warn(session, "%s: the next hop of %s (%s) is not resolved: is it on the network?",
		     name, answer_text(server, "ServerId"), answer_text(server, "ServerIp"));
}

static void warn_listener(const struct session *session, const json_t *listener)
{
	bool none = is_active(listener, "none");
	const json_t *idle =
		server_of(listener, is_active(listener, "Master") ? "Slave" : "Master");
	AUTO(free_memory) char *name = listener_text(listener);

	if (!is_running(listener))
		return;
	if (none)
		warn(session, "%s: no healthy server; clients meet the policy \"%s\"", name,
		     answer_text(listener, "NoneHealthy"));
	else if (idle && !strcmp(answer_text(idle, "Health"), "down"))
		warn(session, "%s: redundancy lost: %s (%s) is down: %s", name,
		     answer_text(idle, "ServerId"), role_text(answer_text(idle, "ServerType")),
		     answer_text(idle, "Evidence"));
	warn_nexthop(session, name, server_of(listener, "Master"));
	warn_nexthop(session, name, server_of(listener, "Slave"));
}

static void warn_interfaces(const struct session *session, const json_t *agent)
{
	const json_t *item;
	size_t i;

	json_array_foreach (answer_list(agent, "Interfaces", "Interface"), i, item) {
		json_int_t errors = answer_number(item, "SendErrors");

		if (errors)
			warn(session,
			     "%s refused %" JSON_INTEGER_FORMAT " frames (last: %s); where it is a "
			     "veth, its peer needs an XDP program or GRO: ethtool -K PEER gro on",
			     answer_text(item, "Name"), errors, answer_text(item, "LastSendError"));
	}
}

static void warn_maps(const struct session *session, const json_t *agent)
{
	const json_t *item;
	size_t i;

	json_array_foreach (answer_list(agent, "Maps", "Map"), i, item) {
		json_int_t used = answer_number(item, "Used");
		json_int_t max = answer_number(item, "Max");

		if (used * 100 > max * MAP_ALARM_PERCENT)
			warn(session,
			     "map %s is nearly full: %" JSON_INTEGER_FORMAT
			     " of %" JSON_INTEGER_FORMAT,
			     answer_text(item, "Name"), used, max);
	}
}

/* Whether a listener with an address of the family is running. */
static bool serves_family(const json_t *listeners, bool ipv6)
{
	const json_t *item;
	size_t i;

	json_array_foreach (listeners, i, item) {
		if (is_running(item) && ipv6 == !!strchr(answer_text(item, "Address"), ':'))
			return true;
	}
	return false;
}

static void warn_forwarding(const struct session *session, const json_t *answer,
			    const json_t *agent)
{
	const json_t *forwarding = json_object_get(agent, "Forwarding");

	if (json_is_false(json_object_get(forwarding, "IPv4")) &&
	    serves_family(listeners_of(answer), false))
		warn(session, "IPv4 forwarding is off, and replies may be lost: "
			      "sysctl -w net.ipv4.ip_forward=1");
	if (json_is_false(json_object_get(forwarding, "IPv6")) &&
	    serves_family(listeners_of(answer), true))
		warn(session, "IPv6 forwarding is off, and replies may be lost: "
			      "sysctl -w net.ipv6.conf.all.forwarding=1");
}

enum exit_status run_status(struct session *session, const struct invocation *invocation)
{
	json_auto_t *answer = NULL;
	const json_t *agent;
	const json_t *item;
	enum exit_status status = session_run(session, invocation, "DescribeStatus", &answer);
	size_t i;

	if (status)
		return status;
	if (session->json) {
		session_print_json(answer);
		return STATUS_OK;
	}
	agent = json_object_get(answer, "Agent");
	print_listeners(session, listeners_of(answer));
	json_array_foreach (listeners_of(answer), i, item) {
		warn_listener(session, item);
	}
	warn_interfaces(session, agent);
	warn_forwarding(session, answer, agent);
	warn_maps(session, agent);
	return STATUS_OK;
}
