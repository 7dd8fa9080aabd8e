/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose replies are rewritten: endpoints of servers, each of one service. And bits of ports. */
#include "base/memory.h"
#include "dataplane/mirror.h"

/* NOLINTBEGIN(readability-non-const-parameter): atomic stores go through @words */
void dataplane_port_set(__u64 *words, uint16_t *counts, uint16_t port)
{
	if (counts[port]++ == 0)
		__atomic_fetch_or(&words[port / 64], 1ULL << (port % 64), __ATOMIC_RELEASE);
}

void dataplane_port_clear(__u64 *words, uint16_t *counts, uint16_t port)
{
	if (--counts[port] == 0)
		__atomic_fetch_and(&words[port / 64], ~(1ULL << (port % 64)), __ATOMIC_RELEASE);
}
/* NOLINTEND(readability-non-const-parameter) */

static enum map_id map_of(const struct place *place)
{
	return family_of(&place->address) ? MAP_ENDPOINTS6 : MAP_ENDPOINTS4;
}

void dataplane_endpoint_note(struct dataplane *dataplane, const struct place *place,
			     uint32_t service, uint32_t slot)
{
	struct endpoint_entry *entry = xcalloc(1, sizeof(*entry));

	entry->place = *place;
	entry->service = service;
	entry->slot = slot;
	dataplane_mirror_endpoint_add(dataplane, entry);
	dataplane->endpoints_used[family_of(&place->address)]++;
}

int dataplane_endpoint_put(struct dataplane *dataplane, const struct place *place, uint32_t service,
			   uint32_t slot)
{
	struct endpoint_entry *entry = dataplane_endpoint_find(dataplane, place);
	const struct td_endpoint value = {.service = service, .slot = slot};
	union place_key key;
	int r;

	if (entry && entry->service == service && entry->slot == slot)
		return 0;

	dataplane_place_key(place, &key);
	r = dataplane_map_write(dataplane, map_of(place), &key, &value);
	if (r < 0)
		return r;
	if (entry) {
		entry->slot = slot;
		return 0;
	}
	dataplane_endpoint_note(dataplane, place, service, slot);
	dataplane_port_set(dataplane->ports->endpoints, dataplane->endpoint_ports, place->port);
	return 0;
}

void dataplane_endpoint_remove(struct dataplane *dataplane, const struct place *place,
			       uint32_t service)
{
	struct endpoint_entry *entry = dataplane_endpoint_find(dataplane, place);
	union place_key key;

	if (!entry || entry->service != service)
		return;

	dataplane_port_clear(dataplane->ports->endpoints, dataplane->endpoint_ports, place->port);
	dataplane_place_key(place, &key);
	dataplane_log_leftover(dataplane_map_delete(dataplane, map_of(place), &key),
			       "remove endpoint");
	dataplane->endpoints_used[family_of(&place->address)]--;
	dataplane_mirror_endpoint_remove(dataplane, entry);
}
