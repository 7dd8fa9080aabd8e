/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Load balancers, and their VIPs on this host. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "model/codes.h"
#include "service/internal.h"

int service_load_balancer_get(struct service *service, const char *id, struct load_balancer *ret,
			      struct error *reterr)
{
	int r;

	r = store_load_balancer_get(service->store, id, ret);
	if (r == -ENOENT)
		return error_set(reterr, CODE_INVALID_LOAD_BALANCER, "LoadBalancerId",
				 "The specified LoadBalancerId does not exist: %s", id);
	if (r < 0)
		return error_errno(reterr, r, "read load balancer %s", id);
	return 0;
}

/* Who has a server at an address, for a message. */
struct user {
	struct service *service;
	const struct netaddr *address;
	char text[ID_SIZE + sizeof("group ")];
};

static int find_in_group(const struct server_group *group, void *userdata)
{
	struct user *user = userdata;
	struct footprint footprint;

	if (service_group_locate(user->service, group, &footprint, NULL) < 0)
		return 0;
	for (unsigned int i = 0; i < footprint.count; i++) {
		if (!netaddr_equal(&footprint.addresses[i], user->address))
			continue;
		snprintf(user->text, sizeof(user->text), "group %s", group->id);
		return 1;
	}
	return 0;
}

static int find_in_inventory(const struct server *server, void *userdata)
{
	struct user *user = userdata;

	if (!netaddr_equal(&server->address, user->address))
		return 0;
	snprintf(user->text, sizeof(user->text), "%s", server->id);
	return 1;
}

static int check_vip(struct service *service, const struct load_balancer *balancer,
		     struct error *reterr)
{
	struct user user = {.service = service, .address = &balancer->address};
	char text[NETADDR_TEXT_MAX];
	uint32_t ifindex;
	int r;

	netaddr_format(&balancer->address, text);
	if (service_occupancy_has(&service->occupancy, &balancer->address)) {
		r = store_group_walk(service->store, NULL, find_in_group, &user);
		if (r == 0)
			r = store_server_walk(service->store, find_in_inventory, &user);
		if (r < 0)
			return error_errno(reterr, r, "look for the server at %s", text);
		return error_set(reterr, CODE_SERVER_IS_VIP, "Address",
				 "%s cannot be a VIP: it is the address of a server (%s)", text,
				 user.text);
	}

	if (!service->manage_vip)
		return 0;
	r = net_address_find(service->net, &balancer->address, &ifindex);
	if (r < 0)
		return error_errno(reterr, r, "look for %s on this host", text);
	if (ifindex)
		return error_set(reterr, CODE_ADDRESS_IN_USE, "Address",
				 "the host has the address %s already, on interface %u: take "
				 "another one, or remove it there first (ip address del)",
				 text, ifindex);
	return 0;
}

static int insert(struct service *service, const struct load_balancer *balancer,
		  struct error *reterr)
{
	struct load_balancer other;
	struct store_counts counts;
	char text[NETADDR_TEXT_MAX];
	int r;

	r = store_count(service->store, &counts);
	if (r < 0)
		return error_errno(reterr, r, "count load balancers");
	if (counts.load_balancers >= MODEL_LOAD_BALANCERS_MAX)
		return error_set(reterr, CODE_LIMIT, NULL,
				 "there are %d load balancers, which is the limit",
				 MODEL_LOAD_BALANCERS_MAX);

	r = store_load_balancer_insert(service->store, balancer);
	if (r == -EEXIST &&
	    store_load_balancer_get_by_address(service->store, &balancer->address, &other) == 0)
		return error_set(reterr, CODE_ADDRESS_IN_USE, "Address",
				 "%s is the VIP of load balancer %s already",
				 netaddr_format(&balancer->address, text), other.id);
	if (r < 0)
		return error_errno(reterr, r, "store load balancer %s", balancer->id);
	return 0;
}

static int put_vip(struct service *service, const struct netaddr *vip, struct error *reterr)
{
	char text[NETADDR_TEXT_MAX];
	int r;

	if (!service->manage_vip)
		return 0;
	r = net_address_add(service->net, service->vip_ifindex, vip, reterr);
	if (r < 0)
		return error_errno(reterr, r, "put VIP %s on interface %u",
				   netaddr_format(vip, text), service->vip_ifindex);
	return 0;
}

static int take_vip(struct service *service, const struct netaddr *vip, struct error *reterr)
{
	char text[NETADDR_TEXT_MAX];
	int r;

	if (!service->manage_vip)
		return 0;
	r = net_address_remove(service->net, service->vip_ifindex, vip, reterr);
	if (r < 0)
		return error_errno(reterr, r, "take VIP %s off interface %u",
				   netaddr_format(vip, text), service->vip_ifindex);
	return 0;
}

/* Neighbours that miss it learn the VIP's place by asking: nothing to undo a change for. */
static void announce_vip(struct service *service, const struct netaddr *vip)
{
	char text[NETADDR_TEXT_MAX];
	int r;

	if (!service->manage_vip)
		return;
	r = net_announce(service->net, service->vip_ifindex, vip);
	if (r < 0)
		log_warning("announce_failed vip=%s ifindex=%u: %s", netaddr_format(vip, text),
			    service->vip_ifindex, strerror(-r));
}

int service_load_balancer_create(struct service *service, struct load_balancer *balancer,
				 struct error *reterr)
{
	AUTO(service_transaction_end) struct store *transaction = NULL;
	char text[NETADDR_TEXT_MAX];
	struct error undo = {0};
	int r;

	r = load_balancer_prepare(balancer, reterr);
	if (r < 0)
		return r;
	r = service_transaction_begin(service, &transaction, reterr);
	if (r < 0)
		return r;
	r = insert(service, balancer, reterr);
	if (r < 0)
		return r;
	r = check_vip(service, balancer, reterr);
	if (r < 0)
		return r;

	r = put_vip(service, &balancer->address, reterr);
	if (r < 0)
		return r;
	r = service_transaction_commit(&transaction, reterr);
	if (r < 0) {
		if (take_vip(service, &balancer->address, &undo) < 0)
			log_error("undo_failed %s", undo.message);
		return r;
	}
	announce_vip(service, &balancer->address);
	log_info("load_balancer_created id=%s vip=%s", balancer->id,
		 netaddr_format(&balancer->address, text));
	return 0;
}

/* What memory holds of a load balancer's groups and listeners: to be let go of after the commit. */
struct remains {
	struct service *service;
	struct error *reterr;
	struct footprint *groups;
	size_t group_count;
	struct listener_key *listeners;
	struct footprint *bindings;
	size_t listener_count;
};

static void free_remainsp(struct remains *remains)
{
	free(remains->groups);
	free(remains->listeners);
	free(remains->bindings);
}

static int collect_group(const struct server_group *group, void *userdata)
{
	struct remains *remains = userdata;

	remains->groups =
		xreallocarray(remains->groups, remains->group_count + 1, sizeof(*remains->groups));
	return service_group_locate(remains->service, group,
				    &remains->groups[remains->group_count++], remains->reterr);
}

static int collect_binding(struct remains *remains, const struct listener_key *key,
			   struct footprint *ret)
{
	struct server_group group;
	struct listener listener;
	int r;

	r = store_listener_get(remains->service->store, key->load_balancer_id, key->protocol,
			       key->port, &listener);
	if (r < 0)
		return r;
	r = store_group_get(remains->service->store, listener.group_id, &group);
	if (r < 0)
		return r;
	return service_group_locate(remains->service, &group, ret, remains->reterr);
}

static int collect(struct remains *remains, const char *id)
{
	int r;

	r = store_group_walk(remains->service->store, id, collect_group, remains);
	if (r < 0)
		return error_errno(remains->reterr, r, "read the groups of %s", id);

	r = service_listener_keys(remains->service, id, NULL, &remains->listeners,
				  &remains->listener_count, remains->reterr);
	if (r < 0)
		return r;
	remains->bindings = xcalloc(remains->listener_count, sizeof(*remains->bindings));
	for (size_t i = 0; i < remains->listener_count; i++) {
		r = collect_binding(remains, &remains->listeners[i], &remains->bindings[i]);
		if (r < 0)
			return error_errno(remains->reterr, r, "read the listeners of %s", id);
	}
	return 0;
}

static void let_go(struct remains *remains)
{
	struct service *service = remains->service;

	for (size_t i = 0; i < remains->listener_count; i++) {
		service_runtime_stop(service_runtime_find(service, &remains->listeners[i]));
		service_occupancy_unbind(&service->occupancy, &remains->bindings[i],
					 &remains->listeners[i]);
	}
	for (size_t i = 0; i < remains->group_count; i++)
		service_occupancy_remove_group(&service->occupancy, &remains->groups[i]);
}

int service_load_balancer_delete(struct service *service, const char *id, struct error *reterr)
{
	AUTO(service_transaction_end) struct store *transaction = NULL;
	AUTO(free_remains) struct remains remains = {.service = service, .reterr = reterr};
	struct load_balancer balancer;
	struct error undo = {0};
	int r;

	r = service_load_balancer_get(service, id, &balancer, reterr);
	if (r < 0)
		return r;
	if (balancer.delete_protection)
		return error_set(reterr, CODE_DELETE_PROTECTION, "LoadBalancerId",
				 "The loadbalancer can not be deleted due to DeleteProtection is "
				 "enabled.");
	r = collect(&remains, id);
	if (r < 0)
		return r;

	r = service_transaction_begin(service, &transaction, reterr);
	if (r < 0)
		return r;
	r = store_load_balancer_delete(service->store, id);
	if (r < 0)
		return error_errno(reterr, r, "delete load balancer %s", id);
	/* What can fail comes before the commit, what cannot (the services) after it. */
	r = take_vip(service, &balancer.address, reterr);
	if (r < 0)
		return r;
	r = service_transaction_commit(&transaction, reterr);
	if (r < 0) {
		if (put_vip(service, &balancer.address, &undo) < 0)
			log_error("undo_failed %s", undo.message);
		return r;
	}
	let_go(&remains);
	log_info("load_balancer_deleted id=%s listeners=%zu groups=%zu", id, remains.listener_count,
		 remains.group_count);
	return 0;
}

struct vip_start {
	struct service *service;
	struct error *reterr;
};

static int start_vip(const struct load_balancer *balancer, void *userdata)
{
	struct vip_start *start = userdata;
	int r;

	r = put_vip(start->service, &balancer->address, start->reterr);
	if (r < 0)
		return r;
	announce_vip(start->service, &balancer->address);
	return 0;
}

int service_start_vips(struct service *service, struct error *reterr)
{
	struct vip_start start = {.service = service, .reterr = reterr};
	int r;

	if (!service->manage_vip)
		return 0;
	r = store_load_balancer_walk(service->store, start_vip, &start);
	if (r < 0)
		return error_errno(reterr, r, "put the VIPs on the host");
	return 0;
}

/* An IPv6 address leaves with its interface's carrier or by a person's hand; the kernel keeps no
 * memory of it. */
static int restore_vip(const struct load_balancer *balancer, void *userdata)
{
	struct service *service = userdata;
	char text[NETADDR_TEXT_MAX];
	struct error error = {0};
	uint32_t ifindex;

	if (net_address_find(service->net, &balancer->address, &ifindex) < 0 || ifindex)
		return 0;
	if (put_vip(service, &balancer->address, &error) < 0) {
		log_error("vip_restore_failed: %s", error.message);
		return 0;
	}
	log_warning("vip_restored vip=%s ifindex=%u: somebody or the kernel had taken it off",
		    netaddr_format(&balancer->address, text), service->vip_ifindex);
	announce_vip(service, &balancer->address);
	return 0;
}

void service_restore_vips(struct service *service)
{
	int r;

	if (!service->manage_vip)
		return;
	r = store_load_balancer_walk(service->store, restore_vip, service);
	if (r < 0)
		log_error_errno(r, "vip_restore_failed: read the load balancers");
}
