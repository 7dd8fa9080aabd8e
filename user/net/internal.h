/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_NET_INTERNAL_H
#define TANDEM_NET_INTERNAL_H

/* What the files of this part share; nobody else includes it. */

#include <limits.h>
#include <net/if.h>
#include <sys/queue.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>

/* As base/memory.h does. NOLINTNEXTLINE(readability-identifier-naming): uthash's name */
#define uthash_fatal(message) abort()
#include <uthash.h>

#include "net/net.h"

enum { MAC_SIZE = 6 };

/* How long the kernel is left alone with a neighbour, or after a failure, before it is asked anew.
 */
enum { RETRY_US = 1000 * 1000 };

/*
 * How many addresses or neighbours one pass asks the kernel about. At a few microseconds each that
 * keeps a pass short beside the health checks of the same loop; the rest waits for the next one.
 */
enum { PASS_BUDGET = 256 };

struct interface {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	unsigned int flags; /* IFF_UP, IFF_RUNNING, IFF_LOWER_UP: the ones that matter to routes */
	bool ethernet;
	uint8_t mac[MAC_SIZE];
	uint32_t mtu;
	uint32_t lower;			     /* below a VLAN interface; 0: this is none */
	uint16_t vlan_id;		     /* of a VLAN interface */
	bool vlan_ad;			     /* its tag is 802.1ad's */
	unsigned int addresses4, addresses6; /* assignments that stand on it */
	bool seen;			     /* by the dump that is running */
	UT_hash_handle hh;
};

/* One way in which the host has an address: it may have it on several interfaces, in several nets.
 */
struct assignment {
	uint32_t ifindex;
	unsigned int length;
	struct netaddr peer; /* the other end of a point-to-point address, else the address */
	bool seen;
	LIST_ENTRY(assignment) link;
};

struct host_address {
	struct netaddr address;
	LIST_HEAD(, assignment) assignments; /* not empty */
	UT_hash_handle hh;
};

struct neighbour_key {
	uint32_t ifindex;
	struct netaddr address;
};

/* An entry of the kernel's neighbour table, or one that it ought to have since a target needs it.
 */
struct neighbour {
	struct neighbour_key key;
	uint16_t state; /* NUD_*; NUD_NONE: the kernel has no such entry */
	bool resolved;	/* mac is known and in use */
	uint8_t mac[MAC_SIZE];
	bool seen;
	bool queued; /* in net->unverified */
	uint64_t probe_after_us;
	LIST_HEAD(, target) targets;
	TAILQ_ENTRY(neighbour) queue_link;
	UT_hash_handle hh;
};

/* A tracked address. */
struct target {
	struct netaddr address;
	unsigned int users;
	struct neighbour *neighbour; /* NULL: no route */
	struct net_nexthop told;     /* what the owner knows */
	bool unrouted, changed;	     /* in the list of that name */
	LIST_ENTRY(target) neighbour_link;
	TAILQ_ENTRY(target) unrouted_link, changed_link;
	UT_hash_handle hh;
};

struct announcement;
struct request;

struct net {
	sd_event *event;
	struct net_callbacks callbacks;
	void *userdata;

	struct nl_sock *events; /* joined to the multicast groups, does not block */
	sd_event_source *events_source;
	struct nl_sock *requests; /* question and answer, blocks for REQUEST_TIMEOUT_S at most */
	struct request *request;  /* the one that waits for its answer */
	int packet_fd;

	sd_event_source *pass; /* a timer: does what events left to do, once a loop iteration */
	uint64_t pass_at_us;   /* UINT64_MAX: not armed */
	bool lost;	       /* events were lost: everything has to be read anew */
	bool addresses_changed, routes_changed; /* to be reported */
	bool table_full4, table_full6;		/* the neighbour table is, and that was logged */

	struct interface *interfaces;
	struct host_address *addresses;
	struct neighbour *neighbours;
	struct target *targets;
	bool unrouted4, unrouted6;     /* all of the family are to go to the list: */
	TAILQ_HEAD(, target) unrouted; /* their route has to be looked up */
	unsigned int prefixes_changed; /* that were compared with all targets since the last pass */
	TAILQ_HEAD(, target) changed;  /* their owner has to be told, if told differs */
	TAILQ_HEAD(, neighbour) unverified; /* the kernel has to be asked to probe them */
	struct announcement *announcements;
};

/* net.c */

/* Run the pass at @when_us of CLOCK_MONOTONIC, or earlier if that was asked for; 0 is at once. */
void net_schedule(struct net *net, uint64_t when_us);

/*
 * Take in all events that the kernel has queued, so that what it has acknowledged is known here.
 * Calls no callbacks.
 */
CHECKED int net_sync(struct net *net);

/* request.c */

/*
 * One message of an answer. A value other than 0 ends the request and is returned from it. May not
 * make requests itself.
 */
typedef int (*message_visit)(struct net *net, const struct nlmsghdr *header, void *userdata);

/* A message with its family header; aborts when out of memory. The functions below free it. */
struct nl_msg *message_new(int type, int flags, const void *header, size_t size);
void message_put(struct nl_msg *message, int attribute, const void *data, size_t size);
void message_put_address(struct nl_msg *message, int attribute, const struct netaddr *address);

/* Read what an attribute holds; false where it is absent or of another size. */
bool attribute_address(const struct nlattr *attribute, uint16_t family, struct netaddr *ret);
bool attribute_mac(const struct nlattr *attribute, uint8_t *ret_mac);
/* @missing where the attribute is absent or of another size. */
uint32_t attribute_u32(const struct nlattr *attribute, uint32_t missing);

int request_open(struct net *net);
/* Have the kernel do something. */
CHECKED int request_execute(struct net *net, struct nl_msg *take_message);
/* Ask something that has one answer. */
CHECKED int request_ask(struct net *net, struct nl_msg *take_message, message_visit visit,
			void *userdata);
/*
 * Ask for a whole table. When it changes meanwhile it is read again from the start, so @visit may
 * see entries twice, and such as are gone.
 */
CHECKED int request_dump(struct net *net, int type, const void *header, size_t size,
			 message_visit visit, void *userdata);

/* interface.c */

struct interface *interface_find(struct net *net, uint32_t ifindex);
/*
 * Where frames of the interface are sent and with which tags (TD_VLAN_*): itself, or what is below
 * up to two VLAN interfaces. False where that is not known, or deeper.
 */
bool interface_below(struct net *net, const struct interface *interface, uint32_t *ret_ifindex,
		     uint32_t *ret_vlan);
/* Its name, or "?". */
const char *interface_name(struct net *net, uint32_t ifindex);
int interface_on_message(struct net *net, const struct nlmsghdr *header, void *userdata);
CHECKED int interfaces_load(struct net *net);
void interfaces_free(struct net *net);

/* address.c */

int address_on_message(struct net *net, const struct nlmsghdr *header, void *userdata);
CHECKED int addresses_load(struct net *net);
void addresses_free(struct net *net);

/* neighbour.c */

struct neighbour *neighbour_get(struct net *net, uint32_t ifindex, const struct netaddr *address);
void neighbour_attach(struct net *net, struct neighbour *neighbour, struct target *target);
void neighbour_detach(struct net *net, struct target *target);
int neighbour_on_message(struct net *net, const struct nlmsghdr *header, void *userdata);
CHECKED int neighbours_load(struct net *net);
/* Ask the kernel to probe those of the unverified that are due, within the budget. */
void neighbours_probe(struct net *net);
void neighbours_free(struct net *net);

/* route.c */

struct route {
	uint32_t ifindex;	/* 0: there is none that leaves this host */
	struct netaddr gateway; /* the address itself where it is on-link */
};

CHECKED int route_find(struct net *net, const struct netaddr *address, struct route *ret);

/* track.c */

void target_mark_changed(struct net *net, struct target *target);
/* Routes of @family (AF_UNSPEC: of both) may have changed. */
void targets_mark_family(struct net *net, uint16_t family);
int targets_on_route(struct net *net, const struct nlmsghdr *header);
/* Look up the routes of those that need it, within the budget. */
void targets_route(struct net *net);
/* Tell the owner what changed. */
void targets_report(struct net *net);
void targets_free(struct net *net);

/* announce.c */

CHECKED int announce_open(struct net *net);
/* The host has @address on @ifindex no more. */
void announcements_cancel(struct net *net, uint32_t ifindex, const struct netaddr *address);
void announcements_free(struct net *net);

#endif
