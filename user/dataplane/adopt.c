/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The mirror from the maps of an agent before us, which may have been killed at any step. The gates
 * (entries of services4 and services6) say what is served; what is not reached from one was not
 * finished, or half removed. Of a group that was being replaced the gate names the old or the new
 * one, and both are whole.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "dataplane/mirror.h"

/* Which elements of the array maps are taken. */
struct used {
	bool services[TD_MAX_SERVICES];
	bool groups[TD_MAX_GROUPS];
	bool nexthops[TD_MAX_NEXTHOPS];
};

/* What a gate leads to; false where it does not lead to a service of that name. */
static bool read_service(struct dataplane *dataplane, const struct used *used,
			 const struct place *place, const struct td_service_ref *ref,
			 struct td_group *ret_group)
{
	__be32 vip[4];
	struct td_service service;

	if (ref->service >= TD_MAX_SERVICES || ref->group >= TD_MAX_GROUPS ||
	    used->services[ref->service] || used->groups[ref->group])
		return false;
	if (dataplane_map_read(dataplane, MAP_SERVICE_TABLE, &ref->service, &service) < 0 ||
	    dataplane_map_read(dataplane, MAP_GROUPS, &ref->group, ret_group) < 0)
		return false;
	dataplane_address_words(&place->address, vip);
	return service.family == (family_of(&place->address) ? 6 : 4) &&
	       service.port == htons(place->port) && service.proto == place->protocol &&
	       memcmp(service.vip, vip, sizeof(vip)) == 0 && ret_group->service == ref->service;
}

/* Two addresses never share an element. */
static bool hop_is_plausible(const struct dataplane *dataplane, const struct used *used,
			     const struct netaddr *address, uint32_t index)
{
	return dataplane_hop_find(dataplane, address) ||
	       (index < TD_MAX_NEXTHOPS && !used->nexthops[index]);
}

static struct hop *adopt_hop(struct dataplane *dataplane, struct used *used,
			     const struct netaddr *address, uint32_t index)
{
	struct hop *hop = dataplane_hop_find(dataplane, address);

	if (!hop) {
		hop = xcalloc(1, sizeof(*hop));
		hop->address = *address;
		hop->index = index;
		hop->vlan = dataplane->nexthops[index].vlan;
		hop->used = true;
		used->nexthops[index] = true;
		dataplane_mirror_hop_add(dataplane, hop);
	}
	hop->references++;
	return hop;
}

static bool adopt_service(struct dataplane *dataplane, struct used *used, const struct place *place,
			  const struct td_service_ref *ref)
{
	struct dataplane_server servers[DATAPLANE_SLOTS];
	struct place places[DATAPLANE_SLOTS];
	struct service_entry *entry;
	struct td_group group;

	if (!read_service(dataplane, used, place, ref, &group))
		return false;
	for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++) {
		struct dataplane_server *server = &servers[slot];

		dataplane_address_from_words(group.servers[slot].addr, family_of(&place->address),
					     &server->address);
		server->port = ntohs(group.servers[slot].port);
		places[slot] = dataplane_place(&server->address, server->port, place->protocol);
		if (dataplane_endpoint_find(dataplane, &places[slot]) ||
		    !hop_is_plausible(dataplane, used, &server->address,
				      group.servers[slot].nexthop))
			return false;
	}

	if (memcmp(&places[0], &places[1], sizeof(places[0])) == 0 ||
	    netaddr_equal(&servers[0].address, &servers[1].address) !=
		    (group.servers[0].nexthop == group.servers[1].nexthop))
		return false;

	entry = xcalloc(1, sizeof(*entry));
	entry->place = *place;
	entry->index = ref->service;
	entry->group = ref->group;
	entry->vlan = group.vlan;
	memcpy(entry->servers, servers, sizeof(entry->servers));
	used->services[ref->service] = true;
	used->groups[ref->group] = true;
	for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++) {
		entry->hops[slot] = adopt_hop(dataplane, used, &servers[slot].address,
					      group.servers[slot].nexthop);
		dataplane_endpoint_note(dataplane, &places[slot], entry->index, slot);
		dataplane->endpoint_ports[servers[slot].port]++;
	}
	dataplane->service_ports[place->port]++;
	dataplane_service_list(dataplane, entry);
	return true;
}

static int adopt_family(struct dataplane *dataplane, struct used *used, unsigned int family,
			struct error *reterr)
{
	AUTO(free_memory) void *keys = NULL;
	size_t size = dataplane_place_key_size(family), count;
	char text[PLACE_TEXT_MAX];
	int r;

	r = dataplane_map_keys(dataplane, MAP_SERVICES4 + family, size, &keys, &count);
	for (size_t i = 0; r >= 0 && i < count; i++) {
		const void *key = (const char *)keys + i * size;
		union place_key place_key;
		struct td_service_ref ref;
		struct place place;

		memcpy(&place_key, key, size);
		dataplane_place_from_key(&place_key, family, &place);
		r = dataplane_map_read(dataplane, MAP_SERVICES4 + family, key, &ref);
		if (r < 0 || ref.service == TD_VIP_ONLY)
			continue;
		if (!adopt_service(dataplane, used, &place, &ref))
			log_warning("adopt_refused service=\"%s\" index=%u group=%u",
				    dataplane_place_format(&place, text), ref.service, ref.group);
	}
	return r < 0 ? error_errno(reterr, r, "read pinned map %s",
				   dataplane_map_name(MAP_SERVICES4 + family))
		     : 0;
}

static int adopt_locals(struct dataplane *dataplane, struct error *reterr)
{
	AUTO(free_memory) void *keys = NULL;
	struct netaddr address;
	size_t count;
	int r;

	r = dataplane_map_keys(dataplane, MAP_LOCAL_ADDRESSES, sizeof(struct td_local_key), &keys,
			       &count);
	if (r < 0)
		return error_errno(reterr, r, "read pinned map %s",
				   dataplane_map_name(MAP_LOCAL_ADDRESSES));
	for (size_t i = 0; i < count; i++) {
		const struct td_local_key *key = (const struct td_local_key *)keys + i;

		dataplane_address_from_words(key->addr, key->family == 6, &address);
		dataplane_local_note(dataplane, &address);
	}
	return 0;
}

int dataplane_adopt_read(struct dataplane *dataplane, struct error *reterr)
{
	AUTO(free_memory) struct used *used = xcalloc(1, sizeof(*used));
	int r = 0;

	for (unsigned int family = 0; r >= 0 && dataplane->adopted && family < FAMILIES; family++)
		r = adopt_family(dataplane, used, family, reterr);
	if (r >= 0 && dataplane->adopted)
		r = adopt_locals(dataplane, reterr);
	if (r < 0)
		return r;
	dataplane->adopted_services = HASH_COUNT(dataplane->services);
	dataplane_pool_init(&dataplane->free_services, TD_MAX_SERVICES, used->services);
	dataplane_pool_init(&dataplane->free_groups, TD_MAX_GROUPS, used->groups);
	dataplane_pool_init(&dataplane->free_nexthops, TD_MAX_NEXTHOPS, used->nexthops);
	return 0;
}

/* Whether the mirror has the gate. */
static bool gate_is_known(const struct dataplane *dataplane, const struct place *place)
{
	if (place->port || place->protocol)
		return dataplane_mirror_service(dataplane, place);
	return dataplane_mirror_vip(dataplane, &place->address);
}

static bool endpoint_is_known(const struct dataplane *dataplane, const struct place *place)
{
	return dataplane_endpoint_find(dataplane, place);
}

/* Delete the keys of a family's map that the mirror does not have. */
static int prune(struct dataplane *dataplane, enum map_id map, unsigned int family,
		 bool (*is_known)(const struct dataplane *dataplane, const struct place *place))
{
	AUTO(free_memory) void *keys = NULL;
	size_t size = dataplane_place_key_size(family), count;
	int r;

	r = dataplane_map_keys(dataplane, map + family, size, &keys, &count);
	for (size_t i = 0; r >= 0 && i < count; i++) {
		const void *key = (const char *)keys + i * size;
		union place_key place_key;
		struct place place;

		memcpy(&place_key, key, size);
		dataplane_place_from_key(&place_key, family, &place);
		if (!is_known(dataplane, &place))
			r = dataplane_map_delete(dataplane, map + family, key);
	}
	return r;
}

static int repair_endpoints(struct dataplane *dataplane)
{
	struct endpoint_entry *entry, *next;
	int r;

	HASH_ITER(hh, dataplane->endpoints, entry, next)
	{
		const struct td_endpoint wanted = {.service = entry->service, .slot = entry->slot};
		enum map_id map = MAP_ENDPOINTS4 + family_of(&entry->place.address);
		struct td_endpoint found;
		union place_key key;

		dataplane_place_key(&entry->place, &key);
		if (dataplane_map_read(dataplane, map, &key, &found) == 0 &&
		    memcmp(&found, &wanted, sizeof(found)) == 0)
			continue;
		r = dataplane_map_write(dataplane, map, &key, &wanted);
		if (r < 0)
			return r;
	}
	return 0;
}

static int repair_vips(struct dataplane *dataplane)
{
	struct vip_entry *vip, *next;
	int r;

	HASH_ITER(hh, dataplane->vips, vip, next)
	{
		struct place place = dataplane_place(&vip->address, 0, 0);
		struct td_service_ref found;
		union place_key key;

		dataplane_place_key(&place, &key);
		if (dataplane_map_read(dataplane, MAP_SERVICES4 + family_of(&vip->address), &key,
				       &found) == 0)
			continue;
		r = dataplane_vip_write(dataplane, &vip->address);
		if (r < 0)
			return r;
	}
	return 0;
}

static int repair_table(struct dataplane *dataplane)
{
	static const struct td_service none;
	struct td_service found;
	int r;

	for (uint32_t index = 0; index < TD_MAX_SERVICES; index++) {
		const struct service_entry *entry = dataplane->table[index];

		r = dataplane_map_read(dataplane, MAP_SERVICE_TABLE, &index, &found);
		if (r < 0)
			return r;
		if (entry && found.group != entry->group)
			r = dataplane_table_write(dataplane, entry, entry->group);
		else if (!entry && found.family)
			r = dataplane_map_write(dataplane, MAP_SERVICE_TABLE, &index, &none);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Services that were not switched yet when the next hop of their server was moved. */
static int repair_groups(struct dataplane *dataplane)
{
	struct service_entry *entry, *next;
	struct td_group group;
	int r;

	HASH_ITER(hh, dataplane->services, entry, next)
	{
		r = dataplane_map_read(dataplane, MAP_GROUPS, &entry->group, &group);
		if (r < 0)
			return r;
		if (group.servers[0].nexthop == entry->hops[0]->index &&
		    group.servers[1].nexthop == entry->hops[1]->index)
			continue;
		r = dataplane_group_switch(dataplane, entry, dataplane->states[entry->group]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): atomic stores go through @words */
static void repair_ports(__u64 *words, const uint16_t *counts)
{
	for (unsigned int i = 0; i < TD_PORT_WORDS; i++) {
		__u64 word = 0;

		for (unsigned int bit = 0; bit < 64; bit++)
			word |= (__u64)(counts[64 * i + bit] > 0) << bit;
		if (word != words[i])
			__atomic_store_n(&words[i], word, __ATOMIC_RELEASE);
	}
}

static int repair(struct dataplane *dataplane)
{
	/* First, since what follows writes by way of it. */
	int r = dataplane_quick_repair(dataplane);

	for (unsigned int family = 0; r >= 0 && family < FAMILIES; family++) {
		r = prune(dataplane, MAP_SERVICES4, family, gate_is_known);
		if (r >= 0)
			r = prune(dataplane, MAP_ENDPOINTS4, family, endpoint_is_known);
	}
	if (r >= 0)
		r = repair_table(dataplane);
	if (r >= 0)
		r = repair_endpoints(dataplane);
	if (r >= 0)
		r = repair_vips(dataplane);
	if (r >= 0)
		r = repair_groups(dataplane);
	return r;
}

int dataplane_adopt_repair(struct dataplane *dataplane, struct error *reterr)
{
	int r;

	if (!dataplane->adopted)
		return 0;
	repair_ports(dataplane->ports->services, dataplane->service_ports);
	repair_ports(dataplane->ports->endpoints, dataplane->endpoint_ports);
	r = repair(dataplane);
	if (r < 0)
		return error_errno(reterr, r, "mend the pinned maps");
	return 0;
}
