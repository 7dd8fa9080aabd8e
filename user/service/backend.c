/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A group's servers: where they are, and whether they can stand behind a load balancer. */
#include <errno.h>
#include <string.h>

#include "model/codes.h"
#include "service/internal.h"

static const char servers_field[] = "MasterSlaveBackendServers";

int service_resolve_server(struct service *service, const struct backend_server *server,
			   struct netaddr *ret, struct error *reterr)
{
	struct server known;
	int r;

	if (netaddr_is_set(&server->server_ip)) {
		*ret = server->server_ip;
		return 0;
	}

	r = store_server_get(service->store, server->server_id, &known);
	if (r == 0) {
		*ret = known.address;
		return 0;
	}
	if (r != -ENOENT)
		return error_errno(reterr, r, "read server %s", server->server_id);

	if (netaddr_parse(server->server_id, ret) == 0)
		return 0;
	return error_set(reterr, CODE_INVALID_SERVER_ID, servers_field,
			 "the address of ServerId %s is not known: give its ServerIp, register it "
			 "(tandemctl server add %s ADDRESS), or give an address as ServerId",
			 server->server_id, server->server_id);
}

int service_group_locate(struct service *service, const struct server_group *group,
			 struct footprint *ret, struct error *reterr)
{
	struct footprint footprint = {.count = group->server_count};
	int r;

	for (unsigned int i = 0; i < group->server_count; i++) {
		r = service_resolve_server(service, &group->servers[i], &footprint.addresses[i],
					   reterr);
		if (r < 0)
			return r;
		footprint.ports[i] = group->servers[i].port;
	}
	*ret = footprint;
	return 0;
}

int service_address_check(struct service *service, const struct netaddr *address, const char *field,
			  struct error *reterr)
{
	struct load_balancer balancer;
	char text[NETADDR_TEXT_MAX];
	uint32_t ifindex;
	int r;

	netaddr_format(address, text);
	if (!netaddr_is_usable(address))
		return error_set(reterr, CODE_INVALID_PARAMETER, field,
				 "a server cannot have the address %s: give a unicast address "
				 "that is not loopback or link-local",
				 text);

	r = store_load_balancer_get_by_address(service->store, address, &balancer);
	if (r == 0)
		return error_set(reterr, CODE_SERVER_IS_VIP, field,
				 "server address %s is the VIP of load balancer %s", text,
				 balancer.id);
	if (r != -ENOENT)
		return error_errno(reterr, r, "look for a load balancer at %s", text);

	r = net_address_find(service->net, address, &ifindex);
	if (r < 0)
		return error_errno(reterr, r, "look for %s on this host", text);
	if (ifindex)
		return error_set(reterr, CODE_INVALID_PARAMETER, field,
				 "server address %s is this gateway's own (interface %u): packets "
				 "can only be forwarded to other hosts",
				 text, ifindex);
	return 0;
}

struct holder {
	const struct netaddr *address;
	char id[ID_SIZE];
};

static int find_holder(const struct server *server, void *userdata)
{
	struct holder *holder = userdata;

	if (!netaddr_equal(&server->address, holder->address))
		return 0;
	memcpy(holder->id, server->id, sizeof(holder->id));
	return 1;
}

/* A given ServerIp must not be known as another server's. */
static int check_not_another(struct service *service, const struct backend_server *server,
			     struct error *reterr)
{
	struct holder holder = {.address = &server->server_ip};
	char text[NETADDR_TEXT_MAX];
	int r;

	if (!service_occupancy_has_server(&service->occupancy, &server->server_ip))
		return 0;

	r = store_server_walk(service->store, find_holder, &holder);
	if (r < 0)
		return error_errno(reterr, r, "look for a server at %s",
				   netaddr_format(&server->server_ip, text));
	if (r == 0)
		return 0;
	return error_set(reterr, CODE_TUNNEL_NAME_CONFLICT, servers_field,
			 "ServerIp %s of ServerId %s is registered as server %s",
			 netaddr_format(&server->server_ip, text), server->server_id, holder.id);
}

/* A given ServerIp against what its ServerId stands for. @known: the inventory's row, or NULL. */
static int check_given_address(struct service *service, const struct backend_server *server,
			       const struct server *known, struct error *reterr)
{
	char given[NETADDR_TEXT_MAX], registered[NETADDR_TEXT_MAX];
	struct netaddr literal = {0};
	const struct netaddr *expected = known ? &known->address : NULL;

	if (!netaddr_is_set(&server->server_ip))
		return 0;
	if (!expected && netaddr_parse(server->server_id, &literal) == 0)
		expected = &literal;
	if (expected && netaddr_equal(expected, &server->server_ip))
		return 0;
	/* An ENI may have several addresses, an ECS instance stands for one. */
	if (expected && server->type == SERVER_ECS)
		return error_set(reterr, CODE_INVALID_PARAMETER, servers_field,
				 "ServerIp %s contradicts ServerId %s, which stands for %s",
				 netaddr_format(&server->server_ip, given), server->server_id,
				 netaddr_format(expected, registered));
	return check_not_another(service, server, reterr);
}

static int check_place(const struct load_balancer *balancer, const struct server *known,
		       struct error *reterr)
{
	bool has_zone = balancer->master_zone_id[0] || balancer->slave_zone_id[0];

	if (balancer->vpc_id[0] && known->network[0] &&
	    strcmp(balancer->vpc_id, known->network) != 0)
		return error_set(reterr, CODE_NETWORK_CONFLICT, servers_field,
				 "server %s is in network %s, load balancer %s in %s", known->id,
				 known->network, balancer->id, balancer->vpc_id);

	if (has_zone && known->zone[0] && strcmp(known->zone, balancer->master_zone_id) != 0 &&
	    strcmp(known->zone, balancer->slave_zone_id) != 0)
		return error_set(reterr, CODE_MISMATCHED_ZONE, servers_field,
				 "server %s is in zone %s, which is neither the master zone (%s) "
				 "nor the slave zone (%s) of load balancer %s",
				 known->id, known->zone, balancer->master_zone_id,
				 balancer->slave_zone_id, balancer->id);
	return 0;
}

static int check_server(struct service *service, const struct load_balancer *balancer,
			const struct backend_server *server, const struct netaddr *address,
			struct error *reterr)
{
	char text[NETADDR_TEXT_MAX], vip[NETADDR_TEXT_MAX];
	struct server known;
	bool is_known;
	int r;

	r = store_server_get(service->store, server->server_id, &known);
	if (r < 0 && r != -ENOENT)
		return error_errno(reterr, r, "read server %s", server->server_id);
	is_known = r == 0;

	r = check_given_address(service, server, is_known ? &known : NULL, reterr);
	if (r < 0)
		return r;
	if (address->family != balancer->address.family)
		return error_set(reterr, CODE_ADDRESS_FAMILY, servers_field,
				 "server %s at %s cannot serve the VIP %s of load balancer %s: "
				 "both must be IPv4 or both IPv6",
				 server->server_id, netaddr_format(address, text),
				 netaddr_format(&balancer->address, vip), balancer->id);
	r = service_address_check(service, address, servers_field, reterr);
	if (r < 0)
		return r;
	return is_known ? check_place(balancer, &known, reterr) : 0;
}

int service_group_check(struct service *service, const struct load_balancer *balancer,
			const struct server_group *group, struct footprint *ret,
			struct error *reterr)
{
	char text[NETADDR_TEXT_MAX];
	struct footprint footprint;
	int r;

	r = service_group_locate(service, group, &footprint, reterr);
	if (r < 0)
		return r;

	for (unsigned int i = 0; i < footprint.count; i++) {
		r = check_server(service, balancer, &group->servers[i], &footprint.addresses[i],
				 reterr);
		if (r < 0)
			return r;
	}
	if (footprint.count == GROUP_SERVERS && footprint.ports[0] == footprint.ports[1] &&
	    netaddr_equal(&footprint.addresses[0], &footprint.addresses[1]))
		return error_set(reterr, CODE_BACKEND_SERVERS_SAME, servers_field,
				 "Backend servers have same port and serverId: %s and %s are both "
				 "%s port %u.",
				 group->servers[0].server_id, group->servers[1].server_id,
				 netaddr_format(&footprint.addresses[0], text), footprint.ports[0]);
	*ret = footprint;
	return 0;
}
