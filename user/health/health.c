/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When targets are probed, and what the results mean. Thousands of targets share one loop: a target
 * has one timer, which is at the same time the start of the next probe and the deadline of the
 * running one (a timeout never exceeds the interval), and one socket at most.
 *
 * Starts stand on a fixed grid, slot_us plus multiples of the interval, so that delays do not add
 * up. What the agent is late for it does not make up for: slots that have passed are skipped, and a
 * result is never blamed on the server where it was the agent that did not look.
 */
#include "health/health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "health/probe.h"

/* The first probe goes out within this time, or the interval where that is shorter. */
enum { FIRST_PROBE_US = 100 * 1000 };

/* How exact timers are: to the microsecond where an interval or a timeout is below the limit. */
enum { EXACT_BELOW_MS = 1000, ACCURACY_EXACT_US = 1, ACCURACY_COARSE_US = 10 * 1000 };

enum stage {
	STAGE_IDLE,    /* no socket, waiting for the next slot */
	STAGE_PROBING, /* not decided yet */
	STAGE_CLOSING, /* decided; the socket lives until the server has closed too, or the next
			  slot */
};

struct health {
	sd_event *event;
	LIST_HEAD(, health_target) targets;
	uint64_t probes;
	uint32_t spread;	  /* of the next target, in 2^-32 of what it is spread over */
	unsigned int local_error; /* targets whose last probe this host could not make */
};

struct health_target {
	LIST_ENTRY(health_target) link;
	struct health *health;
	struct probe probe;
	struct health_status status;
	health_on_change on_change;
	void *userdata;
	sd_event_source *timer;
	sd_event_source *io; /* the probe's socket, while there is one */
	enum stage stage;
	uint64_t interval_us, timeout_us;
	uint64_t slot_us;    /* when the last probe was due */
	uint64_t shift_us;   /* the second slot comes so much earlier, once */
	uint64_t started_us; /* when it really started */
	uint64_t deadline_us;
	unsigned int progress; /* of the probe, when we last looked ... */
	uint64_t progress_us;  /* ... and when we saw it grow */
	bool last_good;	       /* what status.consecutive counts */
	bool discarded;	       /* the last result was not counted since we were late */
	bool local_error;
};

static const char *const state_names[] = {
	[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_UP] = "up",
	[HEALTH_DOWN] = "down",
};

#define HEALTH_RESULT_NAME(symbol, name) [symbol] = (name),
static const char *const result_names[HEALTH_RESULT_MAX] = {HEALTH_RESULTS(HEALTH_RESULT_NAME)};

static void begin_probe(struct health_target *target, uint64_t now);

const char *health_state_name(enum health_state state)
{
	return state_names[state];
}

const char *health_result_name(enum health_result result)
{
	return result_names[result];
}

/* How late we may be without a change of rules: up to here it is the loop's usual jitter. */
static uint64_t slack_us(const struct health_target *target)
{
	return target->timeout_us / 8;
}

static void set_timer(struct health_target *target, uint64_t when_us)
{
	int r = sd_event_source_set_time(target->timer, when_us);

	if (r >= 0)
		r = sd_event_source_set_enabled(target->timer, SD_EVENT_ONESHOT);
	if (r < 0)
		log_error_errno(r, "set a health check's timer");
}

static void close_probe(struct health_target *target)
{
	target->io = sd_event_source_disable_unref(target->io);
	probe_close(&target->probe);
	target->stage = STAGE_IDLE;
}

/* Arm the timer for the next slot, past those that have gone by completely. */
static void schedule_next(struct health_target *target, uint64_t now)
{
	uint64_t interval = target->interval_us;

	target->slot_us += interval - target->shift_us;
	target->shift_us = 0;
	if (now > target->slot_us + interval)
		target->slot_us += (now - target->slot_us) / interval * interval;
	set_timer(target, target->slot_us);
}

/* One line when the first target meets it, one when the last is over it: not one a probe. */
static void note_local_error(struct health_target *target, bool local_error)
{
	struct health *health = target->health;

	if (local_error == target->local_error)
		return;
	target->local_error = local_error;
	health->local_error += local_error ? 1 : -1U;
	if (local_error && health->local_error == 1)
		log_warning("health checks hampered reason=\"%s\"", target->probe.evidence);
	else if (!local_error && health->local_error == 0)
		log_info("health checks unhampered");
}

static void set_evidence(struct health_target *target, enum health_result result)
{
	struct health_status *status = &target->status;
	const char *said = target->probe.evidence;

	if (result != HEALTH_OK ||
	    (size_t)snprintf(status->evidence, sizeof(status->evidence), "%s in %.1f ms", said,
			     (double)status->last_duration_us / 1000) >= sizeof(status->evidence))
		string_copy(status->evidence, sizeof(status->evidence), said);
}

/* The state that follows from the results so far. */
static enum health_state next_state(const struct health_target *target)
{
	const struct health_check *check = &target->probe.check;
	const struct health_status *status = &target->status;

	if (status->state == HEALTH_UNKNOWN)
		return target->last_good ? HEALTH_UP : HEALTH_DOWN;
	if (target->last_good && status->consecutive >= check->healthy_threshold)
		return HEALTH_UP;
	if (!target->last_good && status->consecutive >= check->unhealthy_threshold)
		return HEALTH_DOWN;
	return status->state;
}

/* The one place that counts. Returns whether the state changed. */
static bool count_result(struct health_target *target, enum health_result result, uint64_t now)
{
	struct health_status *status = &target->status;
	bool good = result == HEALTH_OK;
	enum health_state state;

	if (good != target->last_good)
		status->consecutive = 0;
	target->last_good = good;
	target->discarded = false;
	if (status->consecutive < UINT32_MAX)
		status->consecutive++;

	state = next_state(target);
	if (state == status->state)
		return false;
	status->state = state;
	status->state_since_us = now;
	return true;
}

/*
 * The probe is over. HEALTH_NONE: it told nothing and counts for nothing. Last comes the callback:
 * it may free other targets and make new ones.
 */
static void finish_probe(struct health_target *target, enum health_result result)
{
	struct health_status *status = &target->status;
	uint64_t now = clock_monotonic_us();
	bool changed = false;

	status->last_probe_us = now;
	status->last_duration_us = now - target->started_us;
	set_evidence(target, result);
	if (result != HEALTH_NONE)
		status->last_result = result;
	note_local_error(target, result == HEALTH_LOCAL_ERROR);
	if (result != HEALTH_NONE && result != HEALTH_LOCAL_ERROR)
		changed = count_result(target, result, now);

	target->stage = STAGE_CLOSING;
	if (!target->probe.linger || probe_drain(&target->probe))
		close_probe(target);
	schedule_next(target, now);
	if (changed)
		target->on_change(target, target->userdata);
}

static enum health_result step_probe(struct health_target *target)
{
	enum health_result result = target->probe.ops->step(&target->probe);

	if (target->probe.progress != target->progress) {
		target->progress = target->probe.progress;
		target->progress_us = clock_monotonic_us();
	}
	return result;
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct health_target *target = userdata;

	(void)source;
	(void)fd;
	(void)events;
	if (target->stage == STAGE_CLOSING) {
		if (probe_drain(&target->probe))
			close_probe(target);
		return 0;
	}

	enum health_result result = step_probe(target);

	if (result != HEALTH_NONE)
		finish_probe(target, result);
	return 0;
}

/*
 * The deadline has come, maybe long ago. First look at the socket: what is there counts, whenever
 * we see it. Then, where it is silent:
 *  - the server did something that we were late to see (and to go on from): it gets a new deadline;
 *  - we are late by more than an interval: the agent was stopped, and maybe the whole machine; the
 * probe is made again. Only once in a row: a second silence counts, for an agent that is always
 * late must still find a dead server;
 *  - else the time is up.
 */
static void on_deadline(struct health_target *target)
{
	enum health_result result = step_probe(target);
	uint64_t now = clock_monotonic_us();

	if (result != HEALTH_NONE) {
		finish_probe(target, result);
	} else if (target->progress_us > target->deadline_us + slack_us(target)) {
		target->deadline_us = now + target->timeout_us;
		set_timer(target, target->deadline_us);
	} else if (now > target->deadline_us + target->interval_us && !target->discarded) {
		target->discarded = true;
		close_probe(target);
		begin_probe(target, now);
	} else {
		finish_probe(target, target->probe.ops->expire(&target->probe));
	}
}

static int on_timer(sd_event_source *source, uint64_t due_us, void *userdata)
{
	struct health_target *target = userdata;

	(void)source;
	(void)due_us;
	if (target->stage == STAGE_PROBING) {
		on_deadline(target);
		return 0;
	}
	close_probe(target);
	begin_probe(target, clock_monotonic_us());
	return 0;
}

static enum health_result watch_socket(struct health_target *target)
{
	int r = sd_event_add_io(target->health->event, &target->io, target->probe.fd,
				EPOLLIN | EPOLLOUT | EPOLLET, on_socket, target);

	return r < 0 ? probe_fail(&target->probe, "watch", -r) : HEALTH_NONE;
}

static void begin_probe(struct health_target *target, uint64_t now)
{
	enum health_result result;
	uint64_t late = now - target->slot_us, slack = slack_us(target);

	target->health->probes++;
	target->started_us = now;
	target->progress = 0;
	target->progress_us = 0;

	/*
	 * Where every probe times out, its deadline is the next one's start. So a late start takes
	 * a little off the probe's time: else the grid would be lost for good.
	 */
	target->deadline_us = now + target->timeout_us - (late < slack ? late : slack);
	result = probe_start(&target->probe);
	if (result == HEALTH_NONE)
		result = watch_socket(target);
	if (result != HEALTH_NONE) {
		finish_probe(target, result);
		return;
	}
	target->stage = STAGE_PROBING;
	set_timer(target, target->deadline_us);
}

/*
 * Spread the first probes over the time that they have, and, where the interval leaves more room,
 * the second ones over half of it. Steps of the golden ratio are even for any number of targets.
 */
static void spread_target(struct health_target *target)
{
	struct health *health = target->health;
	uint64_t interval = target->interval_us;
	uint64_t span = interval < FIRST_PROBE_US ? interval : FIRST_PROBE_US;

	health->spread += 0x9e3779b9U;
	target->slot_us = clock_monotonic_us() + (span * health->spread >> 32);
	if (interval > 2ULL * FIRST_PROBE_US)
		target->shift_us = interval / 2 * health->spread >> 32;
}

static bool is_valid(const struct netaddr *address, uint16_t port, const struct health_check *check)
{
	return check->enabled && check->type < CHECK_TYPE_MAX && netaddr_is_set(address) && port &&
	       check->interval_ms > 0 && check->timeout_ms > 0 &&
	       check->timeout_ms <= check->interval_ms;
}

/* NOLINTNEXTLINE(readability-function-size): what makes a target, and all callers have at hand */
int health_target_new(struct health *health, const struct netaddr *address, uint16_t port,
		      const struct health_check *check, enum health_state initial,
		      health_on_change on_change, void *userdata, struct health_target **ret)
{
	AUTO(health_target_free) struct health_target *target = NULL;
	bool exact = check->interval_ms < EXACT_BELOW_MS || check->timeout_ms < EXACT_BELOW_MS;
	int r;

	if (!is_valid(address, port, check))
		return -EINVAL;

	target = xcalloc(1, sizeof(*target));
	target->health = health;
	LIST_INSERT_HEAD(&health->targets, target, link);
	target->on_change = on_change;
	target->userdata = userdata;
	target->interval_us = check->interval_ms * 1000ULL;
	target->timeout_us = check->timeout_ms * 1000ULL;
	target->status.state = initial;
	target->status.state_since_us = clock_monotonic_us();
	probe_init(&target->probe, address, check->connect_port ? check->connect_port : port,
		   check);
	spread_target(target);

	r = sd_event_add_time(health->event, &target->timer, CLOCK_MONOTONIC, target->slot_us,
			      exact ? ACCURACY_EXACT_US : ACCURACY_COARSE_US, on_timer, target);
	if (r < 0)
		return r;
	*ret = TAKE(target);
	return 0;
}

struct health_target *health_target_free(struct health_target *target)
{
	if (!target)
		return NULL;
	note_local_error(target, false);
	close_probe(target);
	sd_event_source_disable_unref(target->timer);
	LIST_REMOVE(target, link);
	free(target);
	return NULL;
}

const struct health_status *health_target_status(const struct health_target *target)
{
	return &target->status;
}

int health_new(sd_event *event, struct health **ret)
{
	struct health *health = xcalloc(1, sizeof(*health));

	health->event = sd_event_ref(event);
	LIST_INIT(&health->targets);
	*ret = health;
	return 0;
}

struct health *health_free(struct health *health)
{
	struct health_target *next;

	if (!health)
		return NULL;
	for (struct health_target *at = LIST_FIRST(&health->targets); at; at = next) {
		next = LIST_NEXT(at, link);
		health_target_free(at);
	}
	sd_event_unref(health->event);
	free(health);
	return NULL;
}

uint64_t health_probe_count(const struct health *health)
{
	return health->probes;
}
