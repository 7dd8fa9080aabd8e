/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tracing program: loaded with the other one, since to load it takes as long as a failover may,
 * and attached only while somebody traces. Its maps are its own and never pinned. An agent that is
 * killed meanwhile leaves it attached: it forwards as the other one does, records nothing after the
 * deadline, and the next agent puts its own program there.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/memory.h"
#include "dataplane/internal.h"
#include "tandem_trace.skel.h"

/* A flood of events must not keep the loop from its probes. */
enum { ROUND_MAX = 256 };

struct trace {
	struct tandem_trace_bpf *skel;
	/* While a trace runs: */
	struct ring_buffer *ring;
	sd_event_source *source;
	dataplane_on_trace on_event;
	void *userdata;
	unsigned int seen; /* in this round; 0 where a round takes all */
	bool bounded;
};

static int maps_share(const struct dataplane *dataplane, const struct bpf_object *object)
{
	int r = 0;

	for (enum map_id map = 0; r >= 0 && map < MAP_MAX; map++) {
		struct bpf_map *shared =
			bpf_object__find_map_by_name(object, dataplane_map_name(map));

		r = shared ? bpf_map__reuse_fd(shared, dataplane->maps[map]) : -ENOENT;
	}
	return r;
}

/* Tracing is a help, no need: without it the agent goes on, and a trace is refused. */
void dataplane_trace_load(struct dataplane *dataplane)
{
	struct trace *trace = xcalloc(1, sizeof(*trace));
	int r;

	trace->skel = tandem_trace_bpf__open();
	r = trace->skel ? maps_share(dataplane, trace->skel->obj) : -errno;
	if (r >= 0)
		r = tandem_trace_bpf__load(trace->skel);
	if (r < 0) {
		log_error_errno(r, "trace_unavailable what=\"load the tracing program\"");
		tandem_trace_bpf__destroy(trace->skel);
		free(trace);
		return;
	}
	dataplane->trace = trace;
}

void dataplane_trace_unload(struct dataplane *dataplane)
{
	if (!dataplane->trace)
		return;
	dataplane_trace_stop(dataplane);
	tandem_trace_bpf__destroy(dataplane->trace->skel);
	free(dataplane->trace);
	dataplane->trace = NULL;
}

static int on_sample(void *context, void *data, size_t size)
{
	struct trace *trace = context;
	struct td_trace_event event;

	/* What a trace before this one left in the ring is nobody's. */
	if (size < sizeof(event) || !trace->on_event)
		return 0;
	memcpy(&event, data, sizeof(event));
	trace->on_event(&event, trace->userdata);
	return trace->bounded && ++trace->seen == ROUND_MAX ? -EAGAIN : 0;
}

static int on_ring(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct trace *trace = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	trace->seen = 0;
	trace->bounded = true;
	/* -EAGAIN is ours: the rest waits for the next round. */
	(void)ring_buffer__consume(trace->ring);
	trace->bounded = false;
	return 0;
}

static int filter_write(const struct trace *trace, const struct dataplane_trace_filter *wanted)
{
	struct td_trace_filter filter;
	__u32 zero = 0;

	memset(&filter, 0, sizeof(filter));
	filter.deadline_ns = wanted->deadline_us * 1000;
	if (netaddr_is_set(&wanted->client)) {
		filter.client_family = family_of(&wanted->client) ? 6 : 4;
		dataplane_address_words(&wanted->client, filter.client);
		filter.client_port = htons(wanted->client_port);
	}
	if (netaddr_is_set(&wanted->vip)) {
		filter.vip_family = family_of(&wanted->vip) ? 6 : 4;
		dataplane_address_words(&wanted->vip, filter.vip);
		filter.vip_port = htons(wanted->port);
		filter.vip_proto = wanted->protocol;
	}
	filter.service = wanted->is_served ? (__s32)wanted->service : TD_TRACE_NONE;
	filter.reason = wanted->reason;
	filter.sample_every = wanted->sample_every;
	return bpf_map_update_elem(bpf_map__fd(trace->skel->maps.trace_filters), &zero, &filter,
				   BPF_ANY);
}

static int counts_clear(const struct dataplane *dataplane)
{
	AUTO(free_memory)
	struct td_trace_counts *counts = xcalloc(dataplane->cpus, sizeof(*counts));
	__u32 zero = 0;

	return bpf_map_update_elem(bpf_map__fd(dataplane->trace->skel->maps.trace_counts), &zero,
				   counts, BPF_ANY);
}

static int ring_watch(struct trace *trace, sd_event *event)
{
	int r;

	trace->ring =
		ring_buffer__new(bpf_map__fd(trace->skel->maps.traces), on_sample, trace, NULL);
	if (!trace->ring)
		return -errno;
	(void)ring_buffer__consume(trace->ring);
	r = sd_event_add_io(event, &trace->source, ring_buffer__epoll_fd(trace->ring), EPOLLIN,
			    on_ring, trace);
	/* Behind probes and netlink. */
	return r < 0 ? r
		     : sd_event_source_set_priority(trace->source, SD_EVENT_PRIORITY_NORMAL + 10);
}

static void ring_unwatch(struct trace *trace)
{
	trace->source = sd_event_source_disable_unref(trace->source);
	ring_buffer__free(trace->ring);
	trace->ring = NULL;
	trace->on_event = NULL;
}

static int start(struct dataplane *dataplane, sd_event *event,
		 const struct dataplane_trace_filter *filter, struct error *reterr)
{
	struct trace *trace = dataplane->trace;
	int r;

	r = filter_write(trace, filter);
	if (r >= 0)
		r = counts_clear(dataplane);
	if (r < 0)
		return error_errno(reterr, r, "write what to trace");
	r = ring_watch(trace, event);
	if (r < 0)
		return error_errno(reterr, r, "watch the events of the tracing program");
	return dataplane_links_switch(dataplane, bpf_program__fd(trace->skel->progs.tandem_trace),
				      reterr);
}

int dataplane_trace_start(struct dataplane *dataplane, sd_event *event,
			  const struct dataplane_trace_filter *filter, dataplane_on_trace on_event,
			  void *userdata, struct error *reterr)
{
	struct trace *trace = dataplane->trace;
	int r;

	if (!trace)
		return dataplane_fail(reterr, -EOPNOTSUPP,
				      "this kernel did not take the tracing program: the agent's "
				      "log of its start says why");
	if (trace->ring)
		return dataplane_fail(reterr, -EBUSY, "a trace runs already");
	r = start(dataplane, event, filter, reterr);
	if (r < 0) {
		ring_unwatch(trace);
		return r;
	}
	trace->on_event = on_event;
	trace->userdata = userdata;
	return 0;
}

void dataplane_trace_stop(struct dataplane *dataplane)
{
	struct trace *trace = dataplane->trace;
	struct error error = {0};

	if (!trace || !trace->ring)
		return;
	if (dataplane_links_switch(dataplane, dataplane_program_fd(dataplane), &error) < 0)
		log_error("trace_not_detached why=\"%s\": it records nothing and forwards as "
			  "before; the next trace or start mends it",
			  error.message);
	(void)ring_buffer__consume(trace->ring);
	ring_unwatch(trace);
}

int dataplane_trace_counts_read(const struct dataplane *dataplane, struct td_trace_counts *ret)
{
	AUTO(free_memory)
	struct td_trace_counts *counts = xcalloc(dataplane->cpus, sizeof(*counts));
	__u32 zero = 0;
	int r;

	if (!dataplane->trace)
		return -EOPNOTSUPP;
	r = bpf_map_lookup_elem(bpf_map__fd(dataplane->trace->skel->maps.trace_counts), &zero,
				counts);
	if (r < 0)
		return r;
	memset(ret, 0, sizeof(*ret));
	for (unsigned int cpu = 0; cpu < dataplane->cpus; cpu++) {
		ret->matched += counts[cpu].matched;
		ret->lost += counts[cpu].lost;
	}
	return 0;
}
