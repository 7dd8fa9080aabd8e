/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tracing program on real links, with frames that it gets by BPF_PROG_TEST_RUN. */
/* This program needs some of what the rig has. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "dataplane_rig.h"

/* Of every test: an interface with the program on it. */
static struct {
	uint32_t ifindex;
	unsigned int events;
	struct td_trace_event last;
} traced;

static void on_trace(const struct td_trace_event *event, void *userdata)
{
	assert_ptr_equal(userdata, &traced);
	traced.events++;
	traced.last = *event;
}

static int link_program_fd(void)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);
	char name[32];

	snprintf(name, sizeof(name), "links/%u", traced.ifindex);
	AUTO(close_fd) int fd = pin_open(name);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return bpf_prog_get_fd_by_id(info.prog_id);
}

static const char *link_program_name(void)
{
	static struct bpf_prog_info info;
	__u32 size = sizeof(info);
	AUTO(close_fd) int fd = link_program_fd();

	memset(&info, 0, sizeof(info));
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.name;
}

static void begin(void)
{
	enum dataplane_mode mode;

	need_bpf();
	traced.events = 0;
	assert_int_equal(system("ip link add tdtrace type bridge"), 0);
	traced.ifindex = if_nametoindex("tdtrace");
	open_dataplane();
	assert_int_equal(
		dataplane_attach(rig.dataplane, traced.ifindex, "tdtrace", &mode, &rig.error), 0);
}

static int trace_test_end(void **state)
{
	int r = test_end(state);

	if (!rig.skipped)
		r |= system("ip link del tdtrace");
	return r;
}

static int trace_start(void)
{
	const struct dataplane_trace_filter filter = {.deadline_us = UINT64_MAX / 1000};

	return dataplane_trace_start(rig.dataplane, rig.event, &filter, on_trace, &traced,
				     &rig.error);
}

/* A frame that is nobody's through what is on the link now. */
static void run_frame(unsigned int times)
{
	uint8_t frame[64] = {2, 0, 0, 0, 0, 1};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = (int)times);
	AUTO(close_fd) int fd = link_program_fd();

	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
}

static void test_trace_when_started_then_links_have_the_tracing_program_until_the_end(void **state)
{
	struct td_trace_counts counts;

	(void)state;
	begin();
	assert_string_equal(link_program_name(), "tandem_xdp");
	assert_int_equal(trace_start(), 0);
	assert_string_equal(link_program_name(), "tandem_trace");
	assert_int_equal(trace_start(), -EBUSY);
	run_frame(3);
	while (traced.events < 3)
		assert_true(sd_event_run(rig.event, 5000000) > 0);
	assert_int_equal(traced.last.reason, TD_PASS_NOT_IP);
	assert_int_equal(traced.last.in.length, 64);

	/* What nobody took yet comes with the end. */
	run_frame(2);
	dataplane_trace_stop(rig.dataplane);
	assert_int_equal(traced.events, 5);
	assert_string_equal(link_program_name(), "tandem_xdp");
	assert_int_equal(dataplane_trace_counts_read(rig.dataplane, &counts), 0);
	assert_int_equal(counts.matched, 5);
	assert_int_equal(counts.lost, 0);

	/* Nothing of it is left for the next one. */
	dataplane_trace_stop(rig.dataplane);
	assert_int_equal(trace_start(), 0);
	assert_int_equal(dataplane_trace_counts_read(rig.dataplane, &counts), 0);
	assert_int_equal(counts.matched, 0);
}

static void test_trace_when_the_ring_is_full_then_what_is_lost_is_counted(void **state)
{
	enum { FRAMES = 20000 };
	struct td_trace_counts counts;

	(void)state;
	begin();
	assert_int_equal(trace_start(), 0);
	run_frame(FRAMES);
	dataplane_trace_stop(rig.dataplane);
	assert_int_equal(dataplane_trace_counts_read(rig.dataplane, &counts), 0);
	assert_int_equal(counts.matched, FRAMES);
	assert_in_range(traced.events, 1000, FRAMES - 1);
	assert_int_equal(traced.events + counts.lost, FRAMES);
}

static void test_trace_when_the_agent_ends_then_the_usual_program_is_back(void **state)
{
	(void)state;
	begin();
	assert_int_equal(trace_start(), 0);
	close_dataplane();
	assert_string_equal(link_program_name(), "tandem_xdp");
}

/* The deadline holds without an agent: a killed one leaves the program on the links. */
static void test_trace_when_the_deadline_is_past_then_nothing_is_recorded(void **state)
{
	const struct dataplane_trace_filter past = {.deadline_us = 1};

	(void)state;
	begin();
	assert_int_equal(dataplane_trace_start(rig.dataplane, rig.event, &past, on_trace, &traced,
					       &rig.error),
			 0);
	run_frame(3);
	dataplane_trace_stop(rig.dataplane);
	assert_int_equal(traced.events, 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, trace_test_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_trace_when_started_then_links_have_the_tracing_program_until_the_end),
		TEST(test_trace_when_the_ring_is_full_then_what_is_lost_is_counted),
		TEST(test_trace_when_the_agent_ends_then_the_usual_program_is_back),
		TEST(test_trace_when_the_deadline_is_past_then_nothing_is_recorded),
	};

	return cmocka_run_group_tests_name("dataplane_trace", tests, rig_start, rig_end);
}
