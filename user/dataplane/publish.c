/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A service in the maps. What a packet reads first is written last: the group with its state word,
 * the element of service_table, the endpoints, the bits of the ports, and then the entry of
 * services4 or services6, the gate. It is taken away the other way round.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "dataplane/mirror.h"

static enum map_id gate_map(const struct netaddr *address)
{
	return family_of(address) ? MAP_SERVICES6 : MAP_SERVICES4;
}

static int gate_put(struct dataplane *dataplane, const struct place *place,
		    const struct td_service_ref *ref)
{
	struct td_service_ref written;
	union place_key key;
	int r;

	dataplane_place_key(place, &key);
	r = dataplane_map_write(dataplane, gate_map(&place->address), &key, ref);
	if (r < 0)
		return r;
	/* Who is told that it is served may rely on it. */
	r = dataplane_map_read(dataplane, gate_map(&place->address), &key, &written);
	if (r < 0)
		return r;
	return memcmp(&written, ref, sizeof(written)) == 0 ? 0 : -EIO;
}

int dataplane_gate_write(struct dataplane *dataplane, const struct service_entry *entry,
			 uint32_t group)
{
	const struct td_service_ref ref = {.service = entry->index, .group = group};

	return gate_put(dataplane, &entry->place, &ref);
}

int dataplane_vip_write(struct dataplane *dataplane, const struct netaddr *address)
{
	const struct td_service_ref ref = {.service = TD_VIP_ONLY};
	struct place place = dataplane_place(address, 0, 0);

	return gate_put(dataplane, &place, &ref);
}

int dataplane_table_write(struct dataplane *dataplane, const struct service_entry *entry,
			  uint32_t group)
{
	struct td_service service = {
		.port = htons(entry->place.port),
		.proto = entry->place.protocol,
		.family = family_of(&entry->place.address) ? 6 : 4,
		.group = group,
		.server_vlan = {entry->hops[0]->vlan, entry->hops[1]->vlan},
	};

	dataplane_address_words(&entry->place.address, service.vip);
	return dataplane_map_write(dataplane, MAP_SERVICE_TABLE, &entry->index, &service);
}

int dataplane_group_write(struct dataplane *dataplane, const struct service_entry *entry,
			  uint32_t group, __u64 state)
{
	struct td_group value = {.service = entry->index, .vlan = entry->vlan};
	int r;

	for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++) {
		dataplane_address_words(&entry->servers[slot].address, value.servers[slot].addr);
		value.servers[slot].port = htons(entry->servers[slot].port);
		value.servers[slot].nexthop = entry->hops[slot]->index;
	}
	r = dataplane_map_write(dataplane, MAP_GROUPS, &group, &value);
	if (r < 0)
		return r;
	__atomic_store_n(&dataplane->states[group], state, __ATOMIC_RELEASE);
	return 0;
}

int dataplane_group_switch(struct dataplane *dataplane, struct service_entry *entry, __u64 state)
{
	uint32_t old = entry->group, new = dataplane_pool_take(&dataplane->free_groups);
	int r;

	r = dataplane_group_write(dataplane, entry, new, state);
	if (r >= 0)
		r = dataplane_table_write(dataplane, entry, new);
	if (r >= 0) {
		r = dataplane_gate_write(dataplane, entry, new);
		if (r < 0)
			dataplane_log_leftover(dataplane_table_write(dataplane, entry, old),
					       "restore service_table");
	}
	if (r < 0) {
		dataplane_pool_give(&dataplane->free_groups, new);
		return r;
	}
	entry->group = new;
	dataplane_pool_give(&dataplane->free_groups, old);
	return 0;
}

void dataplane_service_list(struct dataplane *dataplane, struct service_entry *entry)
{
	const struct netaddr *address = &entry->place.address;
	struct vip_entry *vip = dataplane_mirror_vip(dataplane, address);

	if (!vip) {
		vip = xcalloc(1, sizeof(*vip));
		vip->address = *address;
		dataplane_mirror_vip_add(dataplane, vip);
		dataplane->services_used[family_of(address)]++;
	}
	vip->services++;
	dataplane->services_used[family_of(address)]++;
	dataplane->table[entry->index] = entry;
	dataplane_mirror_service_add(dataplane, entry);
	entry->listed = true;
}

/* Also where the kernel takes no deletion: what was never there is gone. */
static int gate_remove(struct dataplane *dataplane, const struct place *place)
{
	struct td_service_ref found;
	union place_key key;
	int r;

	dataplane_place_key(place, &key);
	r = dataplane_map_delete(dataplane, gate_map(&place->address), &key);
	if (r < 0 &&
	    dataplane_map_read(dataplane, gate_map(&place->address), &key, &found) == -ENOENT)
		return 0;
	return r;
}

static void service_unlist(struct dataplane *dataplane, struct service_entry *entry)
{
	const struct netaddr *address = &entry->place.address;
	struct place vip_place = dataplane_place(address, 0, 0);
	struct vip_entry *vip = dataplane_mirror_vip(dataplane, address);

	dataplane_mirror_service_unlink(dataplane, entry);
	dataplane->table[entry->index] = NULL;
	dataplane->services_used[family_of(address)]--;
	dataplane_port_clear(dataplane->ports->services, dataplane->service_ports,
			     entry->place.port);

	if (--vip->services > 0)
		return;
	dataplane_log_leftover(gate_remove(dataplane, &vip_place), "remove VIP");
	dataplane->services_used[family_of(address)]--;
	dataplane_mirror_vip_remove(dataplane, vip);
}

void dataplane_service_unpublish(struct dataplane *dataplane, struct service_entry *entry)
{
	static const struct td_service none;
	char text[PLACE_TEXT_MAX];
	int r;

	r = gate_remove(dataplane, &entry->place);
	if (entry->listed)
		service_unlist(dataplane, entry);
	for (unsigned int slot = 0; slot < DATAPLANE_SLOTS; slot++) {
		struct place place =
			dataplane_place(&entry->servers[slot].address, entry->servers[slot].port,
					entry->place.protocol);

		dataplane_endpoint_remove(dataplane, &place, entry->index);
		dataplane_hop_release(dataplane, entry->hops[slot]);
	}

	if (r >= 0)
		r = dataplane_map_write(dataplane, MAP_SERVICE_TABLE, &entry->index, &none);
	if (r >= 0) {
		dataplane_pool_give(&dataplane->free_groups, entry->group);
		dataplane_pool_give(&dataplane->free_services, entry->index);
	} else {
		/* What the maps may still name is not given to anybody else. */
		log_error_errno(r, "service_remove_failed service=\"%s\" index=%u",
				dataplane_place_format(&entry->place, text), entry->index);
	}
	free(entry);
}
