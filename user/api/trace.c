/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "model/codes.h"
#include "model/server_group.h"
#include "service/service.h"
#include "service/trace.h"
#include "tandem/select.h"

enum { EVENTS_PER_CALL = 1000 };

static const struct {
	const char *name;
	enum xdp_action action;
} reasons[] = {
#define REASON_ROW(symbol, name, action) [symbol] = {name, action},
	TD_REASONS(REASON_ROW)
#undef REASON_ROW
};

struct client {
	struct netaddr address;
	uint16_t port; /* 0: any */
};

struct start_request {
	struct client client;
	struct trace_wish wish;
};

static int parse_client(const char *text, void *ret)
{
	struct client *client = ret;

	return netaddr_parse_endpoint(text, &client->address, &client->port);
}

static int parse_reason(const char *text, void *ret)
{
	/* TD_CONTINUE is no verdict. */
	for (uint32_t reason = TD_CONTINUE + 1; reason < TD_REASON_MAX; reason++) {
		if (strcmp(reasons[reason].name, text) == 0) {
			*(uint32_t *)ret = reason;
			return 0;
		}
	}
	return -EINVAL;
}

static void start_init(void *request)
{
	struct start_request *wanted = request;

	wanted->wish.sample_every = 1;
	wanted->wish.duration_ms = TRACE_DURATION_DEFAULT_MS;
	wanted->wish.max_events = TRACE_EVENTS_DEFAULT;
}

static const struct field start_fields[] = {
	{"Client", FIELD_PARSED, FIELD_AT(struct start_request, client), .parse = parse_client,
	 .expected = "ADDRESS or ADDRESS:PORT, an IPv6 address with a port in brackets"},
	{"LoadBalancerId", FIELD_BORROWED, FIELD_AT(struct start_request, wish.load_balancer_id)},
	{"ListenerPort", FIELD_INTEGER, FIELD_AT(struct start_request, wish.port), .min = 1,
	 .max = 65535},
	{"ListenerProtocol", FIELD_PARSED, FIELD_AT(struct start_request, wish.protocol),
	 .parse = handlers_parse_protocol, .expected = "tcp or udp"},
	{"Reason", FIELD_PARSED, FIELD_AT(struct start_request, wish.reason), .parse = parse_reason,
	 .expected = "one of those that DescribeStatus lists, such as drop_no_route"},
	{"SampleEvery", FIELD_INTEGER, FIELD_AT(struct start_request, wish.sample_every), .min = 1,
	 .max = TRACE_SAMPLE_MAX},
	{"DurationMs", FIELD_INTEGER, FIELD_AT(struct start_request, wish.duration_ms),
	 .min = TRACE_DURATION_MIN_MS, .max = TRACE_DURATION_MAX_MS},
	{"MaxEvents", FIELD_INTEGER, FIELD_AT(struct start_request, wish.max_events), .min = 1,
	 .max = TRACE_EVENTS_MAX},
};
const struct request_layout trace_start_layout =
	REQUEST_LAYOUT(struct start_request, start_fields, start_init);

int trace_start(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	struct start_request *wanted = request;
	struct trace_wish *wish = &wanted->wish;
	char id[ID_SIZE];
	int r;

	wish->client = wanted->client.address;
	wish->client_port = wanted->client.port;
	if (wish->load_balancer_id && !wish->port)
		return fields_missing("ListenerPort", reterr);
	if (!wish->load_balancer_id && (wish->port || wish->protocol))
		return fields_missing("LoadBalancerId", reterr);

	r = service_trace_start(call->service, wish, id, reterr);
	if (r < 0)
		return r;
	answer_set_text(answer, "TraceId", id);
	answer_set_integer(answer, "DurationMs", wish->duration_ms);
	answer_set_integer(answer, "MaxEvents", wish->max_events);
	return 0;
}

struct id_request {
	const char *id;
	uint32_t max_results;
};

static void id_init(void *request)
{
	((struct id_request *)request)->max_results = EVENTS_PER_CALL;
}

static const struct field id_fields[] = {
	{"TraceId", FIELD_BORROWED, FIELD_AT(struct id_request, id), FIELD_REQUIRED},
};
const struct request_layout trace_stop_layout = REQUEST_LAYOUT(struct id_request, id_fields, NULL);

static const struct field show_fields[] = {
	{"TraceId", FIELD_BORROWED, FIELD_AT(struct id_request, id), FIELD_REQUIRED},
	{"MaxResults", FIELD_INTEGER, FIELD_AT(struct id_request, max_results), .min = 1,
	 .max = EVENTS_PER_CALL},
};
const struct request_layout trace_show_layout =
	REQUEST_LAYOUT(struct id_request, show_fields, id_init);

int trace_stop(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	const struct id_request *wanted = request;

	(void)answer;
	return service_trace_stop(call->service, wanted->id, reterr);
}

static void set_interface(json_t *object, const char *key, uint32_t ifindex)
{
	char name[IF_NAMESIZE] = "";

	/* An interface that is gone by now is shown by its number. */
	if (ifindex && !if_indextoname(ifindex, name))
		snprintf(name, sizeof(name), "%u", ifindex);
	answer_set_text(object, key, name);
}

static void set_address(json_t *object, const char *key, const __be32 *words, uint8_t family)
{
	struct netaddr address = {.family = family == 6 ? AF_INET6 : AF_INET};

	memcpy(address.bytes, words, family == 6 ? 16 : 4);
	answer_set_address(object, key, &address);
}

static void set_mac(json_t *object, const char *key, const uint8_t *mac)
{
	char text[sizeof("00:00:00:00:00:00")];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	answer_set_text(object, key, text);
}

static void set_protocol(json_t *object, uint8_t protocol)
{
	static const char *const names[UINT8_MAX + 1] = {
		[IPPROTO_ICMP] = "icmp",
		[IPPROTO_TCP] = "tcp",
		[IPPROTO_UDP] = "udp",
		[IPPROTO_ICMPV6] = "icmpv6",
	};
	char number[sizeof("255")];

	snprintf(number, sizeof(number), "%u", protocol);
	answer_set_text(object, "Protocol", names[protocol] ? names[protocol] : number);
}

/* "SYN,ACK". */
static void set_tcp_flags(json_t *object, uint8_t flags)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	char text[sizeof("FIN,SYN,RST,PSH,ACK,URG,ECE,CWR")] = "";
	size_t length = 0;

	for (size_t bit = 0; bit < ARRAY_SIZE(names); bit++) {
		if (!(flags & 1U << bit))
			continue;
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
					   length ? "," : "", names[bit]);
	}
	answer_set_text(object, "TcpFlags", text);
}

/* "100", and "100.7" where it is the inner one of two; absent where there is no tag. */
static void set_vlan(json_t *object, uint32_t vlan)
{
	char text[sizeof("4095.4095")];

	if (!vlan)
		return;
	if (TD_VLAN_TAGS(vlan) == 2)
		snprintf(text, sizeof(text), "%u.%u", vlan >> 12 & 0xfff, vlan & 0xfff);
	else
		snprintf(text, sizeof(text), "%u", vlan & 0xfff);
	answer_set_text(object, "Vlan", text);
}

/* What of a frame could be read. */
static void write_packet(const struct td_trace_packet *packet, json_t *object)
{
	answer_set_integer(object, "Length", packet->length);
	set_mac(object, "DestinationMac", packet->dest_mac);
	set_vlan(object, packet->vlan);
	if (!(packet->flags & TD_TRACE_TUPLE))
		return;
	set_address(object, "Source", packet->source, packet->family);
	set_address(object, "Destination", packet->dest, packet->family);
	set_protocol(object, packet->proto);
	answer_set_integer(object, "Ttl", packet->ttl);
	if (packet->flags & TD_TRACE_PIECE)
		answer_set_bool(object, "Fragment", true);
	if (packet->flags & TD_TRACE_PORTS) {
		answer_set_integer(object, "SourcePort", ntohs(packet->source_port));
		answer_set_integer(object, "DestinationPort", ntohs(packet->dest_port));
		if (packet->proto == IPPROTO_TCP)
			set_tcp_flags(object, packet->tcp_flags);
	}
	if (packet->flags & TD_TRACE_ICMP) {
		answer_set_integer(object, "IcmpType", packet->icmp_type);
		answer_set_integer(object, "IcmpCode", packet->icmp_code);
	}
}

static const char *slot_word(int32_t slot)
{
	switch (slot) {
	case TD_SLOT_PRIMARY:
		return server_role_name(ROLE_MASTER);
	case TD_SLOT_SECONDARY:
		return server_role_name(ROLE_SLAVE);
	default:
		return "none";
	}
}

/* What was found and picked; an empty object where the packet was nobody's. */
static void write_stages(const struct td_trace_event *event, json_t *object)
{
	char text[sizeof("0x0123456789abcdef")];

	if (event->way == TD_TRACE_UNKNOWN)
		return;
	answer_set_text(object, "Found", event->way == TD_TRACE_FORWARD ? "Listener" : "Server");
	answer_set_integer(object, "Service", event->service);
	answer_set_text(object, "Server", slot_word(event->slot));
	if (event->has_state) {
		snprintf(text, sizeof(text), "0x%016" PRIx64, (uint64_t)event->state);
		answer_set_text(object, "State", text);
		answer_set_text(object, "Active",
				slot_word((int32_t)(event->state & TD_STATE_SLOT_MASK)));
	}
	if (event->nexthop >= 0)
		answer_set_integer(object, "NextHop", event->nexthop);
}

static void write_verdict(const struct td_trace_event *event, json_t *object)
{
	static const char *const words[] = {
		[XDP_ABORTED] = "aborted", [XDP_DROP] = "drop",		[XDP_PASS] = "pass",
		[XDP_TX] = "tx",	   [XDP_REDIRECT] = "redirect",
	};
	uint32_t reason = event->reason < TD_REASON_MAX ? event->reason : TD_CONTINUE;

	answer_set_text(object, "Action", words[reasons[reason].action]);
	answer_set_text(object, "Reason", reasons[reason].name);
}

static void visit_event(const struct td_trace_event *event, int64_t wall_us, void *userdata)
{
	json_t *object = answer_append_object(userdata);
	char seconds[CLOCK_TEXT_MAX], text[CLOCK_TEXT_MAX + sizeof(".123456")];

	clock_format(wall_us / 1000000, seconds);
	snprintf(text, sizeof(text), "%.*s.%06dZ", (int)strlen(seconds) - 1, seconds,
		 (int)(wall_us % 1000000));
	answer_set_text(object, "Time", text);
	set_interface(object, "Interface", event->ingress);
	write_packet(&event->in, object);
	write_stages(event, answer_set_object(object, "Stages"));
	set_interface(object, "EgressInterface", event->egress);
	if (event->out.length)
		write_packet(&event->out, answer_set_object(object, "Out"));
	write_verdict(event, object);
}

int trace_show(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	static const char *const ends[] = {
		[TRACE_RUNS] = "",
		[TRACE_STOPPED] = "Stopped",
		[TRACE_TIME_OVER] = "TimeOver",
		[TRACE_FULL] = "MaxEvents",
		[TRACE_UNATTENDED] = "Unattended",
	};
	const struct id_request *wanted = request;
	struct trace_reader reader = {.max = wanted->max_results, .visit = visit_event};
	struct trace_status status = {0};
	int r;

	answer_set_text(answer, "TraceId", wanted->id);
	reader.userdata = answer_set_list(answer, "Events", "Event");
	r = service_trace_read(call->service, wanted->id, &reader, &status, reterr);
	if (r < 0)
		return r;
	answer_set_bool(answer, "Running", status.end == TRACE_RUNS);
	answer_set_text(answer, "EndReason", ends[status.end]);
	answer_set_integer(answer, "Waiting", status.waiting);
	answer_set_integer(answer, "Matched", (int64_t)status.matched);
	answer_set_integer(answer, "Lost", (int64_t)status.lost);
	return 0;
}
