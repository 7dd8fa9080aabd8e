/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one trace: what is asked for, what comes back, how it ends. */
#include "api_rig.h"

#include <arpa/inet.h>

#include "service/trace.h"

static char *trace_begin(struct api_rig *rig, const char *params)
{
	AUTO_REPLY struct reply reply = rig_done(rig, "StartTrace", params);

	return xasprintf("TraceId=%s", text_at(reply.body, "TraceId"));
}

/* The lengths of the events that come, and whether it says that it runs. */
static unsigned int read_events(struct api_rig *rig, const char *params, bool *ret_running,
				char *ret_end, size_t size)
{
	AUTO_REPLY struct reply reply = rig_done(rig, "DescribeTrace", params);

	*ret_running = json_is_true(json_object_get(reply.body, "Running"));
	snprintf(ret_end, size, "%s", text_at(reply.body, "EndReason"));
	return (unsigned int)json_array_size(list_at(reply.body, "Events", "Event"));
}

static void test_trace_when_started_then_the_filter_is_what_was_asked(void **state)
{
	struct api_rig *rig = *state;
	const struct load_balancer balancer = given_balancer(rig->service, "192.0.2.10");
	const struct server_group group =
		given_group(rig->service, &balancer, "g", "10.0.0.1", "10.0.0.2", 8080);
	AUTO(free_memory) char *id = NULL;
	const struct netaddr client = address_of("2001:db8::7"), vip = address_of("192.0.2.10");

	given_running_listener(rig->service, &group, 80);
	id = trace_begin(rig, "Client=%5B2001:db8::7%5D:51000&LoadBalancerId=lb-192.0.2.10&"
			      "ListenerPort=80&ListenerProtocol=tcp&Reason=drop_no_route&"
			      "SampleEvery=7&DurationMs=60000");
	assert_memory_equal(id, "TraceId=trace-", 14);
	assert_true(netaddr_equal(&fake.trace_filter.client, &client));
	assert_int_equal(fake.trace_filter.client_port, 51000);
	assert_true(netaddr_equal(&fake.trace_filter.vip, &vip));
	assert_int_equal(fake.trace_filter.port, 80);
	assert_int_equal(fake.trace_filter.protocol, IPPROTO_TCP);
	assert_true(fake.trace_filter.is_served);
	assert_int_equal(fake.trace_filter.reason, TD_DROP_NO_ROUTE);
	assert_int_equal(fake.trace_filter.sample_every, 7);
	assert_in_range(fake.trace_filter.deadline_us, clock_monotonic_us() + 50000000,
			clock_monotonic_us() + 60000000);
}

static void test_trace_when_the_listener_is_stopped_then_its_place_is_traced(void **state)
{
	struct api_rig *rig = *state;
	const struct load_balancer balancer = given_balancer(rig->service, "192.0.2.10");
	const struct server_group group =
		given_group(rig->service, &balancer, "g", "10.0.0.1", "10.0.0.2", 8080);
	AUTO(free_memory) char *id = NULL;

	given_listener(rig->service, &group, 80);
	id = trace_begin(rig, "LoadBalancerId=lb-192.0.2.10&ListenerPort=80");
	assert_memory_equal(id, "TraceId=trace-", 14);
	assert_false(fake.trace_filter.is_served);
	assert_int_equal(fake.trace_filter.port, 80);
	assert_false(netaddr_is_set(&fake.trace_filter.client));
}

static void test_trace_when_read_then_each_event_comes_once_in_order(void **state)
{
	struct api_rig *rig = *state;
	AUTO(free_memory) char *id = trace_begin(rig, "");
	AUTO(free_memory) char *few = xasprintf("%s&MaxResults=2", id);

	fake_trace(5, 60);
	for (int length = 60; length < 65; length += 2) {
		AUTO_REPLY struct reply reply = rig_done(rig, "DescribeTrace", few);
		json_t *events = list_at(reply.body, "Events", "Event");

		assert_int_equal(json_array_size(events), length == 64 ? 1 : 2);
		assert_json(json_array_get(events, 0),
			    "{\"Reason\": \"pass_not_ours\", \"Action\": \"pass\", \"Stages\": {},"
			    " \"EgressInterface\": \"\"}");
		assert_int_equal(integer_at(json_array_get(events, 0), "Length"), length);
		assert_int_equal(integer_at(reply.body, "Waiting"), length == 64 ? 0 : 63 - length);
		assert_int_equal(integer_at(reply.body, "Matched"), 5);
	}
}

static void test_trace_when_nobody_reads_in_time_then_what_is_lost_is_counted(void **state)
{
	struct api_rig *rig = *state;
	AUTO(free_memory) char *id = trace_begin(rig, "");
	AUTO_REPLY struct reply reply = {0};

	fake_trace(TRACE_QUEUE_SIZE + 3, 1);
	reply = rig_done(rig, "DescribeTrace", id);
	assert_int_equal(integer_at(reply.body, "Lost"), 3);
	assert_int_equal(
		integer_at(json_array_get(list_at(reply.body, "Events", "Event"), 0), "Length"), 1);
}

static void test_trace_when_one_runs_then_another_is_refused(void **state)
{
	struct api_rig *rig = *state;
	AUTO(free_memory) char *first = trace_begin(rig, "");
	AUTO(free_memory) char *second = NULL;
	AUTO_REPLY struct reply stopped = {0};
	bool running;
	char end[32];

	assert_call_refused(rig, "StartTrace", "", 400, "TraceAlreadyRunning", first + 8);
	fake.trace_last_words = 2;
	stopped = rig_done(rig, "StopTrace", first);
	assert_int_equal(json_object_size(stopped.body), 1);
	assert_null(fake.on_trace);

	/* What was recorded until then is still there, and no more once the next one runs. */
	assert_int_equal(read_events(rig, first, &running, end, sizeof(end)), 2);
	assert_false(running);
	assert_string_equal(end, "Stopped");
	second = trace_begin(rig, "");
	assert_string_not_equal(first, second);
	assert_call_refused(rig, "DescribeTrace", first, 404, "InvalidTraceId.NotFound", "trace-");
	assert_call_refused(rig, "StopTrace", first, 404, "InvalidTraceId.NotFound", "trace-");
}

/* Read nothing until the trace has ended. */
static void await_end(struct api_rig *rig)
{
	uint64_t deadline = clock_monotonic_us() + RIG_DEADLINE_US;

	while (fake.on_trace) {
		rig_turn(rig);
		assert_true(clock_monotonic_us() < deadline);
	}
}

static void test_trace_when_its_time_is_over_then_it_ends(void **state)
{
	struct api_rig *rig = *state;
	AUTO(free_memory) char *id = trace_begin(rig, "DurationMs=100");
	uint64_t start = clock_monotonic_us();
	bool running;
	char end[32];

	await_end(rig);
	assert_in_range(clock_monotonic_us() - start, 0, 4000000);
	read_events(rig, id, &running, end, sizeof(end));
	assert_false(running);
	assert_string_equal(end, "TimeOver");
}

static void test_trace_when_nobody_asks_any_more_then_it_ends(void **state)
{
	struct api_rig *rig = *state;
	AUTO(free_memory) char *id = trace_begin(rig, "DurationMs=600000");
	bool running;
	char end[32];

	await_end(rig);
	read_events(rig, id, &running, end, sizeof(end));
	assert_string_equal(end, "Unattended");
}

static void test_trace_when_it_has_all_its_events_then_it_ends(void **state)
{
	struct api_rig *rig = *state;
	AUTO(free_memory) char *id = trace_begin(rig, "MaxEvents=3");
	bool running;
	char end[32];

	fake_trace(5, 60);
	await_end(rig);
	assert_int_equal(read_events(rig, id, &running, end, sizeof(end)), 3);
	assert_string_equal(end, "MaxEvents");
}

static void test_trace_when_the_agent_ends_then_it_ends_before(void **state)
{
	struct api_rig *rig = *state;
	AUTO(free_memory) char *id = trace_begin(rig, "");

	rig_restart(rig->service);
	assert_null(fake.on_trace);
	rig->api = api_free(rig->api);
	assert_int_equal(api_rig_start(rig, &rig->service->error), 0);
	assert_call_refused(rig, "DescribeTrace", id, 404, "InvalidTraceId.NotFound", "");
}

static void test_trace_when_the_links_stay_then_nothing_runs(void **state)
{
	struct api_rig *rig = *state;
	AUTO(free_memory) char *id = NULL;

	fake_fail_at(1);
	assert_call_refused(rig, "StartTrace", "", 500, "InternalError", "switch the links");
	fake_fail_at(0);
	id = trace_begin(rig, "");
	assert_memory_equal(id, "TraceId=trace-", 14);
	assert_non_null(fake.on_trace);
}

static void test_trace_when_something_is_wrong_then_it_is_named(void **state)
{
	static const struct {
		const char *params, *code, *message;
	} rows[] = {
		{"Client=192.0.2.7:0", "InvalidParameter", "Client"},
		{"Client=2001:db8::7%5D", "InvalidParameter", "Client"},
		{"Client=host", "InvalidParameter", "ADDRESS"},
		{"Reason=continue", "InvalidParameter", "drop_no_route"},
		{"ListenerPort=80", "MissingParameter", "LoadBalancerId"},
		{"LoadBalancerId=lb-x", "MissingParameter", "ListenerPort"},
		{"DurationMs=99", "InvalidParameter", "100 to 600000"},
		{"DurationMs=600001", "InvalidParameter", "100 to 600000"},
		{"SampleEvery=0", "InvalidParameter", "SampleEvery"},
		{"MaxEvents=0", "InvalidParameter", "MaxEvents"},
	};
	struct api_rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_call_refused(rig, "StartTrace", rows[i].params, 400, rows[i].code,
				    rows[i].message);
	assert_call_refused(rig, "StartTrace", "LoadBalancerId=lb-x&ListenerPort=80", 404,
			    "InvalidLoadBalancerId.NotFound", "");
	assert_null(fake.on_trace);
}

/* A reset packet on its way to the secondary, with tags. */
static void test_event_when_shown_then_each_member_has_its_name(void **state)
{
	struct td_trace_event event = {
		.in = {.length = 60,
		       .vlan = TD_VLAN_ONE | 100,
		       .dest_mac = {2, 0, 0, 0, 0, 1},
		       .family = 4,
		       .proto = IPPROTO_TCP,
		       .tcp_flags = 0x14,
		       .ttl = 64,
		       .flags = TD_TRACE_TUPLE | TD_TRACE_PORTS},
		.state = 0x100000001,
		.has_state = 1,
		.way = TD_TRACE_FORWARD,
		.service = 3,
		.slot = 1,
		.nexthop = 5,
		.ingress = 1,
		.egress = 1,
		.reason = TD_FORWARD_TX,
	};
	struct api_rig *rig = *state;
	AUTO(free_memory) char *id = trace_begin(rig, "");
	AUTO_REPLY struct reply reply = {0};

	inet_pton(AF_INET, "192.0.2.7", event.in.source);
	inet_pton(AF_INET, "192.0.2.10", event.in.dest);
	fake.on_trace(&event, fake.trace_userdata);
	reply = rig_done(rig, "DescribeTrace", id);
	assert_json(json_array_get(list_at(reply.body, "Events", "Event"), 0),
		    "{\"Interface\": \"lo\", \"Length\": 60, \"Vlan\": \"100\","
		    " \"DestinationMac\": \"02:00:00:00:00:01\", \"Source\": \"192.0.2.7\","
		    " \"SourcePort\": 0, \"Destination\": \"192.0.2.10\", \"Protocol\": \"tcp\","
		    " \"TcpFlags\": \"RST,ACK\", \"Ttl\": 64, \"EgressInterface\": \"lo\","
		    " \"Stages\": {\"Found\": \"Listener\", \"Service\": 3, \"Server\": \"Slave\","
		    "   \"State\": \"0x0000000100000001\", \"Active\": \"Slave\", \"NextHop\": 5},"
		    " \"Action\": \"tx\", \"Reason\": \"forward_tx\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_rig_setup, api_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_trace_when_started_then_the_filter_is_what_was_asked),
		TEST(test_trace_when_the_listener_is_stopped_then_its_place_is_traced),
		TEST(test_trace_when_read_then_each_event_comes_once_in_order),
		TEST(test_trace_when_nobody_reads_in_time_then_what_is_lost_is_counted),
		TEST(test_trace_when_one_runs_then_another_is_refused),
		TEST(test_trace_when_its_time_is_over_then_it_ends),
		TEST(test_trace_when_nobody_asks_any_more_then_it_ends),
		TEST(test_trace_when_it_has_all_its_events_then_it_ends),
		TEST(test_trace_when_the_agent_ends_then_it_ends_before),
		TEST(test_trace_when_the_links_stay_then_nothing_runs),
		TEST(test_trace_when_something_is_wrong_then_it_is_named),
		TEST(test_event_when_shown_then_each_member_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
