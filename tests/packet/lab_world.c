// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The lab in plain terms, as the model has it, and back into the maps. */
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "lab.h"
#include "tandem.skel.h"
#include "tandem/select.h"

static struct world_vlan vlan_of(uint32_t vlan)
{
	bool two = TD_VLAN_TAGS(vlan) == 2;

	return (struct world_vlan){.tags = TD_VLAN_TAGS(vlan),
				   .ad = vlan & TD_VLAN_AD,
				   .outer = two ? vlan >> 12 & 0xfff : 0,
				   .inner = vlan & 0xfff};
}

static uint32_t vlan_to(const struct world_vlan *vlan)
{
	uint32_t ad = vlan->ad ? TD_VLAN_AD : 0;

	if (vlan->tags == 0)
		return 0;
	if (vlan->tags == 1)
		return TD_VLAN_ONE | ad | vlan->inner;
	return TD_VLAN_TWO | ad | (uint32_t)vlan->outer << 12 | vlan->inner;
}

static void world_service(struct world_service *to, const struct lab_service *from)
{
	to->family = strchr(from->vip, ':') ? 6 : 4;
	lab_parse_address(from->vip, to->vip);
	to->port = from->port;
	to->proto = from->proto;
	to->vlan = vlan_of(from->vlan);
	for (int slot = 0; slot < 2; slot++) {
		struct world_server *server = &to->servers[slot];

		lab_parse_address(from->servers[slot], server->addr);
		server->port = from->server_ports[slot];
		server->vlan = vlan_of(from->server_vlans[slot]);
		server->hop = (struct world_hop){.ifindex = LAB_INGRESS,
						 .vlan = server->vlan,
						 .mtu = 1500,
						 .dest = {2, 0, 0, 0, 1, (uint8_t)(1 + slot)},
						 .source = {2, 0, 0, 0, 0, 1},
						 .resolved = true};
	}
}

static void world_route(struct world *world, const char *prefix, unsigned int bits,
			enum world_route_kind kind, uint8_t last)
{
	struct world_route *route = &world->routes[world->route_count++];
	bool v4 = !strchr(prefix, ':');

	route->family = v4 ? 4 : 6;
	lab_parse_address(prefix, route->addr);
	route->bits = bits;
	route->kind = kind;
	route->hop = (struct world_hop){.dest = {2, 0, 0, 0, 0, last},
					.source = {2, 0, 0, 0, 0, 1},
					.resolved = true,
					.sendable = true};
	/* Only the IPv4 default route is on the interface that frames come in on. */
	if (v4 && bits == 0) {
		route->hop.ifindex = LAB_INGRESS;
		route->hop.mtu = LAB_INGRESS_MTU;
	} else {
		route->hop.ifindex = lab.other_device;
		route->hop.mtu = LAB_ETH0_MTU;
	}
}

void lab_world(struct world *ret)
{
	static const char *const locals[] = {GATEWAY4, GATEWAY6, "127.0.0.1", "::1"};

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < SERVICE_MAX; i++)
		world_service(&ret->services[i], &lab_services[i]);
	ret->service_count = SERVICE_MAX;
	for (size_t i = 0; i < ARRAY_SIZE(locals); i++) {
		ret->locals[i].family = strchr(locals[i], ':') ? 6 : 4;
		lab_parse_address(locals[i], ret->locals[i].addr);
	}
	ret->local_count = ARRAY_SIZE(locals);
	ret->ingress = LAB_INGRESS;
	lab_parse_address(GATEWAY4, ret->interfaces[0].own4);
	lab_parse_address(GATEWAY6, ret->interfaces[0].own6);
	ret->interfaces[1].vlan = (struct world_vlan){.tags = 1, .inner = 200};
	lab_parse_address(GATEWAY4_200, ret->interfaces[1].own4);
	world_route(ret, "0.0.0.0", 0, ROUTE_VIA, 2);
	world_route(ret, "127.0.0.0", 8, ROUTE_LOCAL, 0);
	world_route(ret, "172.16.0.0", 12, ROUTE_PROHIBITED, 0);
	world_route(ret, "192.0.2.0", 24, ROUTE_ONLINK_UNRESOLVED, 0);
	world_route(ret, "192.0.2.1", 32, ROUTE_LOCAL, 0);
	world_route(ret, "192.0.2.255", 32, ROUTE_LOCAL, 0);
	world_route(ret, "192.0.2.77", 32, ROUTE_VIA, 0x77);
	world_route(ret, "::", 0, ROUTE_VIA, 2);
	world_route(ret, "fe80::", 10, ROUTE_UNSURE, 0);
	world_route(ret, "ff00::", 8, ROUTE_UNSURE, 0);
	world_route(ret, "2001:db8::", 64, ROUTE_ONLINK_UNRESOLVED, 0);
	world_route(ret, "2001:db8::", 128, ROUTE_LOCAL, 0);
	world_route(ret, "2001:db8::77", 128, ROUTE_VIA, 0x77);
}

static void publish_hop(uint32_t index, const struct world_hop *hop)
{
	struct td_nexthop nexthop = {
		.ifindex = hop->ifindex, .vlan = vlan_to(&hop->vlan), .mtu = hop->mtu};

	memcpy(&nexthop.dest, hop->dest, 6);
	((uint8_t *)&nexthop.dest)[6] = hop->resolved ? TD_NEXTHOP_RESOLVED : 0;
	memcpy(nexthop.source_mac, hop->source, 6);
	lab_update(nexthops, &index, &nexthop);
}

static void publish_service(uint32_t index, const struct world_service *from)
{
	uint64_t none = from->reject ? TD_SELECT_REJECT : TD_SELECT_DROP;
	uint64_t state = (from->active < 0 ? (uint64_t)TD_SLOT_NONE : (uint64_t)from->active) |
			 none << TD_STATE_NONE_SHIFT;
	struct td_service service;
	struct td_group group;

	if (bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.groups), &index, &group) < 0 ||
	    bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.service_table), &index, &service) < 0)
		abort();
	group.vlan = vlan_to(&from->vlan);
	for (uint32_t slot = 0; slot < 2; slot++) {
		group.servers[slot].nexthop = HOP_OF_SERVICES + 2 * index + slot;
		publish_hop(group.servers[slot].nexthop, &from->servers[slot].hop);
		service.server_vlan[slot] = vlan_to(&from->servers[slot].vlan);
	}
	lab_update(groups, &index, &group);
	lab_update(service_table, &index, &service);
	lab_update(group_state, &index, &state);
}

void lab_publish(const struct world *world)
{
	for (uint32_t i = 0; i < SERVICE_MAX; i++)
		publish_service(i, &world->services[i]);
}
