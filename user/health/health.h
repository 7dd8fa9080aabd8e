/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_HEALTH_H
#define TANDEM_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/netaddr.h"
#include "model/listener.h"

/*
 * Probes of servers. A target is one server with one check. One function owns the counting for
 * every kind of probe, and only consecutive results count: one good probe resets the bad ones, and
 * the other way round. The first result of a target whose state is unknown decides at once.
 */
struct health;
struct health_target;

enum health_state { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN };
/* "unknown", "up", "down". */
const char *health_state_name(enum health_state state);

/*
 * Why the last probe ended as it did: one list for log, status and API. "none": not probed yet;
 * "refused": RST or ICMP port unreachable; "reset": closed in the middle; "unreachable": no route,
 * no neighbour, prohibited; "bad_status": an HTTP status outside the wanted classes; "bad_reply":
 * not HTTP, or not the expected payload; "local_error": this host's fault, which counts for
 * nothing.
 */
#define HEALTH_RESULTS(X)                                                                          \
	X(HEALTH_NONE, "none")                                                                     \
	X(HEALTH_OK, "ok")                                                                         \
	X(HEALTH_REFUSED, "refused")                                                               \
	X(HEALTH_TIMEOUT, "timeout")                                                               \
	X(HEALTH_RESET, "reset")                                                                   \
	X(HEALTH_UNREACHABLE, "unreachable")                                                       \
	X(HEALTH_BAD_STATUS, "bad_status")                                                         \
	X(HEALTH_BAD_REPLY, "bad_reply")                                                           \
	X(HEALTH_LOCAL_ERROR, "local_error")
#define HEALTH_RESULT_ENUM(symbol, name) symbol,
enum health_result { HEALTH_RESULTS(HEALTH_RESULT_ENUM) HEALTH_RESULT_MAX };
const char *health_result_name(enum health_result result);

/* What is known of a target; plain data. */
struct health_status {
	enum health_state state;
	enum health_result last_result;
	char evidence[96];	 /* "connect: Connection refused", "HTTP 503", "reply in 0.3 ms" */
	uint32_t consecutive;	 /* last good, or last bad, results in a row */
	uint64_t state_since_us; /* CLOCK_MONOTONIC */
	uint64_t last_probe_us;	 /* when the last probe ended; 0 = never */
	uint64_t last_duration_us;
};

/*
 * The state of @target changed; health_target_status() tells to what and why. Must not free
 * @target, nor the whole of health; other targets may be freed and new ones made.
 */
typedef void (*health_on_change)(struct health_target *target, void *userdata);

CHECKED int health_new(sd_event *event, struct health **ret);
/* Frees the remaining targets too. NULL is fine; returns NULL. */
struct health *health_free(struct health *health);
DEFINE_AUTO(struct health, health_free)

/*
 * Probe @address:@port (host byte order) by @check, which is copied, from now on: the first probe
 * goes out within min(interval, 100 ms), the second an interval later or, once, up to half of one
 * earlier, so that targets do not march in step. @initial is the state to start from
 * (HEALTH_UNKNOWN, or what was known before a restart). A check->connect_port goes before @port.
 * Returns -EINVAL where the check is not enabled or makes no sense (no address, port 0, a timeout
 * above the interval).
 *
 * Starts keep to their grid; those that the agent was too late for are skipped, not made up for.
 * What has reached the socket by the time that we look counts. Silence counts for nothing where we
 * look more than an interval after the deadline (the agent was stopped): the probe is then made
 * again at once, and what that one tells counts in any case.
 */
CHECKED int health_target_new(struct health *health, const struct netaddr *address, uint16_t port,
			      const struct health_check *check, enum health_state initial,
			      health_on_change on_change, void *userdata,
			      struct health_target **ret);
/* NULL is fine; returns NULL. Not from inside its own on_change. */
struct health_target *health_target_free(struct health_target *target);
DEFINE_AUTO(struct health_target, health_target_free)

const struct health_status *health_target_status(const struct health_target *target);

/* Probes started since the agent's start: grows while the loop makes progress. */
uint64_t health_probe_count(const struct health *health);

#endif
