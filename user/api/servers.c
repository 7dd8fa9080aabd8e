/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "model/server.h"
#include "service/service.h"
#include "store/store.h"

struct register_request {
	struct server server;
	bool replace;
};

static int parse_server_type(const char *text, void *ret)
{
	return server_type_parse(text, ret);
}

static const struct field register_fields[] = {
	{"ServerId", FIELD_TEXT, FIELD_AT(struct register_request, server.id), FIELD_REQUIRED},
	{"ServerIp", FIELD_PARSED, FIELD_AT(struct register_request, server.address),
	 FIELD_REQUIRED, .parse = fields_parse_address, .expected = "an IPv4 or IPv6 address"},
	{"Type", FIELD_PARSED, FIELD_AT(struct register_request, server.type),
	 .parse = parse_server_type, .expected = "ecs, eni or eci"},
	{"ZoneId", FIELD_TEXT, FIELD_AT(struct register_request, server.zone)},
	{"VpcId", FIELD_TEXT, FIELD_AT(struct register_request, server.network)},
	{"Description", FIELD_TEXT, FIELD_AT(struct register_request, server.description)},
	{"Replace", FIELD_BOOL, FIELD_AT(struct register_request, replace)},
};
const struct request_layout server_register_layout =
	REQUEST_LAYOUT(struct register_request, register_fields, NULL);

int server_register(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	struct register_request *wanted = request;
	int r;

	r = service_server_register(call->service, &wanted->server, wanted->replace, reterr);
	if (r < 0)
		return r;
	answer_set_text(answer, "ServerId", wanted->server.id);
	return 0;
}

struct id_request {
	const char *id;
};

static const struct field id_fields[] = {
	{"ServerId", FIELD_BORROWED, FIELD_AT(struct id_request, id), FIELD_REQUIRED},
};
const struct request_layout server_id_layout = REQUEST_LAYOUT(struct id_request, id_fields, NULL);

static const struct field list_fields[] = {
	{"ServerId", FIELD_BORROWED, FIELD_AT(struct id_request, id)},
};
const struct request_layout server_list_layout =
	REQUEST_LAYOUT(struct id_request, list_fields, NULL);

int server_deregister(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	const struct id_request *wanted = request;

	(void)answer;
	return service_server_deregister(call->service, wanted->id, reterr);
}

static int visit_server(const struct server *server, void *userdata)
{
	json_t *item = answer_append_object(userdata);

	answer_set_text(item, "ServerId", server->id);
	answer_set_address(item, "ServerIp", &server->address);
	answer_set_text(item, "Type", server_type_name(server->type));
	answer_set_text(item, "ZoneId", server->zone);
	answer_set_text(item, "VpcId", server->network);
	answer_set_text(item, "Description", server->description);
	answer_set_time(item, "CreateTime", server->create_time);
	return 0;
}

int server_list(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	const struct id_request *wanted = request;
	json_t *items = answer_set_list(answer, "Servers", "Server");
	struct server server;
	int r;

	if (!wanted->id) {
		r = store_server_walk(service_store(call->service), visit_server, items);
		return r < 0 ? error_errno(reterr, r, "list servers") : 0;
	}
	r = service_server_get(call->service, wanted->id, &server, reterr);
	if (r < 0)
		return r;
	return visit_server(&server, items);
}
