/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_DATAPLANE_H
#define TANDEM_DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/netaddr.h"
#include "tandem/abi.h"
#include "tandem/select.h"
#include "tandem/trace.h"

/*
 * The XDP program and its maps, pinned below a folder of bpffs: the one module that knows libbpf.
 * What is pinned goes on without the agent; dataplane_open() adopts it. A service is a VIP, port
 * and protocol with the two servers behind it. Addresses are struct netaddr, ports host byte order.
 */
struct dataplane;

enum { DATAPLANE_SLOTS = 2 };

struct dataplane_server {
	struct netaddr address;
	uint16_t port;
};

struct dataplane_service {
	struct netaddr vip;
	uint16_t port;
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	uint32_t vlan;	  /* where the VIP is; TD_VLAN_*, 0 is untagged */
	struct dataplane_server servers[DATAPLANE_SLOTS];
};

/* Where a packet to a server leaves: as struct net_nexthop says, which this module does not know.
 */
struct dataplane_nexthop {
	uint32_t ifindex; /* the one to send on */
	uint32_t vlan;	  /* tags to put on; TD_VLAN_* */
	uint32_t mtu;	  /* of IP packets; 0 is no limit */
	uint8_t source_mac[6];
	uint8_t dest_mac[6];
	bool resolved;
};

struct dataplane_options {
	const char *pin_dir; /* folder of bpffs; created 0700 */
	/* The XDP program met a client's next hop that the kernel has not resolved. */
	void (*on_unresolved)(uint32_t ifindex, const struct netaddr *address, void *userdata);
	void *userdata;
};

/*
 * Load the program and maps, or adopt what is pinned: maps are kept with their contents, programs
 * are loaded anew and each pinned link is switched to the new program in place, without a moment in
 * between. -EBUSY where another agent holds the folder, -ENOTEMPTY where it has what is not
 * tandem's, -EPROTO where the maps have another ABI or layout (nothing is touched then). On failure
 * nothing is left behind that was not there before.
 */
CHECKED int dataplane_open(sd_event *event, const struct dataplane_options *options,
			   struct dataplane **ret, struct error *reterr);
/* Lets go of everything; what is pinned stays and goes on. NULL is fine; returns NULL. */
struct dataplane *dataplane_free(struct dataplane *dataplane);
DEFINE_AUTO(struct dataplane, dataplane_free)

/* Whether dataplane_open() found pinned maps, and how many services they held then. */
bool dataplane_was_adopted(const struct dataplane *dataplane);
unsigned int dataplane_adopted_services(const struct dataplane *dataplane);

enum dataplane_mode { DATAPLANE_NATIVE, DATAPLANE_GENERIC };

/*
 * Attach to the interface, or keep the pinned link that is there. Native mode; generic where the
 * driver refuses that: it has none, or not with its present settings, such as a large MTU or LRO
 * (dataplane_hook_read() tells its words). An XDP program of somebody else's is left alone: -EBUSY,
 * with its name and id in @reterr. @ret_mode says which mode it is.
 */
CHECKED int dataplane_attach(struct dataplane *dataplane, uint32_t ifindex, const char *ifname,
			     enum dataplane_mode *ret_mode, struct error *reterr);
/* What an interface has at its XDP hook now. */
enum { DATAPLANE_REFUSAL_MAX = 192 };
struct dataplane_hook {
	uint32_t program; /* id; 0: none, and the rest is empty */
	char program_name[16];
	bool ours;
	enum dataplane_mode mode;
	/* Ours in generic mode: why the driver refused the native one, in its words. "" where this
	 * agent found the link there. */
	char refusal[DATAPLANE_REFUSAL_MAX];
};
CHECKED int dataplane_hook_read(struct dataplane *dataplane, uint32_t ifindex,
				struct dataplane_hook *ret);
/* Whether the maps and links in use are those that are pinned, so that the next agent finds them.
 */
CHECKED int dataplane_pins_check(struct dataplane *dataplane, struct error *reterr);

/* Detach from every interface to which dataplane_attach() was not called since dataplane_open(). */
CHECKED int dataplane_detach_others(struct dataplane *dataplane, struct error *reterr);
/* Undo what dataplane_attach() did since dataplane_open(): a start that fails leaves what was. */
void dataplane_detach_fresh(struct dataplane *dataplane);

/*
 * Make @service be served, with @state as its state word; "put": what is there already and the same
 * is kept. Where the VIP, port and protocol are served already, the servers are replaced: written
 * beside the old ones and switched to by one store, so that no packet sees half. All or nothing.
 * -ENOSPC where a map is full, -EEXIST where one of the endpoints belongs to another service (both
 * are checked first). @ret_index names the service from now on; it stays the same over restarts.
 */
CHECKED int dataplane_service_put(struct dataplane *dataplane,
				  const struct dataplane_service *service, __u64 state,
				  uint32_t *ret_index, struct error *reterr);
/*
 * Whether the service is in the maps (adopted or put) by its VIP, port and protocol, with its index
 * and state word; -ENOENT else. Of a slot whose server is another one there, the word says nothing:
 * neither eligible nor bad.
 */
CHECKED int dataplane_service_find(struct dataplane *dataplane,
				   const struct dataplane_service *service, uint32_t *ret_index,
				   __u64 *ret_state);
/* Nothing of the service is left in the maps; its counters start from zero when the index is used
 * again. */
void dataplane_service_remove(struct dataplane *dataplane, uint32_t index);
/* Remove the adopted services that were not put since dataplane_open(); returns how many. */
unsigned int dataplane_service_sweep(struct dataplane *dataplane);

/* One aligned 64-bit store into the mapped map: this is the failover. */
void dataplane_state_store(struct dataplane *dataplane, uint32_t index, __u64 state);
__u64 dataplane_state_load(struct dataplane *dataplane, uint32_t index);

/*
 * Tell the next hop of a server's address: for the services put already and those to come. A new
 * MAC is one store; a new interface is a fresh next hop that the services are switched to.
 */
CHECKED int dataplane_nexthop_put(struct dataplane *dataplane, const struct netaddr *address,
				  const struct dataplane_nexthop *nexthop);
/* No service uses @address any more. */
void dataplane_nexthop_remove(struct dataplane *dataplane, const struct netaddr *address);

/* Replace the set of this host's own addresses, to which everything passes untouched. */
CHECKED int dataplane_set_local_addresses(struct dataplane *dataplane,
					  const struct netaddr *addresses, size_t count);
/* A destination prefix of a route. */
struct dataplane_prefix {
	struct netaddr address; /* host bits zero */
	unsigned int length;
};

/*
 * Forget every cached route of both families, and take it that addresses of @family outside of
 * @prefixes leave by one default gateway, so that one cache entry serves them all; with @uniform
 * false nothing is taken for granted and each address has an entry of its own.
 */
CHECKED int dataplane_set_routes(struct dataplane *dataplane, uint16_t family,
				 const struct dataplane_prefix *prefixes, size_t count,
				 bool uniform);
/* Forget every cached route: a neighbour or a link changed. */
void dataplane_invalidate_routes(struct dataplane *dataplane);

/* An interface that packets to clients may leave by. */
struct dataplane_interface {
	uint32_t ifindex;
	uint32_t send_ifindex; /* itself, or the one below its tags */
	uint32_t vlan;
	struct netaddr address4, address6; /* of this host there; AF_UNSPEC: none */
};

/* Replace the set of interfaces. -ENOSPC where there are more than TD_MAX_INTERFACES. */
CHECKED int dataplane_set_interfaces(struct dataplane *dataplane,
				     const struct dataplane_interface *interfaces, size_t count);

/* Sums over CPUs. */
CHECKED int dataplane_counters_read(struct dataplane *dataplane, uint32_t index, uint32_t slot,
				    struct td_counters *ret);
/* @ret has TD_REASON_MAX elements. */
CHECKED int dataplane_reasons_read(struct dataplane *dataplane, struct td_reason_counter *ret);

/* Frames that a device refused after the program had sent them on, by interface; 0 where none. */
CHECKED int dataplane_send_errors_read(struct dataplane *dataplane, uint32_t ifindex,
				       struct td_send_errors *ret);

/* Use of a map of limited size, for people and alarms. */
struct dataplane_usage {
	const char *map;
	uint32_t used;
	uint32_t max;
};
enum { DATAPLANE_USAGE_MAX = 8 };
/* Fills up to DATAPLANE_USAGE_MAX elements; returns how many. */
unsigned int dataplane_usage_read(struct dataplane *dataplane, struct dataplane_usage *ret);

/* What a trace records; what is zero matches everything. */
struct dataplane_trace_filter {
	uint64_t deadline_us;  /* CLOCK_MONOTONIC: after it nothing is recorded */
	struct netaddr client; /* packets from or to it */
	uint16_t client_port;
	uint16_t port; /* with @vip and @protocol: packets of this listener, both ways */
	struct netaddr vip;
	uint8_t protocol;
	bool is_served;	  /* then @service is its index: replies are known by it */
	uint32_t service; /* as dataplane_service_put() said */
	enum td_reason reason;
	uint32_t sample_every; /* of the packets that match, one in so many */
};

/* The event is borrowed for the call. */
typedef void (*dataplane_on_trace)(const struct td_trace_event *event, void *userdata);

/*
 * Attach the tracing program in the place of the other one, on all interfaces or none, without a
 * moment in between; @on_event is called from the loop for what it records, until
 * dataplane_trace_stop() returns. -EBUSY where a trace runs, -EOPNOTSUPP where the kernel did not
 * take the program.
 */
CHECKED int dataplane_trace_start(struct dataplane *dataplane, sd_event *event,
				  const struct dataplane_trace_filter *filter,
				  dataplane_on_trace on_event, void *userdata,
				  struct error *reterr);
/* Attach the usual program again and deliver what was recorded. Where no trace runs, nothing
 * happens. */
void dataplane_trace_stop(struct dataplane *dataplane);
/* Of the last trace: how many packets matched, and events that the ring had no room for. */
CHECKED int dataplane_trace_counts_read(const struct dataplane *dataplane,
					struct td_trace_counts *ret);

/*
 * Take down everything below @pin_dir: links, programs, maps, the folder. Not there is success.
 * -EBUSY while an agent holds it; -ENOTEMPTY where it holds what is not tandem's, and nothing is
 * removed.
 */
CHECKED int dataplane_purge(const char *pin_dir, struct error *reterr);

#endif
