/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/server_group.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/codes.h"
#include "model/text.h"

static const char *const role_names[ROLE_MAX] = {
	[ROLE_MASTER] = "Master",
	[ROLE_SLAVE] = "Slave",
};

const char *server_role_name(enum server_role role)
{
	return role_names[role];
}

int server_role_parse(const char *name, enum server_role *ret)
{
	int index = text_find(role_names, ROLE_MAX, name);

	if (index < 0)
		return index;
	*ret = (enum server_role)index;
	return 0;
}

static const char *backend_field(unsigned int number, const char *key, char *buffer, size_t size)
{
	snprintf(buffer, size, "MasterSlaveBackendServers.%u.%s", number, key);
	return buffer;
}

/* The @id of an inventory row, or an address. */
static bool is_server_id(const char *id)
{
	struct netaddr addr;

	return text_is_word(id, 1, ID_SIZE - 1, "-._", false) || netaddr_parse(id, &addr) == 0;
}

static int check_server(const struct backend_server *server, unsigned int number,
			struct error *reterr)
{
	char field[64], address[NETADDR_TEXT_MAX];

	if (!server->server_id[strspn(server->server_id, " ")])
		return error_set(reterr, CODE_BACKEND_SERVER_ID_EMPTY,
				 backend_field(number, "ServerId", field, sizeof(field)),
				 "Backend server id can not empty.");
	if (!is_server_id(server->server_id))
		return error_set(reterr, CODE_INVALID_SERVER_ID,
				 backend_field(number, "ServerId", field, sizeof(field)),
				 "The specified ServerId %s does not exist: an id has 1 to %d "
				 "letters, digits, and -._, or is an address",
				 server->server_id, ID_SIZE - 1);
	if (!server->port)
		return error_set(reterr, CODE_REAL_SERVER_PORT,
				 backend_field(number, "Port", field, sizeof(field)),
				 "Real server port not support: 0 is not within 1-65535");
	if (server->weight > 100)
		return error_set(reterr, CODE_INVALID_WEIGHT,
				 backend_field(number, "Weight", field, sizeof(field)),
				 "A specified weight is not valid: %u is not within 0-100",
				 server->weight);
	if ((unsigned int)server->type >= SERVER_TYPE_MAX)
		return error_set(reterr, CODE_INVALID_SERVER_TYPE,
				 backend_field(number, "Type", field, sizeof(field)),
				 "Invalid server type: Type must be ecs, eni or eci");
	if (netaddr_is_set(&server->server_ip) && !netaddr_is_usable(&server->server_ip))
		return error_set(reterr, CODE_INVALID_PARAMETER,
				 backend_field(number, "ServerIp", field, sizeof(field)),
				 "ServerIp %s must be a unicast address, neither loopback nor "
				 "link-local",
				 netaddr_format(&server->server_ip, address));
	if (server->description[0] && !text_is_word(server->description, 1, 80, "-/._", true))
		return error_set(reterr, CODE_INVALID_PARAMETER,
				 backend_field(number, "Description", field, sizeof(field)),
				 "Description must have 1 to 80 letters, digits, and -/._: %s",
				 server->description);
	return 0;
}

static int check_pair(const struct backend_server *servers, struct error *reterr)
{
	const struct backend_server *a = &servers[0], *b = &servers[1];

	if (strcmp(a->server_id, b->server_id) == 0 && a->port == b->port &&
	    netaddr_equal(&a->server_ip, &b->server_ip))
		return error_set(reterr, CODE_BACKEND_SERVERS_SAME, "MasterSlaveBackendServers",
				 "Backend servers have same port and serverId: %s port %u",
				 a->server_id, a->port);
	if (a->role != ROLE_MASTER && b->role != ROLE_MASTER)
		return error_set(reterr, CODE_BACKEND_SERVERS_ROLES,
				 "MasterSlaveBackendServers.2.ServerType",
				 "Backend servers can only contain one master and one slave: "
				 "both are Slave");
	if (a->role == b->role)
		return error_set(reterr, CODE_BACKEND_SERVERS_ROLES,
				 "MasterSlaveBackendServers.2.ServerType",
				 "Backend servers can only contain one master and one slave: "
				 "both are Master, as is a server without a ServerType");
	return 0;
}

static int check_servers(const struct backend_server *servers, struct error *reterr)
{
	int r;

	for (unsigned int i = 0; i < GROUP_SERVERS; i++) {
		r = check_server(&servers[i], i + 1, reterr);
		if (r < 0)
			return r;
	}
	return check_pair(servers, reterr);
}

int server_group_set_servers(struct server_group *group, const struct backend_server *servers,
			     unsigned int count, struct error *reterr)
{
	int r;

	if (count != GROUP_SERVERS)
		return error_set(reterr, CODE_BACKEND_SERVERS_NUM, "MasterSlaveBackendServers",
				 "Backend servers num must be 2, not %u", count);

	r = check_servers(servers, reterr);
	if (r < 0)
		return r;

	/* Two servers of two roles: each role is an index of its own. */
	group->servers[servers[0].role] = servers[0];
	group->servers[servers[1].role] = servers[1];
	group->server_count = GROUP_SERVERS;
	return 0;
}

int server_group_prepare(struct server_group *group, struct error *reterr)
{
	int r;

	if (!group->load_balancer_id[0])
		return error_set(reterr, CODE_MISSING_PARAMETER, "LoadBalancerId",
				 "LoadBalancerId is mandatory for this action.");
	if (group->name[0] && !text_is_printable(group->name, 1, 80))
		return error_set(reterr, CODE_INVALID_PARAMETER, "MasterSlaveServerGroupName",
				 "MasterSlaveServerGroupName must have 1 to 80 printable "
				 "characters: %s",
				 group->name);
	if (group->server_count) {
		struct backend_server servers[GROUP_SERVERS];

		memcpy(servers, group->servers, sizeof(servers));
		r = server_group_set_servers(group, servers, group->server_count, reterr);
		if (r < 0)
			return r;
	}

	if (!group->id[0])
		text_new_id("rsp-", group->id);
	if (!group->name[0])
		snprintf(group->name, sizeof(group->name), "auto_named_%s", group->id);
	if (!group->create_time)
		group->create_time = clock_wall_s();
	return 0;
}
