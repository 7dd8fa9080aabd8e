/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_HEALTH_RIG_H
#define TANDEM_HEALTH_RIG_H

/*
 * For test_health.c and test_probe.c: a loop that runs a health object and real servers on loopback
 * side by side, and waits for a condition with a deadline. It is exact however slow the machine:
 * one thread, and servers go first, so that a reply is there before a deadline is looked at, and
 * probe n is answered before probe n + 1 starts.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/netaddr.h"
#include "health/health.h"

enum { RIG_DEADLINE_US = 10000000, ARRIVALS_MAX = 512 };

/* Run the loop until @condition holds. */
#define WAIT_UNTIL(rig, condition)                                                                 \
	for (uint64_t since_us = clock_monotonic_us(); !(condition);)                              \
	rig_turn((rig)->event, since_us, #condition)

struct rig {
	sd_event *event;
	struct health *health;
};

/* On loopback. TCP: greets, reads, replies to a whole HTTP head piece by piece, then closes. */
struct server {
	sd_event *event;
	sd_event_source *source;
	int fd;
	uint16_t port;
	struct netaddr address;

	/* UDP: a letter a datagram, the last for all that follow: g "good", b "bad", . nothing. */
	const char *script;
	const char *greeting;	   /* TCP: sent at once; NULL: nothing */
	const char *const *pieces; /* TCP: the reply, NULL-terminated; NULL: never replies */
	bool abort_accepted;	   /* TCP: answer every connection with RST */

	unsigned int requests;	   /* datagrams, or whole heads */
	unsigned int ends, resets; /* connections that ended with FIN, and those with RST */
	unsigned int cuts; /* those of the former where the client did not wait for the reply */
	uint64_t arrivals_us[ARRIVALS_MAX];
	char head[1024]; /* the last request */
	LIST_HEAD(, connection) connections;
};

struct connection {
	LIST_ENTRY(connection) link;
	struct server *server;
	char head[1024];
	sd_event_source *io, *timer;
	int fd;
	const char *const *next_piece;
	size_t size;
};

static inline void rig_turn(sd_event *event, uint64_t since_us, const char *condition)
{
	if (clock_monotonic_us() > since_us + RIG_DEADLINE_US)
		fail_msg("not within 10 s: %s", condition);
	assert_true(sd_event_run(event, 20000) >= 0);
}

static inline int rig_setup(void **state)
{
	struct rig *rig = xcalloc(1, sizeof(*rig));

	if (sd_event_new(&rig->event) < 0 || health_new(rig->event, &rig->health) < 0)
		return -1;
	*state = rig;
	return 0;
}

static inline int rig_teardown(void **state)
{
	struct rig *rig = *state;

	health_free(rig->health);
	sd_event_unref(rig->event);
	free(rig);
	return 0;
}

static inline int connection_end(struct connection *connection)
{
	LIST_REMOVE(connection, link);
	sd_event_source_disable_unref(connection->io);
	sd_event_source_disable_unref(connection->timer);
	close(connection->fd);
	free(connection);
	return 0;
}

static inline int connection_on_piece(sd_event_source *source, uint64_t due_us, void *userdata)
{
	struct connection *connection = userdata;
	const char *piece = *connection->next_piece;

	(void)due_us;
	if (!piece) {
		shutdown(connection->fd, SHUT_WR);
		return 0;
	}
	connection->next_piece++;
	(void)!send(connection->fd, piece, strlen(piece), MSG_NOSIGNAL);
	sd_event_source_set_time(source, clock_monotonic_us() + 1000);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static inline void connection_on_head(struct connection *connection)
{
	struct server *server = connection->server;

	server->requests++;
	memcpy(server->head, connection->head, sizeof(server->head));
	if (!server->pieces)
		return;
	connection->next_piece = server->pieces;
	assert_true(sd_event_add_time(server->event, &connection->timer, CLOCK_MONOTONIC, 0, 1,
				      connection_on_piece, connection) >= 0);
	assert_true(sd_event_source_set_priority(connection->timer, SD_EVENT_PRIORITY_IMPORTANT) >=
		    0);
}

static inline int connection_on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct connection *connection = userdata;
	struct server *server = connection->server;
	size_t room = sizeof(connection->head) - 1 - connection->size;
	ssize_t size = recv(fd, connection->head + connection->size, room, MSG_DONTWAIT);

	(void)source;
	(void)events;
	if (size < 0 && errno == EAGAIN)
		return 0;
	if (size < 0)
		server->resets++;
	if (size == 0) {
		server->ends++;
		server->cuts += connection->timer && *connection->next_piece;
	}
	if (size <= 0)
		return connection_end(connection);
	connection->size += (size_t)size;
	connection->head[connection->size] = '\0';
	if (!connection->timer && strstr(connection->head, "\r\n\r\n"))
		connection_on_head(connection);
	return 0;
}

static inline int server_on_accept(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct linger abort = {.l_onoff = 1};
	struct server *server = userdata;
	struct connection *connection;
	int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)source;
	(void)events;
	if (accepted < 0)
		return 0;
	if (server->abort_accepted) {
		setsockopt(accepted, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
		close(accepted);
		server->requests++;
		return 0;
	}
	if (server->greeting)
		(void)!send(accepted, server->greeting, strlen(server->greeting), MSG_NOSIGNAL);
	connection = xcalloc(1, sizeof(*connection));
	connection->server = server;
	connection->fd = accepted;
	assert_true(sd_event_add_io(server->event, &connection->io, accepted, EPOLLIN,
				    connection_on_io, connection) >= 0);
	assert_true(sd_event_source_set_priority(connection->io, SD_EVENT_PRIORITY_IMPORTANT) >= 0);
	LIST_INSERT_HEAD(&server->connections, connection, link);
	return 0;
}

static inline int server_on_datagram(sd_event_source *source, int fd, uint32_t events,
				     void *userdata)
{
	struct server *server = userdata;
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	ssize_t size = recvfrom(fd, server->head, sizeof(server->head) - 1, MSG_DONTWAIT,
				(struct sockaddr *)&from, &length);
	char letter = *server->script;

	(void)source;
	(void)events;
	if (size < 0)
		return 0;
	server->head[size] = '\0';
	if (server->requests < ARRIVALS_MAX)
		server->arrivals_us[server->requests] = clock_monotonic_us();
	server->requests++;
	if (server->script[1])
		server->script++;
	if (letter != '.')
		(void)!sendto(fd, letter == 'g' ? "good" : "bad", letter == 'g' ? 4 : 3, 0,
			      (struct sockaddr *)&from, length);
	return 0;
}

/* Bind a socket of @type at @text and @port (0: any) into @server. */
static inline void server_bind(struct server *server, const char *text, int type, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t length;
	int on = 1;

	assert_int_equal(netaddr_parse(text, &server->address), 0);
	length = netaddr_to_sockaddr(&server->address, port, &address);
	server->fd = socket(server->address.family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(server->fd >= 0);
	setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(server->fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &length), 0);
	server->port = ntohs(server->address.family == AF_INET6
				     ? ((struct sockaddr_in6 *)&address)->sin6_port
				     : ((struct sockaddr_in *)&address)->sin_port);
}

static inline void server_watch(struct rig *rig, struct server *server,
				sd_event_io_handler_t handler)
{
	server->event = rig->event;
	assert_true(sd_event_add_io(rig->event, &server->source, server->fd, EPOLLIN, handler,
				    server) >= 0);
	assert_true(sd_event_source_set_priority(server->source, SD_EVENT_PRIORITY_IMPORTANT) >= 0);
}

static inline void server_start_tcp(struct rig *rig, struct server *server, const char *text)
{
	server_bind(server, text, SOCK_STREAM, 0);
	assert_int_equal(listen(server->fd, 64), 0);
	server_watch(rig, server, server_on_accept);
}

static inline void server_start_udp(struct rig *rig, struct server *server, const char *script)
{
	server->script = script;
	server_bind(server, "127.0.0.1", SOCK_DGRAM, 0);
	server_watch(rig, server, server_on_datagram);
}

static inline void server_stop(struct server *server)
{
	struct connection *next;

	for (struct connection *at = LIST_FIRST(&server->connections); at; at = next) {
		next = LIST_NEXT(at, link);
		connection_end(at);
	}
	server->source = sd_event_source_disable_unref(server->source);
	close(server->fd);
	server->fd = -1;
}

/* A check every @interval_ms that waits as long, with thresholds of @threshold. */
static inline struct health_check check_of(enum check_type type, uint32_t interval_ms,
					   uint8_t threshold)
{
	return (struct health_check){
		.enabled = true,
		.type = type,
		.interval_ms = interval_ms,
		.timeout_ms = interval_ms,
		.healthy_threshold = threshold,
		.unhealthy_threshold = threshold,
		.http_codes = HTTP_2XX,
	};
}

/* on_change: counts the changes. */
static inline void count_change(struct health_target *target, void *userdata)
{
	unsigned int *changes = userdata;

	(void)target;
	++*changes;
}

static inline struct health_target *given_target(struct rig *rig, const struct server *server,
						 const struct health_check *check,
						 enum health_state initial, unsigned int *changes)
{
	struct health_target *target = NULL;

	assert_int_equal(health_target_new(rig->health, &server->address, server->port, check,
					   initial, count_change, changes, &target),
			 0);
	return target;
}

#endif
