/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/server.h"

#include "base/clock.h"
#include "model/codes.h"
#include "model/text.h"

static const char *const type_names[SERVER_TYPE_MAX] = {
	[SERVER_ECS] = "ecs",
	[SERVER_ENI] = "eni",
	[SERVER_ECI] = "eci",
};

const char *server_type_name(enum server_type type)
{
	return type_names[type];
}

int server_type_parse(const char *name, enum server_type *ret)
{
	int index = text_find(type_names, SERVER_TYPE_MAX, name);

	if (index < 0)
		return index;
	*ret = (enum server_type)index;
	return 0;
}

static int check_id(const char *id, struct error *reterr)
{
	struct netaddr addr;

	if (!*id)
		return error_set(reterr, CODE_MISSING_PARAMETER, "ServerId",
				 "ServerId is mandatory for this action.");
	if (!text_is_word(id, 1, ID_SIZE - 1, "-._", false))
		return error_set(reterr, CODE_INVALID_PARAMETER, "ServerId",
				 "ServerId must have 1 to %d letters, digits, and -._: %s",
				 ID_SIZE - 1, id);
	if (netaddr_parse(id, &addr) == 0)
		return error_set(reterr, CODE_INVALID_PARAMETER, "ServerId",
				 "ServerId %s is an address, which needs no registration: groups "
				 "may name it as it is",
				 id);
	return 0;
}

static int check_address(const struct netaddr *address, struct error *reterr)
{
	char text[NETADDR_TEXT_MAX];

	if (!netaddr_is_set(address))
		return error_set(reterr, CODE_MISSING_PARAMETER, "ServerIp",
				 "ServerIp is mandatory for this action.");
	if (!netaddr_is_usable(address))
		return error_set(reterr, CODE_INVALID_PARAMETER, "ServerIp",
				 "ServerIp %s must be a unicast address, neither loopback nor "
				 "link-local",
				 netaddr_format(address, text));
	return 0;
}

int server_prepare(struct server *server, struct error *reterr)
{
	int r;

	r = check_id(server->id, reterr);
	if (r < 0)
		return r;

	r = check_address(&server->address, reterr);
	if (r < 0)
		return r;

	if ((unsigned int)server->type >= SERVER_TYPE_MAX)
		return error_set(reterr, CODE_INVALID_SERVER_TYPE, "Type",
				 "Type must be ecs, eni or eci");
	if (!text_is_printable(server->zone, 0, ID_SIZE - 1))
		return error_set(reterr, CODE_INVALID_PARAMETER, "ZoneId",
				 "ZoneId must have at most %d printable characters: %s",
				 ID_SIZE - 1, server->zone);
	if (!text_is_printable(server->network, 0, ID_SIZE - 1))
		return error_set(reterr, CODE_INVALID_PARAMETER, "VpcId",
				 "VpcId must have at most %d printable characters: %s", ID_SIZE - 1,
				 server->network);
	if (!text_is_printable(server->description, 0, 256))
		return error_set(reterr, CODE_INVALID_PARAMETER, "Description",
				 "Description must have at most 256 printable characters");
	if (!server->create_time)
		server->create_time = clock_wall_s();
	return 0;
}
