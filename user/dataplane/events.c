/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the XDP program reports through the ring buffer. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <bpf/libbpf.h>

#include "dataplane/internal.h"

/*
 * The program reports each packet that it drops, and a flood must not keep the loop from its
 * probes: a round takes a few and looks only once at a run of the same.
 */
enum { ROUND_MAX = 64 };

static int on_sample(void *context, void *data, size_t size)
{
	struct dataplane *dataplane = context;
	struct td_event_unresolved event;
	struct netaddr address;

	if (size < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));
	if (memcmp(&event, &dataplane->last_event, sizeof(event)) != 0) {
		dataplane->last_event = event;
		dataplane_address_from_words(event.addr, event.family == 6, &address);
		dataplane->on_unresolved(event.ifindex, &address, dataplane->userdata);
	}
	return ++dataplane->events_seen < ROUND_MAX ? 0 : -EAGAIN;
}

static int on_events(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct dataplane *dataplane = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	memset(&dataplane->last_event, 0, sizeof(dataplane->last_event));
	dataplane->events_seen = 0;
	/* -EAGAIN is ours: the rest waits for the next round. */
	(void)ring_buffer__consume(dataplane->events);
	return 0;
}

int dataplane_events_start(struct dataplane *dataplane, sd_event *event, struct error *reterr)
{
	int r;

	if (!dataplane->on_unresolved)
		return 0;
	dataplane->events =
		ring_buffer__new(dataplane->maps[MAP_EVENTS], on_sample, dataplane, NULL);
	if (!dataplane->events)
		return error_errno(reterr, -errno, "open the events of the program");
	r = sd_event_add_io(event, &dataplane->events_source,
			    ring_buffer__epoll_fd(dataplane->events), EPOLLIN, on_events,
			    dataplane);
	if (r < 0)
		return error_errno(reterr, r, "watch the events of the program");
	/* Behind probes and netlink. */
	r = sd_event_source_set_priority(dataplane->events_source, SD_EVENT_PRIORITY_NORMAL + 10);
	if (r < 0)
		return error_errno(reterr, r, "watch the events of the program");
	return 0;
}

void dataplane_events_stop(struct dataplane *dataplane)
{
	dataplane->events_source = sd_event_source_disable_unref(dataplane->events_source);
	ring_buffer__free(dataplane->events);
	dataplane->events = NULL;
}
