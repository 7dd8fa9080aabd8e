/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_SERVICE_INTERNAL_H
#define TANDEM_SERVICE_INTERNAL_H

/*
 * What the files of service/ share. Objects live in the store alone. Memory holds what follows from
 * them: running listeners (runtime.c), the servers' next hops (peer.c), and who occupies an address
 * or an endpoint (occupancy.c), so that no change has to read the whole store.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/dataplane.h"
#include "health/selection.h"
#include "net/net.h"
#include "service/service.h"
#include "service/table.h"
#include "store/store.h"

/* Names a listener. Hashed and compared as bytes: only listener_key() makes one. */
struct listener_key {
	char load_balancer_id[ID_SIZE];
	uint8_t protocol;
	uint16_t port;
};
_Static_assert(sizeof(struct listener_key) == ID_SIZE + 3, "hashed as bytes: no padding");

struct listener_key service_listener_key(const struct listener *listener);
/* "lb-x/tcp/80" into @buffer of LISTENER_KEY_TEXT_MAX bytes; returns @buffer. */
enum { LISTENER_KEY_TEXT_MAX = ID_SIZE + sizeof("/tcp/65535") };
char *service_listener_key_format(const struct listener_key *key, char *buffer);

/* Where a group's servers are, resolved. */
struct footprint {
	unsigned int count;
	struct netaddr addresses[GROUP_SERVERS];
	uint16_t ports[GROUP_SERVERS];
};

struct occupancy {
	struct table addresses;
	struct table endpoints;
};

/* One server of a running listener. */
struct runtime_server {
	struct runtime *runtime;
	struct netaddr address;
	uint16_t port;
	bool peer_held;
	struct health_target *target; /* NULL where checks are off */
};

/* A running listener. */
struct runtime {
	struct table_node node; /* in service.runtimes, by key */
	struct listener_key key;
	struct service *service;
	struct netaddr vip;
	struct runtime_server servers[GROUP_SERVERS];
	struct selection_input input; /* health[] as the targets last said */
	bool applied;		      /* it is in the maps */
	uint32_t index;
	uint64_t state; /* as it is in the maps */
	int64_t active_since;
	unsigned int switches;
};

struct trace;

struct service {
	sd_event *event;
	struct store *store;
	struct dataplane *dataplane;
	struct net *net;
	struct health *health;
	bool manage_vip;
	uint32_t vip_ifindex;
	uint32_t vip_vlan; /* of that interface: TD_VLAN_* */
	const char *const *interfaces;
	int64_t started;
	/*
	 * False until service_new() has applied the store: until then adopted services that are not
	 * known here yet may use a next hop, so none is taken from the maps.
	 */
	bool ready;
	struct table runtimes; /* struct runtime */
	struct table peers;    /* of peer.c */
	struct occupancy occupancy;
	struct doctor_memory *doctor; /* of doctor_look.c */
	struct trace *trace;	      /* the last one, of trace.c; NULL: none yet */
};

/* transaction.c: a transaction that is rolled back at the end of its scope unless committed. */
CHECKED int service_transaction_begin(struct service *service, struct store **ret,
				      struct error *reterr);
/* Empties *@transaction on success. */
CHECKED int service_transaction_commit(struct store **transaction, struct error *reterr);
static inline void service_transaction_endp(struct store **transaction)
{
	if (*transaction)
		store_rollback(*transaction);
}

/* occupancy.c. A group that is taken twice is counted twice. None of these fails. */
void service_occupancy_free(struct occupancy *occupancy);
void service_occupancy_add_group(struct occupancy *occupancy, const struct footprint *footprint);
void service_occupancy_remove_group(struct occupancy *occupancy, const struct footprint *footprint);
void service_occupancy_add_server(struct occupancy *occupancy, const struct netaddr *address);
void service_occupancy_remove_server(struct occupancy *occupancy, const struct netaddr *address);
/* Whether a group or the inventory has a server at @address; or the inventory alone. */
bool service_occupancy_has(const struct occupancy *occupancy, const struct netaddr *address);
bool service_occupancy_has_server(const struct occupancy *occupancy, const struct netaddr *address);
void service_occupancy_bind(struct occupancy *occupancy, const struct footprint *footprint,
			    const struct listener_key *owner);
void service_occupancy_unbind(struct occupancy *occupancy, const struct footprint *footprint,
			      const struct listener_key *owner);
/* EndpointInUse where a server of @footprint serves a listener other than @owner. */
CHECKED int service_occupancy_check(const struct occupancy *occupancy,
				    const struct footprint *footprint,
				    const struct listener_key *owner, struct error *reterr);

/* host.c: tell the data plane this host's addresses; its routes. */
/* Put back the managed VIPs that the host does not have any more. */
void service_restore_vips(struct service *service);
CHECKED int service_apply_addresses(struct service *service);
CHECKED int service_apply_routes(struct service *service, uint16_t family);
CHECKED int service_apply_interfaces(struct service *service);

/* balancer.c: put every VIP on the host (where manage_vip says so) and announce it. */
CHECKED int service_start_vips(struct service *service, struct error *reterr);

/* backend.c: a group's servers against everything else. service_group_locate() only resolves. */
CHECKED int service_group_locate(struct service *service, const struct server_group *group,
				 struct footprint *ret, struct error *reterr);
/* Resolves, and refuses what cannot stand behind @balancer. */
CHECKED int service_group_check(struct service *service, const struct load_balancer *balancer,
				const struct server_group *group, struct footprint *ret,
				struct error *reterr);
/* Refuse a server's address that nothing can be forwarded to: a VIP, or this host's own. */
CHECKED int service_address_check(struct service *service, const struct netaddr *address,
				  const char *field, struct error *reterr);

/* listener.c: the keys of a load balancer's or a group's listeners (NULL: all), for the caller to
 * free. */
CHECKED int service_listener_keys(struct service *service, const char *load_balancer_id,
				  const char *group_id, struct listener_key **ret,
				  size_t *ret_count, struct error *reterr);

/* peer.c: counted. A failed take leaves nothing behind. */
CHECKED int service_peer_take(struct service *service, const struct netaddr *address,
			      struct error *reterr);
void service_peer_release(struct service *service, const struct netaddr *address);
bool service_peer_is_resolved(struct service *service, const struct netaddr *address);
/* Let go of all; their next hops stay in the maps. */
void service_peer_forget_all(struct service *service);

/* runtime.c */
/* Put @listener's service into the maps and begin its checks. All or nothing. Not linked yet. */
CHECKED int service_runtime_start(struct service *service, const struct listener *listener,
				  struct runtime **ret, struct error *reterr);
/* Link a started runtime: from now on service_runtime_find() finds it. */
void service_runtime_take(struct service *service, struct runtime *take);
struct runtime *service_runtime_find(struct service *service, const struct listener_key *key);
/* Unlink, remove from the maps, and free. NULL is fine; returns NULL. */
struct runtime *service_runtime_stop(struct runtime *runtime);
DEFINE_AUTO(struct runtime, service_runtime_stop)
/* Unlink and free; the maps go on. NULL is fine; returns NULL. */
struct runtime *service_runtime_forget(struct runtime *runtime);
/* A check of @server (of which @address may be the next one) by @listener's rules; NULL where they
 * are off. */
CHECKED int service_runtime_probe(struct runtime_server *server, const struct netaddr *address,
				  const struct listener *listener, enum health_state initial,
				  struct health_target **ret, struct error *reterr);
/* Make @next the state of @runtime, which is in the maps already, and tell where traffic moved. */
void service_runtime_note_state(struct runtime *runtime, uint64_t next, const char *evidence);
/* dataplane_service_put(), its errors with the API's codes. */
CHECKED int service_runtime_put(struct service *service, const struct dataplane_service *wanted,
				uint64_t state, uint32_t *ret_index, struct error *reterr);
struct dataplane_service service_runtime_describe(const struct runtime *runtime);

/* trace.c: end the trace that runs, and forget the last one. */
void service_trace_free(struct service *service);

/* move.c: a running listener's servers get other addresses. */
struct move;
/* Switch the maps to @footprint. On failure nothing changed. Ended by exactly one of the two below.
 */
CHECKED int service_move_start(struct service *service, const struct listener *listener,
			       const struct footprint *footprint, struct move **ret,
			       struct error *reterr);
/* It stays: forget the old addresses. Returns NULL. */
struct move *service_move_finish(struct move *move);
/* Back to the old addresses. NULL is fine; returns NULL. */
struct move *service_move_undo(struct move *move);

#endif
