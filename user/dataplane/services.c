/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is served: put, replaced, found, removed. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/memory.h"
#include "dataplane/mirror.h"

static struct service_entry *find_entry(const struct dataplane *dataplane,
					const struct dataplane_service *service)
{
	struct place place = dataplane_place(&service->vip, service->port, service->protocol);

	return dataplane_mirror_service(dataplane, &place);
}

static struct place server_place(const struct dataplane_server *server, uint8_t protocol)
{
	return dataplane_place(&server->address, server->port, protocol);
}

static bool server_equal(const struct dataplane_server *a, const struct dataplane_server *b)
{
	return a->port == b->port && netaddr_equal(&a->address, &b->address);
}

/* What the maps cannot express, and what belongs to somebody else. */
static int check_servers(const struct dataplane *dataplane, const struct service_entry *entry,
			 const struct dataplane_service *service, struct error *reterr)
{
	char text[PLACE_TEXT_MAX], owner[PLACE_TEXT_MAX];

	for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++) {
		struct place place = server_place(&service->servers[slot], service->protocol);
		const struct endpoint_entry *endpoint = dataplane_endpoint_find(dataplane, &place);

		dataplane_place_format(&place, text);
		if (place.address.family != service->vip.family)
			return dataplane_fail(reterr, -EINVAL,
					      "server %s is not of the VIP's address family", text);
		if (endpoint && (!entry || endpoint->service != entry->index))
			return dataplane_fail(
				reterr, -EEXIST, "server %s serves %s already", text,
				dataplane_place_format(&dataplane->table[endpoint->service]->place,
						       owner));
	}
	if (server_equal(&service->servers[0], &service->servers[1]))
		return dataplane_fail(reterr, -EINVAL, "both servers are %s", text);
	return 0;
}

static int check_map(enum map_id map, uint32_t used, uint32_t needed, uint32_t max,
		     struct error *reterr)
{
	if (used + needed <= max)
		return 0;
	return dataplane_fail(reterr, -ENOSPC,
			      "map %s is full: %u of %u elements are in use, %u more are needed",
			      dataplane_map_name(map), used, max, needed);
}

static int check_pool(enum map_id map, const struct index_pool *pool, uint32_t needed,
		      struct error *reterr)
{
	return check_map(map, pool->size - pool->count, needed, pool->size, reterr);
}

/* A replacement needs room for the new beside the old. */
static int check_room(const struct dataplane *dataplane, const struct service_entry *entry,
		      const struct dataplane_service *service, struct error *reterr)
{
	unsigned int family = family_of(&service->vip);
	uint32_t endpoints = 0, hops = 0;
	const struct vip_entry *vip;
	int r;

	for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++) {
		struct place place = server_place(&service->servers[slot], service->protocol);

		endpoints += !dataplane_endpoint_find(dataplane, &place);
		hops += !dataplane_hop_find(dataplane, &place.address);
	}
	r = check_map(MAP_ENDPOINTS4 + family, dataplane->endpoints_used[family], endpoints,
		      TD_MAX_ENDPOINTS, reterr);
	if (r < 0)
		return r;
	r = check_pool(MAP_NEXTHOPS, &dataplane->free_nexthops, hops, reterr);
	if (r < 0)
		return r;
	r = check_pool(MAP_GROUPS, &dataplane->free_groups, 1, reterr);
	if (r < 0 || entry)
		return r;

	r = check_pool(MAP_SERVICE_TABLE, &dataplane->free_services, 1, reterr);
	if (r < 0)
		return r;
	vip = dataplane_mirror_vip(dataplane, &service->vip);
	return check_map(MAP_SERVICES4 + family, dataplane->services_used[family], vip ? 1 : 2,
			 TD_MAX_SERVICES, reterr);
}

int dataplane_endpoints_publish(struct dataplane *dataplane, const struct service_entry *entry)
{
	int r;

	for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++) {
		struct place place = server_place(&entry->servers[slot], entry->place.protocol);

		r = dataplane_endpoint_put(dataplane, &place, entry->index, slot);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Remove the endpoints of @servers that are not among those of @entry. */
static void endpoints_prune(struct dataplane *dataplane, const struct service_entry *entry,
			    const struct dataplane_server *servers)
{
	for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++) {
		struct place place = server_place(&servers[slot], entry->place.protocol);

		if (!server_equal(&servers[slot], &entry->servers[0]) &&
		    !server_equal(&servers[slot], &entry->servers[1]))
			dataplane_endpoint_remove(dataplane, &place, entry->index);
	}
}

static void set_servers(struct dataplane *dataplane, struct service_entry *entry,
			const struct dataplane_server *servers)
{
	for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++) {
		entry->servers[slot] = servers[slot];
		entry->hops[slot] = dataplane_hop_take(dataplane, &servers[slot].address);
	}
}

/*
 * Endpoints first: a reply of a new server can come as soon as the group is switched. The old ones
 * stay until then, so that nothing of the old servers is left untranslated before.
 */
static int replace(struct dataplane *dataplane, struct service_entry *entry,
		   const struct dataplane_service *service, __u64 state)
{
	struct service_entry old = *entry;
	int r;

	set_servers(dataplane, entry, service->servers);
	entry->vlan = service->vlan;
	r = dataplane_endpoints_publish(dataplane, entry);
	if (r >= 0)
		r = dataplane_group_switch(dataplane, entry, state);
	if (r < 0) {
		struct hop *hops[DATAPLANE_SLOTS] = {entry->hops[0], entry->hops[1]};

		memcpy(entry->servers, old.servers, sizeof(entry->servers));
		memcpy(entry->hops, old.hops, sizeof(entry->hops));
		entry->vlan = old.vlan;
		dataplane_log_leftover(dataplane_endpoints_publish(dataplane, entry),
				       "restore endpoints");
		endpoints_prune(dataplane, entry, service->servers);
		for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++)
			dataplane_hop_release(dataplane, hops[slot]);
		return r;
	}

	endpoints_prune(dataplane, entry, old.servers);
	for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++)
		dataplane_hop_release(dataplane, old.hops[slot]);
	return 0;
}

static int counters_clear(struct dataplane *dataplane, uint32_t service)
{
	AUTO(free_memory) void *zeros = xcalloc(dataplane->cpus, sizeof(struct td_counters));
	int r;

	for (uint32_t slot = 0; slot < DATAPLANE_SLOTS; slot++) {
		uint32_t index = DATAPLANE_SLOTS * service + slot;

		r = dataplane_map_write(dataplane, MAP_COUNTERS, &index, zeros);
		if (r < 0)
			return r;
	}
	return 0;
}

static int publish(struct dataplane *dataplane, struct service_entry *entry, __u64 state)
{
	int r;

	r = counters_clear(dataplane, entry->index);
	if (r < 0)
		return r;
	r = dataplane_group_write(dataplane, entry, entry->group, state);
	if (r < 0)
		return r;
	r = dataplane_table_write(dataplane, entry, entry->group);
	if (r < 0)
		return r;
	dataplane_service_list(dataplane, entry);
	dataplane_port_set(dataplane->ports->services, dataplane->service_ports, entry->place.port);
	r = dataplane_endpoints_publish(dataplane, entry);
	if (r < 0)
		return r;
	r = dataplane_vip_write(dataplane, &entry->place.address);
	if (r < 0)
		return r;
	return dataplane_gate_write(dataplane, entry, entry->group);
}

static int create(struct dataplane *dataplane, const struct dataplane_service *service, __u64 state,
		  struct service_entry **ret)
{
	struct service_entry *entry = xcalloc(1, sizeof(*entry));
	int r;

	entry->place = dataplane_place(&service->vip, service->port, service->protocol);
	entry->vlan = service->vlan;
	entry->index = dataplane_pool_take(&dataplane->free_services);
	entry->group = dataplane_pool_take(&dataplane->free_groups);
	set_servers(dataplane, entry, service->servers);
	r = publish(dataplane, entry, state);
	if (r < 0) {
		dataplane_service_unpublish(dataplane, entry);
		return r;
	}
	*ret = entry;
	return 0;
}

/* The arrays have a place for each index; only the hashes can have no room left. */
static int fail_full(const struct dataplane_service *service, struct error *reterr)
{
	unsigned int family = family_of(&service->vip);

	return dataplane_fail(reterr, -ENOSPC,
			      "map %s or %s is full: the kernel takes no more elements, though not "
			      "all are ours",
			      dataplane_map_name(MAP_ENDPOINTS4 + family),
			      dataplane_map_name(MAP_SERVICES4 + family));
}

int dataplane_service_put(struct dataplane *dataplane, const struct dataplane_service *service,
			  __u64 state, uint32_t *ret_index, struct error *reterr)
{
	struct service_entry *entry = find_entry(dataplane, service);
	int r;

	r = check_servers(dataplane, entry, service, reterr);
	if (r < 0)
		return r;
	if (entry && entry->vlan == service->vlan &&
	    server_equal(&entry->servers[0], &service->servers[0]) &&
	    server_equal(&entry->servers[1], &service->servers[1])) {
		dataplane_state_store(dataplane, entry->index, state);
	} else {
		r = check_room(dataplane, entry, service, reterr);
		if (r < 0)
			return r;
		r = entry ? replace(dataplane, entry, service, state)
			  : create(dataplane, service, state, &entry);
		if (r == -ENOSPC)
			return fail_full(service, reterr);
		if (r < 0)
			return error_errno(reterr, r, "write the maps");
	}
	entry->confirmed = true;
	*ret_index = entry->index;
	return 0;
}

int dataplane_service_find(struct dataplane *dataplane, const struct dataplane_service *service,
			   uint32_t *ret_index, __u64 *ret_state)
{
	const struct service_entry *entry = find_entry(dataplane, service);
	__u64 state;

	if (!entry)
		return -ENOENT;
	state = dataplane_state_load(dataplane, entry->index);
	for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++) {
		if (!server_equal(&entry->servers[slot], &service->servers[slot]))
			state &= ~(TD_STATE_ELIGIBLE(slot) | TD_STATE_UNHEALTHY(slot));
	}
	*ret_index = entry->index;
	*ret_state = state;
	return 0;
}

void dataplane_service_remove(struct dataplane *dataplane, uint32_t index)
{
	assert(index < TD_MAX_SERVICES && dataplane->table[index]);
	dataplane_service_unpublish(dataplane, dataplane->table[index]);
}

unsigned int dataplane_service_sweep(struct dataplane *dataplane)
{
	struct service_entry *entry, *next;
	unsigned int removed = 0;

	HASH_ITER(hh, dataplane->services, entry, next)
	{
		if (entry->confirmed)
			continue;
		dataplane_service_unpublish(dataplane, entry);
		removed++;
	}
	return removed;
}

void dataplane_state_store(struct dataplane *dataplane, uint32_t index, __u64 state)
{
	assert(index < TD_MAX_SERVICES && dataplane->table[index]);
	__atomic_store_n(&dataplane->states[dataplane->table[index]->group], state,
			 __ATOMIC_RELEASE);
}

__u64 dataplane_state_load(struct dataplane *dataplane, uint32_t index)
{
	assert(index < TD_MAX_SERVICES && dataplane->table[index]);
	return __atomic_load_n(&dataplane->states[dataplane->table[index]->group],
			       __ATOMIC_ACQUIRE);
}
