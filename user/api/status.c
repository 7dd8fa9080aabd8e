/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/bpf.h>
#include <string.h>

#include "api/answer.h"
#include "api/filter.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "model/codes.h"
#include "service/service.h"
#include "store/store.h"
#include "tandem/select.h"

struct health_request {
	const char *load_balancer_id;
	uint16_t port; /* 0: all */
	int protocol;  /* 0: all */
};

static const struct field health_fields[] = {
	{"LoadBalancerId", FIELD_BORROWED, FIELD_AT(struct health_request, load_balancer_id),
	 FIELD_REQUIRED},
	{"ListenerPort", FIELD_INTEGER, FIELD_AT(struct health_request, port), .min = 1,
	 .max = 65535},
	{"ListenerProtocol", FIELD_PARSED, FIELD_AT(struct health_request, protocol),
	 .parse = handlers_parse_protocol, .expected = "tcp or udp"},
};
const struct request_layout health_status_layout =
	REQUEST_LAYOUT(struct health_request, health_fields, NULL);

struct health_walk {
	const struct health_request *wanted;
	json_t *items;
	bool found;
};

/* In the API's words; both servers alike, the idle one too. */
static const char *health_word(const struct service_server_status *server)
{
	if (!server->checked || server->health.state == HEALTH_UNKNOWN)
		return "unavailable";
	return server->health.state == HEALTH_UP ? "normal" : "abnormal";
}

static int visit_health(const struct service_listener_status *status, void *userdata)
{
	struct health_walk *walk = userdata;
	const struct listener *listener = &status->listener;

	if (walk->wanted->port && walk->wanted->port != listener->port)
		return 0;
	if (walk->wanted->protocol && walk->wanted->protocol != (int)listener->protocol)
		return 0;
	walk->found = true;
	for (unsigned int i = 0; i < GROUP_SERVERS; i++) {
		const struct service_server_status *server = &status->servers[i];
		json_t *item = answer_append_object(walk->items);

		answer_set_integer(item, "ListenerPort", listener->port);
		answer_set_text(item, "Protocol", protocol_name(listener->protocol));
		answer_set_text(item, "ServerId", server->server.server_id);
		answer_set_address(item, "ServerIp", &server->address);
		answer_set_integer(item, "Port", server->server.port);
		answer_set_text(item, "Type", server_type_name(server->server.type));
		answer_set_text(item, "ServerHealthStatus", health_word(server));
	}
	return 0;
}

int health_status_show(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	struct health_walk walk = {.wanted = request};
	struct load_balancer balancer;
	int r;

	r = service_load_balancer_get(call->service, walk.wanted->load_balancer_id, &balancer,
				      reterr);
	if (r < 0)
		return r;
	walk.items = answer_set_list(answer, "BackendServers", "BackendServer");
	r = service_status_walk(call->service, balancer.id, visit_health, &walk, reterr);
	if (r < 0)
		return r;
	if (walk.wanted->port && !walk.found)
		return error_set(reterr, CODE_INVALID_PARAMETER_NOT_FOUND, "ListenerPort",
				 "The specified resource does not exist.");
	return 0;
}

struct status_request {
	const char *load_balancer_id; /* NULL: all */
};

static const struct field status_fields[] = {
	{"LoadBalancerId", FIELD_BORROWED, FIELD_AT(struct status_request, load_balancer_id)},
};
const struct request_layout status_layout =
	REQUEST_LAYOUT(struct status_request, status_fields, NULL);

struct status_walk {
	const struct call *call;
	uint64_t now_us;
	json_t *items;
	struct load_balancer balancer; /* of the last listener, since neighbours share it */
};

static const char *active_word(const struct service_listener_status *status)
{
	if (!status->applied)
		return "none";
	switch (td_select(status->state)) {
	case TD_SELECT_PRIMARY:
		return server_role_name(ROLE_MASTER);
	case TD_SELECT_SECONDARY:
		return server_role_name(ROLE_SLAVE);
	default:
		return "none";
	}
}

static void write_counters(const struct td_counters *counters, json_t *object)
{
	answer_set_integer(object, "PacketsIn", (int64_t)counters->packets_in);
	answer_set_integer(object, "BytesIn", (int64_t)counters->bytes_in);
	answer_set_integer(object, "PacketsOut", (int64_t)counters->packets_out);
	answer_set_integer(object, "BytesOut", (int64_t)counters->bytes_out);
	answer_set_integer(object, "Syn", (int64_t)counters->syn);
	answer_set_integer(object, "SynAck", (int64_t)counters->syn_ack);
	answer_set_integer(object, "Rst", (int64_t)counters->rst);
	answer_set_integer(object, "Refused", (int64_t)counters->refused);
}

/* Milliseconds from @then to @now. */
static int64_t elapsed_ms(uint64_t now_us, uint64_t then_us)
{
	return now_us > then_us ? (int64_t)((now_us - then_us) / 1000) : 0;
}

static void write_server(const struct service_server_status *server, uint64_t now_us, json_t *item)
{
	const struct backend_server *backend = &server->server;
	const struct health_status *health = &server->health;

	answer_set_text(item, "ServerId", backend->server_id);
	answer_set_address(item, "ServerIp", &server->address);
	answer_set_integer(item, "Port", backend->port);
	answer_set_integer(item, "Weight", backend->weight);
	answer_set_text(item, "Type", server_type_name(backend->type));
	answer_set_text(item, "ServerType", server_role_name(backend->role));
	answer_set_text(item, "Health",
			server->checked ? health_state_name(health->state) : "unchecked");
	answer_set_text(item, "LastResult", health_result_name(health->last_result));
	answer_set_text(item, "Evidence", health->evidence);
	answer_set_integer(item, "Consecutive", health->consecutive);
	answer_set_integer(item, "SinceMs",
			   server->checked ? elapsed_ms(now_us, health->state_since_us) : 0);
	answer_set_integer(item, "LastProbeAgoMs",
			   health->last_probe_us ? elapsed_ms(now_us, health->last_probe_us) : -1);
	answer_set_integer(item, "ProbeDurationUs", (int64_t)health->last_duration_us);
	answer_set_text(item, "NextHop", server->nexthop_resolved ? "resolved" : "unresolved");
	write_counters(&server->counters, answer_set_object(item, "Counters"));
}

static void write_listener(const struct service_listener_status *status, json_t *item)
{
	const struct listener *listener = &status->listener;
	const struct health_check *check = &listener->check;

	answer_set_address(item, "Address", &status->vip);
	answer_set_integer(item, "ListenerPort", listener->port);
	answer_set_text(item, "ListenerProtocol", protocol_name(listener->protocol));
	answer_set_text(item, "Description", listener->description);
	answer_set_text(item, "Status", listener->running ? "running" : "stopped");
	answer_set_text(item, "MasterSlaveServerGroupId", listener->group_id);
	answer_set_text(item, "NoneHealthy", none_healthy_name(listener->none_healthy));
	answer_set_text(item, "Active", active_word(status));
	answer_set_text(item, "Reason", status->reason);
	if (status->active_since)
		answer_set_time(item, "ActiveSince", status->active_since);
	else
		answer_set_text(item, "ActiveSince", "");
	answer_set_integer(item, "Switches", status->switches);
	answer_set_integer(item, "Epoch",
			   status->applied ? (int64_t)(status->state >> TD_STATE_EPOCH_SHIFT) : 0);
	answer_set_switch(item, "HealthCheck", check->enabled);
	answer_set_text(item, "HealthCheckType", check_type_name(check->type));
	answer_set_integer(item, "HealthCheckIntervalMs", check->interval_ms);
	answer_set_integer(item, "HealthCheckTimeoutMs", check->timeout_ms);
	answer_set_integer(item, "HealthyThreshold", check->healthy_threshold);
	answer_set_integer(item, "UnhealthyThreshold", check->unhealthy_threshold);
}

static int visit_status(const struct service_listener_status *status, void *userdata)
{
	struct status_walk *walk = userdata;
	const char *balancer_id = status->listener.load_balancer_id;
	json_t *item, *servers;
	int r;

	if (strcmp(walk->balancer.id, balancer_id) != 0) {
		r = store_load_balancer_get(service_store(walk->call->service), balancer_id,
					    &walk->balancer);
		if (r < 0)
			return r;
	}
	item = answer_append_object(walk->items);
	answer_set_text(item, "LoadBalancerId", balancer_id);
	answer_set_text(item, "LoadBalancerName", walk->balancer.name);
	write_listener(status, item);
	servers = answer_set_list(item, "Servers", "Server");
	for (unsigned int i = 0; i < GROUP_SERVERS; i++)
		write_server(&status->servers[i], walk->now_us, answer_append_object(servers));
	return 0;
}

static void write_reasons(const struct service_overview *overview, json_t *agent)
{
	static const struct {
		const char *name;
		enum xdp_action action;
	} reasons[] = {
#define REASON_ROW(symbol, name, action) [symbol] = {name, action},
		TD_REASONS(REASON_ROW)
#undef REASON_ROW
	};
	static const char *const actions_by_name[] = {
		[XDP_ABORTED] = "aborted", [XDP_DROP] = "drop",		[XDP_PASS] = "pass",
		[XDP_TX] = "tx",	   [XDP_REDIRECT] = "redirect",
	};
	json_t *list = answer_set_list(agent, "Reasons", "Reason");

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		json_t *item = answer_append_object(list);

		answer_set_text(item, "Name", reasons[i].name);
		answer_set_text(item, "Action", actions_by_name[reasons[i].action]);
		answer_set_integer(item, "Packets", (int64_t)overview->reasons[i].packets);
		answer_set_integer(item, "Bytes", (int64_t)overview->reasons[i].bytes);
	}
}

/* A device that takes fewer frames than it is given, and names no error, has no room for them. */
static const char *send_error_text(const struct td_send_errors *errors)
{
	if (errors->last_error)
		return strerror((int)-errors->last_error);
	return errors->frames ? "queue full" : "";
}

static void write_interfaces(const struct service_overview *overview, json_t *agent)
{
	json_t *list = answer_set_list(agent, "Interfaces", "Interface");

	for (unsigned int i = 0; i < overview->interface_count; i++) {
		const struct td_send_errors *errors = &overview->interfaces[i].send_errors;
		json_t *item = answer_append_object(list);

		answer_set_text(item, "Name", overview->interfaces[i].name);
		answer_set_integer(item, "Index", overview->interfaces[i].ifindex);
		answer_set_integer(item, "SendErrors", (int64_t)errors->frames);
		answer_set_text(item, "LastSendError", send_error_text(errors));
	}
}

static void write_agent(const struct call *call, const struct service_overview *overview,
			json_t *agent)
{
	json_t *forwarding, *maps;

	answer_set_text(agent, "Version", TANDEM_VERSION);
	answer_set_time(agent, "StartTime", overview->started);
	answer_set_integer(agent, "Probes", (int64_t)overview->probes);
	answer_set_text(agent, "RegionId", call->region_id);

	forwarding = answer_set_object(agent, "Forwarding");
	answer_set_bool(forwarding, "IPv4", overview->forwarding4);
	answer_set_bool(forwarding, "IPv6", overview->forwarding6);

	write_interfaces(overview, agent);
	maps = answer_set_list(agent, "Maps", "Map");
	for (unsigned int i = 0; i < overview->usage_count; i++) {
		json_t *item = answer_append_object(maps);

		answer_set_text(item, "Name", overview->usage[i].map);
		answer_set_integer(item, "Used", overview->usage[i].used);
		answer_set_integer(item, "Max", overview->usage[i].max);
	}
	write_reasons(overview, agent);
}

int status_show(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	const struct status_request *wanted = request;
	struct status_walk walk = {.call = call, .now_us = clock_monotonic_us()};
	struct service_overview overview = {0};
	int r;

	if (wanted->load_balancer_id) {
		r = service_load_balancer_get(call->service, wanted->load_balancer_id,
					      &walk.balancer, reterr);
		if (r < 0)
			return r;
	}
	r = service_overview_read(call->service, &overview, reterr);
	if (r < 0)
		return r;
	write_agent(call, &overview, answer_set_object(answer, "Agent"));

	walk.items = answer_set_list(answer, "Listeners", "Listener");
	r = service_status_walk(call->service, wanted->load_balancer_id, visit_status, &walk,
				reterr);
	return r < 0 ? error_errno(reterr, r, "read the status of listeners") : 0;
}
