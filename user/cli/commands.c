/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/command.h"

#include "cli/handlers.h"
#include "cli/values.h"

const struct option global_options[] = {
	{.name = "socket",
	 .value = "PATH",
	 .help = "the agent's socket (default: $TANDEM_SOCKET, "
		 "else /run/tandem/tandem.sock)"},
	{.name = "region",
	 .value = "ID",
	 .help = "the agent's region (default: $TANDEM_REGION, "
		 "else local)"},
	{.name = "json", .letter = 'j', .help = "print the API's answer instead of a table"},
	{.name = "help", .letter = 'h', .help = "print help for the command"},
	{.name = "version", .help = "print the version"},
	{},
};

static const struct argument no_words[] = {{}};

static const struct argument optional_lb[] = {
	{.name = "LB", .parameter = "LoadBalancerId", .optional = true},
	{},
};

static const struct argument lb_id[] = {{.name = "LB", .parameter = "LoadBalancerId"}, {}};

static const struct argument group_id[] = {
	{.name = "GROUP", .parameter = "MasterSlaveServerGroupId"},
	{},
};

static const struct argument server_id[] = {{.name = "ID", .parameter = "ServerId"}, {}};

static const struct argument server_add_words[] = {
	{.name = "ID", .parameter = "ServerId"},
	{.name = "ADDRESS", .parameter = "ServerIp", .convert = value_address},
	{},
};

static const struct argument api_words[] = {{.name = "ACTION"}, {}};

static const struct option server_add_options[] = {
	{.name = "type",
	 .value = "TYPE",
	 .parameter = "Type",
	 .choices = "ecs|eni|eci",
	 .help = "kind of server (default ecs)"},
	{.name = "zone", .value = "ZONE", .parameter = "ZoneId", .help = "zone it is in"},
	{.name = "network", .value = "VPC", .parameter = "VpcId", .help = "network it is in"},
	{.name = "description", .value = "TEXT", .parameter = "Description", .help = "for people"},
	{.name = "replace",
	 .parameter = "Replace",
	 .help = "change the server of that id; its groups follow to the new address at once"},
	{},
};

static const struct option lb_create_options[] = {
	{.name = "address",
	 .value = "VIP",
	 .convert = value_address,
	 .flags = OPTION_REQUIRED,
	 .help = "the virtual address that clients connect to"},
	{.name = "name", .value = "NAME", .parameter = "LoadBalancerName", .help = "for people"},
	{.name = "address-type",
	 .value = "TYPE",
	 .parameter = "AddressType",
	 .choices = "internet|intranet",
	 .help = "as the API shows it (default intranet)"},
	{.name = "network",
	 .value = "VPC",
	 .parameter = "VpcId",
	 .help = "network whose servers it may use"},
	{.name = "tag", .value = "KEY=VALUE", .flags = OPTION_REPEATED, .help = "may be repeated"},
	{},
};

static const struct option group_create_options[] = {
	{.name = "lb",
	 .value = "LB",
	 .parameter = "LoadBalancerId",
	 .flags = OPTION_REQUIRED,
	 .help = "load balancer of the group"},
	{.name = "primary",
	 .value = "SERVER",
	 .flags = OPTION_REQUIRED,
	 .help = "serves while it is healthy"},
	{.name = "secondary",
	 .value = "SERVER",
	 .flags = OPTION_REQUIRED,
	 .help = "serves while the primary does not"},
	{.name = "port",
	 .value = "PORT",
	 .convert = value_port,
	 .help = "of a server that names none itself"},
	{.name = "name",
	 .value = "NAME",
	 .parameter = "MasterSlaveServerGroupName",
	 .help = "for people"},
	{.name = "tag", .value = "KEY=VALUE", .flags = OPTION_REPEATED, .help = "may be repeated"},
	{},
};

static const struct option of_lb_options[] = {
	{.name = "lb",
	 .value = "LB",
	 .parameter = "LoadBalancerId",
	 .help = "only those of this load balancer"},
	{},
};

/* How a listener is named; first in every list of listener options. */
#define LISTENER_OPTIONS(protocol_flags)                                                           \
	{.name = "lb",                                                                             \
	 .value = "LB",                                                                            \
	 .parameter = "LoadBalancerId",                                                            \
	 .flags = OPTION_REQUIRED,                                                                 \
	 .help = "load balancer of the listener"},                                                 \
		{.name = "port",                                                                   \
		 .value = "PORT",                                                                  \
		 .parameter = "ListenerPort",                                                      \
		 .convert = value_port,                                                            \
		 .flags = OPTION_REQUIRED,                                                         \
		 .help = "port that clients connect to"},                                          \
	{                                                                                          \
		.name = "protocol", .value = "PROTOCOL", .parameter = "ListenerProtocol",          \
		.choices = "tcp|udp", .flags = (protocol_flags),                                   \
		.help = (protocol_flags) ? "what it balances"                                      \
					 : "where the port has a listener of each"                 \
	}

static const struct option listener_options[] = {LISTENER_OPTIONS(0), {}};

static const struct option health_options[] = {
	{.name = "port",
	 .value = "PORT",
	 .parameter = "ListenerPort",
	 .convert = value_port,
	 .help = "only the listeners at this port"},
	{.name = "protocol",
	 .value = "PROTOCOL",
	 .parameter = "ListenerProtocol",
	 .choices = "tcp|udp",
	 .help = "only those of this protocol"},
	{},
};

static const struct argument trace_words[] = {
	{.name = "CLIENT", .parameter = "Client", .convert = value_client, .optional = true},
	{},
};

static const struct option trace_options[] = {
	{.name = "lb",
	 .value = "LB",
	 .parameter = "LoadBalancerId",
	 .help = "with --port: only packets of this listener, both ways"},
	{.name = "port",
	 .value = "PORT",
	 .parameter = "ListenerPort",
	 .convert = value_port,
	 .help = "port of the listener"},
	{.name = "protocol",
	 .value = "PROTOCOL",
	 .parameter = "ListenerProtocol",
	 .choices = "tcp|udp",
	 .help = "where the port has a listener of each"},
	{.name = "reason",
	 .value = "REASON",
	 .parameter = "Reason",
	 .help = "only packets that met this verdict: drops --all lists them"},
	{.name = "every",
	 .value = "N",
	 .parameter = "SampleEvery",
	 .convert = value_number,
	 .help = "one of N of the packets that match (default 1)"},
	{.name = "for",
	 .value = "TIME",
	 .parameter = "DurationMs",
	 .convert = value_duration,
	 .help = "how long: 100ms-10m (default 10s)"},
	{.name = "count",
	 .value = "N",
	 .parameter = "MaxEvents",
	 .convert = value_number,
	 .help = "end after so many packets (default 100000)"},
	{},
};

static const struct option drops_options[] = {
	{.name = "interval",
	 .value = "TIME",
	 .convert = value_duration,
	 .help = "between two looks: at least 10ms (default 1s)"},
	{.name = "once", .help = "print the totals since the maps were made, and exit"},
	{.name = "all", .help = "every reason, also of packets that went as they should"},
	{},
};

static const struct option listener_create_options[] = {
	LISTENER_OPTIONS(OPTION_REQUIRED),
	{.name = "group",
	 .value = "GROUP",
	 .parameter = "MasterSlaveServerGroupId",
	 .flags = OPTION_REQUIRED,
	 .help = "the primary/secondary group that serves it"},
	{.name = "check",
	 .value = "KIND",
	 .choices = "tcp|http|udp|off",
	 .help = "how both servers are checked (default: the protocol's own)"},
	{.name = "interval",
	 .value = "TIME",
	 .parameter = "HealthCheckIntervalMs",
	 .convert = value_duration,
	 .help = "between checks: 10ms-50s (default tcp 2s, udp 5s)"},
	{.name = "timeout",
	 .value = "TIME",
	 .parameter = "HealthCheckTimeoutMs",
	 .convert = value_duration,
	 .help = "of one check: 10ms-300s, at most the interval"},
	{.name = "rise",
	 .value = "N",
	 .parameter = "HealthyThreshold",
	 .convert = value_number,
	 .help = "good checks in a row that make a server healthy: 2-10 (default 3)"},
	{.name = "fall",
	 .value = "N",
	 .parameter = "UnhealthyThreshold",
	 .convert = value_number,
	 .help = "bad checks in a row that make it unhealthy: 2-10 (default 3)"},
	{.name = "check-port",
	 .value = "PORT",
	 .parameter = "HealthCheckConnectPort",
	 .convert = value_port,
	 .help = "port that is checked (default: each server's own)"},
	{.name = "uri", .value = "PATH", .parameter = "HealthCheckURI", .help = "of an http check"},
	{.name = "host",
	 .value = "NAME",
	 .parameter = "HealthCheckDomain",
	 .help = "Host of an http check (default: the server's address)"},
	{.name = "method",
	 .value = "METHOD",
	 .parameter = "HealthCheckMethod",
	 .choices = "head|get",
	 .help = "of an http check (default head)"},
	{.name = "http-codes",
	 .value = "LIST",
	 .parameter = "HealthCheckHttpCode",
	 .convert = value_http_codes,
	 .help = "what an http check likes: 2xx,3xx (default 2xx)"},
	{.name = "request",
	 .value = "TEXT",
	 .parameter = "healthCheckReq",
	 .help = "what a udp check sends"},
	{.name = "expect",
	 .value = "TEXT",
	 .parameter = "healthCheckExp",
	 .help = "what the reply to it must start with"},
	{.name = "silence-is-up", .help = "a udp check without a reply counts as good"},
	{.name = "none-healthy",
	 .value = "POLICY",
	 .parameter = "NoneHealthy",
	 .choices = "reject|drop|last",
	 .help = "what clients meet while no server is healthy (default reject)"},
	{.name = "description", .value = "TEXT", .parameter = "Description", .help = "for people"},
	{.name = "tag", .value = "KEY=VALUE", .flags = OPTION_REPEATED, .help = "may be repeated"},
	{.name = "start", .help = "start it at once; a new listener is stopped else"},
	{},
};

const struct command commands[] = {
	{.group = "",
	 .verb = "status",
	 .arguments = optional_lb,
	 .run = run_status,
	 .summary = "show which server serves each listener, and why"},
	{.group = "",
	 .verb = "health",
	 .arguments = lb_id,
	 .options = health_options,
	 .run = run_health,
	 .summary = "show the health of a load balancer's servers; exit 1 if one is not",
	 .details = "Both servers of a group are checked, also the one that does not serve.\n"},
	{.group = "",
	 .verb = "doctor",
	 .arguments = no_words,
	 .run = run_doctor,
	 .summary = "check this gateway and the network around it; exit 1 if something is wrong",
	 .details =
		 "What was found is good, a note, a warning or an error; below, what to do about "
		 "it.\nNothing on the host is changed.\n"},
	{.group = "",
	 .verb = "drops",
	 .arguments = no_words,
	 .options = drops_options,
	 .run = run_drops,
	 .summary = "show why packets are dropped, rejected or left to the host, and how many",
	 .details = "Goes on until Ctrl-C; --once prints totals.\n"},
	{.group = "",
	 .verb = "trace",
	 .arguments = trace_words,
	 .options = trace_options,
	 .run = run_trace,
	 .summary = "show packets one by one, with what was found and decided for each",
	 .details = "CLIENT is ADDRESS or ADDRESS:PORT, an IPv6 address with a port in brackets:\n"
		    "packets from and to it are shown. Without it and options: all packets. Ends\n"
		    "when its time is over, or by Ctrl-C. With -j: one JSON object a line.\n"},
	{.group = "server",
	 .verb = "add",
	 .arguments = server_add_words,
	 .options = server_add_options,
	 .run = run_server_add,
	 .summary = "tell which address a server id stands for"},
	{.group = "server",
	 .verb = "del",
	 .arguments = server_id,
	 .run = run_server_del,
	 .summary = "remove a server from the inventory"},
	{.group = "server",
	 .verb = "list",
	 .arguments = no_words,
	 .run = run_server_list,
	 .summary = "list the inventory"},
	{.group = "lb",
	 .verb = "create",
	 .arguments = no_words,
	 .options = lb_create_options,
	 .run = run_lb_create,
	 .summary = "create a load balancer and print its id"},
	{.group = "lb",
	 .verb = "list",
	 .arguments = no_words,
	 .run = run_lb_list,
	 .summary = "list the load balancers"},
	{.group = "lb",
	 .verb = "show",
	 .arguments = lb_id,
	 .run = run_lb_show,
	 .summary = "show a load balancer and its listeners"},
	{.group = "lb",
	 .verb = "delete",
	 .arguments = lb_id,
	 .run = run_lb_delete,
	 .summary = "delete a load balancer with its listeners and groups"},
	{.group = "group",
	 .verb = "create",
	 .arguments = no_words,
	 .options = group_create_options,
	 .run = run_group_create,
	 .summary = "create a primary/secondary group and print its id",
	 .details = "SERVER is ID[:PORT][,KEY=VALUE]...: an id of the inventory, or an address;\n"
		    "an IPv6 address stands in brackets. The keys:\n"
		    "  weight=0-100      0 takes no traffic (default 100)\n"
		    "  server-ip=ADDR    the address, where the inventory does not know the id\n"
		    "  type=ecs|eni|eci  kind of server (default ecs)\n"
		    "  description=TEXT  for people\n"
		    "For example: --primary i-web1:8080 --secondary [2001:db8::2]:8080\n"},
	{.group = "group",
	 .verb = "list",
	 .arguments = no_words,
	 .options = of_lb_options,
	 .run = run_group_list,
	 .summary = "list the groups and their servers"},
	{.group = "group",
	 .verb = "show",
	 .arguments = group_id,
	 .run = run_group_show,
	 .summary = "show a group"},
	{.group = "group",
	 .verb = "delete",
	 .arguments = group_id,
	 .run = run_group_delete,
	 .summary = "delete a group that no listener uses"},
	{.group = "listener",
	 .verb = "create",
	 .arguments = no_words,
	 .options = listener_create_options,
	 .run = run_listener_create,
	 .summary = "create a listener: a port of the VIP, with its group and checks",
	 .details =
		 "A udp check needs --request and --expect, or --silence-is-up. TIME is a whole\n"
		 "number and its unit: 10ms, 2s.\n"},
	{.group = "listener",
	 .verb = "list",
	 .arguments = no_words,
	 .options = of_lb_options,
	 .run = run_listener_list,
	 .summary = "list the listeners and their checks"},
	{.group = "listener",
	 .verb = "show",
	 .arguments = no_words,
	 .options = listener_options,
	 .run = run_listener_show,
	 .summary = "show a listener"},
	{.group = "listener",
	 .verb = "start",
	 .arguments = no_words,
	 .options = listener_options,
	 .run = run_listener_start,
	 .summary = "start a listener"},
	{.group = "listener",
	 .verb = "stop",
	 .arguments = no_words,
	 .options = listener_options,
	 .run = run_listener_stop,
	 .summary = "stop a listener"},
	{.group = "listener",
	 .verb = "delete",
	 .arguments = no_words,
	 .options = listener_options,
	 .run = run_listener_delete,
	 .summary = "delete a listener"},
	{.group = "",
	 .verb = "api",
	 .arguments = api_words,
	 .rest = "[KEY=VALUE]...",
	 .run = run_api,
	 .summary = "call an action of the API and print its answer",
	 .details = "RegionId is added where it is not given. Exits with 1 on an error answer.\n"},
	{.group = "",
	 .verb = "help",
	 .arguments = no_words,
	 .rest = "[COMMAND]...",
	 .run = run_help,
	 .summary = "print help"},
	{},
};
