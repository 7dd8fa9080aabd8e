/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/values.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/netaddr.h"
#include "base/parse.h"
#include "model/codes.h"
#include "model/listener.h"

int value_port(const char *text, char **ret_value, struct error *reterr)
{
	uint16_t port;

	if (parse_u16(text, &port) < 0 || !port)
		return error_set(reterr, CODE_INVALID_PARAMETER, NULL,
				 "\"%s\" is not a port: a number from 1 to 65535 would be", text);
	*ret_value = xasprintf("%u", port);
	return 0;
}

int value_number(const char *text, char **ret_value, struct error *reterr)
{
	int64_t number;

	if (parse_integer(text, 0, UINT32_MAX, &number) < 0)
		return error_set(reterr, CODE_INVALID_PARAMETER, NULL, "\"%s\" is not a number",
				 text);
	*ret_value = xasprintf("%jd", (intmax_t)number);
	return 0;
}

int value_address(const char *text, char **ret_value, struct error *reterr)
{
	char buffer[NETADDR_TEXT_MAX];
	struct netaddr address;

	if (netaddr_parse(text, &address) < 0)
		return error_set(reterr, CODE_INVALID_PARAMETER, NULL,
				 "\"%s\" is not an IPv4 or IPv6 address such as 192.0.2.10 or "
				 "2001:db8::10",
				 text);
	*ret_value = xstrdup(netaddr_format(&address, buffer));
	return 0;
}

int value_client(const char *text, char **ret_value, struct error *reterr)
{
	struct netaddr address;
	uint16_t port;

	if (netaddr_parse_endpoint(text, &address, &port) < 0)
		return error_set(
			reterr, CODE_INVALID_PARAMETER, NULL,
			"\"%s\" is not ADDRESS or ADDRESS:PORT, such as 192.0.2.7:51000 or "
			"[2001:db8::7]:51000",
			text);
	*ret_value = xstrdup(text);
	return 0;
}

int value_duration(const char *text, char **ret_value, struct error *reterr)
{
	static const struct {
		const char *name;
		unsigned int ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
	size_t digits = strspn(text, "0123456789");
	AUTO(free_memory) char *number = xasprintf("%.*s", (int)digits, text);
	int64_t count;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text + digits, units[i].name) != 0)
			continue;
		if (parse_integer(number, 0, UINT32_MAX / units[i].ms, &count) < 0)
			break;
		*ret_value = xasprintf("%jd", (intmax_t)count * units[i].ms);
		return 0;
	}
	return error_set(reterr, CODE_INVALID_PARAMETER, NULL,
			 "\"%s\" is not a duration: a whole number and its unit would be, such as "
			 "2s, 500ms or 1m",
			 text);
}

int value_http_codes(const char *text, char **ret_value, struct error *reterr)
{
	AUTO(free_memory) char *list = xstrdup("");
	AUTO(free_memory) char *copy = xstrdup(text);
	char *rest = copy;
	unsigned int codes;
	char *item;

	while ((item = strsep(&rest, ","))) {
		char *longer = xasprintf("%s%s%s%s", list, *list ? "," : "",
					 strncmp(item, "http_", 5) ? "http_" : "", item);

		free(list);
		list = longer;
	}
	if (http_codes_parse(list, &codes) < 0)
		return error_set(reterr, CODE_INVALID_PARAMETER, NULL,
				 "\"%s\" is not a list of status classes such as 2xx,3xx", text);
	*ret_value = TAKE(list);
	return 0;
}

static int refuse_spec(const char *spec, struct error *reterr, const char *why)
{
	return error_set(reterr, CODE_INVALID_PARAMETER, NULL,
			 "\"%s\": %s; right would be SERVER[:PORT][,weight=N][,type=ecs|eni|eci]"
			 "[,server-ip=ADDRESS][,description=TEXT], an IPv6 address in brackets",
			 spec, why);
}

static int set_weight(struct backend_server *server, const char *value)
{
	int64_t weight;
	int r;

	r = parse_integer(value, 0, 100, &weight);
	if (r < 0)
		return r;
	server->weight = (uint8_t)weight;
	return 0;
}

static int set_type(struct backend_server *server, const char *value)
{
	return server_type_parse(value, &server->type);
}

static int set_server_ip(struct backend_server *server, const char *value)
{
	return netaddr_parse(value, &server->server_ip);
}

static int set_description(struct backend_server *server, const char *value)
{
	return string_copy(server->description, sizeof(server->description), value);
}

static const struct spec_key {
	const char *name;
	int (*set)(struct backend_server *server, const char *value);
	const char *refusal;
} spec_keys[] = {
	{"weight", set_weight, "the weight is not a number from 0 to 100"},
	{"type", set_type, "the type is not ecs, eni or eci"},
	{"server-ip", set_server_ip, "server-ip is not an IPv4 or IPv6 address"},
	{"description", set_description, "the description is too long"},
};

/* @item is KEY=VALUE, and is changed. @seen has a bit for each key that was there. */
static int parse_spec_key(const char *spec, char *item, struct backend_server *server,
			  unsigned int *seen, struct error *reterr)
{
	char *value = strchr(item, '=');

	if (!value)
		return refuse_spec(spec, reterr, "what follows a comma must be KEY=VALUE");
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(spec_keys); i++) {
		if (strcmp(item, spec_keys[i].name) != 0)
			continue;
		if (*seen & 1U << i)
			return refuse_spec(spec, reterr, "a key is given twice");
		*seen |= 1U << i;
		if (spec_keys[i].set(server, value) < 0)
			return refuse_spec(spec, reterr, spec_keys[i].refusal);
		return 0;
	}
	return refuse_spec(spec, reterr, "it has an unknown key");
}

/* "[ADDRESS]" and what follows it. @head is changed; @ret_port is ":PORT" or "". */
static int split_bracketed(const char *spec, char *head, char **ret_id, char **ret_port,
			   struct error *reterr)
{
	char *end = strchr(head, ']');
	struct netaddr address;

	if (!end || (end[1] != '\0' && end[1] != ':'))
		return refuse_spec(spec, reterr, "the bracket is not closed before the port");
	*end = '\0';
	if (netaddr_parse(head + 1, &address) < 0 || address.family != AF_INET6)
		return refuse_spec(spec, reterr, "there is no IPv6 address in the brackets");
	*ret_id = head + 1;
	*ret_port = end + 1;
	return 0;
}

/* SERVER[:PORT]; @head is changed. */
static int parse_spec_head(const char *spec, char *head, struct backend_server *server,
			   struct error *reterr)
{
	char *port = strchr(head, ':');
	char *id = head;
	int r;

	if (*head == '[') {
		r = split_bracketed(spec, head, &id, &port, reterr);
		if (r < 0)
			return r;
	} else if (port && strchr(port + 1, ':')) {
		return refuse_spec(spec, reterr, "an IPv6 address needs brackets");
	}
	if (port && *port) {
		*port++ = '\0';
		if (parse_u16(port, &server->port) < 0 || !server->port)
			return refuse_spec(spec, reterr,
					   "the port is not a number from 1 to 65535");
	}
	if (!*id)
		return refuse_spec(spec, reterr, "the server is missing");
	if (string_copy(server->server_id, sizeof(server->server_id), id) < 0)
		return refuse_spec(spec, reterr, "the server's id is longer than 64 characters");
	return 0;
}

int server_spec_parse(const char *text, enum server_role role, struct backend_server *ret,
		      struct error *reterr)
{
	struct backend_server server = {.weight = 100, .type = SERVER_ECS, .role = role};
	AUTO(free_memory) char *copy = xstrdup(text);
	unsigned int seen = 0;
	char *rest = copy;
	char *item;
	int r;

	r = parse_spec_head(text, strsep(&rest, ","), &server, reterr);
	if (r < 0)
		return r;
	while ((item = strsep(&rest, ","))) {
		r = parse_spec_key(text, item, &server, &seen, reterr);
		if (r < 0)
			return r;
	}
	*ret = server;
	return 0;
}

json_t *server_spec_json(const struct backend_server *server)
{
	char address[NETADDR_TEXT_MAX];
	json_t *json = json_pack("{ss, si, si, ss, ss}", "ServerId", server->server_id, "Port",
				 server->port, "Weight", server->weight, "Type",
				 server_type_name(server->type), "ServerType",
				 server_role_name(server->role));

	if (netaddr_is_set(&server->server_ip))
		json_object_set_new(json, "ServerIp",
				    json_string(netaddr_format(&server->server_ip, address)));
	if (server->description[0])
		json_object_set_new(json, "Description", json_string(server->description));
	return json;
}
