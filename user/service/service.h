/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_SERVICE_H
#define TANDEM_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "health/health.h"
#include "model/listener.h"
#include "model/load_balancer.h"
#include "model/server.h"
#include "model/server_group.h"
#include "tandem/abi.h"

struct dataplane;
struct net;
struct store;

/*
 * The use cases: the one place that changes anything. Each change is validated, written to the
 * store in one transaction, applied to the maps and only then committed and answered; where a step
 * fails, what was before is restored and @reterr says what failed. What is returned as done is
 * durable, and packets follow it. Functions return 0 or a negative errno with @reterr filled: its
 * code is the API's.
 */
struct service;

struct service_options {
	/* Borrowed; must outlive the service. */
	struct store *store;
	struct dataplane *dataplane;
	struct net *net;
	struct health *health;
	bool store_is_new; /* as store_open() said */
	bool manage_vip;   /* put VIPs on vip_ifindex and announce them */
	uint32_t vip_ifindex;
	const char *const *interfaces; /* names, for status; NULL-terminated */
};

/*
 * Apply what the store holds: adopt what the maps hold of it (indices, state words, and with them
 * the last verdicts), write what differs, remove what the store does not have. A new store beside
 * maps with services in them is refused (-ESTALE): a lost database must not take the traffic down.
 */
CHECKED int service_new(sd_event *event, const struct service_options *options,
			struct service **ret, struct error *reterr);
/* Forgets; the data plane goes on. NULL is fine; returns NULL. */
struct service *service_free(struct service *service);
DEFINE_AUTO(struct service, service_free)

/* Events from net and dataplane, wired up by the agent. @service may be NULL (not built yet). */
struct net_nexthop;
void service_on_nexthop(struct service *service, const struct netaddr *address,
			const struct net_nexthop *nexthop);
void service_on_addresses(struct service *service);
void service_on_routes(struct service *service);
void service_on_unresolved(struct service *service, uint32_t ifindex,
			   const struct netaddr *address);

/* @balancer: the wishes in, the finished object out. */
CHECKED int service_load_balancer_create(struct service *service, struct load_balancer *balancer,
					 struct error *reterr);
CHECKED int service_load_balancer_get(struct service *service, const char *id,
				      struct load_balancer *ret, struct error *reterr);
/* With its listeners and groups; refused while delete protection is on. */
CHECKED int service_load_balancer_delete(struct service *service, const char *id,
					 struct error *reterr);

CHECKED int service_group_create(struct service *service, struct server_group *group,
				 struct error *reterr);
CHECKED int service_group_get(struct service *service, const char *id, struct server_group *ret,
			      struct error *reterr);
CHECKED int service_group_delete(struct service *service, const char *id, struct error *reterr);

/* A new listener is stopped. */
CHECKED int service_listener_create(struct service *service, struct listener *listener,
				    struct error *reterr);
/*
 * The listener at @port; @protocol 0 stands for the only one there (TooManyListeners where there
 * are two). Missing: 404 InvalidParameter "The specified resource does not exist."
 */
CHECKED int service_listener_find(struct service *service, const char *load_balancer_id,
				  int protocol, uint16_t port, struct listener *ret,
				  struct error *reterr);
/* Started or stopped already is success. */
CHECKED int service_listener_start(struct service *service, const struct listener *listener,
				   struct error *reterr);
CHECKED int service_listener_stop(struct service *service, const struct listener *listener,
				  struct error *reterr);
CHECKED int service_listener_delete(struct service *service, const struct listener *listener,
				    struct error *reterr);

/*
 * Add a server to the inventory; with @replace, one that is there takes the new data, and
 * the groups that name it follow to its new address at once, all or none.
 */
CHECKED int service_server_register(struct service *service, struct server *server, bool replace,
				    struct error *reterr);
CHECKED int service_server_get(struct service *service, const char *id, struct server *ret,
			       struct error *reterr);
/* Refused while a group resolves its address by it. */
CHECKED int service_server_deregister(struct service *service, const char *id,
				      struct error *reterr);

/* For reading lists: store.h has the walks. Borrowed. */
struct store *service_store(struct service *service);

/*
 * The address that @server stands for: its ServerIp, else the inventory's address of its ServerId,
 * else the ServerId where it is an address itself. InvalidServerId.NotFound else.
 */
CHECKED int service_resolve_server(struct service *service, const struct backend_server *server,
				   struct netaddr *ret, struct error *reterr);

/* One server behind a listener, as it is now. */
struct service_server_status {
	struct backend_server server;
	struct netaddr address;
	bool checked;		     /* running, and checks are on */
	struct health_status health; /* of the check; state UNKNOWN where not checked */
	bool nexthop_resolved;
	struct td_counters counters; /* zero where not running */
};

struct service_listener_status {
	struct listener listener;
	struct netaddr vip;
	bool applied;	       /* it is in the maps */
	uint32_t index;	       /* in service_table, where applied */
	uint64_t state;	       /* the state word, where applied */
	const char *reason;    /* why the traffic is where it is: a word; "stopped" where it is */
	int64_t active_since;  /* wall clock, seconds; 0 = since before this agent's start */
	unsigned int switches; /* since this agent's start */
	struct service_server_status servers[GROUP_SERVERS]; /* Master first */
};

/*
 * Walk over the listeners in the store's order, all or those of one load balancer (NULL: all).
 * A value other than 0 from the visitor ends the walk and is returned.
 */
typedef int (*service_status_visit)(const struct service_listener_status *status, void *userdata);
CHECKED int service_status_walk(struct service *service, const char *load_balancer_id,
				service_status_visit visit, void *userdata, struct error *reterr);

/* What the agent as a whole has to say. */
struct service_overview {
	int64_t started; /* wall clock, seconds */
	uint64_t probes;
	bool forwarding4, forwarding6;
	struct td_reason_counter reasons[TD_REASON_MAX];
	struct {
		const char *name; /* borrowed */
		uint32_t ifindex;
		struct td_send_errors send_errors;
	} interfaces[TD_MAX_DEVICES];
	unsigned int interface_count;
	struct {
		const char *map;
		uint32_t used, max;
	} usage[8];
	unsigned int usage_count;
};
CHECKED int service_overview_read(struct service *service, struct service_overview *ret,
				  struct error *reterr);

#endif
