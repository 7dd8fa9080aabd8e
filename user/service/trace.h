/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_SERVICE_TRACE_H
#define TANDEM_SERVICE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/netaddr.h"
#include "model/limits.h"
#include "tandem/trace.h"

struct service;

/*
 * One trace at a time: the packets that match are recorded one by one, with their way through the
 * stages, until its time is over, it has as many as it may have, it is stopped, or nobody has asked
 * for what it recorded for TRACE_UNATTENDED_MS. Its events can be read until the next one starts.
 */
enum {
	TRACE_DURATION_MIN_MS = 100,
	TRACE_DURATION_MAX_MS = 600000,
	TRACE_DURATION_DEFAULT_MS = 10000,
	TRACE_EVENTS_MAX = 1000000,
	TRACE_EVENTS_DEFAULT = 100000,
	TRACE_SAMPLE_MAX = 1000000,
	TRACE_UNATTENDED_MS = 5000,
	TRACE_QUEUE_SIZE = 16384, /* events that wait to be read; what comes then is lost */
};

/* What is asked for; what is zero matches everything. Within the limits above. */
struct trace_wish {
	struct netaddr client;
	uint16_t client_port;
	const char *load_balancer_id; /* with @port: a listener */
	uint16_t port;
	int protocol;	 /* 0: the only one there */
	uint32_t reason; /* enum td_reason */
	uint32_t sample_every;
	uint32_t duration_ms;
	uint32_t max_events;
};

enum trace_end { TRACE_RUNS, TRACE_STOPPED, TRACE_TIME_OVER, TRACE_FULL, TRACE_UNATTENDED };

struct trace_status {
	enum trace_end end;   /* how it ended, or that it runs */
	uint64_t matched;     /* packets, also those that were not sampled */
	uint64_t lost;	      /* of those to be shown: nobody fetched them in time */
	unsigned int waiting; /* events not read yet */
};

/* @ret_id is a buffer of ID_SIZE bytes. TraceAlreadyRunning while one runs. */
CHECKED int service_trace_start(struct service *service, const struct trace_wish *wish,
				char *ret_id, struct error *reterr);
/* Success where it has ended already. InvalidTraceId.NotFound where it is not the last one. */
CHECKED int service_trace_stop(struct service *service, const char *id, struct error *reterr);

/* @wall_us: when the packet came, microseconds since 1970. */
typedef void (*trace_visit)(const struct td_trace_event *event, int64_t wall_us, void *userdata);
struct trace_reader {
	unsigned int max; /* events that it takes */
	trace_visit visit;
	void *userdata;
};
/* Hand events over, the oldest first, and forget them; @ret as it is afterwards. */
CHECKED int service_trace_read(struct service *service, const char *id,
			       const struct trace_reader *reader, struct trace_status *ret,
			       struct error *reterr);

#endif
