/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Next hops of servers, one for all services that a server stands behind, so that a new MAC of a
 * server is one store however many they are.
 */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "dataplane/mirror.h"

/* The destination MAC and, behind it, that it is known: one word, switched by one store. */
static __u64 dest_word(const struct dataplane_nexthop *nexthop)
{
	__u8 bytes[sizeof(__u64)] = {0};
	__u64 word;

	if (nexthop->resolved) {
		memcpy(bytes, nexthop->dest_mac, sizeof(nexthop->dest_mac));
		bytes[6] = TD_NEXTHOP_RESOLVED;
	}
	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* What fits into the element; there are no longer IP packets. */
static __u16 mtu_of(const struct dataplane_nexthop *nexthop)
{
	return nexthop->mtu && nexthop->mtu < UINT16_MAX ? (__u16)nexthop->mtu : UINT16_MAX;
}

/* Write an element that no packet reads, or whose interface none has read yet. */
static void element_fill(struct dataplane *dataplane, uint32_t index,
			 const struct dataplane_nexthop *nexthop)
{
	struct td_nexthop *element = &dataplane->nexthops[index];

	element->ifindex = nexthop->ifindex;
	element->vlan = nexthop->vlan;
	element->mtu = mtu_of(nexthop);
	memcpy(element->source_mac, nexthop->source_mac, sizeof(element->source_mac));
	__atomic_store_n(&element->dest, dest_word(nexthop), __ATOMIC_RELEASE);
}

static struct hop *hop_new(struct dataplane *dataplane, const struct netaddr *address)
{
	static const struct dataplane_nexthop unresolved;
	struct hop *hop = xcalloc(1, sizeof(*hop));

	hop->address = *address;
	hop->index = dataplane_pool_take(&dataplane->free_nexthops);
	element_fill(dataplane, hop->index, &unresolved);
	dataplane_mirror_hop_add(dataplane, hop);
	return hop;
}

static void free_if_unused(struct dataplane *dataplane, struct hop *hop)
{
	if (hop->references || hop->told)
		return;
	dataplane_pool_give(&dataplane->free_nexthops, hop->index);
	dataplane_mirror_hop_remove(dataplane, hop);
}

struct hop *dataplane_hop_take(struct dataplane *dataplane, const struct netaddr *address)
{
	struct hop *hop = dataplane_hop_find(dataplane, address);

	if (!hop)
		hop = hop_new(dataplane, address);
	hop->references++;
	return hop;
}

void dataplane_hop_release(struct dataplane *dataplane, struct hop *hop)
{
	hop->references--;
	free_if_unused(dataplane, hop);
}

/* Write fresh groups, with the hop's index of now, for all services that use it. */
static int services_switch(struct dataplane *dataplane, const struct hop *hop)
{
	struct service_entry *entry, *next;
	int r;

	HASH_ITER(hh, dataplane->services, entry, next)
	{
		if (entry->hops[0] != hop && entry->hops[1] != hop)
			continue;
		r = dataplane_group_switch(dataplane, entry, dataplane->states[entry->group]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Packets may have read the interface of the present element: move on to another one. */
static int hop_move(struct dataplane *dataplane, struct hop *hop,
		    const struct dataplane_nexthop *nexthop)
{
	uint32_t old = hop->index, new;
	int r;

	if (!dataplane->free_nexthops.count)
		return -ENOSPC;
	new = dataplane_pool_take(&dataplane->free_nexthops);
	element_fill(dataplane, new, nexthop);
	hop->index = new;
	hop->vlan = nexthop->vlan;
	r = services_switch(dataplane, hop);
	if (r < 0) {
		hop->index = old;
		hop->vlan = dataplane->nexthops[old].vlan;
		/* Where a group stays behind, both elements must stay as they are. */
		if (services_switch(dataplane, hop) == 0)
			dataplane_pool_give(&dataplane->free_nexthops, new);
		return r;
	}
	dataplane_pool_give(&dataplane->free_nexthops, old);
	return 0;
}

static int hop_update(struct dataplane *dataplane, struct hop *hop,
		      const struct dataplane_nexthop *nexthop)
{
	struct td_nexthop *element = &dataplane->nexthops[hop->index];
	int r;

	/* Services name the VLAN that replies come from: a new one is written there as well. */
	if (!hop->used && hop->vlan == nexthop->vlan) {
		element_fill(dataplane, hop->index, nexthop);
	} else if (!nexthop->resolved ||
		   (element->ifindex == nexthop->ifindex && element->vlan == nexthop->vlan &&
		    memcmp(element->source_mac, nexthop->source_mac, sizeof(element->source_mac)) ==
			    0)) {
		/* What is not resolved leaves by no interface. */
		__atomic_store_n(&element->mtu, mtu_of(nexthop), __ATOMIC_RELAXED);
		__atomic_store_n(&element->dest, dest_word(nexthop), __ATOMIC_RELEASE);
	} else {
		r = hop_move(dataplane, hop, nexthop);
		if (r < 0)
			return r;
	}
	hop->used |= nexthop->resolved;
	return 0;
}

int dataplane_nexthop_put(struct dataplane *dataplane, const struct netaddr *address,
			  const struct dataplane_nexthop *nexthop)
{
	struct hop *hop = dataplane_hop_find(dataplane, address);
	int r;

	if (!hop) {
		if (!dataplane->free_nexthops.count)
			return -ENOSPC;
		hop = hop_new(dataplane, address);
	}
	r = hop_update(dataplane, hop, nexthop);
	hop->told |= r >= 0;
	free_if_unused(dataplane, hop);
	return r;
}

void dataplane_nexthop_remove(struct dataplane *dataplane, const struct netaddr *address)
{
	struct hop *hop = dataplane_hop_find(dataplane, address);

	if (!hop)
		return;
	hop->told = false;
	free_if_unused(dataplane, hop);
}
