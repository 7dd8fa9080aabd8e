/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The server inventory, and the groups that follow a server to a new address. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "model/codes.h"
#include "service/internal.h"

int service_server_get(struct service *service, const char *id, struct server *ret,
		       struct error *reterr)
{
	int r;

	r = store_server_get(service->store, id, ret);
	if (r == -ENOENT)
		return error_set(reterr, CODE_INVALID_SERVER_ID, "ServerId",
				 "The specified ServerId does not exist: %s", id);
	if (r < 0)
		return error_errno(reterr, r, "read server %s", id);
	return 0;
}

/* A group that names the server. */
struct follower {
	char group_id[ID_SIZE];
	struct footprint before;
	struct footprint after;
};

/* A listener of such a group; @move where it runs and has moved. */
struct binding {
	struct listener_key key;
	size_t follower;
	struct move *move;
};

/* What a change of one server's row takes along. */
struct follow {
	struct service *service;
	struct error *reterr;
	struct follower *followers;
	size_t follower_count;
	struct binding *bindings;
	size_t binding_count;
};

/* Moves that were not finished are taken back, the last one first. */
static void free_followp(struct follow *follow)
{
	for (size_t i = follow->binding_count; i > 0; i--)
		service_move_undo(follow->bindings[i - 1].move);
	free(follow->followers);
	free(follow->bindings);
}

static int collect_follower(const struct server_group *group, void *userdata)
{
	struct follow *follow = userdata;
	struct follower *follower;

	follow->followers = xreallocarray(follow->followers, follow->follower_count + 1,
					  sizeof(*follow->followers));
	follower = &follow->followers[follow->follower_count++];
	memset(follower, 0, sizeof(*follower));
	memcpy(follower->group_id, group->id, sizeof(follower->group_id));
	return 0;
}

static int collect_bindings(struct follow *follow, size_t index)
{
	AUTO(free_memory) struct listener_key *keys = NULL;
	size_t count;
	int r;

	r = service_listener_keys(follow->service, NULL, follow->followers[index].group_id, &keys,
				  &count, follow->reterr);
	if (r < 0)
		return r;
	if (count == 0)
		return 0;
	follow->bindings = xreallocarray(follow->bindings, follow->binding_count + count,
					 sizeof(*follow->bindings));
	for (size_t i = 0; i < count; i++)
		follow->bindings[follow->binding_count++] =
			(struct binding){.key = keys[i], .follower = index};
	return 0;
}

/* Read who follows, with where their servers are before the change. @was_known: the row exists. */
static int follow_begin(struct follow *follow, const char *server_id, bool was_known)
{
	struct server_group group;
	int r;

	r = store_group_walk_by_server(follow->service->store, server_id, collect_follower, follow);
	if (r < 0)
		return error_errno(follow->reterr, r, "read the groups of server %s", server_id);

	for (size_t i = 0; i < follow->follower_count; i++) {
		struct follower *follower = &follow->followers[i];

		r = service_group_get(follow->service, follower->group_id, &group, follow->reterr);
		if (r < 0)
			return r;
		r = service_group_locate(follow->service, &group, &follower->before,
					 follow->reterr);
		if (r < 0)
			return r;
		/* Where the row is new, all of them have given the address themselves. */
		if (!was_known)
			continue;
		r = collect_bindings(follow, i);
		if (r < 0)
			return r;
	}
	return 0;
}

/* With the new row in the store: whether each group can have it. Nothing is applied yet. */
static int follow_check(struct follow *follow)
{
	struct load_balancer balancer;
	struct server_group group;
	int r;

	for (size_t i = 0; i < follow->follower_count; i++) {
		struct follower *follower = &follow->followers[i];

		r = service_group_get(follow->service, follower->group_id, &group, follow->reterr);
		if (r < 0)
			return r;
		r = service_load_balancer_get(follow->service, group.load_balancer_id, &balancer,
					      follow->reterr);
		if (r < 0)
			return r;
		r = service_group_check(follow->service, &balancer, &group, &follower->after,
					follow->reterr);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < follow->binding_count; i++) {
		const struct binding *binding = &follow->bindings[i];

		r = service_occupancy_check(&follow->service->occupancy,
					    &follow->followers[binding->follower].after,
					    &binding->key, follow->reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_moved(const struct follower *follower)
{
	return memcmp(&follower->before, &follower->after, sizeof(follower->before)) != 0;
}

static int follow_apply(struct follow *follow)
{
	struct listener listener;
	int r;

	for (size_t i = 0; i < follow->binding_count; i++) {
		struct binding *binding = &follow->bindings[i];
		const struct follower *follower = &follow->followers[binding->follower];
		const struct listener_key *key = &binding->key;

		if (!has_moved(follower) || !service_runtime_find(follow->service, key))
			continue;
		r = store_listener_get(follow->service->store, key->load_balancer_id, key->protocol,
				       key->port, &listener);
		if (r < 0)
			return error_errno(follow->reterr, r, "read a listener");
		r = service_move_start(follow->service, &listener, &follower->after, &binding->move,
				       follow->reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

/* After the commit. */
static void follow_finish(struct follow *follow)
{
	struct occupancy *occupancy = &follow->service->occupancy;

	for (size_t i = 0; i < follow->follower_count; i++) {
		service_occupancy_remove_group(occupancy, &follow->followers[i].before);
		service_occupancy_add_group(occupancy, &follow->followers[i].after);
	}
	for (size_t i = 0; i < follow->binding_count; i++) {
		struct binding *binding = &follow->bindings[i];
		const struct follower *follower = &follow->followers[binding->follower];

		service_occupancy_unbind(occupancy, &follower->before, &binding->key);
		service_occupancy_bind(occupancy, &follower->after, &binding->key);
		if (binding->move)
			binding->move = service_move_finish(binding->move);
	}
}

static int write_row(struct service *service, const struct server *server, bool was_known,
		     struct error *reterr)
{
	struct store_counts counts;
	int r;

	if (was_known) {
		r = store_server_update(service->store, server);
		if (r < 0)
			return error_errno(reterr, r, "store server %s", server->id);
		return 0;
	}

	r = store_count(service->store, &counts);
	if (r < 0)
		return error_errno(reterr, r, "count servers");
	if (counts.servers >= MODEL_SERVERS_MAX)
		return error_set(reterr, CODE_LIMIT, NULL,
				 "there are %d servers, which is the limit", MODEL_SERVERS_MAX);
	r = store_server_insert(service->store, server);
	if (r < 0)
		return error_errno(reterr, r, "store server %s", server->id);
	return 0;
}

int service_server_register(struct service *service, struct server *server, bool replace,
			    struct error *reterr)
{
	AUTO(service_transaction_end) struct store *transaction = NULL;
	AUTO(free_follow) struct follow follow = {.service = service, .reterr = reterr};
	char address[NETADDR_TEXT_MAX];
	struct server previous;
	bool was_known;
	int r;

	r = server_prepare(server, reterr);
	if (r < 0)
		return r;
	r = service_address_check(service, &server->address, "ServerIp", reterr);
	if (r < 0)
		return r;

	r = store_server_get(service->store, server->id, &previous);
	if (r < 0 && r != -ENOENT)
		return error_errno(reterr, r, "read server %s", server->id);
	was_known = r == 0;
	if (was_known && !replace)
		return error_set(reterr, CODE_SERVER_EXISTS, "ServerId",
				 "server %s is registered already, at %s; Replace=true changes it",
				 server->id, netaddr_format(&previous.address, address));
	if (was_known)
		server->create_time = previous.create_time;

	r = service_transaction_begin(service, &transaction, reterr);
	if (r < 0)
		return r;
	r = follow_begin(&follow, server->id, was_known);
	if (r < 0)
		return r;
	r = write_row(service, server, was_known, reterr);
	if (r < 0)
		return r;
	r = follow_check(&follow);
	if (r < 0)
		return r;
	r = follow_apply(&follow);
	if (r < 0)
		return r;
	r = service_transaction_commit(&transaction, reterr);
	if (r < 0)
		return r;

	if (was_known)
		service_occupancy_remove_server(&service->occupancy, &previous.address);
	service_occupancy_add_server(&service->occupancy, &server->address);
	follow_finish(&follow);
	log_info("server_%s id=%s address=%s", was_known ? "replaced" : "registered", server->id,
		 netaddr_format(&server->address, address));
	return 0;
}

struct user {
	const char *server_id;
	char group_id[ID_SIZE];
};

static int find_resolver(const struct server_group *group, void *userdata)
{
	struct user *user = userdata;

	for (unsigned int i = 0; i < group->server_count; i++) {
		const struct backend_server *server = &group->servers[i];

		if (strcmp(server->server_id, user->server_id) != 0 ||
		    netaddr_is_set(&server->server_ip))
			continue;
		memcpy(user->group_id, group->id, sizeof(user->group_id));
		return 1;
	}
	return 0;
}

int service_server_deregister(struct service *service, const char *id, struct error *reterr)
{
	AUTO(service_transaction_end) struct store *transaction = NULL;
	struct user user = {.server_id = id};
	struct server server;
	int r;

	r = service_server_get(service, id, &server, reterr);
	if (r < 0)
		return r;
	r = store_group_walk_by_server(service->store, id, find_resolver, &user);
	if (r < 0)
		return error_errno(reterr, r, "read the groups of server %s", id);
	if (r > 0)
		return error_set(reterr, CODE_SERVER_IN_USE, "ServerId",
				 "group %s has its address from server %s: delete the group first",
				 user.group_id, id);

	r = service_transaction_begin(service, &transaction, reterr);
	if (r < 0)
		return r;
	r = store_server_delete(service->store, id);
	if (r < 0)
		return error_errno(reterr, r, "delete server %s", id);
	r = service_transaction_commit(&transaction, reterr);
	if (r < 0)
		return r;
	service_occupancy_remove_server(&service->occupancy, &server.address);
	log_info("server_deregistered id=%s", id);
	return 0;
}
