/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets one by one, as the tracing program saw them. */
#include "cli/trace.h"

#include <string.h>

#include "base/memory.h"
#include "cli/handlers.h"
#include "cli/interrupt.h"
#include "cli/session.h"

enum { POLL_MS = 100 };

/* "192.0.2.7:51000" of a side ("Source", "Destination"), without a port where there is none. */
static void print_side(FILE *file, const json_t *packet, const char *side)
{
	AUTO(free_memory) char *port_key = xasprintf("%sPort", side);
	const json_t *port = json_object_get(packet, port_key);
	AUTO(free_memory) char *endpoint = NULL;

	if (!port) {
		fputs(answer_text(packet, side), file);
		return;
	}
	endpoint = endpoint_format(answer_text(packet, side), json_integer_value(port));
	fputs(endpoint, file);
}

static void print_tuple(FILE *file, const json_t *packet)
{
	if (!json_object_get(packet, "Source")) {
		fprintf(file, "to %s", answer_text(packet, "DestinationMac"));
		return;
	}
	print_side(file, packet, "Source");
	fputs(" > ", file);
	print_side(file, packet, "Destination");
	fprintf(file, " %s", answer_text(packet, "Protocol"));
	if (json_object_get(packet, "TcpFlags"))
		fprintf(file, " %s", answer_text(packet, "TcpFlags"));
	if (json_object_get(packet, "IcmpType"))
		fprintf(file, " type %d code %d", (int)answer_number(packet, "IcmpType"),
			(int)answer_number(packet, "IcmpCode"));
	if (json_object_get(packet, "Fragment"))
		fputs(" fragment", file);
}

static void print_packet(FILE *file, const json_t *packet)
{
	print_tuple(file, packet);
	if (json_object_get(packet, "Vlan"))
		fprintf(file, " vlan %s", answer_text(packet, "Vlan"));
	fprintf(file, " %d bytes", (int)answer_number(packet, "Length"));
}

static const char *role_word(const char *role)
{
	if (!strcmp(role, "Master"))
		return "primary";
	return strcmp(role, "Slave") ? "no server" : "secondary";
}

static void print_stages(FILE *file, const json_t *stages)
{
	const char *found = answer_text(stages, "Found");
	const char *server = role_word(answer_text(stages, "Server"));
	const char *state = answer_text(stages, "State");
	bool forward = !strcmp(found, "Listener");

	if (!*found) {
		fputs("no listener, no server", file);
		return;
	}
	fprintf(file, "%s service %d%s %s", forward ? "toward" : "from",
		(int)answer_number(stages, "Service"), forward ? ":" : "'s", server);
	if (*state)
		fprintf(file, ", state %s (active: %s)", state,
			role_word(answer_text(stages, "Active")));
	if (json_object_get(stages, "NextHop"))
		fprintf(file, ", next hop %d", (int)answer_number(stages, "NextHop"));
}

static enum style verdict_style(const char *action)
{
	return !strcmp(action, "drop") || !strcmp(action, "aborted") ? STYLE_BAD : STYLE_BOLD;
}

void trace_print_event(FILE *file, const json_t *event, bool colour)
{
	const json_t *out = json_object_get(event, "Out");
	const char *time = answer_text(event, "Time");
	const char *clock = strchr(time, 'T');
	const char *egress = answer_text(event, "EgressInterface");
	const char *action = answer_text(event, "Action");

	fprintf(file, "%.15s %s ", clock ? clock + 1 : time, answer_text(event, "Interface"));
	print_packet(file, event);
	fputs(" | ", file);
	print_stages(file, json_object_get(event, "Stages"));
	if (out) {
		fputs(" | ", file);
		print_packet(file, out);
		if (*egress)
			fprintf(file, " by %s to %s", egress, answer_text(out, "DestinationMac"));
	}
	fprintf(file, " | %s%s%s\n", colour ? style_start(verdict_style(action)) : "",
		answer_text(event, "Reason"), colour ? STYLE_RESET : "");
}

static void print_events(const struct session *session, const json_t *events)
{
	const json_t *event;
	size_t i;

	json_array_foreach (events, i, event) {
		if (session->json) {
			json_dumpf(event, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			trace_print_event(stdout, event, session->colour);
		}
	}
}

static void print_end(const json_t *answer, uint64_t shown)
{
	static const struct {
		const char *word, *text;
	} ends[] = {
		{"Stopped", "stopped"},
		{"TimeOver", "its time is over"},
		{"MaxEvents", "as many as were asked for"},
		{"Unattended", "nobody fetched for too long"},
	};
	const char *reason = answer_text(answer, "EndReason");

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcmp(reason, ends[i].word))
			reason = ends[i].text;
	fprintf(stderr,
		"tandemctl: %ju packets shown of %" JSON_INTEGER_FORMAT
		" that matched, %" JSON_INTEGER_FORMAT " lost: %s\n",
		(uintmax_t)shown, answer_number(answer, "Matched"), answer_number(answer, "Lost"),
		reason);
}

/* Show what comes until the trace has ended and nothing waits; a signal ends it. */
static enum exit_status follow(struct session *session, const struct params *params, int signal_fd)
{
	bool running = true, stopping = false;
	enum exit_status status = STATUS_OK;
	uint64_t shown = 0;

	while (running) {
		json_auto_t *answer = NULL;
		const json_t *events;

		status = session_call(session, "DescribeTrace", params, &answer);
		if (status)
			return status;
		events = answer_list(answer, "Events", "Event");
		print_events(session, events);
		shown += json_array_size(events);
		running = json_is_true(json_object_get(answer, "Running")) ||
			  answer_number(answer, "Waiting");
		if (!running)
			print_end(answer, shown);
		/* A signal, or nobody who reads: what is recorded until now still comes. */
		if (running && !stopping &&
		    (fflush(stdout) ||
		     interrupt_wait(signal_fd, answer_number(answer, "Waiting") ? 0 : POLL_MS))) {
			stopping = true;
			status = session_call(session, "StopTrace", params, NULL);
			if (status)
				return status;
		}
	}
	return status;
}

enum exit_status run_trace(struct session *session, const struct invocation *invocation)
{
	AUTO(close_fd) int signal_fd = interrupt_open();
	json_auto_t *started = NULL;
	AUTO_PARAMS params = {};
	enum exit_status status;

	if (signal_fd < 0) {
		complain("watch signals: %s", strerror(-signal_fd));
		return STATUS_REFUSED;
	}
	status = session_run(session, invocation, "StartTrace", &started);
	if (status)
		return status;
	params_add(&params, "RegionId", session->region);
	params_add(&params, "TraceId", answer_text(started, "TraceId"));
	return follow(session, &params, signal_fd);
}
