/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This host's own addresses and routes: from net into the maps. */
#include "base/log.h"
#include "base/memory.h"
#include "service/internal.h"

struct address_list {
	struct netaddr *addresses;
	size_t count, capacity;
};

static int collect_address(const struct netaddr *address, uint32_t ifindex, void *userdata)
{
	struct address_list *list = userdata;

	(void)ifindex;
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 64;
		list->addresses =
			xreallocarray(list->addresses, list->capacity, sizeof(*list->addresses));
	}
	list->addresses[list->count++] = *address;
	return 0;
}

int service_apply_addresses(struct service *service)
{
	struct address_list list = {0};
	int r;

	r = net_walk_addresses(service->net, collect_address, &list);
	if (r >= 0)
		r = dataplane_set_local_addresses(service->dataplane, list.addresses, list.count);
	free(list.addresses);
	return r;
}

struct interface_list {
	struct dataplane_interface *interfaces;
	size_t count, capacity;
};

static int collect_interface(const struct net_interface *interface, void *userdata)
{
	struct interface_list *list = userdata;

	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 16;
		list->interfaces =
			xreallocarray(list->interfaces, list->capacity, sizeof(*list->interfaces));
	}
	list->interfaces[list->count++] = (struct dataplane_interface){
		.ifindex = interface->ifindex,
		.send_ifindex = interface->send_ifindex,
		.vlan = interface->vlan,
		.address4 = interface->address4,
		.address6 = interface->address6,
	};
	return 0;
}

int service_apply_interfaces(struct service *service)
{
	struct interface_list list = {0};
	int r;

	r = net_walk_interfaces(service->net, collect_interface, &list);
	if (r >= 0)
		r = dataplane_set_interfaces(service->dataplane, list.interfaces, list.count);
	/* Listeners that were started already keep the VLAN that they have: it is the VIP's. */
	for (size_t i = 0; i < list.count; i++)
		if (list.interfaces[i].ifindex == service->vip_ifindex)
			service->vip_vlan = list.interfaces[i].vlan;
	free(list.interfaces);
	return r;
}

static void on_interfaces(struct service *service)
{
	int r = service_apply_interfaces(service);

	if (r < 0)
		log_error_errno(r, "interfaces_failed");
}

void service_on_addresses(struct service *service)
{
	int r;

	if (!service)
		return;
	service_restore_vips(service);
	r = service_apply_addresses(service);
	if (r < 0)
		log_error_errno(r, "local_addresses_failed");
	on_interfaces(service);
}

struct prefix_list {
	struct dataplane_prefix *prefixes;
	size_t count, capacity;
};

static int collect_route(const struct netaddr *prefix, unsigned int length, void *userdata)
{
	struct prefix_list *list = userdata;

	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 64;
		list->prefixes =
			xreallocarray(list->prefixes, list->capacity, sizeof(*list->prefixes));
	}
	list->prefixes[list->count++] = (struct dataplane_prefix){*prefix, length};
	return 0;
}

int service_apply_routes(struct service *service, uint16_t family)
{
	struct prefix_list list = {0};
	bool uniform = false;
	int r;

	r = net_walk_routes(service->net, family, collect_route, &list, &uniform);
	if (r >= 0)
		r = dataplane_set_routes(service->dataplane, family, list.prefixes, list.count,
					 uniform);
	free(list.prefixes);
	return r;
}

static void on_routes(struct service *service, uint16_t family, const char *name)
{
	int r;

	r = service_apply_routes(service, family);
	if (r >= 0)
		return;
	log_error_errno(r, "routes_failed family=%s: each client has a route of its own now", name);
	/* What was taken for granted may be wrong by now; without it the maps are right, but
	 * slower. */
	r = dataplane_set_routes(service->dataplane, family, NULL, 0, false);
	if (r < 0)
		log_error_errno(r, "routes_failed family=%s: the maps keep the routes of before",
				name);
}

void service_on_routes(struct service *service)
{
	if (!service)
		return;
	on_interfaces(service);
	on_routes(service, AF_INET, "ipv4");
	on_routes(service, AF_INET6, "ipv6");
}
