// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What only the tracing program does; that it does the same as the other one is tested with each
 * row of test_packet.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "expect.h"
#include "lab.h"
#include "tandem.skel.h"
#include "tandem/select.h"
#include "traced.h"

/* The filters that only the tracing program has. */
static unsigned int traced_events(const struct frame *frame, const struct td_trace_filter *filter)
{
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	struct td_trace_event event;
	unsigned int events;
	uint32_t length;

	traced_filter(filter);
	traced_run(buffer, frame_build(frame, buffer), out, &length, &event, &events);
	return events;
}

static void test_trace_when_filtered_then_only_what_matches_is_recorded(void **state)
{
	const struct frame to = packet_to_vip(4, IPPROTO_TCP);
	const struct frame from = packet_from_server(4, IPPROTO_TCP, 0);
	struct frame other = to;
	const struct td_trace_filter all = {.deadline_ns = UINT64_MAX, .service = TD_TRACE_NONE};
	struct td_trace_filter filter = all;

	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	other.dest_port = 81;
	filter.client_family = 4;
	inet_pton(AF_INET, CLIENT4, filter.client);
	assert_int_equal(traced_events(&to, &filter), 1);
	assert_int_equal(traced_events(&from, &filter), 1);
	filter.client_port = htons(1);
	assert_int_equal(traced_events(&to, &filter), 0);
	filter.client_port = htons(to.source_port);
	assert_int_equal(traced_events(&to, &filter), 1);
	filter.client[0]++;
	assert_int_equal(traced_events(&to, &filter), 0);

	/* A listener: what its service was found for, and what was meant for its place. */
	filter = all;
	filter.vip_family = 4;
	filter.vip_port = htons(80);
	filter.vip_proto = IPPROTO_TCP;
	filter.service = WEB4;
	inet_pton(AF_INET, VIP4, filter.vip);
	assert_int_equal(traced_events(&to, &filter), 1);
	assert_int_equal(traced_events(&from, &filter), 1);
	assert_int_equal(traced_events(&other, &filter), 0);
	filter.service = TD_TRACE_NONE;
	assert_int_equal(traced_events(&from, &filter), 0);
	filter.vip_port = htons(81);
	assert_int_equal(traced_events(&other, &filter), 1);

	filter = all;
	filter.reason = TD_PASS_NOT_OURS;
	assert_int_equal(traced_events(&to, &filter), 0);
	assert_int_equal(traced_events(&other, &filter), 1);

	filter = all;
	filter.sample_every = 4;
	for (unsigned int round = 0, seen = 0; round < 12; round++) {
		seen += traced_events(&to, &filter);
		if (round == 11)
			assert_int_equal(seen, 3);
	}
	filter = all;
	filter.deadline_ns = 1;
	assert_int_equal(traced_events(&to, &filter), 0);
	traced_filter(&all);
}

/* Of the map ids of a program, whether one has a name that begins so. */
static bool program_has_map(int program, const char *name)
{
	__u32 ids[64];
	struct bpf_prog_info info = {.map_ids = (uintptr_t)ids, .nr_map_ids = ARRAY_SIZE(ids)};
	__u32 length = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(program, &info, &length), 0);
	assert_in_range(info.nr_map_ids, 1, ARRAY_SIZE(ids));
	for (__u32 i = 0; i < info.nr_map_ids; i++) {
		struct bpf_map_info map = {0};
		__u32 size = sizeof(map);
		int fd = bpf_map_get_fd_by_id(ids[i]);

		assert_int_equal(bpf_obj_get_info_by_fd(fd, &map, &size), 0);
		close(fd);
		if (strncmp(map.name, name, strlen(name)) == 0)
			return true;
	}
	return false;
}

/* Tracing costs nothing when off: the usual program has no map, and no instruction, of it. */
static void test_program_when_not_tracing_then_has_nothing_of_it(void **state)
{
	int normal = bpf_program__fd(lab.skel->progs.tandem_xdp), tracing = traced_program_fd();
	struct bpf_prog_info info = {0}, traced = {0};
	__u32 length = sizeof(info);

	(void)state;
	assert_true(program_has_map(tracing, "trace_notes"));
	assert_false(program_has_map(normal, "trace"));
	assert_int_equal(bpf_obj_get_info_by_fd(normal, &info, &length), 0);
	assert_int_equal(bpf_obj_get_info_by_fd(tracing, &traced, &length), 0);
	assert_true(info.xlated_prog_len < traced.xlated_prog_len);
	print_message("tandem_xdp: %u instructions, the verifier looked at %u; "
		      "tandem_trace: %u, %u\n",
		      info.xlated_prog_len / 8, info.verified_insns, traced.xlated_prog_len / 8,
		      traced.verified_insns);
}

static int setup(void **state)
{
	return lab_setup(state) < 0 || traced_open(lab.skel) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	traced_close();
	return lab_teardown(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace_when_filtered_then_only_what_matches_is_recorded),
		cmocka_unit_test(test_program_when_not_tracing_then_has_nothing_of_it),
	};

	return cmocka_run_group_tests_name("trace", tests, setup, teardown);
}
