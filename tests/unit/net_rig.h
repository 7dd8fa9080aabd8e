/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TEST_NET_RIG_H
#define TANDEM_TEST_NET_RIG_H

/*
 * What the tests of net share: two network namespaces of their own for each test.
 *
 *   host                                   peer
 *   v0 02:00:00:00:00:01  ---------------  p0 02:00:00:00:00:02
 *      10.0.0.1/24 fd00::1/64                 10.0.0.2/24 fd00::2/64
 *   v1 02:00:00:00:01:01  ---------------  p1 02:00:00:00:01:02
 *      10.1.0.1/24 fd01::1/64                 10.1.0.2/24 fd01::2/64
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/internal.h"
#include "net/net.h"

enum { RIG_DEADLINE_US = 20 * 1000 * 1000, RIG_RECORDS = 8 };

struct rig_record {
	struct netaddr address;
	struct net_nexthop nexthop; /* the latest */
	unsigned int reports;
};

struct rig {
	int host_fd, peer_fd; /* the namespaces; the process is in the host's */
	sd_event *event;
	struct net *net;
	unsigned int nexthops, addresses, routes; /* callbacks so far */
	struct rig_record records[RIG_RECORDS];	  /* of the first tracked addresses */
	unsigned int record_count;
};

static inline struct netaddr rig_address(const char *text)
{
	struct netaddr address;

	if (netaddr_parse(text, &address) < 0)
		fail_msg("not an address: %s", text);
	return address;
}

static inline struct rig_record *rig_find(struct rig *rig, const struct netaddr *address)
{
	for (unsigned int i = 0; i < rig->record_count; i++) {
		if (netaddr_equal(&rig->records[i].address, address))
			return &rig->records[i];
	}
	return NULL;
}

static inline void rig_on_nexthop(const struct netaddr *address, const struct net_nexthop *nexthop,
				  void *userdata)
{
	struct rig *rig = userdata;
	struct rig_record *record = rig_find(rig, address);

	rig->nexthops++;
	if (!record)
		return;
	record->nexthop = *nexthop;
	record->reports++;
}

static inline void rig_on_addresses(void *userdata)
{
	((struct rig *)userdata)->addresses++;
}

static inline void rig_on_routes(void *userdata)
{
	((struct rig *)userdata)->routes++;
}

static inline void rig_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail_msg("%s: %s", path, strerror(errno));
	close(fd);
}

/* Have `ip -batch` run the lines in this process's namespace. */
static inline void rig_batch(const char *command, const char *lines)
{
	FILE *ip = popen(command, "we"); /* NOLINT(cert-env33-c) */

	assert_non_null(ip);
	fputs(lines, ip);
	if (pclose(ip) != 0)
		fail_msg("%s failed with: %s", command, lines);
}

#define rig_ip(...)                                                                                \
	do {                                                                                       \
		char *lines = xasprintf(__VA_ARGS__);                                              \
                                                                                                   \
		rig_batch("ip -batch -", lines);                                                   \
		free(lines);                                                                       \
	} while (0)

static inline void rig_enter(int fd)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		fail_msg("setns: %s", strerror(errno));
}

#define rig_peer_ip(rig, ...)                                                                      \
	do {                                                                                       \
		rig_enter((rig)->peer_fd);                                                         \
		rig_ip(__VA_ARGS__);                                                               \
		rig_enter((rig)->host_fd);                                                         \
	} while (0)

static inline int rig_new_namespace(void)
{
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		fail_msg("unshare: %s", strerror(errno));
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline void rig_connect(struct rig *rig)
{
	/* Else a second goes by until the link-local addresses are usable. */
	rig_write("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	rig_enter(rig->peer_fd);
	rig_write("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	rig_enter(rig->host_fd);
	rig_ip("link set lo up\n"
	       "link add v0 address 02:00:00:00:00:01 type veth peer name p0\n"
	       "link add v1 address 02:00:00:00:01:01 type veth peer name p1\n"
	       "link set p0 netns /proc/%d/fd/%d\n"
	       "link set p1 netns /proc/%d/fd/%d\n"
	       "addr add 10.0.0.1/24 dev v0\n"
	       "addr add 10.1.0.1/24 dev v1\n"
	       "addr add fd00::1/64 dev v0 nodad\n"
	       "addr add fd01::1/64 dev v1 nodad\n"
	       "link set v0 up\n"
	       "link set v1 up\n",
	       getpid(), rig->peer_fd, getpid(), rig->peer_fd);
	rig_peer_ip(rig, "link set lo up\n"
			 "link set p0 address 02:00:00:00:00:02\n"
			 "link set p1 address 02:00:00:00:01:02\n"
			 "addr add 10.0.0.2/24 dev p0\n"
			 "addr add 10.1.0.2/24 dev p1\n"
			 "addr add fd00::2/64 dev p0 nodad\n"
			 "addr add fd01::2/64 dev p1 nodad\n"
			 "link set p0 up\n"
			 "link set p1 up\n");
}

/* Run the loop until @condition holds. */
#define rig_await(rig, condition)                                                                  \
	do {                                                                                       \
		uint64_t await_until = clock_monotonic_us() + RIG_DEADLINE_US;                     \
                                                                                                   \
		while (!(condition)) {                                                             \
			if (clock_monotonic_us() > await_until)                                    \
				fail_msg("never came true: %s", #condition);                       \
			assert_true(sd_event_run((rig)->event, 50 * 1000) >= 0);                   \
		}                                                                                  \
	} while (0)

/* A new wire's carrier comes a while after it, with events of its own. */
static inline bool rig_has_carrier(struct rig *rig, const char *name)
{
	const struct interface *interface = interface_find(rig->net, if_nametoindex(name));

	return interface && interface->flags & IFF_RUNNING;
}

static inline int rig_setup(void **state)
{
	static const struct net_callbacks callbacks = {
		.on_nexthop = rig_on_nexthop,
		.on_addresses = rig_on_addresses,
		.on_routes = rig_on_routes,
	};
	struct rig *rig = xcalloc(1, sizeof(*rig));
	struct error error = {0};

	*state = rig;
	rig->peer_fd = rig_new_namespace();
	rig->host_fd = rig_new_namespace();
	rig_connect(rig);
	assert_true(sd_event_new(&rig->event) >= 0);
	if (net_new(rig->event, &callbacks, rig, &rig->net, &error) < 0)
		fail_msg("%s", error.message);
	rig_await(rig, rig_has_carrier(rig, "v0") && rig_has_carrier(rig, "v1"));
	return 0;
}

static inline int rig_teardown(void **state)
{
	struct rig *rig = *state;

	net_free(rig->net);
	sd_event_unref(rig->event);
	close(rig->host_fd);
	close(rig->peer_fd);
	free(rig);
	return 0;
}

#define rig_test(function) cmocka_unit_test_setup_teardown(function, rig_setup, rig_teardown)

/* See all that has happened so far: a route change of our own has been reported. */
static inline void rig_settle(struct rig *rig)
{
	unsigned int before;

	/* What the pass of an older event left behind is over after the first one. */
	for (int i = 0; i < 2; i++) {
		before = rig->routes;
		rig_ip("route %s 192.0.2.0/24 dev v0\n", i == 0 ? "add" : "del");
		rig_await(rig, rig->routes > before);
	}
}

static inline struct rig_record *rig_track(struct rig *rig, const char *text)
{
	struct rig_record *record = &rig->records[rig->record_count];

	assert_true(rig->record_count < RIG_RECORDS);
	record->address = rig_address(text);
	assert_int_equal(net_track(rig->net, &record->address, &record->nexthop), 0);
	rig->record_count++;
	return record;
}

/* Whether the way leads through @interface from MAC @source (last two bytes) to @dest (0: unknown).
 */
static inline bool rig_leads(const struct rig_record *record, const char *interface,
			     unsigned int source, unsigned int dest)
{
	const struct net_nexthop *nexthop = &record->nexthop;
	uint8_t source_mac[6] = {2, 0, 0, 0, (uint8_t)(source >> 8), (uint8_t)source};
	uint8_t dest_mac[6] = {2, 0, 0, 0, (uint8_t)(dest >> 8), (uint8_t)dest};

	if (!dest)
		memset(dest_mac, 0, sizeof(dest_mac));
	return nexthop->ifindex == if_nametoindex(interface) && nexthop->resolved == (dest != 0) &&
	       memcmp(nexthop->source_mac, source_mac, sizeof(source_mac)) == 0 &&
	       memcmp(nexthop->dest_mac, dest_mac, sizeof(dest_mac)) == 0;
}

static inline bool rig_leads_nowhere(const struct rig_record *record)
{
	static const struct net_nexthop none;

	return record->nexthop.ifindex == 0 && !record->nexthop.resolved &&
	       memcmp(record->nexthop.dest_mac, none.dest_mac, sizeof(none.dest_mac)) == 0 &&
	       memcmp(record->nexthop.source_mac, none.source_mac, sizeof(none.source_mac)) == 0;
}

/* As root in a namespace of users where we are not root already. Call it once, before the tests. */
static inline int rig_become_root(void)
{
	unsigned int uid = geteuid(), gid = getegid();
	char *map;

	log_set_level(LOG_ERR);
	if (uid == 0)
		return 0;
	if (unshare(CLONE_NEWUSER) < 0) {
		perror("neither root nor allowed to make a user namespace");
		return -1;
	}
	map = xasprintf("0 %u 1", uid);
	rig_write("/proc/self/uid_map", map);
	free(map);
	rig_write("/proc/self/setgroups", "deny");
	map = xasprintf("0 %u 1", gid);
	rig_write("/proc/self/gid_map", map);
	free(map);
	return 0;
}

#endif
