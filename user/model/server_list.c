/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the list of servers that clients send; server_group.c checks what it says. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/parse.h"
#include "model/codes.h"
#include "model/lenient_json.h"
#include "model/server_group.h"

/* A key of one server and what stands there. */
struct item {
	const json_t *object;
	unsigned int number; /* of the server, from 1 */
	const char *key;
	const json_t *value; /* NULL: absent, null or the empty string; set by find() */
};

/* Refuse @item: @message says what would be right, its value is added. */
static int refuse(const struct item *item, enum code code, const char *message,
		  struct error *reterr)
{
	AUTO(free_memory) char *value = NULL;
	char field[64];

	snprintf(field, sizeof(field), "MasterSlaveBackendServers.%u.%s", item->number, item->key);
	if (item->value)
		value = json_dumps(item->value, JSON_ENCODE_ANY | JSON_COMPACT);
	if (value)
		return error_set(reterr, code, field, "%s, not %.200s", message, value);
	return error_set(reterr, code, field, "%s", message);
}

static bool is_absent(const json_t *value)
{
	return json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0);
}

/* Look for the key, case aside: keys that differ in nothing else would be two answers to one
 * question. */
static int find(struct item *item, struct error *reterr)
{
	bool found = false;
	const char *key;
	json_t *value;

	/* jansson's iterators are not const, though they change nothing here. */
	json_object_foreach ((json_t *)item->object, key, value) {
		if (strcasecmp(key, item->key) != 0)
			continue;
		if (found)
			return refuse(item, CODE_BACKEND_SERVERS_MALFORMED,
				      "The key must be given once", reterr);
		found = true;
		item->value = is_absent(value) ? NULL : value;
	}
	return 0;
}

/* Text of the key, or NULL where it is absent. Borrowed from the object. */
static int find_text(struct item *item, const char **ret, struct error *reterr)
{
	int r;

	r = find(item, reterr);
	if (r < 0)
		return r;
	if (item->value && !json_is_string(item->value))
		return refuse(item, CODE_BACKEND_SERVERS_MALFORMED, "The value must be a string",
			      reterr);
	*ret = item->value ? json_string_value(item->value) : NULL;
	return 0;
}

/* A number, which may stand in a string. */
static int to_integer(const json_t *value, int64_t min, int64_t max, int64_t *ret)
{
	if (json_is_string(value))
		return parse_integer(json_string_value(value), min, max, ret);
	if (!json_is_integer(value))
		return -EINVAL;
	if (json_integer_value(value) < min || json_integer_value(value) > max)
		return -ERANGE;
	*ret = json_integer_value(value);
	return 0;
}

static int read_server_id(struct item *item, struct backend_server *server, struct error *reterr)
{
	const char *text = NULL;
	int r;

	r = find_text(item, &text, reterr);
	if (r < 0)
		return r;
	if (!text)
		return refuse(item, CODE_BACKEND_SERVER_ID_EMPTY,
			      "Backend server id can not empty.", reterr);
	if (string_copy(server->server_id, sizeof(server->server_id), text) < 0)
		return refuse(item, CODE_INVALID_SERVER_ID,
			      "The specified ServerId does not exist: it must have at most 64 "
			      "characters",
			      reterr);
	return 0;
}

static int read_port(struct item *item, struct backend_server *server, struct error *reterr)
{
	int64_t port;
	int r;

	r = find(item, reterr);
	if (r < 0)
		return r;
	if (!item->value)
		return refuse(item, CODE_BACKEND_SERVER_PORT_EMPTY,
			      "Backend server port can not empty.", reterr);
	if (to_integer(item->value, 1, UINT16_MAX, &port) < 0)
		return refuse(item, CODE_REAL_SERVER_PORT,
			      "Real server port not support: it must be a number within 1-65535",
			      reterr);
	server->port = (uint16_t)port;
	return 0;
}

static int read_weight(struct item *item, struct backend_server *server, struct error *reterr)
{
	int64_t weight = 100;
	int r;

	r = find(item, reterr);
	if (r < 0)
		return r;
	if (item->value && to_integer(item->value, 0, 100, &weight) < 0)
		return refuse(item, CODE_INVALID_WEIGHT,
			      "A specified weight is not valid: it must be a number within 0-100",
			      reterr);
	server->weight = (uint8_t)weight;
	return 0;
}

static int read_type(struct item *item, struct backend_server *server, struct error *reterr)
{
	const char *text = NULL;
	int r;

	r = find_text(item, &text, reterr);
	if (r < 0)
		return r;
	server->type = SERVER_ECS;
	if (text && server_type_parse(text, &server->type) < 0)
		return refuse(item, CODE_INVALID_SERVER_TYPE,
			      "Invalid server type: Type must be ecs, eni or eci", reterr);
	return 0;
}

static int read_role(struct item *item, struct backend_server *server, struct error *reterr)
{
	const char *text = NULL;
	int r;

	r = find_text(item, &text, reterr);
	if (r < 0)
		return r;
	server->role = ROLE_MASTER;
	if (text && server_role_parse(text, &server->role) < 0)
		return refuse(item, CODE_INVALID_SERVER_TYPE,
			      "Invalid server type: ServerType must be Master or Slave", reterr);
	return 0;
}

static int read_address(struct item *item, struct backend_server *server, struct error *reterr)
{
	const char *text = NULL;
	int r;

	r = find_text(item, &text, reterr);
	if (r < 0)
		return r;
	if (text && netaddr_parse(text, &server->server_ip) < 0)
		return refuse(item, CODE_INVALID_PARAMETER,
			      "ServerIp must be an IPv4 or IPv6 address", reterr);
	return 0;
}

static int read_description(struct item *item, struct backend_server *server, struct error *reterr)
{
	const char *text = NULL;
	int r;

	r = find_text(item, &text, reterr);
	if (r < 0)
		return r;
	if (text && string_copy(server->description, sizeof(server->description), text) < 0)
		return refuse(item, CODE_INVALID_PARAMETER,
			      "Description must have 1 to 80 letters, digits, and -/._", reterr);
	return 0;
}

static int read_server(const json_t *object, unsigned int number, struct backend_server *ret,
		       struct error *reterr)
{
	static const struct {
		const char *key;
		int (*read)(struct item *item, struct backend_server *server, struct error *reterr);
	} readers[] = {
		{"ServerId", read_server_id},	   {"Port", read_port},
		{"Weight", read_weight},	   {"Type", read_type},
		{"ServerType", read_role},	   {"ServerIp", read_address},
		{"Description", read_description},
	};
	struct backend_server server = {0};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		struct item item = {object, number, readers[i].key, NULL};

		r = readers[i].read(&item, &server, reterr);
		if (r < 0)
			return r;
	}
	*ret = server;
	return 0;
}

int server_group_parse_servers(const char *text, struct server_group *group, struct error *reterr)
{
	const char *field = "MasterSlaveBackendServers";
	struct backend_server servers[GROUP_SERVERS];
	AUTO(json_release) json_t *list = NULL;
	json_error_t problem;
	size_t count;
	int r;

	list = lenient_json_load(text, &problem);
	if (!list)
		return error_set(reterr, CODE_BACKEND_SERVERS_MALFORMED, field,
				 "The list is not JSON: line %d, column %d: %s", problem.line,
				 problem.column, problem.text);
	if (!json_is_array(list))
		return error_set(reterr, CODE_BACKEND_SERVERS_MALFORMED, field,
				 "The value must be a JSON list of two servers: %.80s", text);

	count = json_array_size(list);
	for (size_t i = 0; i < count && count == GROUP_SERVERS; i++) {
		const json_t *object = json_array_get(list, i);

		if (!json_is_object(object))
			return error_set(reterr, CODE_BACKEND_SERVERS_MALFORMED, field,
					 "Element %zu of the list must be an object", i + 1);

		r = read_server(object, (unsigned int)i + 1, &servers[i], reterr);
		if (r < 0)
			return r;
	}
	return server_group_set_servers(group, servers, (unsigned int)count, reterr);
}
