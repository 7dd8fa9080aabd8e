/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The events of the kernel, and what is done about them. Taking events in only notes what changed;
 * the pass that follows, once a loop iteration, asks the kernel what has to be asked and calls the
 * owner back. So a burst costs one pass, and functions that read events to be up to date call
 * nobody.
 */
#include "net/net.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/internal.h"

/* The buffer holds the bursts of the busiest minute; what does not fit is read anew. */
enum { EVENT_SIZE = 64 * 1024, EVENTS_BUFFER = 4 * 1024 * 1024 };

/* How many datagrams one loop iteration reads, so that a flood does not starve the loop. */
enum { EVENTS_BUDGET = 1024 };

enum { PASS_ACCURACY_US = 1000 };

static int on_event(struct nl_msg *message, void *userdata)
{
	const struct nlmsghdr *header = nlmsg_hdr(message);
	struct net *net = userdata;

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		interface_on_message(net, header, NULL);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		address_on_message(net, header, NULL);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		neighbour_on_message(net, header, NULL);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		targets_on_route(net, header);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		net->routes_changed = true;
		targets_mark_family(net, AF_UNSPEC);
		break;
	default:
		return NL_OK;
	}
	if (net->routes_changed)
		net_schedule(net, 0);
	return NL_OK;
}

static void note_lost(struct net *net)
{
	if (!net->lost)
		log_info("netlink_events_lost: reading everything anew");
	net->lost = true;
	net_schedule(net, 0);
}

/* Take in events until none is left or @budget datagrams were read. */
static int take_events(struct net *net, unsigned int budget)
{
	for (unsigned int i = 0; i < budget; i++) {
		int r = nl_recvmsgs_default(net->events);

		if (r == -NLE_AGAIN)
			return 0;
		if (r == -NLE_NOMEM) { /* ENOBUFS; what stands in the buffer is still good */
			note_lost(net);
			continue;
		}
		if (r < 0) {
			note_lost(net);
			return -EIO;
		}
	}
	return 0;
}

static int load(struct net *net)
{
	int r;

	r = interfaces_load(net);
	if (r < 0)
		return r;
	r = addresses_load(net);
	if (r < 0)
		return r;
	return neighbours_load(net);
}

/* Events that are older than what was read now are still queued; newer ones stand behind them. */
static int recover(struct net *net)
{
	int r;

	if (!net->lost)
		return 0;
	r = load(net);
	if (r < 0)
		return r;
	net->lost = false;
	net->routes_changed = true;
	targets_mark_family(net, AF_UNSPEC);
	net_schedule(net, 0);
	return 0;
}

int net_sync(struct net *net)
{
	int r;

	r = take_events(net, UINT_MAX);
	if (r < 0)
		return r;
	if (!net->lost)
		return 0;
	r = recover(net);
	if (r < 0)
		return r;
	return take_events(net, UINT_MAX);
}

void net_schedule(struct net *net, uint64_t when_us)
{
	int r;

	if (!net->pass || when_us >= net->pass_at_us)
		return;
	r = sd_event_source_set_time(net->pass, when_us);
	if (r >= 0)
		r = sd_event_source_set_enabled(net->pass, SD_EVENT_ONESHOT);
	if (r < 0)
		log_error_errno(r, "set net's timer");
	else
		net->pass_at_us = when_us;
}

static int on_pass(sd_event_source *source, uint64_t when_us, void *userdata)
{
	struct net *net = userdata;
	bool addresses_changed, routes_changed;
	int r;

	(void)source;
	(void)when_us;
	net->pass_at_us = UINT64_MAX;

	r = net_sync(net);
	if (r < 0) {
		log_error_errno(r, "netlink_read_failed: trying again");
		net_schedule(net, clock_monotonic_us() + RETRY_US);
	}
	targets_route(net);
	neighbours_probe(net);

	addresses_changed = net->addresses_changed;
	routes_changed = net->routes_changed;
	net->addresses_changed = net->routes_changed = false;
	targets_report(net);
	if (addresses_changed && net->callbacks.on_addresses)
		net->callbacks.on_addresses(net->userdata);
	if (routes_changed && net->callbacks.on_routes)
		net->callbacks.on_routes(net->userdata);
	return 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	int r;

	(void)source;
	(void)fd;
	(void)revents;
	r = take_events(userdata, EVENTS_BUDGET);
	if (r < 0)
		log_error_errno(r, "netlink_read_failed");
	return 0;
}

static int open_events(struct net *net)
{
	static const int groups[] = {
		RTNLGRP_LINK,	     RTNLGRP_NEIGH,	 RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
		RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE,	 RTNLGRP_NEXTHOP,
	};
	int size = EVENTS_BUFFER, fd;

	net->events = nl_socket_alloc();
	if (!net->events)
		abort();
	nl_socket_disable_seq_check(net->events);
	nl_socket_modify_cb(net->events, NL_CB_VALID, NL_CB_CUSTOM, on_event, net);
	nl_socket_set_msg_buf_size(net->events, EVENT_SIZE);
	if (nl_connect(net->events, NETLINK_ROUTE) < 0 ||
	    nl_socket_set_nonblocking(net->events) < 0)
		return -EIO;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (nl_socket_add_membership(net->events, groups[i]) < 0)
			return -EIO;
	}
	fd = nl_socket_get_fd(net->events);
	/* Beyond net.core.rmem_max where we may; what is refused costs a re-read more often. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
		return -errno;
	return sd_event_add_io(net->event, &net->events_source, fd, EPOLLIN, on_readable, net);
}

static int add_pass(struct net *net)
{
	int r;

	r = sd_event_add_time(net->event, &net->pass, CLOCK_MONOTONIC, 0, PASS_ACCURACY_US, on_pass,
			      net);
	return r < 0 ? r : sd_event_source_set_enabled(net->pass, SD_EVENT_OFF);
}

int net_new(sd_event *event, const struct net_callbacks *callbacks, void *userdata,
	    struct net **ret, struct error *reterr)
{
	AUTO(net_free) struct net *net = xcalloc(1, sizeof(*net));
	int r;

	net->event = sd_event_ref(event);
	net->callbacks = *callbacks;
	net->userdata = userdata;
	net->packet_fd = -1;
	net->pass_at_us = UINT64_MAX;
	TAILQ_INIT(&net->unrouted);
	TAILQ_INIT(&net->changed);
	TAILQ_INIT(&net->unverified);

	r = open_events(net);
	if (r < 0)
		return error_errno(reterr, r, "listen to the kernel's network events");
	r = request_open(net);
	if (r < 0)
		return error_errno(reterr, r, "open a netlink socket");
	r = announce_open(net);
	if (r < 0)
		return error_errno(reterr, r, "open a packet socket (CAP_NET_RAW)");
	/* Only now: what is read first is no change. */
	r = load(net);
	if (r < 0)
		return error_errno(reterr, r, "read interfaces, addresses and neighbours");
	net->addresses_changed = net->routes_changed = false;
	net->unrouted4 = net->unrouted6 = false;
	r = add_pass(net);
	if (r < 0)
		return error_errno(reterr, r, "add a timer");
	*ret = TAKE(net);
	return 0;
}

struct net *net_free(struct net *net)
{
	if (!net)
		return NULL;
	announcements_free(net);
	targets_free(net);
	neighbours_free(net);
	addresses_free(net);
	interfaces_free(net);
	sd_event_source_disable_unref(net->pass);
	sd_event_source_disable_unref(net->events_source);
	nl_socket_free(net->events);
	nl_socket_free(net->requests);
	if (net->packet_fd >= 0)
		close(net->packet_fd);
	sd_event_unref(net->event);
	free(net);
	return NULL;
}
