/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_WORLD_H
#define TANDEM_TESTS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a gateway knows, in plain terms: lab.c writes it into the program's maps, model.c decides by
 * it. Addresses are bytes as in packets, an IPv4 address the first four; ports are host order.
 */

enum { WORLD_SERVICES = 12, WORLD_ROUTES = 16, WORLD_LOCALS = 4 };

/* The tags of a frame. Of one tag, @inner is the identifier. */
struct world_vlan {
	uint8_t tags;
	bool ad; /* the outer one is 802.1ad's */
	uint16_t outer;
	uint16_t inner;
};

struct world_hop {
	uint32_t ifindex;
	struct world_vlan vlan;
	uint16_t mtu;
	uint8_t dest[6];
	uint8_t source[6];
	bool resolved;
	bool sendable; /* the device map has the interface */
};

struct world_server {
	uint8_t addr[16];
	uint16_t port;
	struct world_vlan vlan; /* where its packets come from */
	struct world_hop hop;
};

struct world_service {
	int family;
	uint8_t vip[16];
	uint16_t port;
	uint8_t proto;
	struct world_vlan vlan;
	struct world_server servers[2];
	int active;  /* 0, 1, or -1: nobody */
	bool reject; /* what is met then */
};

enum world_route_kind {
	ROUTE_VIA,
	ROUTE_ONLINK_UNRESOLVED,
	ROUTE_LOCAL,
	ROUTE_PROHIBITED,
	ROUTE_UNSURE, /* depends on what was asked before: the model does not say */
};

struct world_route {
	int family;
	uint8_t addr[16];
	unsigned int bits;
	enum world_route_kind kind;
	struct world_hop hop;
};

struct world {
	struct world_service services[WORLD_SERVICES];
	int service_count;
	struct world_route routes[WORLD_ROUTES];
	int route_count;
	struct {
		int family;
		uint8_t addr[16];
	} locals[WORLD_LOCALS];
	int local_count;
	uint32_t ingress;
	/* This host's addresses there, by VLAN; zero: none. */
	struct world_interface {
		struct world_vlan vlan;
		uint8_t own4[4];
		uint8_t own6[16];
	} interfaces[2];
};

#endif
