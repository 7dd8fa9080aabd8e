/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets by the reason of their verdict, and how many a second. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/handlers.h"
#include "cli/interrupt.h"
#include "cli/session.h"

enum { INTERVAL_MIN_MS = 10, INTERVAL_DEFAULT_MS = 1000 };

/* One look at the counters. */
struct look {
	json_t *reasons; /* owned */
	uint64_t time_us;
};

static void look_clear(struct look *look)
{
	json_decref(look->reasons);
}

/* What happens to packets that are served, or that are nobody's here, is not worth a line. */
static bool is_ordinary(const char *reason)
{
	static const char *const ordinary[] = {
		"continue",	    "forward_tx",      "forward_redirect", "return_tx",
		"return_redirect",  "pass_not_ip",     "pass_not_ours",	   "pass_local",
		"pass_idle_server", "pass_other_vlan",
	};

	for (size_t i = 0; i < ARRAY_SIZE(ordinary); i++)
		if (!strcmp(reason, ordinary[i]))
			return true;
	return false;
}

static enum exit_status look_take(struct session *session, struct look *ret)
{
	json_auto_t *answer = NULL;
	AUTO_PARAMS params = {};
	enum exit_status status;

	params_add(&params, "RegionId", session->region);
	status = session_call(session, "DescribeStatus", &params, &answer);
	if (status)
		return status;
	ret->time_us = clock_monotonic_us();
	ret->reasons =
		json_incref(answer_list(json_object_get(answer, "Agent"), "Reasons", "Reason"));
	return STATUS_OK;
}

static json_int_t packets_of(const json_t *reasons, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach (reasons, i, item) {
		if (!strcmp(answer_text(item, "Name"), name))
			return answer_number(item, "Packets");
	}
	return 0;
}

/* Packets a second since @before; an agent on new maps counts from zero. */
static double rate(const struct look *before, const struct look *now, const char *name)
{
	json_int_t grown = packets_of(now->reasons, name) - packets_of(before->reasons, name);
	double seconds = (double)(now->time_us - before->time_us) / 1e6;

	return grown > 0 && seconds > 0 ? (double)grown / seconds : 0;
}

static bool is_shown(const json_t *item, bool all)
{
	return all || (answer_number(item, "Packets") && !is_ordinary(answer_text(item, "Name")));
}

static enum style action_style(const char *action)
{
	if (!strcmp(action, "drop") || !strcmp(action, "aborted"))
		return STYLE_BAD;
	return STYLE_PLAIN;
}

/* @before NULL: totals alone. */
static void print_table(const struct session *session, const struct look *before,
			const struct look *now, bool all)
{
	static const struct column totals[] = {{"REASON", COLUMN_TEXT},
					       {"ACTION", COLUMN_TEXT},
					       {"PACKETS", COLUMN_NUMBER},
					       {"BYTES", COLUMN_NUMBER},
					       {}};
	static const struct column rates[] = {
		{"REASON", COLUMN_TEXT},  {"ACTION", COLUMN_TEXT},	 {"PACKETS", COLUMN_NUMBER},
		{"BYTES", COLUMN_NUMBER}, {"PER SECOND", COLUMN_NUMBER}, {}};
	AUTO(table_free) struct table *table = table_new(before ? rates : totals);
	const json_t *item;
	bool any = false;
	size_t i;

	json_array_foreach (now->reasons, i, item) {
		const char *name = answer_text(item, "Name");
		const char *action = answer_text(item, "Action");

		if (!is_shown(item, all))
			continue;
		any = true;
		table_cell(table, action_style(action), "%s", name);
		table_cell(table, STYLE_PLAIN, "%s", action);
		table_cell(table, STYLE_PLAIN, "%" JSON_INTEGER_FORMAT,
			   answer_number(item, "Packets"));
		table_cell(table, STYLE_PLAIN, "%" JSON_INTEGER_FORMAT,
			   answer_number(item, "Bytes"));
		if (before)
			table_cell(table, STYLE_PLAIN, "%.1f", rate(before, now, name));
	}
	if (any)
		session_print_table(session, table);
	else
		puts("nothing was dropped, rejected, or left to the host for want of a way");
}

/* One object a look, on a line of its own, so that a program can read them as they come. */
static void print_json(const struct look *before, const struct look *now, bool all)
{
	json_auto_t *list = json_array();
	json_auto_t *object = NULL;
	const json_t *item;
	size_t i;

	json_array_foreach (now->reasons, i, item) {
		json_t *copy;

		if (!is_shown(item, all))
			continue;
		copy = json_copy((json_t *)item);
		if (before)
			json_object_set_new(
				copy, "PacketsPerSecond",
				json_real(rate(before, now, answer_text(item, "Name"))));
		json_array_append_new(list, copy);
	}
	object = json_pack("{sO}", "Reasons", list);
	if (before)
		json_object_set_new(
			object, "IntervalMs",
			json_integer((json_int_t)(now->time_us - before->time_us) / 1000));
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
}

static void print(const struct session *session, const struct look *before, const struct look *now,
		  bool all)
{
	if (session->json)
		print_json(before, now, all);
	else
		print_table(session, before, now, all);
}

static enum exit_status watch(struct session *session, int signal_fd, int interval_ms, bool all)
{
	__attribute__((cleanup(look_clear))) struct look before = {};
	enum exit_status status = look_take(session, &before);

	while (!status && !interrupt_wait(signal_fd, interval_ms)) {
		struct look now = {};

		status = look_take(session, &now);
		if (status)
			break;
		print(session, &before, &now, all);
		look_clear(&before);
		before = now;
		/* Nobody reads any more. */
		if (fflush(stdout))
			break;
		if (!session->json)
			putchar('\n');
	}
	return status;
}

static enum exit_status once(struct session *session, bool all)
{
	__attribute__((cleanup(look_clear))) struct look now = {};
	enum exit_status status = look_take(session, &now);

	if (!status)
		print(session, NULL, &now, all);
	return status;
}

/* The option's milliseconds, which are checked to be a number already. */
static int interval_read(const struct invocation *invocation, int *ret_ms)
{
	const char *text = invocation_option(invocation, "interval");
	AUTO(free_memory) char *value = NULL;
	struct error error = {};
	int64_t ms = INTERVAL_DEFAULT_MS;

	if (text && (value_duration(text, &value, &error) < 0 ||
		     parse_integer(value, INTERVAL_MIN_MS, INT32_MAX, &ms) < 0)) {
		complain("--interval: \"%s\" is out of range: it must be at least %dms", text,
			 INTERVAL_MIN_MS);
		return -ERANGE;
	}
	*ret_ms = (int)ms;
	return 0;
}

enum exit_status run_drops(struct session *session, const struct invocation *invocation)
{
	bool all = invocation_option(invocation, "all");
	AUTO(close_fd) int signal_fd = -1;
	int interval_ms;

	if (interval_read(invocation, &interval_ms) < 0)
		return STATUS_USAGE;
	if (invocation_option(invocation, "once"))
		return once(session, all);
	signal_fd = interrupt_open();
	if (signal_fd < 0) {
		complain("watch signals: %s", strerror(-signal_fd));
		return STATUS_REFUSED;
	}
	return watch(session, signal_fd, interval_ms, all);
}
