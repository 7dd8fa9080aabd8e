/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_PROBE_H
#define TANDEM_PROBE_H

/*
 * Private to health/: one probe of one server, from socket to result. A probe never waits and knows
 * no loop: health.c calls it when its socket changed and when its time is up.
 *
 * Sockets are watched edge-triggered, so a step does all that the socket allows, and may be called
 * at any time, also where nothing happened. The source address is the kernel's choice: no bind, no
 * SO_BINDTODEVICE.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/netaddr.h"
#include "health/health.h"
#include "health/http_status.h"
#include "model/listener.h"

struct probe;

/* A kind of probe. HEALTH_NONE as a result means that it is not decided yet. */
struct probe_ops {
	int socket_type;
	/* Before connect(), after it; NULL: nothing to do. */
	enum health_result (*prepare)(struct probe *probe);
	enum health_result (*connected)(struct probe *probe);
	/* Go on as far as the socket allows. */
	enum health_result (*step)(struct probe *probe);
	/* The time is up and the socket is silent. HEALTH_NONE here: counts for nothing. */
	enum health_result (*expire)(struct probe *probe);
};

extern const struct probe_ops probe_tcp_ops, probe_http_ops, probe_udp_ops;

struct probe {
	/* Fixed for the target's life. */
	const struct probe_ops *ops;
	struct health_check check;
	struct netaddr address;
	uint16_t port;
	struct sockaddr_storage peer;
	socklen_t peer_length;

	/* Of one run: reset by probe_start(). */
	int fd; /* -1: none */
	bool connected;
	bool sent;
	bool linger;		 /* decided, but to be drained until the server has closed too */
	unsigned int progress;	 /* grows with each thing that the server did */
	unsigned int drained;	 /* bytes thrown away after the decision */
	const char *waiting_for; /* what a timeout would be the lack of */
	struct http_status status;
	char evidence[sizeof(((struct health_status *)NULL)->evidence)];

	/* Kept from run to run: when a UDP server last denied, 0 since it answered. */
	uint64_t denied_us;
};

/* Prepare a probe of @address:@port by @check. Owns nothing until it is started. */
void probe_init(struct probe *probe, const struct netaddr *address, uint16_t port,
		const struct health_check *check);

/* Open the socket and send what goes first. A result other than HEALTH_NONE is final. */
enum health_result probe_start(struct probe *probe);

/* Close the socket, if there is one. */
void probe_close(struct probe *probe);

/*
 * After the decision, with probe->linger: read and drop what the server still sends, so that
 * closing sends FIN and not RST. True where the socket can be closed now.
 */
bool probe_drain(struct probe *probe);

/* For the kinds of probe: the evidence in words, the result of an errno, a stream's connect, a
 * timeout. */
void probe_say(struct probe *probe, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum health_result probe_fail(struct probe *probe, const char *what, int error);
enum health_result probe_await_connection(struct probe *probe);
enum health_result probe_timeout(struct probe *probe);

#endif
