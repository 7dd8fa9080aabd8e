/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "api/actions.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/handlers.h"
#include "base/memory.h"
#include "model/codes.h"

const struct action actions[] = {
	{"CreateLoadBalancer", ACTION_NEEDS_REGION, &balancer_create_layout, balancer_create},
	{"DescribeLoadBalancers", ACTION_NEEDS_REGION, &balancer_list_layout, balancer_list},
	{"DescribeLoadBalancerAttribute", 0, &balancer_id_layout, balancer_show},
	{"DeleteLoadBalancer", 0, &balancer_id_layout, balancer_delete},
	{"CreateMasterSlaveServerGroup", ACTION_NEEDS_REGION, &group_create_layout, group_create},
	{"DescribeMasterSlaveServerGroups", ACTION_NEEDS_REGION, &group_list_layout, group_list},
	{"DescribeMasterSlaveServerGroupAttribute", ACTION_NEEDS_REGION, &group_id_layout,
	 group_show},
	{"DeleteMasterSlaveServerGroup", ACTION_NEEDS_REGION, &group_id_layout, group_delete},
	{"CreateLoadBalancerTCPListener", 0, &listener_create_tcp_layout, listener_create_tcp},
	{"CreateLoadBalancerUDPListener", 0, &listener_create_udp_layout, listener_create_udp},
	{"StartLoadBalancerListener", 0, &listener_port_layout, listener_start},
	{"StopLoadBalancerListener", 0, &listener_port_layout, listener_stop},
	{"DeleteLoadBalancerListener", 0, &listener_port_layout, listener_delete},
	{"DescribeLoadBalancerTCPListenerAttribute", 0, &listener_id_layout, listener_show_tcp},
	{"DescribeLoadBalancerUDPListenerAttribute", 0, &listener_id_layout, listener_show_udp},
	{"DescribeHealthStatus", 0, &health_status_layout, health_status_show},
	/* Ours. */
	{"RegisterServer", 0, &server_register_layout, server_register},
	{"DeregisterServer", 0, &server_id_layout, server_deregister},
	{"DescribeServers", 0, &server_list_layout, server_list},
	{"DescribeStatus", 0, &status_layout, status_show},
	{"DescribeDoctor", 0, &doctor_layout, doctor_show},
	{"StartTrace", 0, &trace_start_layout, trace_start},
	{"DescribeTrace", 0, &trace_show_layout, trace_show},
	{"StopTrace", 0, &trace_stop_layout, trace_stop},
};
const size_t actions_count = ARRAY_SIZE(actions);

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < actions_count; i++) {
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	}
	return NULL;
}

/* What every action takes, before its own parameters. */
static int check_common(const struct call *call, const struct action *action, struct error *reterr)
{
	const char *version = params_get_filled(call->params, "Version");
	const char *format = params_get_filled(call->params, "Format");
	const char *region = params_get_filled(call->params, "RegionId");

	if (version && strcmp(version, "2014-05-15") != 0)
		return error_set(
			reterr, CODE_INVALID_VERSION, "Version",
			"Specified parameter Version is not valid: %.80s. It must be 2014-05-15.",
			version);
	if (format && strcasecmp(format, "JSON") != 0)
		return error_set(reterr, CODE_UNSUPPORTED_PARAMETER, "Format",
				 "Format %.80s is not supported. What is: JSON.", format);
	if (!region && (action->flags & ACTION_NEEDS_REGION))
		return fields_missing("RegionId", reterr);
	if (region && strcmp(region, call->region_id) != 0)
		return error_set(reterr, CODE_INVALID_REGION, "RegionId",
				 "The specified RegionId does not exist: %.80s. This is region %s.",
				 region, call->region_id);
	return 0;
}

int actions_run(const struct call *call, json_t *answer, const struct action **ret_action,
		struct error *reterr)
{
	AUTO(free_memory) void *request = NULL;
	const char *name = params_get_filled(call->params, "Action");
	const struct action *action;
	int r;

	if (!name)
		return fields_missing("Action", reterr);
	action = find_action(name);
	if (!action)
		return error_set(reterr, CODE_INVALID_ACTION, "Action",
				 "Specified api is not found, please check your url and method: "
				 "Action %.80s.",
				 name);
	*ret_action = action;

	r = check_common(call, action, reterr);
	if (r < 0)
		return r;

	request = xcalloc(1, action->layout->size);
	if (action->layout->init)
		action->layout->init(request);
	r = fields_read(action->layout, call->params, request, reterr);
	if (r < 0)
		return r;
	return action->handle(call, request, answer, reterr);
}
