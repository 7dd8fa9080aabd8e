/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one trace: its queue between the tracing program and who reads, and how it ends. */
#include "service/trace.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/codes.h"
#include "model/text.h"
#include "service/internal.h"

/* Behind the API: a reader whose request waits for the loop is there. */
enum { TIMER_PRIORITY = SD_EVENT_PRIORITY_NORMAL + 20 };

struct trace {
	struct service *service;
	char id[ID_SIZE];
	enum trace_end end;
	uint64_t deadline_us, asked_us; /* CLOCK_MONOTONIC */
	int64_t wall_offset_us;		/* wall clock less CLOCK_MONOTONIC */
	uint32_t max_events, recorded;
	uint64_t lost;		       /* the queue had no room */
	struct td_trace_counts counts; /* of the program, once it has ended */
	sd_event_source *timer;
	sd_event_source *full; /* ends it, from the loop */
	unsigned int head, waiting;
	struct td_trace_event queue[TRACE_QUEUE_SIZE];
};

static const char *const end_words[] = {
	[TRACE_RUNS] = "runs",
	[TRACE_STOPPED] = "stopped",
	[TRACE_TIME_OVER] = "time over",
	[TRACE_FULL] = "all shown",
	[TRACE_UNATTENDED] = "unattended",
};

/* The counts of the program; what cannot be read is shown as it was last. */
static void read_counts(struct trace *trace)
{
	int r = dataplane_trace_counts_read(trace->service->dataplane, &trace->counts);

	if (r < 0)
		log_error_errno(r, "trace_counts_unread id=%s", trace->id);
}

static void finish(struct trace *trace, enum trace_end end)
{
	if (trace->end != TRACE_RUNS)
		return;
	/* First, since what was recorded still comes in. */
	dataplane_trace_stop(trace->service->dataplane);
	read_counts(trace);
	trace->end = end;
	trace->timer = sd_event_source_disable_unref(trace->timer);
	trace->full = sd_event_source_disable_unref(trace->full);
	log_info("trace_ended id=%s why=\"%s\" events=%u", trace->id, end_words[end],
		 trace->recorded);
}

static void on_event(const struct td_trace_event *event, void *userdata)
{
	struct trace *trace = userdata;

	if (trace->recorded == trace->max_events)
		return;
	trace->recorded++;
	/* Not at once: this is called from within the ring. */
	if (trace->recorded == trace->max_events && trace->full)
		(void)sd_event_source_set_enabled(trace->full, SD_EVENT_ONESHOT);
	if (trace->waiting == TRACE_QUEUE_SIZE) {
		trace->lost++;
		return;
	}
	trace->queue[(trace->head + trace->waiting++) % TRACE_QUEUE_SIZE] = *event;
}

static int on_full(sd_event_source *source, void *userdata)
{
	(void)source;
	finish(userdata, TRACE_FULL);
	return 0;
}

static uint64_t unattended_us(const struct trace *trace)
{
	return trace->asked_us + (uint64_t)TRACE_UNATTENDED_MS * 1000;
}

/* When it ends, unless it is asked for before. */
static uint64_t due_us(const struct trace *trace)
{
	uint64_t unattended = unattended_us(trace);

	return unattended < trace->deadline_us ? unattended : trace->deadline_us;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct trace *trace = userdata;
	uint64_t now = clock_monotonic_us();

	(void)usec;
	if (now >= trace->deadline_us) {
		finish(trace, TRACE_TIME_OVER);
	} else if (now >= unattended_us(trace)) {
		finish(trace, TRACE_UNATTENDED);
	} else {
		(void)sd_event_source_set_time(source, due_us(trace));
		(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
	return 0;
}

static int watch(struct trace *trace, struct error *reterr)
{
	sd_event *event = trace->service->event;
	int r;

	r = sd_event_add_time(event, &trace->timer, CLOCK_MONOTONIC, due_us(trace), 10000, on_timer,
			      trace);
	if (r >= 0)
		r = sd_event_source_set_priority(trace->timer, TIMER_PRIORITY);
	if (r >= 0)
		r = sd_event_add_defer(event, &trace->full, on_full, trace);
	if (r >= 0)
		r = sd_event_source_set_enabled(trace->full, SD_EVENT_OFF);
	return r < 0 ? error_errno(reterr, r, "watch the time of the trace") : 0;
}

/* The listener's place, and its service where it runs. */
static int locate(struct service *service, const struct trace_wish *wish,
		  struct dataplane_trace_filter *filter, struct error *reterr)
{
	const struct runtime *runtime;
	struct load_balancer balancer;
	struct listener_key key;
	struct listener listener;
	int r;

	r = service_listener_find(service, wish->load_balancer_id, wish->protocol, wish->port,
				  &listener, reterr);
	if (r < 0)
		return r;
	r = service_load_balancer_get(service, wish->load_balancer_id, &balancer, reterr);
	if (r < 0)
		return r;
	filter->vip = balancer.address;
	filter->port = listener.port;
	filter->protocol = listener.protocol;
	key = service_listener_key(&listener);
	runtime = service_runtime_find(service, &key);
	filter->is_served = runtime;
	filter->service = runtime ? runtime->index : 0;
	return 0;
}

static int start(struct trace *trace, const struct trace_wish *wish, struct error *reterr)
{
	struct dataplane_trace_filter filter = {
		.deadline_us = trace->deadline_us,
		.client = wish->client,
		.client_port = wish->client_port,
		.reason = wish->reason,
		.sample_every = wish->sample_every,
	};
	int r;

	if (wish->load_balancer_id) {
		r = locate(trace->service, wish, &filter, reterr);
		if (r < 0)
			return r;
	}
	r = watch(trace, reterr);
	if (r < 0)
		return r;
	return dataplane_trace_start(trace->service->dataplane, trace->service->event, &filter,
				     on_event, trace, reterr);
}

static struct trace *trace_free(struct trace *trace)
{
	if (!trace)
		return NULL;
	sd_event_source_disable_unref(trace->timer);
	sd_event_source_disable_unref(trace->full);
	free(trace);
	return NULL;
}
DEFINE_AUTO(struct trace, trace_free)

void service_trace_free(struct service *service)
{
	if (service->trace)
		finish(service->trace, TRACE_STOPPED);
	service->trace = trace_free(service->trace);
}

static struct trace *trace_new(struct service *service, const struct trace_wish *wish)
{
	struct trace *trace = xcalloc(1, sizeof(*trace));

	trace->service = service;
	text_new_id("trace-", trace->id);
	trace->asked_us = clock_monotonic_us();
	trace->deadline_us = trace->asked_us + (uint64_t)wish->duration_ms * 1000;
	trace->wall_offset_us = clock_wall_us() - (int64_t)trace->asked_us;
	trace->max_events = wish->max_events;
	return trace;
}

int service_trace_start(struct service *service, const struct trace_wish *wish, char *ret_id,
			struct error *reterr)
{
	AUTO(trace_free) struct trace *trace = NULL;
	uint64_t now = clock_monotonic_us();
	int r;

	if (service->trace && service->trace->end == TRACE_RUNS) {
		uint64_t deadline = service->trace->deadline_us;

		return error_set(reterr, CODE_TRACE_RUNNING, "",
				 "trace %s runs already, for another %u s at most: wait for its "
				 "end, or stop it (StopTrace)",
				 service->trace->id,
				 deadline > now ? (unsigned int)((deadline - now) / 1000000) + 1
						: 0);
	}
	trace = trace_new(service, wish);
	r = start(trace, wish, reterr);
	if (r < 0)
		return r;
	service_trace_free(service);
	memcpy(ret_id, trace->id, sizeof(trace->id));
	service->trace = TAKE(trace);
	log_info("trace_started id=%s duration_ms=%u", service->trace->id, wish->duration_ms);
	return 0;
}

static struct trace *find(const struct service *service, const char *id, struct error *reterr)
{
	if (service->trace && strcmp(service->trace->id, id) == 0)
		return service->trace;
	error_set(reterr, CODE_INVALID_TRACE, "TraceId",
		  "The specified TraceId does not exist: %.80s. The agent keeps the last trace "
		  "alone.",
		  id);
	return NULL;
}

int service_trace_stop(struct service *service, const char *id, struct error *reterr)
{
	struct trace *trace = find(service, id, reterr);

	if (!trace)
		return -EINVAL;
	finish(trace, TRACE_STOPPED);
	return 0;
}

int service_trace_read(struct service *service, const char *id, const struct trace_reader *reader,
		       struct trace_status *ret, struct error *reterr)
{
	struct trace *trace = find(service, id, reterr);

	if (!trace)
		return -EINVAL;
	trace->asked_us = clock_monotonic_us();
	for (unsigned int i = 0; i < reader->max && trace->waiting; i++) {
		const struct td_trace_event *event = &trace->queue[trace->head];

		reader->visit(event, (int64_t)(event->time_ns / 1000) + trace->wall_offset_us,
			      reader->userdata);
		trace->head = (trace->head + 1) % TRACE_QUEUE_SIZE;
		trace->waiting--;
	}
	if (trace->end == TRACE_RUNS)
		read_counts(trace);
	*ret = (struct trace_status){
		.end = trace->end,
		.matched = trace->counts.matched,
		.lost = trace->lost + trace->counts.lost,
		.waiting = trace->waiting,
	};
	return 0;
}
