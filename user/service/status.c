/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is: the store's listeners joined with what runs. */
#include <net/if.h>
#include <string.h>

#include "model/codes.h"
#include "service/internal.h"

struct status_walk {
	struct service *service;
	service_status_visit visit;
	void *userdata;
	struct error *reterr;
	bool ended; /* by the visitor, or by us with @reterr filled */
};

static int fill_server(struct service *service, const struct runtime *runtime, unsigned int slot,
		       struct service_server_status *status, struct error *reterr)
{
	const struct health_target *target = runtime->servers[slot].target;
	char text[LISTENER_KEY_TEXT_MAX];
	int r;

	status->nexthop_resolved = service_peer_is_resolved(service, &status->address);
	if (target) {
		status->checked = true;
		status->health = *health_target_status(target);
	}

	r = dataplane_counters_read(service->dataplane, runtime->index, slot, &status->counters);
	if (r < 0)
		return error_errno(reterr, r, "read the counters of %s",
				   service_listener_key_format(&runtime->key, text));
	return 0;
}

static int fill_runtime(struct service *service, const struct runtime *runtime,
			struct service_listener_status *status, struct error *reterr)
{
	int r;

	status->applied = true;
	status->index = runtime->index;
	status->state = runtime->state;
	status->reason = selection_reason(runtime->state, &runtime->input);
	status->active_since = runtime->active_since;
	status->switches = runtime->switches;
	for (unsigned int slot = 0; slot < GROUP_SERVERS; slot++) {
		r = fill_server(service, runtime, slot, &status->servers[slot], reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int fill(struct service *service, struct service_listener_status *status,
		struct error *reterr)
{
	const struct listener *listener = &status->listener;
	struct listener_key key = service_listener_key(listener);
	const struct runtime *runtime = service_runtime_find(service, &key);
	struct load_balancer balancer;
	struct server_group group;
	struct footprint footprint;
	int r;

	r = service_load_balancer_get(service, listener->load_balancer_id, &balancer, reterr);
	if (r < 0)
		return r;
	r = service_group_get(service, listener->group_id, &group, reterr);
	if (r < 0)
		return r;
	r = service_group_locate(service, &group, &footprint, reterr);
	if (r < 0)
		return r;

	status->vip = balancer.address;
	for (unsigned int slot = 0; slot < footprint.count; slot++) {
		status->servers[slot].server = group.servers[slot];
		status->servers[slot].address = footprint.addresses[slot];
	}
	if (runtime)
		return fill_runtime(service, runtime, status, reterr);
	status->reason = "stopped";
	return 0;
}

static int visit_listener(const struct listener *listener, void *userdata)
{
	struct status_walk *walk = userdata;
	struct service_listener_status status;
	int r;

	memset(&status, 0, sizeof(status));
	status.listener = *listener;
	r = fill(walk->service, &status, walk->reterr);
	if (r >= 0)
		r = walk->visit(&status, walk->userdata);
	walk->ended = r != 0;
	return r;
}

int service_status_walk(struct service *service, const char *load_balancer_id,
			service_status_visit visit, void *userdata, struct error *reterr)
{
	struct status_walk walk = {
		.service = service,
		.visit = visit,
		.userdata = userdata,
		.reterr = reterr,
	};
	struct load_balancer balancer;
	int r;

	if (load_balancer_id) {
		r = service_load_balancer_get(service, load_balancer_id, &balancer, reterr);
		if (r < 0)
			return r;
	}
	r = store_listener_walk(service->store, load_balancer_id, NULL, visit_listener, &walk);
	if (r < 0 && !walk.ended)
		return error_errno(reterr, r, "read the listeners");
	return r;
}

static int read_interfaces(struct service *service, struct service_overview *overview,
			   struct error *reterr)
{
	int r;

	for (const char *const *name = service->interfaces; name && *name; name++) {
		unsigned int i = overview->interface_count;

		if (i == TD_MAX_DEVICES)
			break;
		overview->interfaces[i].name = *name;
		/* 0 where it is gone: nothing was sent on it then. */
		overview->interfaces[i].ifindex = if_nametoindex(*name);
		r = dataplane_send_errors_read(service->dataplane, overview->interfaces[i].ifindex,
					       &overview->interfaces[i].send_errors);
		if (r < 0)
			return error_errno(reterr, r, "read the send errors of %s", *name);
		overview->interface_count++;
	}
	return 0;
}

int service_overview_read(struct service *service, struct service_overview *ret,
			  struct error *reterr)
{
	struct dataplane_usage usage[DATAPLANE_USAGE_MAX];
	struct service_overview overview;
	int r;

	memset(&overview, 0, sizeof(overview));
	overview.started = service->started;
	overview.probes = health_probe_count(service->health);

	r = net_forwarding(AF_INET, &overview.forwarding4);
	if (r < 0)
		return error_errno(reterr, r, "read net.ipv4.ip_forward");
	r = net_forwarding(AF_INET6, &overview.forwarding6);
	if (r < 0)
		return error_errno(reterr, r, "read net.ipv6.conf.all.forwarding");
	r = dataplane_reasons_read(service->dataplane, overview.reasons);
	if (r < 0)
		return error_errno(reterr, r, "read the reasons");
	r = read_interfaces(service, &overview, reterr);
	if (r < 0)
		return r;

	overview.usage_count = dataplane_usage_read(service->dataplane, usage);
	for (unsigned int i = 0; i < overview.usage_count; i++) {
		overview.usage[i].map = usage[i].map;
		overview.usage[i].used = usage[i].used;
		overview.usage[i].max = usage[i].max;
	}
	*ret = overview;
	return 0;
}
