/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "model/codes.h"
#include "model/listener.h"
#include "service/service.h"

int handlers_parse_protocol(const char *text, void *ret)
{
	enum protocol protocol;
	int r;

	r = protocol_parse(text, &protocol);
	if (r < 0)
		return r;
	*(int *)ret = (int)protocol;
	return 0;
}

struct port_request {
	const char *load_balancer_id;
	uint16_t port;
	int protocol; /* 0: the only one on that port */
};

static const struct field port_fields[] = {
	{"LoadBalancerId", FIELD_BORROWED, FIELD_AT(struct port_request, load_balancer_id),
	 FIELD_REQUIRED},
	{"ListenerPort", FIELD_INTEGER, FIELD_AT(struct port_request, port), FIELD_REQUIRED,
	 .min = 1, .max = 65535},
	{"ListenerProtocol", FIELD_PARSED, FIELD_AT(struct port_request, protocol),
	 .parse = handlers_parse_protocol, .expected = "tcp or udp"},
};
const struct request_layout listener_port_layout =
	REQUEST_LAYOUT(struct port_request, port_fields, NULL);

/* The same without a protocol, which the action's name says. */
static const struct field id_fields[] = {
	{"LoadBalancerId", FIELD_BORROWED, FIELD_AT(struct port_request, load_balancer_id),
	 FIELD_REQUIRED},
	{"ListenerPort", FIELD_INTEGER, FIELD_AT(struct port_request, port), FIELD_REQUIRED,
	 .min = 1, .max = 65535},
};
const struct request_layout listener_id_layout =
	REQUEST_LAYOUT(struct port_request, id_fields, NULL);

static int find(const struct call *call, const struct port_request *wanted, struct listener *ret,
		struct error *reterr)
{
	return service_listener_find(call->service, wanted->load_balancer_id, wanted->protocol,
				     wanted->port, ret, reterr);
}

int listener_start(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	struct listener listener;
	int r;

	(void)answer;
	r = find(call, request, &listener, reterr);
	if (r < 0)
		return r;
	return service_listener_start(call->service, &listener, reterr);
}

int listener_stop(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	struct listener listener;
	int r;

	(void)answer;
	r = find(call, request, &listener, reterr);
	if (r < 0)
		return r;
	return service_listener_stop(call->service, &listener, reterr);
}

int listener_delete(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	struct listener listener;
	int r;

	(void)answer;
	r = find(call, request, &listener, reterr);
	if (r < 0)
		return r;
	return service_listener_delete(call->service, &listener, reterr);
}

/* Clients that read take a missing load balancer for what it means here: no such listener. */
static int find_to_show(const struct call *call, struct port_request *wanted,
			enum protocol protocol, struct listener *ret, struct error *reterr)
{
	int r;

	wanted->protocol = (int)protocol;
	r = find(call, wanted, ret, reterr);
	if (r < 0 && reterr->code == CODE_INVALID_LOAD_BALANCER)
		return error_set(reterr, CODE_INVALID_PARAMETER_NOT_FOUND, "LoadBalancerId",
				 "The specified resource does not exist.");
	return r;
}

/* The API counts in whole seconds, and clients take 0 for "not set". */
static int64_t round_up_to_s(uint32_t milliseconds)
{
	return (milliseconds + 999) / 1000;
}

static void write_check(const struct health_check *check, json_t *object)
{
	answer_set_switch(object, "HealthCheck", check->enabled);
	answer_set_integer(object, "HealthyThreshold", check->healthy_threshold);
	answer_set_integer(object, "UnhealthyThreshold", check->unhealthy_threshold);
	answer_set_integer(object, "HealthCheckInterval", round_up_to_s(check->interval_ms));
	answer_set_integer(object, "HealthCheckIntervalMs", check->interval_ms);
	answer_set_integer(object, "HealthCheckConnectTimeout", round_up_to_s(check->timeout_ms));
	answer_set_integer(object, "HealthCheckTimeoutMs", check->timeout_ms);
	if (check->connect_port)
		answer_set_integer(object, "HealthCheckConnectPort", check->connect_port);
}

/* Empty where the check is no HTTP check: clients expect the names to be there, and compare. */
static void write_http_check(const struct health_check *check, json_t *object)
{
	bool is_http = check->type == CHECK_HTTP;
	char codes[HTTP_CODES_TEXT_MAX];

	answer_set_text(object, "HealthCheckType", check_type_name(check->type));
	answer_set_text(object, "HealthCheckDomain", is_http ? check->domain : "");
	answer_set_text(object, "HealthCheckURI", is_http && !check->uri[0] ? "/" : check->uri);
	answer_set_text(object, "HealthCheckHttpCode",
			is_http ? http_codes_format(check->http_codes, codes) : "");
	answer_set_text(object, "HealthCheckMethod",
			is_http ? check_method_name(check->method) : "");
}

static void write_listener(const struct listener *listener, json_t *object)
{
	answer_set_text(object, "LoadBalancerId", listener->load_balancer_id);
	answer_set_integer(object, "ListenerPort", listener->port);
	answer_set_text(object, "Status", listener->running ? "running" : "stopped");
	answer_set_text(object, "Description", listener->description);
	answer_set_text(object, "MasterSlaveServerGroupId", listener->group_id);
	answer_set_text(object, "VServerGroupId", "");
	answer_set_text(object, "NoneHealthy", none_healthy_name(listener->none_healthy));
	answer_set_text(object, "Scheduler", "wrr");
	answer_set_integer(object, "Bandwidth", -1);
	answer_set_text(object, "AclStatus", "off");
	answer_set_text(object, "AclType", "");
	answer_set_text(object, "AclId", "");
	answer_set_list(object, "AclIds", "AclId");
	answer_set_bool(object, "ProxyProtocolV2Enabled", false);
	write_check(&listener->check, object);
	answer_set_tags(object, &listener->tags);
}

int listener_show_tcp(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	struct listener listener;
	int r;

	r = find_to_show(call, request, PROTOCOL_TCP, &listener, reterr);
	if (r < 0)
		return r;
	write_listener(&listener, answer);
	write_http_check(&listener.check, answer);
	answer_set_integer(answer, "PersistenceTimeout", 0);
	answer_set_integer(answer, "EstablishedTimeout", 900);
	answer_set_text(answer, "ConnectionDrain", "off");
	answer_set_text(answer, "SynProxy", "disable");
	return 0;
}

int listener_show_udp(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	const struct health_check *check;
	struct listener listener;
	int r;

	r = find_to_show(call, request, PROTOCOL_UDP, &listener, reterr);
	if (r < 0)
		return r;
	check = &listener.check;
	write_listener(&listener, answer);
	answer_set_text(answer, "HealthCheckReq", check->request);
	answer_set_text(answer, "HealthCheckExp", check->expect);
	answer_set_switch(answer, "HealthCheckAssumeUpOnSilence", check->assume_up_on_silence);
	/* Clients do not expect a type here, so only what is ours to add names one. */
	if (check->type != CHECK_UDP)
		write_http_check(check, answer);
	return 0;
}
