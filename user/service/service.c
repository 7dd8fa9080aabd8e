/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The service as a whole: from the store into memory and the maps at the start. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/codes.h"
#include "service/doctor_internal.h"
#include "service/internal.h"

_Static_assert(DATAPLANE_USAGE_MAX <= ARRAY_SIZE(((struct service_overview *)0)->usage),
	       "service_overview_read() has room for all");
_Static_assert(DATAPLANE_SLOTS == (int)GROUP_SERVERS, "a slot is a role");

struct load {
	struct service *service;
	struct error *reterr;
	struct listener_key *deferred;
	size_t deferred_count;
};

static void free_loadp(struct load *load)
{
	free(load->deferred);
}

static int load_server(const struct server *server, void *userdata)
{
	struct load *load = userdata;

	service_occupancy_add_server(&load->service->occupancy, &server->address);
	return 0;
}

static int load_group(const struct server_group *group, void *userdata)
{
	struct load *load = userdata;
	struct footprint footprint;
	int r;

	r = service_group_locate(load->service, group, &footprint, load->reterr);
	if (r < 0)
		return r;
	service_occupancy_add_group(&load->service->occupancy, &footprint);
	return 0;
}

static int start_listener(struct load *load, const struct listener *listener)
{
	struct runtime *runtime = NULL;
	int r;

	r = service_runtime_start(load->service, listener, &runtime, load->reterr);
	if (r < 0)
		return r;
	service_runtime_take(load->service, runtime);
	return 0;
}

static int load_listener(const struct listener *listener, void *userdata)
{
	struct load *load = userdata;
	struct listener_key key = service_listener_key(listener);
	struct server_group group;
	struct footprint footprint;
	int r;

	r = service_group_get(load->service, listener->group_id, &group, load->reterr);
	if (r < 0)
		return r;
	r = service_group_locate(load->service, &group, &footprint, load->reterr);
	if (r < 0)
		return r;
	service_occupancy_bind(&load->service->occupancy, &footprint, &key);
	if (!listener->running)
		return 0;

	r = start_listener(load, listener);
	if (r != -EEXIST && r != -ENOSPC)
		return r;
	/* A service that the store no longer has may be in the way: after the sweep it is not. */
	load->deferred =
		xreallocarray(load->deferred, load->deferred_count + 1, sizeof(*load->deferred));
	load->deferred[load->deferred_count++] = key;
	if (load->reterr)
		memset(load->reterr, 0, sizeof(*load->reterr));
	return 0;
}

static int load_deferred(struct load *load)
{
	struct listener listener;
	int r;

	for (size_t i = 0; i < load->deferred_count; i++) {
		const struct listener_key *key = &load->deferred[i];

		r = store_listener_get(load->service->store, key->load_balancer_id, key->protocol,
				       key->port, &listener);
		if (r < 0)
			return r;
		r = start_listener(load, &listener);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_store(struct service *service, struct error *reterr)
{
	AUTO(free_load) struct load load = {.service = service, .reterr = reterr};
	unsigned int removed;
	int r;

	r = store_server_walk(service->store, load_server, &load);
	if (r < 0)
		return error_errno(reterr, r, "load the servers");
	r = store_group_walk(service->store, NULL, load_group, &load);
	if (r < 0)
		return error_errno(reterr, r, "load the groups");
	r = store_listener_walk(service->store, NULL, NULL, load_listener, &load);
	if (r < 0)
		return error_errno(reterr, r, "start the listeners");
	removed = dataplane_service_sweep(service->dataplane);
	r = load_deferred(&load);
	if (r < 0)
		return error_errno(reterr, r, "start the listeners");
	log_info("listeners_applied running=%zu removed=%u",
		 service_table_count(&service->runtimes), removed);
	return 0;
}

/* Services before VIPs: the host's own stack must not see a packet of a connection that was
 * tandem's. */
static int start(struct service *service, struct error *reterr)
{
	int r;

	r = service_apply_addresses(service);
	if (r < 0)
		return error_errno(reterr, r, "write this host's addresses");
	r = service_apply_interfaces(service);
	if (r < 0)
		return error_errno(reterr, r, "write the interfaces");
	r = service_apply_routes(service, AF_INET);
	if (r < 0)
		return error_errno(reterr, r, "write this host's IPv4 routes");
	r = service_apply_routes(service, AF_INET6);
	if (r < 0)
		return error_errno(reterr, r, "write this host's IPv6 routes");
	r = load_store(service, reterr);
	if (r < 0)
		return r;
	r = service_start_vips(service, reterr);
	if (r < 0)
		return r;
	service->ready = true;
	return 0;
}

int service_new(sd_event *event, const struct service_options *options, struct service **ret,
		struct error *reterr)
{
	AUTO(service_free) struct service *service = NULL;
	unsigned int adopted = dataplane_adopted_services(options->dataplane);
	int r;

	if (options->store_is_new && adopted) {
		error_set(reterr, CODE_INTERNAL, NULL,
			  "the database is new, but the maps serve %u listeners that it does not "
			  "have: restore the database, or take them down with tandemd --purge",
			  adopted);
		return -ESTALE;
	}

	service = xcalloc(1, sizeof(*service));
	service->event = event;
	service->store = options->store;
	service->dataplane = options->dataplane;
	service->net = options->net;
	service->health = options->health;
	service->manage_vip = options->manage_vip;
	service->vip_ifindex = options->vip_ifindex;
	service->interfaces = options->interfaces;
	service->started = clock_wall_s();
	service->doctor = service_doctor_memory_new();
	r = start(service, reterr);
	if (r < 0)
		return r;
	*ret = TAKE(service);
	return 0;
}

struct service *service_free(struct service *service)
{
	struct table_node *runtime;

	if (!service)
		return NULL;
	service_trace_free(service);
	while ((runtime = service_table_any(&service->runtimes)) != NULL)
		service_runtime_forget((struct runtime *)runtime);
	service_peer_forget_all(service);
	service_occupancy_free(&service->occupancy);
	service_doctor_memory_free(service->doctor);
	free(service);
	return NULL;
}

struct store *service_store(struct service *service)
{
	return service->store;
}
