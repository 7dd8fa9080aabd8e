/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_SERVER_GROUP_H
#define TANDEM_SERVER_GROUP_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/netaddr.h"
#include "model/limits.h"
#include "model/server.h"
#include "model/tag.h"

/* The order of servers in a group, and of slots in the data plane: primary first. */
enum server_role { ROLE_MASTER, ROLE_SLAVE, ROLE_MAX };

/* "Master", "Slave" (parsed without case; NULL is no name). */
const char *server_role_name(enum server_role role);
CHECKED int server_role_parse(const char *name, enum server_role *ret);

struct backend_server {
	char server_id[ID_SIZE];
	struct netaddr server_ip; /* as given by the client; AF_UNSPEC where it was not */
	uint16_t port;		  /* host byte order, 1-65535 */
	uint8_t weight;		  /* 0-100; 0 takes no traffic */
	enum server_type type;
	enum server_role role;
	char description[NAME_SIZE];
};

/*
 * A primary/secondary server group of one load balancer. Plain data. Once prepared, servers[] holds
 * the Master first; server_count is 2, or 0 for a group that was created without servers.
 */
struct server_group {
	char id[ID_SIZE]; /* "rsp-..." */
	char load_balancer_id[ID_SIZE];
	char name[NAME_SIZE];
	int64_t create_time;
	unsigned int server_count;
	struct backend_server servers[GROUP_SERVERS];
	struct tags tags;
};

/*
 * Read the list MasterSlaveBackendServers of CreateMasterSlaveServerGroup into @group->servers. It
 * is JSON, or what Terraform sends for JSON: single quotes, numbers as strings, keys that we do not
 * know (ignored), null or empty values (as if absent). Key names match without case. Defaults:
 * Weight 100, Type ecs, ServerType Master. The list must have exactly two elements, one Master and
 * one Slave; a server is a duplicate by (ServerId, ServerIp, Port). Fields are named
 * MasterSlaveBackendServers.<n from 1>.<Key>. Returns 0, or -EINVAL with the API's code for it.
 * The text comes from outside and may be anything.
 */
CHECKED int server_group_parse_servers(const char *text, struct server_group *group,
				       struct error *reterr);

/*
 * Check the servers of a group, @count of them, and put them into @group, Master first. Returns 0,
 * or -EINVAL with the API's code and the field; @group is then as it was. @servers is not in
 * @group.
 */
CHECKED int server_group_set_servers(struct server_group *group,
				     const struct backend_server *servers, unsigned int count,
				     struct error *reterr);

/*
 * Check a group that is to be created, and fill in what is absent: the id, the name, the creation
 * time. Returns 0, or -EINVAL with the API's code and the field.
 */
CHECKED int server_group_prepare(struct server_group *group, struct error *reterr);

#endif
