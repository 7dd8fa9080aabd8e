/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A running listener: its servers' next hops and checks, and the state word that they lead to. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/codes.h"
#include "service/internal.h"

static const char *slot_name(uint64_t state)
{
	static const char *const names[] = {"Master", "Slave", "none", "none"};

	return names[state & TD_STATE_SLOT_MASK];
}

/* Whether a server that is not known to be bad serves: NONE_HEALTHY_LAST keeps a bad one active. */
static bool is_served(uint64_t state)
{
	unsigned int slot = state & TD_STATE_SLOT_MASK;

	return slot < TD_SLOT_NONE && !(state & TD_STATE_UNHEALTHY(slot));
}

static void log_unserved(const struct runtime *runtime)
{
	char text[LISTENER_KEY_TEXT_MAX];

	log_warning("no_healthy_server listener=%s policy=%s",
		    service_listener_key_format(&runtime->key, text),
		    none_healthy_name(runtime->input.none_healthy));
}

void service_runtime_note_state(struct runtime *runtime, uint64_t next, const char *evidence)
{
	uint64_t previous = runtime->state;
	char text[LISTENER_KEY_TEXT_MAX];

	service_listener_key_format(&runtime->key, text);
	runtime->state = next;
	if ((previous & TD_STATE_SLOT_MASK) != (next & TD_STATE_SLOT_MASK)) {
		runtime->switches++;
		runtime->active_since = clock_wall_s();
		log_notice("switch listener=%s from=%s to=%s reason=%s evidence=\"%s\"", text,
			   slot_name(previous), slot_name(next),
			   selection_reason(next, &runtime->input), evidence);
	}
	if (is_served(previous) && !is_served(next))
		log_unserved(runtime);
	else if (!is_served(previous) && is_served(next))
		log_notice("healthy_server_again listener=%s active=%s", text, slot_name(next));
}

static void log_server(const struct runtime_server *server, const struct health_status *status)
{
	const struct runtime *runtime = server->runtime;
	char text[LISTENER_KEY_TEXT_MAX], address[NETADDR_TEXT_MAX];

	log_notice("server_%s listener=%s role=%s server=%s port=%u result=%s evidence=\"%s\"",
		   health_state_name(status->state),
		   service_listener_key_format(&runtime->key, text),
		   server_role_name(server - runtime->servers),
		   netaddr_format(&server->address, address), server->port,
		   health_result_name(status->last_result), status->evidence);
}

static void on_change(struct health_target *target, void *userdata)
{
	struct runtime_server *server = userdata;
	struct runtime *runtime = server->runtime;
	const struct health_status *status = health_target_status(target);
	uint64_t next;

	runtime->input.health[server - runtime->servers] = status->state;
	next = selection_next(runtime->state, &runtime->input);
	/* The store first: a line to the journal may take longer than a failover. */
	if (next != runtime->state)
		dataplane_state_store(runtime->service->dataplane, runtime->index, next);
	log_server(server, status);
	if (next != runtime->state)
		service_runtime_note_state(runtime, next, status->evidence);
}

int service_runtime_probe(struct runtime_server *server, const struct netaddr *address,
			  const struct listener *listener, enum health_state initial,
			  struct health_target **ret, struct error *reterr)
{
	struct health_check check = listener->check;
	char text[NETADDR_TEXT_MAX];
	int r;

	if (!listener->check.enabled) {
		*ret = NULL;
		return 0;
	}

	check.timeout_ms = health_check_timeout_ms(&check);
	r = health_target_new(server->runtime->service->health, address, server->port, &check,
			      initial, on_change, server, ret);
	if (r < 0)
		return error_errno(reterr, r, "check server %s port %u",
				   netaddr_format(address, text), server->port);
	return 0;
}

int service_runtime_put(struct service *service, const struct dataplane_service *wanted,
			uint64_t state, uint32_t *ret_index, struct error *reterr)
{
	struct error error = {0};
	char vip[NETADDR_TEXT_MAX];
	int r;

	r = dataplane_service_put(service->dataplane, wanted, state, ret_index, &error);
	if (r >= 0)
		return 0;

	netaddr_format(&wanted->vip, vip);
	if (r == -ENOSPC || r == -EEXIST) {
		error_set(reterr, r == -ENOSPC ? CODE_LIMIT : CODE_ENDPOINT_IN_USE, NULL,
			  "serve %s port %u/%s: %s", vip, wanted->port,
			  protocol_name(wanted->protocol),
			  error.message[0] ? error.message : strerror(-r));
		return r;
	}
	if (reterr)
		*reterr = error;
	return error_errno(reterr, r, "serve %s port %u/%s", vip, wanted->port,
			   protocol_name(wanted->protocol));
}

struct dataplane_service service_runtime_describe(const struct runtime *runtime)
{
	struct dataplane_service wanted;

	memset(&wanted, 0, sizeof(wanted));
	wanted.vip = runtime->vip;
	wanted.port = runtime->key.port;
	wanted.protocol = runtime->key.protocol;
	wanted.vlan = runtime->service->vip_vlan;
	for (unsigned int slot = 0; slot < GROUP_SERVERS; slot++) {
		wanted.servers[slot].address = runtime->servers[slot].address;
		wanted.servers[slot].port = runtime->servers[slot].port;
	}
	return wanted;
}

/* Read what the store says of @listener into a new runtime. */
static int runtime_read(struct service *service, const struct listener *listener,
			struct runtime *runtime, struct error *reterr)
{
	char text[LISTENER_KEY_TEXT_MAX];
	struct load_balancer balancer;
	struct footprint footprint;
	struct server_group group;
	int r;

	service_listener_key_format(&runtime->key, text);
	r = store_load_balancer_get(service->store, listener->load_balancer_id, &balancer);
	if (r < 0)
		return error_errno(reterr, r, "read the load balancer of %s", text);

	r = store_group_get(service->store, listener->group_id, &group);
	if (r < 0)
		return error_errno(reterr, r, "read the group of %s", text);
	if (group.server_count != GROUP_SERVERS)
		return error_set(reterr, CODE_GROUP_EMPTY, "MasterSlaveServerGroupId",
				 "group %s of listener %s has no servers", group.id, text);

	r = service_group_locate(service, &group, &footprint, reterr);
	if (r < 0)
		return r;

	runtime->vip = balancer.address;
	runtime->input.none_healthy = listener->none_healthy;
	for (unsigned int slot = 0; slot < GROUP_SERVERS; slot++) {
		runtime->servers[slot].runtime = runtime;
		runtime->servers[slot].address = footprint.addresses[slot];
		runtime->servers[slot].port = footprint.ports[slot];
		runtime->input.weight[slot] = group.servers[slot].weight;
	}
	return 0;
}

/* Begin next hops and checks, from the health that the state word @remembered has of the servers.
 */
static int runtime_begin_servers(struct runtime *runtime, const struct listener *listener,
				 uint64_t remembered, struct error *reterr)
{
	int r;

	for (unsigned int slot = 0; slot < GROUP_SERVERS; slot++) {
		struct runtime_server *server = &runtime->servers[slot];
		enum health_state initial = HEALTH_UP;

		r = service_peer_take(runtime->service, &server->address, reterr);
		if (r < 0)
			return r;
		server->peer_held = true;

		if (listener->check.enabled)
			initial = selection_health(remembered, slot);
		runtime->input.health[slot] = initial;
		r = service_runtime_probe(server, &server->address, listener, initial,
					  &server->target, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

int service_runtime_start(struct service *service, const struct listener *listener,
			  struct runtime **ret, struct error *reterr)
{
	AUTO(service_runtime_stop) struct runtime *runtime = xcalloc(1, sizeof(*runtime));
	struct dataplane_service wanted;
	__u64 previous = 0;
	bool adopted;
	int r;

	runtime->service = service;
	runtime->key = service_listener_key(listener);
	r = runtime_read(service, listener, runtime, reterr);
	if (r < 0)
		return r;

	wanted = service_runtime_describe(runtime);
	r = dataplane_service_find(service->dataplane, &wanted, &runtime->index, &previous);
	if (r < 0 && r != -ENOENT)
		return error_errno(reterr, r, "look for the listener in the maps");
	adopted = r == 0;
	if (!adopted)
		previous = 0;

	r = runtime_begin_servers(runtime, listener, previous, reterr);
	if (r < 0)
		return r;

	/* Last: what comes before can be undone without anybody having seen it. */
	runtime->state = selection_next(previous, &runtime->input);
	r = service_runtime_put(service, &wanted, runtime->state, &runtime->index, reterr);
	if (r < 0)
		return r;
	runtime->applied = true;
	if (!adopted || (previous & TD_STATE_SLOT_MASK) != (runtime->state & TD_STATE_SLOT_MASK))
		runtime->active_since = clock_wall_s();
	*ret = TAKE(runtime);
	return 0;
}

void service_runtime_take(struct service *service, struct runtime *take)
{
	service_table_add(&service->runtimes, &take->node, &take->key, sizeof(take->key));
	if (!is_served(take->state))
		log_unserved(take);
}

struct runtime *service_runtime_find(struct service *service, const struct listener_key *key)
{
	return (struct runtime *)service_table_find(&service->runtimes, key, sizeof(*key));
}

struct runtime *service_runtime_forget(struct runtime *runtime)
{
	if (!runtime)
		return NULL;
	if (service_runtime_find(runtime->service, &runtime->key) == runtime)
		service_table_remove(&runtime->service->runtimes, &runtime->node);
	for (unsigned int slot = 0; slot < GROUP_SERVERS; slot++)
		health_target_free(runtime->servers[slot].target);
	free(runtime);
	return NULL;
}

struct runtime *service_runtime_stop(struct runtime *runtime)
{
	if (!runtime)
		return NULL;
	if (runtime->applied)
		dataplane_service_remove(runtime->service->dataplane, runtime->index);
	for (unsigned int slot = 0; slot < GROUP_SERVERS; slot++) {
		if (runtime->servers[slot].peer_held)
			service_peer_release(runtime->service, &runtime->servers[slot].address);
	}
	return service_runtime_forget(runtime);
}
