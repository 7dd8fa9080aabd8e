/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Listeners: created stopped, started into the maps. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "model/codes.h"
#include "service/internal.h"

struct listener_key service_listener_key(const struct listener *listener)
{
	struct listener_key key;

	memset(&key, 0, sizeof(key));
	snprintf(key.load_balancer_id, sizeof(key.load_balancer_id), "%s",
		 listener->load_balancer_id);
	key.protocol = listener->protocol;
	key.port = listener->port;
	return key;
}

char *service_listener_key_format(const struct listener_key *key, char *buffer)
{
	snprintf(buffer, LISTENER_KEY_TEXT_MAX, "%s/%s/%u", key->load_balancer_id,
		 protocol_name(key->protocol), key->port);
	return buffer;
}

struct key_list {
	struct listener_key *keys;
	size_t count;
};

static int collect_key(const struct listener *listener, void *userdata)
{
	struct key_list *list = userdata;

	list->keys = xreallocarray(list->keys, list->count + 1, sizeof(*list->keys));
	list->keys[list->count++] = service_listener_key(listener);
	return 0;
}

int service_listener_keys(struct service *service, const char *load_balancer_id,
			  const char *group_id, struct listener_key **ret, size_t *ret_count,
			  struct error *reterr)
{
	struct key_list list = {0};
	int r;

	r = store_listener_walk(service->store, load_balancer_id, group_id, collect_key, &list);
	if (r < 0) {
		free(list.keys);
		return error_errno(reterr, r, "read the listeners");
	}
	*ret = list.keys;
	*ret_count = list.count;
	return 0;
}

/* The group that @listener names, which must be its load balancer's and not empty. */
static int read_group(struct service *service, const struct listener *listener,
		      struct footprint *ret, struct error *reterr)
{
	struct server_group group;
	int r;

	r = service_group_get(service, listener->group_id, &group, reterr);
	if (r < 0)
		return r;
	if (strcmp(group.load_balancer_id, listener->load_balancer_id) != 0)
		return error_set(reterr, CODE_INVALID_PARAMETER_NOT_FOUND,
				 "MasterSlaveServerGroupId",
				 "The specified MasterSlaveGroupId does not exist.");
	if (group.server_count != GROUP_SERVERS)
		return error_set(reterr, CODE_GROUP_EMPTY, "MasterSlaveServerGroupId",
				 "group %s has no servers", group.id);
	return service_group_locate(service, &group, ret, reterr);
}

static int insert(struct service *service, const struct listener *listener, struct error *reterr)
{
	struct store_counts counts;
	int r;

	r = store_count(service->store, &counts);
	if (r < 0)
		return error_errno(reterr, r, "count listeners");
	if (counts.listeners >= TD_MAX_SERVICES)
		return error_set(reterr, CODE_LISTENER_LIMIT, NULL,
				 "there are %d listeners, which is the limit", TD_MAX_SERVICES);

	r = store_listener_insert(service->store, listener);
	if (r == -EEXIST)
		return error_set(reterr, CODE_LISTENER_EXISTS, "ListenerPort",
				 "load balancer %s has a %s listener on port %u already",
				 listener->load_balancer_id, protocol_name(listener->protocol),
				 listener->port);
	if (r < 0)
		return error_errno(reterr, r, "store the listener");
	return 0;
}

int service_listener_create(struct service *service, struct listener *listener,
			    struct error *reterr)
{
	AUTO(service_transaction_end) struct store *transaction = NULL;
	char text[LISTENER_KEY_TEXT_MAX];
	struct load_balancer balancer;
	struct listener_key key;
	struct footprint footprint;
	int r;

	listener->running = false;
	r = listener_prepare(listener, reterr);
	if (r < 0)
		return r;
	r = service_load_balancer_get(service, listener->load_balancer_id, &balancer, reterr);
	if (r < 0)
		return r;
	r = read_group(service, listener, &footprint, reterr);
	if (r < 0)
		return r;

	key = service_listener_key(listener);
	r = service_transaction_begin(service, &transaction, reterr);
	if (r < 0)
		return r;
	r = insert(service, listener, reterr);
	if (r < 0)
		return r;
	/* Stopped ones count too: a conflict shows here, not when the other is started. */
	r = service_occupancy_check(&service->occupancy, &footprint, &key, reterr);
	if (r < 0)
		return r;
	r = service_transaction_commit(&transaction, reterr);
	if (r < 0)
		return r;
	service_occupancy_bind(&service->occupancy, &footprint, &key);
	log_info("listener_created listener=%s group=%s", service_listener_key_format(&key, text),
		 listener->group_id);
	return 0;
}

/* -ENOENT where no protocol has a listener on @port, -ENOTUNIQ where both have one. */
static int find_any(struct store *store, const char *load_balancer_id, uint16_t port,
		    struct listener *ret)
{
	struct listener tcp, udp;
	int r_tcp, r_udp;

	r_tcp = store_listener_get(store, load_balancer_id, PROTOCOL_TCP, port, &tcp);
	if (r_tcp < 0 && r_tcp != -ENOENT)
		return r_tcp;
	r_udp = store_listener_get(store, load_balancer_id, PROTOCOL_UDP, port, &udp);
	if (r_udp < 0 && (r_udp != -ENOENT || r_tcp < 0))
		return r_udp;
	if (r_tcp == 0 && r_udp == 0)
		return -ENOTUNIQ;
	*ret = r_tcp == 0 ? tcp : udp;
	return 0;
}

int service_listener_find(struct service *service, const char *load_balancer_id, int protocol,
			  uint16_t port, struct listener *ret, struct error *reterr)
{
	struct load_balancer balancer;
	int r;

	r = service_load_balancer_get(service, load_balancer_id, &balancer, reterr);
	if (r < 0)
		return r;
	if (protocol)
		r = store_listener_get(service->store, load_balancer_id, protocol, port, ret);
	else
		r = find_any(service->store, load_balancer_id, port, ret);
	if (r == -ENOENT)
		return error_set(reterr, CODE_INVALID_PARAMETER_NOT_FOUND, "ListenerPort",
				 "The specified resource does not exist.");
	if (r == -ENOTUNIQ)
		return error_set(reterr, CODE_TOO_MANY_LISTENERS, "ListenerProtocol",
				 "load balancer %s has a tcp and a udp listener on port %u: give "
				 "ListenerProtocol",
				 load_balancer_id, port);
	if (r < 0)
		return error_errno(reterr, r, "read the listener on port %u", port);
	return 0;
}

static int set_running(struct service *service, const struct listener *listener, bool running,
		       struct error *reterr)
{
	int r;

	r = store_listener_set_running(service->store, listener->load_balancer_id,
				       listener->protocol, listener->port, running);
	if (r < 0)
		return error_errno(reterr, r, "store that the listener is %s",
				   running ? "running" : "stopped");
	return 0;
}

int service_listener_start(struct service *service, const struct listener *listener,
			   struct error *reterr)
{
	AUTO(service_transaction_end) struct store *transaction = NULL;
	AUTO(service_runtime_stop) struct runtime *runtime = NULL;
	struct listener_key key = service_listener_key(listener);
	char text[LISTENER_KEY_TEXT_MAX];
	int r;

	if (service_runtime_find(service, &key))
		return 0;

	r = service_transaction_begin(service, &transaction, reterr);
	if (r < 0)
		return r;
	r = set_running(service, listener, true, reterr);
	if (r < 0)
		return r;
	r = service_runtime_start(service, listener, &runtime, reterr);
	if (r < 0)
		return r;
	r = service_transaction_commit(&transaction, reterr);
	if (r < 0)
		return r;
	service_runtime_take(service, TAKE(runtime));
	log_info("listener_started listener=%s", service_listener_key_format(&key, text));
	return 0;
}

/* The maps last: taking a service out cannot fail, putting it back could. */
int service_listener_stop(struct service *service, const struct listener *listener,
			  struct error *reterr)
{
	AUTO(service_transaction_end) struct store *transaction = NULL;
	struct listener_key key = service_listener_key(listener);
	struct runtime *runtime = service_runtime_find(service, &key);
	char text[LISTENER_KEY_TEXT_MAX];
	int r;

	if (!runtime)
		return 0;

	r = service_transaction_begin(service, &transaction, reterr);
	if (r < 0)
		return r;
	r = set_running(service, listener, false, reterr);
	if (r < 0)
		return r;
	r = service_transaction_commit(&transaction, reterr);
	if (r < 0)
		return r;
	service_runtime_stop(runtime);
	log_info("listener_stopped listener=%s", service_listener_key_format(&key, text));
	return 0;
}

int service_listener_delete(struct service *service, const struct listener *listener,
			    struct error *reterr)
{
	AUTO(service_transaction_end) struct store *transaction = NULL;
	struct listener_key key = service_listener_key(listener);
	char text[LISTENER_KEY_TEXT_MAX];
	struct footprint footprint;
	int r;

	r = read_group(service, listener, &footprint, reterr);
	if (r < 0)
		return r;
	r = service_transaction_begin(service, &transaction, reterr);
	if (r < 0)
		return r;
	r = store_listener_delete(service->store, listener->load_balancer_id, listener->protocol,
				  listener->port);
	if (r < 0)
		return error_errno(reterr, r, "delete the listener");
	r = service_transaction_commit(&transaction, reterr);
	if (r < 0)
		return r;
	service_runtime_stop(service_runtime_find(service, &key));
	service_occupancy_unbind(&service->occupancy, &footprint, &key);
	log_info("listener_deleted listener=%s", service_listener_key_format(&key, text));
	return 0;
}
