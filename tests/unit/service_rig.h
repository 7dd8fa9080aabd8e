/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TEST_SERVICE_RIG_H
#define TANDEM_TEST_SERVICE_RIG_H

/*
 * A service on a real store in memory and a real health module, with the fakes below it. The
 * fixture is one gateway; each given_...() makes an object and fails the test where that fails.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/codes.h"
#include "service/service.h"
#include "service_fake_calls.h"
#include "store/store.h"

struct rig {
	sd_event *event;
	struct store *store;
	struct health *health;
	struct service *service;
	struct service_options options;
	struct error error;
};

static const char *const rig_interfaces[] = {"lo", NULL};

static inline void rig_check_ok(struct rig *rig, int r, const char *call, int line)
{
	if (r < 0)
		fail_msg("line %d: %s: %d %s", line, call, r, rig->error.message);
}
#define assert_ok(rig, call) rig_check_ok(rig, call, #call, __LINE__)

static inline struct rig *rig_forget_error(struct rig *rig)
{
	memset(&rig->error, 0, sizeof(rig->error));
	return rig;
}

static inline void rig_check_refused(struct rig *rig, int r, enum code code, const char *text,
				     int line)
{
	if (r >= 0)
		fail_msg("line %d: not refused", line);
	if (rig->error.code != (int)code || !strstr(rig->error.message, text))
		fail_msg("line %d: %s \"%s\" instead of %s \"%s\"", line,
			 code_name(rig->error.code), rig->error.message, code_name(code), text);
}
/* The call is refused with @code, and the message has @text in it. */
#define assert_refused(rig, call, code, text)                                                      \
	rig_check_refused(rig, (rig_forget_error(rig), (call)), code, text, __LINE__)

static inline int rig_start(struct rig *rig)
{
	rig->options = (struct service_options){
		.store = rig->store,
		.health = rig->health,
		.manage_vip = true,
		.vip_ifindex = 2,
		.interfaces = rig_interfaces,
	};
	return service_new(rig->event, &rig->options, &rig->service, &rig->error);
}

static inline int rig_setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	bool created;

	if (sqlite3_auto_extension((void (*)(void))fake_on_database) != SQLITE_OK ||
	    sd_event_new(&rig->event) < 0 || health_new(rig->event, &rig->health) < 0 ||
	    store_open(":memory:", &rig->store, &created, &rig->error) < 0 || rig_start(rig) < 0) {
		print_error("%s\n", rig->error.message);
		return -1;
	}
	*state = rig;
	return 0;
}

static inline int rig_teardown(void **state)
{
	struct rig *rig = *state;

	service_free(rig->service);
	health_free(rig->health);
	store_free(rig->store);
	sd_event_unref(rig->event);
	free(rig);
	fake_clear();
	return 0;
}

/* The agent ends and a new one adopts the maps. */
static inline void rig_restart(struct rig *rig)
{
	rig->service = service_free(rig->service);
	fake_restart();
	assert_ok(rig, rig_start(rig));
}

static inline struct netaddr address_of(const char *text)
{
	struct netaddr address = {0};

	assert_int_equal(netaddr_parse(text, &address), 0);
	return address;
}

static inline struct load_balancer balancer_at(const char *address)
{
	struct load_balancer balancer = {.address = address_of(address)};

	snprintf(balancer.id, sizeof(balancer.id), "lb-%s", address);
	return balancer;
}

static inline struct load_balancer given_balancer(struct rig *rig, const char *address)
{
	struct load_balancer balancer = balancer_at(address);

	assert_ok(rig, service_load_balancer_create(rig->service, &balancer, &rig->error));
	return balancer;
}

static inline void set_server(struct backend_server *server, const char *id, uint16_t port,
			      enum server_role role)
{
	memset(server, 0, sizeof(*server));
	snprintf(server->server_id, sizeof(server->server_id), "%s", id);
	server->port = port;
	server->weight = 100;
	server->role = role;
}

/* A group "rsp-@name" of two servers by id, both at @port. */
static inline struct server_group group_of(const struct load_balancer *balancer, const char *name,
					   const char *master, const char *slave, uint16_t port)
{
	struct server_group group = {.server_count = GROUP_SERVERS};

	snprintf(group.id, sizeof(group.id), "rsp-%s", name);
	memcpy(group.load_balancer_id, balancer->id, sizeof(group.load_balancer_id));
	set_server(&group.servers[0], master, port, ROLE_MASTER);
	set_server(&group.servers[1], slave, port, ROLE_SLAVE);
	return group;
}

static inline struct server_group given_group(struct rig *rig, const struct load_balancer *balancer,
					      const char *name, const char *master,
					      const char *slave, uint16_t port)
{
	struct server_group group = group_of(balancer, name, master, slave, port);

	assert_ok(rig, service_group_create(rig->service, &group, &rig->error));
	return group;
}

static inline struct listener listener_of(const struct server_group *group, enum protocol protocol,
					  uint16_t port)
{
	struct listener listener;

	listener_init(&listener, protocol);
	memcpy(listener.load_balancer_id, group->load_balancer_id,
	       sizeof(listener.load_balancer_id));
	memcpy(listener.group_id, group->id, sizeof(listener.group_id));
	listener.port = port;
	listener.check.assume_up_on_silence = protocol == PROTOCOL_UDP;
	return listener;
}

static inline struct listener given_listener(struct rig *rig, const struct server_group *group,
					     uint16_t port)
{
	struct listener listener = listener_of(group, PROTOCOL_TCP, port);

	assert_ok(rig, service_listener_create(rig->service, &listener, &rig->error));
	return listener;
}

static inline struct listener
given_running_listener(struct rig *rig, const struct server_group *group, uint16_t port)
{
	struct listener listener = given_listener(rig, group, port);

	assert_ok(rig, service_listener_start(rig->service, &listener, &rig->error));
	return listener;
}

static inline struct server server_at(const char *id, const char *address)
{
	struct server server = {.address = address_of(address)};

	snprintf(server.id, sizeof(server.id), "%s", id);
	return server;
}

static inline struct server given_server(struct rig *rig, const char *id, const char *address)
{
	struct server server = server_at(id, address);

	assert_ok(rig, service_server_register(rig->service, &server, false, &rig->error));
	return server;
}

#endif
