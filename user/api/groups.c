/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "api/answer.h"
#include "api/filter.h"
#include "api/handlers.h"
#include "model/codes.h"
#include "model/server_group.h"
#include "service/service.h"
#include "store/store.h"

struct create_request {
	struct server_group group;
	const char *servers;
};

static const struct field create_fields[] = {
	{"LoadBalancerId", FIELD_TEXT, FIELD_AT(struct create_request, group.load_balancer_id),
	 FIELD_REQUIRED},
	{"MasterSlaveServerGroupName", FIELD_TEXT, FIELD_AT(struct create_request, group.name)},
	{"MasterSlaveBackendServers", FIELD_BORROWED, FIELD_AT(struct create_request, servers)},
	{"Tag", FIELD_TAGS, FIELD_AT(struct create_request, group.tags)},
};
const struct request_layout group_create_layout =
	REQUEST_LAYOUT(struct create_request, create_fields, NULL);

static void write_servers(const struct server_group *group, json_t *object)
{
	json_t *list =
		answer_set_list(object, "MasterSlaveBackendServers", "MasterSlaveBackendServer");

	for (unsigned int i = 0; i < group->server_count; i++) {
		const struct backend_server *server = &group->servers[i];
		json_t *item = answer_append_object(list);

		answer_set_text(item, "ServerId", server->server_id);
		if (netaddr_is_set(&server->server_ip))
			answer_set_address(item, "ServerIp", &server->server_ip);
		answer_set_integer(item, "Port", server->port);
		answer_set_integer(item, "Weight", server->weight);
		answer_set_text(item, "ServerType", server_role_name(server->role));
		answer_set_text(item, "Type", server_type_name(server->type));
		answer_set_text(item, "Description", server->description);
	}
}

int group_create(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	struct create_request *create = request;
	int r;

	if (create->servers) {
		r = server_group_parse_servers(create->servers, &create->group, reterr);
		if (r < 0)
			return r;
	}
	r = service_group_create(call->service, &create->group, reterr);
	if (r < 0)
		return r;
	answer_set_text(answer, "MasterSlaveServerGroupId", create->group.id);
	write_servers(&create->group, answer);
	return 0;
}

struct list_request {
	const char *load_balancer_id;
	bool include_listener;
	const char *name;
	struct tags tags;
};

static const struct field list_fields[] = {
	{"LoadBalancerId", FIELD_BORROWED, FIELD_AT(struct list_request, load_balancer_id),
	 FIELD_REQUIRED},
	{"IncludeListener", FIELD_BOOL, FIELD_AT(struct list_request, include_listener)},
	/* The API's spelling of the group's name. */
	{"Description", FIELD_BORROWED, FIELD_AT(struct list_request, name)},
	{"Tag", FIELD_TAGS, FIELD_AT(struct list_request, tags)},
};
const struct request_layout group_list_layout =
	REQUEST_LAYOUT(struct list_request, list_fields, NULL);

struct list_walk {
	const struct call *call;
	const struct list_request *list;
	json_t *items;
};

static int visit_listener(const struct listener *listener, void *userdata)
{
	json_t *item = answer_append_object(userdata);

	answer_set_integer(item, "Port", listener->port);
	answer_set_text(item, "Protocol", protocol_name(listener->protocol));
	return 0;
}

static int visit_group(const struct server_group *group, void *userdata)
{
	const struct list_walk *walk = userdata;
	json_t *item, *listeners;

	if (!filter_equals(walk->list->name, group->name) ||
	    !filter_tags(&walk->list->tags, &group->tags))
		return 0;
	item = answer_append_object(walk->items);
	answer_set_text(item, "MasterSlaveServerGroupId", group->id);
	answer_set_text(item, "MasterSlaveServerGroupName", group->name);
	answer_set_time(item, "CreateTime", group->create_time);
	answer_set_tags(item, &group->tags);

	listeners = answer_set_list(answer_set_object(item, "AssociatedObjects"), "Listeners",
				    "Listener");
	if (!walk->list->include_listener)
		return 0;
	return store_listener_walk(service_store(walk->call->service), NULL, group->id,
				   visit_listener, listeners);
}

int group_list(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	const struct list_request *list = request;
	struct list_walk walk = {call, list, NULL};
	struct load_balancer balancer;
	int r;

	r = service_load_balancer_get(call->service, list->load_balancer_id, &balancer, reterr);
	if (r < 0)
		return r;
	walk.items = answer_set_list(answer, "MasterSlaveServerGroups", "MasterSlaveServerGroup");
	r = store_group_walk(service_store(call->service), balancer.id, visit_group, &walk);
	if (r < 0)
		return error_errno(reterr, r, "list groups of %s", balancer.id);
	return 0;
}

struct id_request {
	const char *id;
};

/*
 * Clients take InvalidParameter for "there is no such group" and forget the group, so nothing else
 * about this parameter may be called that: it is borrowed, and an odd one is simply not found.
 */
static const struct field id_fields[] = {
	{"MasterSlaveServerGroupId", FIELD_BORROWED, FIELD_AT(struct id_request, id),
	 FIELD_REQUIRED},
};
const struct request_layout group_id_layout = REQUEST_LAYOUT(struct id_request, id_fields, NULL);

int group_show(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	const struct id_request *wanted = request;
	struct server_group group;
	int r;

	r = service_group_get(call->service, wanted->id, &group, reterr);
	if (r < 0)
		return r;
	answer_set_text(answer, "MasterSlaveServerGroupId", group.id);
	answer_set_text(answer, "MasterSlaveServerGroupName", group.name);
	answer_set_text(answer, "LoadBalancerId", group.load_balancer_id);
	answer_set_time(answer, "CreateTime", group.create_time);
	answer_set_tags(answer, &group.tags);
	write_servers(&group, answer);
	return 0;
}

int group_delete(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	const struct id_request *wanted = request;

	(void)answer;
	return service_group_delete(call->service, wanted->id, reterr);
}
