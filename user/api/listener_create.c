/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "api/handlers.h"
#include "base/memory.h"
#include "base/parse.h"
#include "model/codes.h"
#include "model/listener.h"
#include "service/service.h"

/* CreateLoadBalancerTCPListener and CreateLoadBalancerUDPListener. */
struct create_request {
	struct listener listener;
	/* 0: not given. Seconds are the API's, milliseconds ours. */
	uint32_t interval_s, interval_ms;
	uint32_t timeout_s, timeout_ms;
	const char *payload, *expect;
	const char *group_id, *vserver_group_id, *backend_port;
};

static void create_tcp_init(void *request)
{
	struct create_request *create = request;

	listener_init(&create->listener, PROTOCOL_TCP);
}

static void create_udp_init(void *request)
{
	struct create_request *create = request;

	listener_init(&create->listener, PROTOCOL_UDP);
}

static int parse_none_healthy(const char *text, void *ret)
{
	return none_healthy_parse(text, ret);
}

static int parse_check_type(const char *text, void *ret)
{
	return check_type_parse(text, ret);
}

static int parse_tcp_check_type(const char *text, void *ret)
{
	enum check_type type;
	int r;

	r = check_type_parse(text, &type);
	if (r < 0)
		return r;
	if (type == CHECK_UDP)
		return -EINVAL;
	*(enum check_type *)ret = type;
	return 0;
}

static int parse_check_method(const char *text, void *ret)
{
	return check_method_parse(text, ret);
}

static int parse_http_codes(const char *text, void *ret)
{
	return http_codes_parse(text, ret);
}

/* Older clients say -520 for each server's own port. */
static int parse_connect_port(const char *text, void *ret)
{
	int64_t port;
	int r;

	if (strcmp(text, "-520") == 0) {
		*(uint16_t *)ret = 0;
		return 0;
	}
	r = parse_integer(text, 1, UINT16_MAX, &port);
	if (r < 0)
		return r;
	*(uint16_t *)ret = (uint16_t)port;
	return 0;
}

#define CHECK_AT(member) FIELD_AT(struct create_request, listener.check.member)

#define COMMON_FIELDS                                                                              \
	{"LoadBalancerId", FIELD_TEXT, FIELD_AT(struct create_request, listener.load_balancer_id), \
	 FIELD_REQUIRED},                                                                          \
		{"ListenerPort", FIELD_INTEGER, FIELD_AT(struct create_request, listener.port),    \
		 FIELD_REQUIRED, .min = 1,	.max = 65535},                                     \
		{"MasterSlaveServerGroupId", FIELD_BORROWED,                                       \
		 FIELD_AT(struct create_request, group_id)},                                       \
		{"VServerGroupId", FIELD_BORROWED,                                                 \
		 FIELD_AT(struct create_request, vserver_group_id)},                               \
		{"BackendServerPort", FIELD_BORROWED,                                              \
		 FIELD_AT(struct create_request, backend_port)},                                   \
		{"Description", FIELD_TEXT,                                                        \
		 FIELD_AT(struct create_request, listener.description)},                           \
		{"Tag", FIELD_TAGS, FIELD_AT(struct create_request, listener.tags)},               \
		{"NoneHealthy", FIELD_PARSED,                                                      \
		 FIELD_AT(struct create_request, listener.none_healthy),                           \
		 .parse = parse_none_healthy, .expected = "reject, drop or last"},                 \
		{"HealthCheckSwitch", FIELD_SWITCH, CHECK_AT(enabled)},                            \
		{"HealthCheckConnectPort", FIELD_PARSED, CHECK_AT(connect_port),                   \
		 .parse = parse_connect_port, .expected = "a port within 1 to 65535"},             \
		{"HealthyThreshold", FIELD_INTEGER, CHECK_AT(healthy_threshold), .min = 2,         \
		 .max = 10},                                                                       \
		{"UnhealthyThreshold", FIELD_INTEGER, CHECK_AT(unhealthy_threshold), .min = 2,     \
		 .max = 10},                                                                       \
		{"healthCheckInterval", FIELD_INTEGER,                                             \
		 FIELD_AT(struct create_request, interval_s), .min = 1, .max = 50},                \
		{"HealthCheckIntervalMs", FIELD_INTEGER,                                           \
		 FIELD_AT(struct create_request, interval_ms), .min = 10, .max = 50000},           \
		{"HealthCheckConnectTimeout", FIELD_INTEGER,                                       \
		 FIELD_AT(struct create_request, timeout_s), .min = 1, .max = 300},                \
		{"HealthCheckTimeoutMs", FIELD_INTEGER,                                            \
		 FIELD_AT(struct create_request, timeout_ms), .min = 10, .max = 300000},           \
		{"HealthCheckDomain", FIELD_TEXT, CHECK_AT(domain)},                               \
		{"HealthCheckURI", FIELD_TEXT, CHECK_AT(uri)},                                     \
		{"HealthCheckHttpCode", FIELD_PARSED, CHECK_AT(http_codes),                        \
		 .parse = parse_http_codes,                                                        \
		 .expected = "a list of http_2xx, http_3xx, http_4xx and http_5xx"},               \
		{"HealthCheckMethod", FIELD_PARSED, CHECK_AT(method), .parse = parse_check_method, \
		 .expected = "head or get"},                                                       \
		{"healthCheckReq", FIELD_BORROWED, FIELD_AT(struct create_request, payload)},      \
		{"healthCheckExp", FIELD_BORROWED, FIELD_AT(struct create_request, expect)},       \
		{"HealthCheckAssumeUpOnSilence", FIELD_SWITCH, CHECK_AT(assume_up_on_silence)},    \
		{"Bandwidth", FIELD_FIXED, .expected = "-1"},                                      \
		{"Scheduler", FIELD_FIXED, .expected = "wrr"},                                     \
		{"PersistenceTimeout", FIELD_FIXED, .expected = "0"},                              \
		{"EstablishedTimeout", FIELD_FIXED, .expected = "900"},                            \
		{"AclStatus", FIELD_FIXED, .expected = "off"},                                     \
		{"ProxyProtocolV2Enabled", FIELD_FIXED, .expected = "false"},                      \
	{                                                                                          \
		"ConnectionDrain", FIELD_FIXED, .expected = "off"                                  \
	}

static const struct field create_tcp_fields[] = {
	COMMON_FIELDS,
	{"HealthCheckType", FIELD_PARSED, CHECK_AT(type), .parse = parse_tcp_check_type,
	 .expected = "tcp or http"},
};
static const struct field create_udp_fields[] = {
	COMMON_FIELDS,
	{"HealthCheckType", FIELD_PARSED, CHECK_AT(type), .parse = parse_check_type,
	 .expected = "udp, tcp or http"},
};
const struct request_layout listener_create_tcp_layout =
	REQUEST_LAYOUT(struct create_request, create_tcp_fields, create_tcp_init);
const struct request_layout listener_create_udp_layout =
	REQUEST_LAYOUT(struct create_request, create_udp_fields, create_udp_init);

static int read_group(struct create_request *create, struct error *reterr)
{
	if (create->vserver_group_id && create->group_id)
		return error_set(reterr, CODE_BOTH_GROUPS, "VServerGroupId",
				 "VServerGroupId and MasterSlaveServerGroupId exclude each other.");
	if (create->vserver_group_id)
		return error_set(reterr, CODE_UNSUPPORTED_PARAMETER, "VServerGroupId",
				 "VServerGroupId %.80s is not supported: give "
				 "MasterSlaveServerGroupId.",
				 create->vserver_group_id);
	/* With a group its servers' ports are what counts, as in the cloud. */
	if (create->backend_port && !create->group_id)
		return error_set(reterr, CODE_UNSUPPORTED_PARAMETER, "BackendServerPort",
				 "BackendServerPort %.80s without a group is not supported: give "
				 "MasterSlaveServerGroupId.",
				 create->backend_port);
	if (create->group_id &&
	    string_copy(create->listener.group_id, sizeof(create->listener.group_id),
			create->group_id) < 0)
		return error_set(reterr, CODE_INVALID_PARAMETER_NOT_FOUND,
				 "MasterSlaveServerGroupId",
				 "The specified MasterSlaveGroupId does not exist.");
	return 0;
}

static int read_duration(uint32_t seconds, uint32_t milliseconds, const char *const names[2],
			 uint32_t *member, struct error *reterr)
{
	if (seconds && milliseconds)
		return error_set(reterr, CODE_INVALID_PARAMETER, names[1],
				 "%s and %s exclude each other: give one of them.", names[0],
				 names[1]);
	if (seconds)
		*member = seconds * 1000;
	else if (milliseconds)
		*member = milliseconds;
	return 0;
}

static int read_payloads(struct create_request *create, struct error *reterr)
{
	struct health_check *check = &create->listener.check;
	int max = (int)sizeof(check->request) - 1;

	if (create->payload &&
	    string_copy(check->request, sizeof(check->request), create->payload) < 0)
		return error_set(reterr, CODE_HEALTH_CHECK_REQ_LENGTH, "healthCheckReq",
				 "healthCheckReq must have 1 to %d characters.", max);
	if (create->expect && string_copy(check->expect, sizeof(check->expect), create->expect) < 0)
		return error_set(reterr, CODE_HEALTH_CHECK_EXP_LENGTH, "healthCheckExp",
				 "healthCheckExp must have 1 to %d characters.", max);
	return 0;
}

static int create(const struct call *call, struct create_request *create, struct error *reterr)
{
	static const char *const interval_names[] = {"healthCheckInterval",
						     "HealthCheckIntervalMs"};
	static const char *const timeout_names[] = {"HealthCheckConnectTimeout",
						    "HealthCheckTimeoutMs"};
	struct health_check *check = &create->listener.check;
	int r;

	r = read_group(create, reterr);
	if (r < 0)
		return r;
	r = read_duration(create->interval_s, create->interval_ms, interval_names,
			  &check->interval_ms, reterr);
	if (r < 0)
		return r;
	r = read_duration(create->timeout_s, create->timeout_ms, timeout_names, &check->timeout_ms,
			  reterr);
	if (r < 0)
		return r;
	r = read_payloads(create, reterr);
	if (r < 0)
		return r;
	return service_listener_create(call->service, &create->listener, reterr);
}

int listener_create_tcp(const struct call *call, void *request, json_t *answer,
			struct error *reterr)
{
	struct create_request *wanted = request;

	(void)answer;
	/* The API: who gives a path wants an HTTP check. */
	if (wanted->listener.check.uri[0] && !params_get_filled(call->params, "HealthCheckType"))
		wanted->listener.check.type = CHECK_HTTP;
	return create(call, wanted, reterr);
}

int listener_create_udp(const struct call *call, void *request, json_t *answer,
			struct error *reterr)
{
	(void)answer;
	return create(call, request, reterr);
}
