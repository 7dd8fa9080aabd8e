/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_DATAPLANE_INTERNAL_H
#define TANDEM_DATAPLANE_INTERNAL_H

/*
 * What the files of dataplane/ share. Memory mirrors the maps: what is served (services.c), by
 * whose servers (endpoints.c), through which next hops (nexthops.c). The maps are the truth that
 * outlives the agent: adopt.c reads the mirror from them, and afterwards every change goes to the
 * map first.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* As base/memory.h does. NOLINTNEXTLINE(readability-identifier-naming): uthash's name */
#define uthash_fatal(message) abort()
#include <uthash.h>

#include "dataplane/dataplane.h"

struct bpf_map;
struct ring_buffer;
struct tandem_bpf;
struct trace;

#define DATAPLANE_MAPS(X)                                                                          \
	X(MAP_SERVICES4, services4)                                                                \
	X(MAP_SERVICES6, services6)                                                                \
	X(MAP_SERVICE_TABLE, service_table)                                                        \
	X(MAP_GROUPS, groups)                                                                      \
	X(MAP_GROUP_STATE, group_state)                                                            \
	X(MAP_ENDPOINTS4, endpoints4)                                                              \
	X(MAP_ENDPOINTS6, endpoints6)                                                              \
	X(MAP_QUICK4, quick4)                                                                      \
	X(MAP_NEXTHOPS, nexthops)                                                                  \
	X(MAP_SETTINGS, settings)                                                                  \
	X(MAP_PORTS, ports)                                                                        \
	X(MAP_LOCAL_ADDRESSES, local_addresses)                                                    \
	X(MAP_ROUTE_CACHE4, route_cache4)                                                          \
	X(MAP_ROUTE_CACHE6, route_cache6)                                                          \
	X(MAP_ROUTE_QUESTION, route_question)                                                      \
	X(MAP_UPPERS, uppers)                                                                      \
	X(MAP_INTERFACES, interfaces)                                                              \
	X(MAP_FRAGMENTS4, fragments4)                                                              \
	X(MAP_FRAGMENTS6, fragments6)                                                              \
	X(MAP_DEVICES, devices)                                                                    \
	X(MAP_COUNTERS, counters)                                                                  \
	X(MAP_REASONS, reasons)                                                                    \
	X(MAP_SEND_ERRORS, send_errors)                                                            \
	X(MAP_EVENTS, events)
#define DATAPLANE_MAP_ENUM(symbol, name) symbol,
enum map_id { DATAPLANE_MAPS(DATAPLANE_MAP_ENUM) MAP_MAX };

/* The maps of a family: services4 is followed by services6, endpoints4 by endpoints6. */
enum { FAMILIES = 2 };
static inline unsigned int family_of(const struct netaddr *address)
{
	return address->family == AF_INET6;
}

/* Free indices of an array map, taken in the order in which they became free. */
struct index_pool {
	uint32_t *ring;
	uint32_t size;
	uint32_t head;
	uint32_t count;
};

/* @used has @size elements: those are not free. */
void dataplane_pool_init(struct index_pool *pool, uint32_t size, const bool *used);
void dataplane_pool_free(struct index_pool *pool);
/* The caller has seen that count is not 0. */
uint32_t dataplane_pool_take(struct index_pool *pool);
void dataplane_pool_give(struct index_pool *pool, uint32_t index);

/* A VIP or a server with its port. Hashed as bytes: only dataplane_place() makes one. */
struct place {
	struct netaddr address;
	uint16_t port; /* host byte order */
	uint8_t protocol;
	uint8_t pad;
};
_Static_assert(sizeof(struct place) == sizeof(struct netaddr) + 4, "hashed as bytes: no padding");

struct place dataplane_place(const struct netaddr *address, uint16_t port, uint8_t protocol);
/* "192.0.2.1 port 80/tcp" into @buffer of PLACE_TEXT_MAX bytes; returns @buffer. */
enum { PLACE_TEXT_MAX = NETADDR_TEXT_MAX + sizeof(" port 65535/tcp") };
char *dataplane_place_format(const struct place *place, char *buffer);

/* Where packets to a server's address leave; one element of nexthops for all services. */
struct hop {
	struct netaddr address;
	uint32_t index;
	uint32_t vlan;
	unsigned int references; /* servers of services */
	bool told;		 /* dataplane_nexthop_put() was called */
	bool used;		 /* it was resolved once: packets may have seen its interface */
	UT_hash_handle hh;
};

struct service_entry {
	struct place place;
	uint32_t index;
	uint32_t group;
	uint32_t vlan; /* of the VIP */
	struct dataplane_server servers[DATAPLANE_SLOTS];
	struct hop *hops[DATAPLANE_SLOTS];
	bool listed;	/* among vips and services, with its port counted */
	bool confirmed; /* put since dataplane_open() */
	UT_hash_handle hh;
};

struct endpoint_entry {
	struct place place;
	uint32_t service;
	uint32_t slot;
	UT_hash_handle hh;
};

struct vip_entry {
	struct netaddr address;
	unsigned int services;
	UT_hash_handle hh;
};

/* An address of this host. */
struct local_entry {
	struct netaddr address;
	uint32_t seen; /* local_round of the last set that had it */
	UT_hash_handle hh;
};

/* A pinned link of an interface. */
struct link_entry {
	uint32_t ifindex;
	int fd;
	bool wanted; /* dataplane_attach() was called */
	bool fresh;  /* created since dataplane_open() */
	bool veth;
	char refusal[DATAPLANE_REFUSAL_MAX]; /* why the driver refused native mode; "" else */
};

struct dataplane {
	char *pin_dir;
	int lock_fd;
	bool folder_created;
	bool adopted;
	unsigned int adopted_services;
	void (*on_unresolved)(uint32_t ifindex, const struct netaddr *address, void *userdata);
	void *userdata;

	struct tandem_bpf *skel;
	int maps[MAP_MAX]; /* descriptors, owned by skel */
	unsigned int cpus;
	__u64 *states; /* mapped: group_state, nexthops, settings, ports, quick4 */
	struct td_nexthop *nexthops;
	struct td_settings *settings;
	struct td_ports *ports;
	struct td_quick4 *quick;
	struct ring_buffer *events;
	sd_event_source *events_source;
	struct td_event_unresolved last_event; /* of this round, with how many were seen */
	unsigned int events_seen;
	struct trace *trace; /* of trace.c; NULL where the kernel did not take it */

	struct link_entry links[TD_MAX_DEVICES];
	unsigned int link_count;

	struct service_entry *services; /* by place */
	struct service_entry *table[TD_MAX_SERVICES];
	struct endpoint_entry *endpoints;
	struct vip_entry *vips;
	struct hop *hops;
	struct local_entry *locals;
	uint32_t local_round;
	struct index_pool free_services;
	struct index_pool free_groups;
	struct index_pool free_nexthops;
	uint32_t services_used[FAMILIES]; /* elements of services4, services6: VIPs count too */
	uint32_t endpoints_used[FAMILIES];
	uint16_t service_ports[65536]; /* how many have the port */
	uint16_t endpoint_ports[65536];
};

/* Fill @reterr with the message; returns @r. */
CHECKED int dataplane_fail(struct error *reterr, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Note in the log that a clean-up step failed, where @r says so: nobody can be told who could help.
 */
void dataplane_log_leftover(int r, const char *what);

/* maps.c: one element by descriptor; 0 or -errno. */
const char *dataplane_map_name(enum map_id map);
CHECKED int dataplane_map_write(const struct dataplane *dataplane, enum map_id map, const void *key,
				const void *value);
CHECKED int dataplane_map_read(const struct dataplane *dataplane, enum map_id map, const void *key,
			       void *ret_value);
/* Not there is success. */
CHECKED int dataplane_map_delete(const struct dataplane *dataplane, enum map_id map,
				 const void *key);
/* All keys, @key_size bytes each, for the caller to free. Nobody else writes the map. */
CHECKED int dataplane_map_keys(const struct dataplane *dataplane, enum map_id map, size_t key_size,
			       void **ret_keys, size_t *ret_count);

/* The key of a place in the maps of its family, whose sizes differ. */
union place_key {
	struct td_service_key4 v4;
	struct td_service_key6 v6;
};
void dataplane_place_key(const struct place *place, union place_key *ret);
void dataplane_place_from_key(const union place_key *key, unsigned int family, struct place *ret);
size_t dataplane_place_key_size(unsigned int family);
void dataplane_address_words(const struct netaddr *address, __be32 *ret_words);
void dataplane_address_from_words(const __be32 *words, unsigned int family, struct netaddr *ret);

/* quick.c: quick4 follows services4 and endpoints4. Other maps, and VIPs without a port, are not in
 * it. */
bool dataplane_quick_mirrors(enum map_id map, const void *key);
/* @known: the hash map had the key before. */
void dataplane_quick_put(struct td_quick4 *buckets, enum map_id map, const void *key,
			 const void *value, bool known);
void dataplane_quick_remove(struct td_quick4 *buckets, enum map_id map, const void *key);
/* Make it what the hash maps say: a killed agent may have left one entry behind. */
CHECKED int dataplane_quick_repair(struct dataplane *dataplane);

/* pins.c: what is pinned. */
char *dataplane_pin_path(const char *pin_dir, const char *name);
/* Make sure that @pin_dir is a folder of bpffs, make it where it is missing, and hold it. */
CHECKED int dataplane_folder_take(const char *pin_dir, bool *ret_created, int *ret_lock_fd,
				  struct error *reterr);
/* -ENOTEMPTY, with a name, where the folder holds what tandem did not put there. */
CHECKED int dataplane_folder_check_ours(const char *pin_dir, struct error *reterr);
/* Remove all that is pinned in the folder; links are detached when this returns. */
CHECKED int dataplane_folder_clear(const char *pin_dir, struct error *reterr);
/* Detach an interface from its link, of which @path is the pin, and forget the pin. */
CHECKED int dataplane_link_unpin(const char *path);
/* "links" and the names in it; XDP links are named by interface index: bpffs takes no dots. */
#define DATAPLANE_LINKS "links"

/* program.c: load the program with the maps that are pinned, or fresh ones that it pins. */
CHECKED int dataplane_program_load(struct dataplane *dataplane, struct error *reterr);
int dataplane_program_fd(const struct dataplane *dataplane);
void dataplane_program_unload(struct dataplane *dataplane);
/* The tracepoint programs: descriptors and names, DATAPLANE_TRACERS of them. */
enum { DATAPLANE_TRACERS = 3 };
int dataplane_tracer_fd(const struct dataplane *dataplane, unsigned int tracer);
const char *dataplane_tracer_name(unsigned int tracer);

/* trace.c: load the tracing program on the maps that are there; where that fails, the log says so.
 */
void dataplane_trace_load(struct dataplane *dataplane);
/* Ends a trace that runs. */
void dataplane_trace_unload(struct dataplane *dataplane);

/* links.c: switch all links to the program, or none; those whose interface is gone are passed over.
 */
CHECKED int dataplane_links_switch(struct dataplane *dataplane, int program_fd,
				   struct error *reterr);
/* Open the pinned links and switch them to this agent's program, all or none. */
CHECKED int dataplane_links_take(struct dataplane *dataplane, struct error *reterr);
void dataplane_links_free(struct dataplane *dataplane);

/*
 * refusal.c: the kernel's own words on why the program cannot be attached to the interface in @mode
 * (XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE), right after that failed; "" where it has none. Leaves
 * nothing attached.
 */
void dataplane_refusal_read(const struct dataplane *dataplane, uint32_t ifindex, __u32 mode,
			    char *ret, size_t size);

/* adopt.c: the mirror from the maps, without a change to them; then mend what a killed agent left
 * half done. */
CHECKED int dataplane_adopt_read(struct dataplane *dataplane, struct error *reterr);
CHECKED int dataplane_adopt_repair(struct dataplane *dataplane, struct error *reterr);

/* routes.c: the mirror alone, for adoption. */
void dataplane_local_note(struct dataplane *dataplane, const struct netaddr *address);

/* events.c */
CHECKED int dataplane_events_start(struct dataplane *dataplane, sd_event *event,
				   struct error *reterr);
void dataplane_events_stop(struct dataplane *dataplane);

/* endpoints.c: whose replies are rewritten. */
struct endpoint_entry *dataplane_endpoint_find(const struct dataplane *dataplane,
					       const struct place *place);
/* Make the server's replies those of the service's slot, whether it was the service's before or is
 * new. */
CHECKED int dataplane_endpoint_put(struct dataplane *dataplane, const struct place *place,
				   uint32_t service, uint32_t slot);
/* Where it is not the service's, nothing happens. */
void dataplane_endpoint_remove(struct dataplane *dataplane, const struct place *place,
			       uint32_t service);
/* The mirror alone, for adoption. */
void dataplane_endpoint_note(struct dataplane *dataplane, const struct place *place,
			     uint32_t service, uint32_t slot);
void dataplane_port_set(__u64 *words, uint16_t *counts, uint16_t port);
void dataplane_port_clear(__u64 *words, uint16_t *counts, uint16_t port);

/* nexthops.c: counted references of servers. */
struct hop *dataplane_hop_find(const struct dataplane *dataplane, const struct netaddr *address);
/* The caller has seen that there is room. */
struct hop *dataplane_hop_take(struct dataplane *dataplane, const struct netaddr *address);
void dataplane_hop_release(struct dataplane *dataplane, struct hop *hop);

/* services.c: make the endpoints of @entry's servers its own. */
CHECKED int dataplane_endpoints_publish(struct dataplane *dataplane,
					const struct service_entry *entry);

/* publish.c: write a service and its group. */
CHECKED int dataplane_gate_write(struct dataplane *dataplane, const struct service_entry *entry,
				 uint32_t group);
CHECKED int dataplane_table_write(struct dataplane *dataplane, const struct service_entry *entry,
				  uint32_t group);
CHECKED int dataplane_group_write(struct dataplane *dataplane, const struct service_entry *entry,
				  uint32_t group, __u64 state);
CHECKED int dataplane_vip_write(struct dataplane *dataplane, const struct netaddr *address);
/* Write a fresh group of what @entry says and switch to it. On failure the old one serves on. */
CHECKED int dataplane_group_switch(struct dataplane *dataplane, struct service_entry *entry,
				   __u64 state);
/* Enter the service into the mirror's lists. */
void dataplane_service_list(struct dataplane *dataplane, struct service_entry *entry);
/* The other way round than it was published; parts that are not there are passed over. Frees it. */
void dataplane_service_unpublish(struct dataplane *dataplane, struct service_entry *entry);

#endif
