/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "dataplane/mirror.h"

/* What uthash's macros unfold to is not ours to simplify. */
/* NOLINTBEGIN(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */
struct service_entry *dataplane_mirror_service(const struct dataplane *dataplane,
					       const struct place *place)
{
	struct service_entry *entry;

	HASH_FIND(hh, dataplane->services, place, sizeof(*place), entry);
	return entry;
}

void dataplane_mirror_service_add(struct dataplane *dataplane, struct service_entry *take)
{
	HASH_ADD(hh, dataplane->services, place, sizeof(take->place), take);
}

void dataplane_mirror_service_unlink(struct dataplane *dataplane, struct service_entry *entry)
{
	HASH_DEL(dataplane->services, entry);
}

struct vip_entry *dataplane_mirror_vip(const struct dataplane *dataplane,
				       const struct netaddr *address)
{
	struct vip_entry *entry;

	HASH_FIND(hh, dataplane->vips, address, sizeof(*address), entry);
	return entry;
}

void dataplane_mirror_vip_add(struct dataplane *dataplane, struct vip_entry *take)
{
	HASH_ADD(hh, dataplane->vips, address, sizeof(take->address), take);
}

void dataplane_mirror_vip_remove(struct dataplane *dataplane, struct vip_entry *entry)
{
	HASH_DEL(dataplane->vips, entry);
	free(entry);
}

struct endpoint_entry *dataplane_endpoint_find(const struct dataplane *dataplane,
					       const struct place *place)
{
	struct endpoint_entry *entry;

	HASH_FIND(hh, dataplane->endpoints, place, sizeof(*place), entry);
	return entry;
}

void dataplane_mirror_endpoint_add(struct dataplane *dataplane, struct endpoint_entry *take)
{
	HASH_ADD(hh, dataplane->endpoints, place, sizeof(take->place), take);
}

void dataplane_mirror_endpoint_remove(struct dataplane *dataplane, struct endpoint_entry *entry)
{
	HASH_DEL(dataplane->endpoints, entry);
	free(entry);
}

struct hop *dataplane_hop_find(const struct dataplane *dataplane, const struct netaddr *address)
{
	struct hop *hop;

	HASH_FIND(hh, dataplane->hops, address, sizeof(*address), hop);
	return hop;
}

void dataplane_mirror_hop_add(struct dataplane *dataplane, struct hop *take)
{
	HASH_ADD(hh, dataplane->hops, address, sizeof(take->address), take);
}

void dataplane_mirror_hop_remove(struct dataplane *dataplane, struct hop *hop)
{
	HASH_DEL(dataplane->hops, hop);
	free(hop);
}

struct local_entry *dataplane_mirror_local(const struct dataplane *dataplane,
					   const struct netaddr *address)
{
	struct local_entry *entry;

	HASH_FIND(hh, dataplane->locals, address, sizeof(*address), entry);
	return entry;
}

void dataplane_mirror_local_add(struct dataplane *dataplane, struct local_entry *take)
{
	HASH_ADD(hh, dataplane->locals, address, sizeof(take->address), take);
}

void dataplane_mirror_local_remove(struct dataplane *dataplane, struct local_entry *entry)
{
	HASH_DEL(dataplane->locals, entry);
	free(entry);
}

void dataplane_mirror_free(struct dataplane *dataplane)
{
	struct service_entry *service, *next_service;
	struct endpoint_entry *endpoint, *next_endpoint;
	struct vip_entry *vip, *next_vip;
	struct local_entry *local, *next_local;
	struct hop *hop, *next_hop;

	HASH_ITER(hh, dataplane->services, service, next_service)
	{
		HASH_DEL(dataplane->services, service);
		free(service);
	}
	HASH_ITER(hh, dataplane->endpoints, endpoint, next_endpoint)
	dataplane_mirror_endpoint_remove(dataplane, endpoint);
	HASH_ITER(hh, dataplane->vips, vip, next_vip)
	dataplane_mirror_vip_remove(dataplane, vip);
	HASH_ITER(hh, dataplane->hops, hop, next_hop)
	dataplane_mirror_hop_remove(dataplane, hop);
	HASH_ITER(hh, dataplane->locals, local, next_local)
	dataplane_mirror_local_remove(dataplane, local);
}
/* NOLINTEND(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */
