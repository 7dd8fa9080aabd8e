/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "api/answer.h"
#include "api/filter.h"
#include "api/handlers.h"
#include "model/codes.h"
#include "model/load_balancer.h"
#include "service/service.h"
#include "store/store.h"

enum { PAGE_SIZE_DEFAULT = 50, PAGE_SIZE_MAX = 100 };

/* What the cloud shows for an object without an end of its contract. */
static const char end_time[] = "2999-09-08T16:00:00Z";
#define END_TIME_STAMP 32493801600000

/* AddressIPVersion, as an address family. */
static int parse_ip_version(const char *text, void *ret)
{
	if (strcasecmp(text, "ipv4") == 0)
		*(uint16_t *)ret = AF_INET;
	else if (strcasecmp(text, "ipv6") == 0)
		*(uint16_t *)ret = AF_INET6;
	else
		return -EINVAL;
	return 0;
}

static const char *ip_version_name(const struct netaddr *address)
{
	return address->family == AF_INET6 ? "ipv6" : "ipv4";
}

/* AddressType, as whether it is intranet. */
static int parse_address_type(const char *text, void *ret)
{
	if (strcasecmp(text, "intranet") == 0)
		*(bool *)ret = true;
	else if (strcasecmp(text, "internet") == 0)
		*(bool *)ret = false;
	else
		return -EINVAL;
	return 0;
}

static const char *address_type_name(const struct load_balancer *balancer)
{
	return balancer->intranet ? "intranet" : "internet";
}

static const char *network_type_name(const struct load_balancer *balancer)
{
	return balancer->vpc_id[0] || balancer->vswitch_id[0] ? "vpc" : "classic";
}

struct create_request {
	struct load_balancer balancer;
	uint16_t family;   /* 0: as the address says */
	int32_t bandwidth; /* the API ignores it where traffic is what is paid for */
};

static void create_init(void *request)
{
	struct create_request *create = request;

	create->balancer.intranet = true;
}

/* ClientToken is not listed: no retry can create a second object, since a VIP is unique. */
static const struct field create_fields[] = {
	{"Address", FIELD_PARSED, FIELD_AT(struct create_request, balancer.address),
	 .parse = fields_parse_address, .expected = "an IPv4 or IPv6 address"},
	{"AddressIPVersion", FIELD_PARSED, FIELD_AT(struct create_request, family),
	 .parse = parse_ip_version, .expected = "ipv4 or ipv6"},
	{"AddressType", FIELD_PARSED, FIELD_AT(struct create_request, balancer.intranet),
	 .parse = parse_address_type, .expected = "intranet or internet"},
	{"LoadBalancerName", FIELD_TEXT, FIELD_AT(struct create_request, balancer.name)},
	{"VpcId", FIELD_TEXT, FIELD_AT(struct create_request, balancer.vpc_id)},
	{"VSwitchId", FIELD_TEXT, FIELD_AT(struct create_request, balancer.vswitch_id)},
	{"MasterZoneId", FIELD_TEXT, FIELD_AT(struct create_request, balancer.master_zone_id)},
	{"SlaveZoneId", FIELD_TEXT, FIELD_AT(struct create_request, balancer.slave_zone_id)},
	{"ResourceGroupId", FIELD_TEXT,
	 FIELD_AT(struct create_request, balancer.resource_group_id)},
	{"LoadBalancerSpec", FIELD_TEXT, FIELD_AT(struct create_request, balancer.spec)},
	{"DeleteProtection", FIELD_SWITCH,
	 FIELD_AT(struct create_request, balancer.delete_protection)},
	{"Tag", FIELD_TAGS, FIELD_AT(struct create_request, balancer.tags)},
	{"Bandwidth", FIELD_INTEGER, FIELD_AT(struct create_request, bandwidth), .min = -1,
	 .max = 5120},
	{"InternetChargeType", FIELD_FIXED, .expected = "paybytraffic"},
	{"InstanceChargeType", FIELD_FIXED, .expected = "PayBySpec"},
	{"PayType", FIELD_FIXED, .expected = "PayOnDemand"},
	{"ModificationProtectionStatus", FIELD_FIXED, .expected = "NonProtection"},
};
const struct request_layout balancer_create_layout =
	REQUEST_LAYOUT(struct create_request, create_fields, create_init);

int balancer_create(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	struct create_request *create = request;
	struct load_balancer *balancer = &create->balancer;
	char text[NETADDR_TEXT_MAX];
	int r;

	if (!netaddr_is_set(&balancer->address))
		return error_set(
			reterr, CODE_UNSUPPORTED_PARAMETER, "Address",
			"A load balancer without an Address is not supported: give the VIP.");
	if (create->family && create->family != balancer->address.family)
		return error_set(reterr, CODE_ADDRESS_FAMILY, "AddressIPVersion",
				 "Address %s is not %s: AddressIPVersion must be %s.",
				 netaddr_format(&balancer->address, text),
				 create->family == AF_INET6 ? "ipv6" : "ipv4",
				 ip_version_name(&balancer->address));
	if (balancer->vswitch_id[0])
		balancer->intranet = true;

	r = service_load_balancer_create(call->service, balancer, reterr);
	if (r < 0)
		return r;
	answer_set_text(answer, "LoadBalancerId", balancer->id);
	answer_set_text(answer, "LoadBalancerName", balancer->name);
	answer_set_address(answer, "Address", &balancer->address);
	answer_set_text(answer, "AddressIPVersion", ip_version_name(&balancer->address));
	answer_set_text(answer, "NetworkType", network_type_name(balancer));
	answer_set_text(answer, "VpcId", balancer->vpc_id);
	answer_set_text(answer, "VSwitchId", balancer->vswitch_id);
	answer_set_text(answer, "ResourceGroupId", balancer->resource_group_id);
	answer_set_integer(answer, "OrderId", 0);
	return 0;
}

/* What the list and the single view have in common. */
static void write_balancer(const struct call *call, const struct load_balancer *balancer,
			   json_t *object)
{
	answer_set_text(object, "LoadBalancerId", balancer->id);
	answer_set_text(object, "LoadBalancerName", balancer->name);
	answer_set_text(object, "LoadBalancerStatus", "active");
	answer_set_text(object, "LoadBalancerSpec", balancer->spec);
	answer_set_address(object, "Address", &balancer->address);
	answer_set_text(object, "AddressIPVersion", ip_version_name(&balancer->address));
	answer_set_text(object, "AddressType", address_type_name(balancer));
	answer_set_text(object, "NetworkType", network_type_name(balancer));
	answer_set_text(object, "VpcId", balancer->vpc_id);
	answer_set_text(object, "VSwitchId", balancer->vswitch_id);
	answer_set_text(object, "MasterZoneId", balancer->master_zone_id);
	answer_set_text(object, "SlaveZoneId", balancer->slave_zone_id);
	answer_set_text(object, "ResourceGroupId", balancer->resource_group_id);
	answer_set_text(object, "RegionId", call->region_id);
	answer_set_text(object, "RegionIdAlias", call->region_id);
	/* -1 is "no limit"; clients read 0 as a value and send it back. */
	answer_set_integer(object, "Bandwidth", -1);
	answer_set_text(object, "PayType", "PayOnDemand");
	answer_set_text(object, "InstanceChargeType", "PayBySpec");
	answer_set_switch(object, "DeleteProtection", balancer->delete_protection);
	answer_set_text(object, "ModificationProtectionStatus", "NonProtection");
	answer_set_text(object, "ModificationProtectionReason", "");
	answer_set_time(object, "CreateTime", balancer->create_time);
	answer_set_integer(object, "CreateTimeStamp", balancer->create_time * 1000);
	answer_set_tags(object, &balancer->tags);
}

struct list_request {
	const char *ids, *names;
	struct netaddr address;
	uint16_t family; /* 0: any */
	bool intranet;
	const char *vpc_id, *vswitch_id;
	const char *master_zone_id, *slave_zone_id;
	const char *resource_group_id;
	const char *network_type;
	const char *status;
	const char *server_id;
	struct netaddr server_address;
	struct tags tags;
	uint32_t page, page_size;
};

static void list_init(void *request)
{
	struct list_request *list = request;

	list->page = 1;
	list->page_size = PAGE_SIZE_DEFAULT;
}

static const struct field list_fields[] = {
	{"LoadBalancerId", FIELD_BORROWED, FIELD_AT(struct list_request, ids)},
	{"LoadBalancerName", FIELD_BORROWED, FIELD_AT(struct list_request, names)},
	{"Address", FIELD_PARSED, FIELD_AT(struct list_request, address),
	 .parse = fields_parse_address, .expected = "an IPv4 or IPv6 address"},
	{"AddressIPVersion", FIELD_PARSED, FIELD_AT(struct list_request, family),
	 .parse = parse_ip_version, .expected = "ipv4 or ipv6"},
	{"AddressType", FIELD_PARSED, FIELD_AT(struct list_request, intranet),
	 .parse = parse_address_type, .expected = "intranet or internet"},
	{"VpcId", FIELD_BORROWED, FIELD_AT(struct list_request, vpc_id)},
	{"VSwitchId", FIELD_BORROWED, FIELD_AT(struct list_request, vswitch_id)},
	{"MasterZoneId", FIELD_BORROWED, FIELD_AT(struct list_request, master_zone_id)},
	{"SlaveZoneId", FIELD_BORROWED, FIELD_AT(struct list_request, slave_zone_id)},
	{"ResourceGroupId", FIELD_BORROWED, FIELD_AT(struct list_request, resource_group_id)},
	{"NetworkType", FIELD_BORROWED, FIELD_AT(struct list_request, network_type)},
	{"LoadBalancerStatus", FIELD_BORROWED, FIELD_AT(struct list_request, status)},
	{"ServerId", FIELD_BORROWED, FIELD_AT(struct list_request, server_id)},
	{"ServerIntranetAddress", FIELD_PARSED, FIELD_AT(struct list_request, server_address),
	 .parse = fields_parse_address, .expected = "an IPv4 or IPv6 address"},
	{"Tag", FIELD_TAGS, FIELD_AT(struct list_request, tags)},
	{"PageNumber", FIELD_INTEGER, FIELD_AT(struct list_request, page), .min = 1,
	 .max = INT32_MAX},
	{"PageSize", FIELD_INTEGER, FIELD_AT(struct list_request, page_size), .min = 1,
	 .max = PAGE_SIZE_MAX},
	{"InternetChargeType", FIELD_FIXED, .expected = "paybytraffic"},
	{"PayType", FIELD_FIXED, .expected = "PayOnDemand"},
	/* The older spelling of Tag.N as JSON text. */
	{"Tags", FIELD_FIXED, .expected = "[]"},
};
const struct request_layout balancer_list_layout =
	REQUEST_LAYOUT(struct list_request, list_fields, list_init);

/* Where the walk for DescribeLoadBalancers stands. */
struct list_walk {
	const struct call *call;
	const struct list_request *list;
	json_t *items;
	uint64_t matches;
};

struct server_search {
	const struct call *call;
	const struct list_request *list;
};

/* Whether the group has the server that is asked for: 1 ends the walk. */
static int visit_group_of_server(const struct server_group *group, void *userdata)
{
	const struct server_search *search = userdata;
	const struct list_request *list = search->list;

	for (unsigned int i = 0; i < group->server_count; i++) {
		const struct backend_server *server = &group->servers[i];
		struct netaddr address;

		if (list->server_id && strcmp(list->server_id, server->server_id) != 0)
			continue;
		if (!netaddr_is_set(&list->server_address))
			return 1;
		if (service_resolve_server(search->call->service, server, &address, NULL) == 0 &&
		    netaddr_equal(&address, &list->server_address))
			return 1;
	}
	return 0;
}

/* 1 or 0: whether a group of the balancer has the server that is asked for. */
static int has_server(const struct list_walk *walk, const struct load_balancer *balancer)
{
	struct server_search search = {walk->call, walk->list};

	if (!walk->list->server_id && !netaddr_is_set(&walk->list->server_address))
		return 1;
	return store_group_walk(service_store(walk->call->service), balancer->id,
				visit_group_of_server, &search);
}

static bool has_address(const struct list_walk *walk, const struct load_balancer *balancer)
{
	const struct list_request *list = walk->list;

	if (netaddr_is_set(&list->address) && !netaddr_equal(&list->address, &balancer->address))
		return false;
	if (list->family && list->family != balancer->address.family)
		return false;
	return !params_get_filled(walk->call->params, "AddressType") ||
	       list->intranet == balancer->intranet;
}

static bool has_labels(const struct list_request *list, const struct load_balancer *balancer)
{
	return filter_list_has(list->ids, balancer->id) &&
	       filter_list_has(list->names, balancer->name) &&
	       filter_equals(list->vpc_id, balancer->vpc_id) &&
	       filter_equals(list->vswitch_id, balancer->vswitch_id) &&
	       filter_equals(list->master_zone_id, balancer->master_zone_id) &&
	       filter_equals(list->slave_zone_id, balancer->slave_zone_id) &&
	       filter_equals(list->resource_group_id, balancer->resource_group_id) &&
	       filter_equals(list->network_type, network_type_name(balancer)) &&
	       filter_equals(list->status, "active") && filter_tags(&list->tags, &balancer->tags);
}

static int visit_balancer(const struct load_balancer *balancer, void *userdata)
{
	struct list_walk *walk = userdata;
	uint64_t first = (uint64_t)(walk->list->page - 1) * walk->list->page_size;
	json_t *item;
	int r;

	if (!has_labels(walk->list, balancer) || !has_address(walk, balancer))
		return 0;
	r = has_server(walk, balancer);
	if (r <= 0)
		return r;
	walk->matches++;
	if (walk->matches <= first || walk->matches > first + walk->list->page_size)
		return 0;

	item = answer_append_object(walk->items);
	write_balancer(walk->call, balancer, item);
	answer_set_text(item, "InternetChargeType", "4");
	answer_set_text(item, "InternetChargeTypeAlias", "paybytraffic");
	return 0;
}

int balancer_list(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	const struct list_request *list = request;
	struct list_walk walk = {.call = call, .list = list};
	int r;

	if (params_get_filled(call->params, "PageSize") &&
	    !params_get_filled(call->params, "PageNumber"))
		return error_set(reterr, CODE_MISSING_PARAMETER, "PageNumber",
				 "PageNumber is mandatory where PageSize is given.");
	r = filter_list_check(list->ids, "LoadBalancerId", reterr);
	if (r == 0)
		r = filter_list_check(list->names, "LoadBalancerName", reterr);
	if (r < 0)
		return r;

	walk.items = answer_set_list(answer, "LoadBalancers", "LoadBalancer");
	r = store_load_balancer_walk(service_store(call->service), visit_balancer, &walk);
	if (r < 0)
		return error_errno(reterr, r, "list load balancers");
	answer_set_integer(answer, "PageNumber", list->page);
	answer_set_integer(answer, "PageSize", list->page_size);
	answer_set_integer(answer, "TotalCount", (int64_t)walk.matches);
	return 0;
}

struct id_request {
	const char *id;
};

static const struct field id_fields[] = {
	{"LoadBalancerId", FIELD_BORROWED, FIELD_AT(struct id_request, id), FIELD_REQUIRED},
};
const struct request_layout balancer_id_layout = REQUEST_LAYOUT(struct id_request, id_fields, NULL);

/* The three lists in which the API shows listeners; the third is spelt as it is there. */
struct listener_lists {
	json_t *ports, *protocols, *misspelt;
};

static bool has_port(const json_t *ports, uint16_t port)
{
	const json_t *value;
	size_t i;

	json_array_foreach (ports, i, value) {
		if (json_integer_value(value) == port)
			return true;
	}
	return false;
}

static int visit_listener(const struct listener *listener, void *userdata)
{
	struct listener_lists *lists = userdata;
	json_t *item;

	if (!has_port(lists->ports, listener->port))
		answer_append_integer(lists->ports, listener->port);

	item = answer_append_object(lists->protocols);
	answer_set_integer(item, "ListenerPort", listener->port);
	answer_set_text(item, "ListenerProtocol", protocol_name(listener->protocol));
	answer_set_text(item, "ListenerForward", "off");
	answer_set_text(item, "Description", listener->description);

	item = answer_append_object(lists->misspelt);
	answer_set_integer(item, "ListenerPort", listener->port);
	answer_set_text(item, "ListenerProtocal", protocol_name(listener->protocol));
	return 0;
}

int balancer_show(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	const struct id_request *wanted = request;
	struct listener_lists lists;
	struct load_balancer balancer;
	int r;

	r = service_load_balancer_get(call->service, wanted->id, &balancer, reterr);
	if (r < 0)
		return r;
	write_balancer(call, &balancer, answer);
	answer_set_text(answer, "InternetChargeType", "paybytraffic");
	answer_set_text(answer, "EndTime", end_time);
	answer_set_integer(answer, "EndTimeStamp", END_TIME_STAMP);
	/* The default server group, which tandem does not have. */
	answer_set_list(answer, "BackendServers", "BackendServer");

	lists.ports = answer_set_list(answer, "ListenerPorts", "ListenerPort");
	lists.protocols =
		answer_set_list(answer, "ListenerPortsAndProtocol", "ListenerPortAndProtocol");
	lists.misspelt =
		answer_set_list(answer, "ListenerPortsAndProtocal", "ListenerPortAndProtocal");
	r = store_listener_walk(service_store(call->service), balancer.id, NULL, visit_listener,
				&lists);
	if (r < 0)
		return error_errno(reterr, r, "list listeners of %s", balancer.id);
	return 0;
}

int balancer_delete(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	const struct id_request *wanted = request;

	(void)answer;
	return service_load_balancer_delete(call->service, wanted->id, reterr);
}
