/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_NET_H
#define TANDEM_NET_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/netaddr.h"

/*
 * The kernel's links, addresses, neighbours and routes, by rtnetlink (libnl-3), as events. Belongs
 * to the network namespace in which it was created. Lost events (ENOBUFS) make it read everything
 * anew. Callbacks come from the event loop only, at most once an iteration each (on_nexthop: for
 * each address), and may call the functions below; visitors may not.
 */
struct net;

/* Where a packet to an address leaves, and to whom. */
struct net_nexthop {
	uint32_t ifindex;      /* 0: no route */
	uint32_t send_ifindex; /* where XDP can send: ifindex, or the interface below its VLAN tags
				*/
	uint32_t vlan;	       /* the tags to put on there; TD_VLAN_* of tandem/abi.h */
	uint32_t mtu;	       /* of the interface, for IP packets */
	uint8_t source_mac[6]; /* of that interface */
	uint8_t dest_mac[6];   /* of the gateway, or of the address itself where it is on-link */
	bool resolved;	       /* dest_mac is known */
};

struct net_callbacks {
	/* The next hop of a tracked address differs from what was told last. */
	void (*on_nexthop)(const struct netaddr *address, const struct net_nexthop *nexthop,
			   void *userdata);
	/* Addresses of this host changed: read them with net_walk_addresses(). */
	void (*on_addresses)(void *userdata);
	/* A route, rule, neighbour or link changed: what was looked up before may be stale. */
	void (*on_routes)(void *userdata);
};

CHECKED int net_new(sd_event *event, const struct net_callbacks *callbacks, void *userdata,
		    struct net **ret, struct error *reterr);
/* NULL is fine; returns NULL. */
struct net *net_free(struct net *net);
DEFINE_AUTO(struct net, net_free)

/*
 * Keep the next hop of @address known and its neighbour entry alive until net_untrack(). Counted:
 * each net_track() wants one net_untrack(). @ret_nexthop is what is known now; where it is not
 * resolved, resolution was started and on_nexthop() follows.
 */
CHECKED int net_track(struct net *net, const struct netaddr *address,
		      struct net_nexthop *ret_nexthop);
void net_untrack(struct net *net, const struct netaddr *address);

/* Ask the kernel to resolve the neighbour @address on @ifindex, now; it need not be tracked. */
CHECKED int net_resolve(struct net *net, uint32_t ifindex, const struct netaddr *address);

/*
 * Every address of every interface of this host, as of now. A non-zero value ends the walk and is
 * returned.
 */
typedef int (*net_address_visit)(const struct netaddr *address, uint32_t ifindex, void *userdata);
CHECKED int net_walk_addresses(struct net *net, net_address_visit visit, void *userdata);

/*
 * What a cache of routes may take for granted. Visits every route of @family in every table but
 * "local" that is more specific than the default route, by its destination prefix (host bits zero)
 * and length (>= 1); addresses in none of them take the default route. Broadcast, multicast, local
 * and link-local (fe80::/10) routes do not count. @ret_uniform: all that takes the default route
 * leaves through one gateway on one interface (or there is no default route); false where policy
 * rules beyond the kernel's own, a multipath or an on-link default route make that untrue. A
 * non-zero value from the visitor ends the walk and is returned. A prefix may come more than once,
 * and one that has gone meanwhile may come still.
 */
typedef int (*net_route_visit)(const struct netaddr *prefix, unsigned int length, void *userdata);
CHECKED int net_walk_routes(struct net *net, uint16_t family, net_route_visit visit, void *userdata,
			    bool *ret_uniform);

/* Put @address (/32, /128, no duplicate detection) on the interface; there already is success. */
CHECKED int net_address_add(struct net *net, uint32_t ifindex, const struct netaddr *address,
			    struct error *reterr);
/* Take it off, as net_address_add() puts it there (/32, /128); not there is success. */
CHECKED int net_address_remove(struct net *net, uint32_t ifindex, const struct netaddr *address,
			       struct error *reterr);
/* Whether the host has @address, and on which interface (0: nowhere). */
CHECKED int net_address_find(struct net *net, const struct netaddr *address, uint32_t *ret_ifindex);

/* An interface that has an address or a tag; plain data. */
struct net_interface {
	uint32_t ifindex;
	uint32_t send_ifindex; /* as in struct net_nexthop */
	uint32_t vlan;
	struct netaddr address4; /* one that it has; AF_UNSPEC: none */
	struct netaddr address6; /* not link-local */
};

/* Every interface that packets can be sent by, as of now; as net_walk_addresses(). */
typedef int (*net_interface_visit)(const struct net_interface *interface, void *userdata);
CHECKED int net_walk_interfaces(struct net *net, net_interface_visit visit, void *userdata);

/*
 * Announce that @address is at @ifindex's MAC: gratuitous ARP (RFC 5227 announcement) or
 * unsolicited neighbour advertisement with override (RFC 4861, 7.2.6), at once and twice more a
 * second apart, unless the address leaves the interface before that. Fails where not even the first
 * could be sent.
 */
CHECKED int net_announce(struct net *net, uint32_t ifindex, const struct netaddr *address);

/* Whether the kernel forwards between interfaces: net.ipv4.ip_forward,
 * net.ipv6.conf.all.forwarding. */
CHECKED int net_forwarding(uint16_t family, bool *ret);

#endif
