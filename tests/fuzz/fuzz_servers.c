/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The server list of CreateMasterSlaveServerGroup: what is taken keeps the rules, what is not says
 * why. */
/* sources: user/model/server_list.c user/model/server_group.c user/model/server.c */
/* sources: user/model/lenient_json.c user/model/text.c */
/* sources: user/base/clock.c user/base/error.c user/base/memory.c user/base/netaddr.c */
/* sources: user/base/parse.c user/base/utf8.c */
/* libs: jansson */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/codes.h"
#include "model/server_group.h"
#include "model/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_taken(const struct server_group *group)
{
	const struct backend_server *servers = group->servers;

	require(group->server_count == GROUP_SERVERS);
	for (unsigned int i = 0; i < GROUP_SERVERS; i++) {
		require(servers[i].role == (enum server_role)i);
		require(servers[i].server_id[0] && text_length(servers[i].server_id) > 0);
		require(servers[i].port > 0);
		require(servers[i].weight <= 100);
		require(servers[i].type < SERVER_TYPE_MAX);
		require(text_is_printable(servers[i].description, 0, 80));
	}
	require(strcmp(servers[0].server_id, servers[1].server_id) != 0 ||
		servers[0].port != servers[1].port ||
		!netaddr_equal(&servers[0].server_ip, &servers[1].server_ip));
}

static void check_refused(const struct server_group *group, const struct error *error)
{
	require(group->server_count == 0);
	require(error->code > CODE_INTERNAL && error->code < CODE_MAX);
	require(strncmp(error->field, "MasterSlaveBackendServers", 25) == 0);
	require(error->message[0] && text_is_printable(error->message, 1, sizeof(error->message)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free_memory) char *text = xcalloc(size + 1, 1);
	struct server_group group = {0};
	struct error error = {0};

	if (size)
		memcpy(text, data, size);
	if (server_group_parse_servers(text, &group, &error) == 0)
		check_taken(&group);
	else
		check_refused(&group, &error);
	return 0;
}
