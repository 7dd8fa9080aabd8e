// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Frames through the real XDP program by BPF_PROG_TEST_RUN. A row is a sentence: what goes in, the
 * verdict and its reason, and the whole frame that comes out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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
#include "frame.h"
#include "lab.h"
#include "rows.h"
#include "tandem.skel.h"
#include "tandem/abi.h"
#include "tandem/select.h"
#include "traced.h"

static void given(const struct row *row)
{
	lab_given(row->state, row->hop);
}

/* Packets of the service, in and out of both servers; those refused are told apart. */
static void read_packets(uint32_t service, uint64_t *ret_packets, uint64_t *ret_refused)
{
	*ret_packets = *ret_refused = 0;
	for (uint32_t slot = 0; slot < 2; slot++) {
		struct td_counters counters;

		lab_read_counters(service, slot, &counters);
		*ret_packets += counters.packets_in + counters.packets_out;
		*ret_refused += counters.refused;
	}
}

/* The tracing program does with the frame what the other one did, and tells of it. */
static void assert_traced_alike(const struct row *row, const uint8_t *in, size_t in_length,
				const uint8_t *want, size_t want_length)
{
	struct td_trace_event event;
	uint8_t out[FRAME_MAX];
	unsigned int events;
	uint32_t length;

	assert_int_equal(traced_run(in, in_length, out, &length, &event, &events), row->action);
	expect_equal(out, length, want, want_length);
	assert_int_equal(events, 1);
	assert_int_equal(event.reason, row->reason);
	assert_int_equal(event.in.length, in_length);
	assert_int_equal(event.out.length, row->action == XDP_DROP ? 0 : want_length);
	if (row->counted >= 0) {
		assert_int_equal(event.service, row->counted);
		assert_int_equal(event.state, row->state);
	}
}

static void test_row(void **state)
{
	const struct row *row = *state;
	uint64_t packets[SERVICE_MAX], refused, now;
	uint8_t in[FRAME_MAX], want[FRAME_MAX];
	size_t in_length = frame_build(&row->in, in), want_length;

	given(row);
	for (size_t i = 0; i < ARRAY_SIZE(row->patches) && row->patches[i].at; i++) {
		in[row->patches[i].at] = (uint8_t)(row->patches[i].value >> 8);
		in[row->patches[i].at + 1] = (uint8_t)row->patches[i].value;
	}
	if (row->cut)
		in_length = row->cut;
	memcpy(want, in, sizeof(want));
	want_length = in_length;
	if (row->out.family)
		want_length = frame_build(&row->out, want);
	for (uint32_t i = 0; i < SERVICE_MAX; i++)
		read_packets(i, &packets[i], &refused);
	expect_bytes(in, in_length, want, want_length, row->action, row->reason);
	for (uint32_t i = 0; i < SERVICE_MAX; i++) {
		read_packets(i, &now, &refused);
		assert_int_equal(now - packets[i], (int)i == row->counted);
	}
	assert_traced_alike(row, in, in_length, want, want_length);
}

/* Every sum that a datagram can come out with, both ways, both families: right, and never sent as
 * zero. */
static void run_sums(const struct frame *frame, size_t udp_offset)
{
	struct frame in = *frame;
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	uint32_t length;

	for (uint32_t id = 0; id < 65536; id++) {
		size_t size;

		in.source_port = frame->source_port ? frame->source_port : (uint16_t)id;
		in.dest_port = frame->dest_port ? frame->dest_port : (uint16_t)id;
		size = frame_build(&in, buffer);
		assert_in_range(lab_run(buffer, size, out, &length), XDP_TX, XDP_REDIRECT);
		if (!frame_checksums_are_right(out, length) ||
		    (out[udp_offset] == 0 && out[udp_offset + 1] == 0))
			fail_msg("port %u: wrong checksum", id);
	}
}

static void test_udp_checksum_when_any_sum_then_right_and_not_zero(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct frame frames[] = {
		{.family = 4, .source = CLIENT4, .dest = VIP4, UDP, .dest_port = 53, .payload = 2},
		{.family = 4,
		 .source = PRIMARY4,
		 .dest = CLIENT4,
		 UDP,
		 .source_port = 53,
		 .payload = 2},
		{.family = 6, .source = CLIENT6, .dest = VIP6, UDP, .dest_port = 53, .payload = 2},
		{.family = 6,
		 .source = PRIMARY6,
		 .dest = CLIENT6,
		 UDP,
		 .source_port = 53,
		 .payload = 2},
	};

	(void)state;
	given(&settled);
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
		run_sums(&frames[i], frames[i].family == 4 ? 14 + 20 + 6 : 14 + 40 + 6);
}

static void test_refused_when_none_healthy_then_counted_for_the_service(void **state)
{
	static const struct row none = {.state = NONE_DROP};
	static const struct row in = {TO_VIP4(.dest_port = 80, TCP(SYN))};
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	uint64_t packets, before, after;
	uint32_t length;

	(void)state;
	given(&none);
	read_packets(WEB4, &packets, &before);
	lab_run(buffer, frame_build(&in.in, buffer), out, &length);
	read_packets(WEB4, &packets, &after);
	assert_int_equal(after - before, 1);
}

static int count_event(void *userdata, void *data, size_t size)
{
	const struct td_event_unresolved *event = data;
	int *seen = userdata;

	/* Rows before this one reported others. */
	if (event->addr[0] != inet_addr("192.0.2.98"))
		return 0;
	assert_int_equal(size, sizeof(*event));
	assert_int_equal(event->ifindex, lab.other_device);
	assert_int_equal(event->family, 4);
	(*seen)++;
	return 0;
}

static void test_unresolved_client_when_met_then_reported_to_the_agent(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct row in = {FROM_SERVER4(.source = PRIMARY4, .source_port = 8080,
						   TCP(ACK), .dest = "192.0.2.98")};
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	int seen = 0;
	struct ring_buffer *ring;
	uint32_t length;

	(void)state;
	given(&settled);
	ring = ring_buffer__new(bpf_map__fd(lab.skel->maps.events), count_event, &seen, NULL);
	assert_non_null(ring);
	lab_run(buffer, frame_build(&in.in, buffer), out, &length);
	ring_buffer__consume(ring);
	assert_int_equal(seen, 1);
	ring_buffer__free(ring);
}

/* A cached route is void as soon as the generation changes, and takes the new MAC. */
static void test_route_cache_when_generation_changes_then_kernel_is_asked(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct row in = {FROM_SERVER4(.source = PRIMARY4, .source_port = 8080,
						   TCP(ACK), .dest = "192.0.2.77")};
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	uint32_t length, zero = 0;
	struct td_settings settings;
	size_t size = frame_build(&in.in, buffer);

	(void)state;
	given(&settled);
	lab_run(buffer, size, out, &length);
	assert_int_equal(out[5], 0x77);
	assert_int_equal(
		lab_command("ip neigh replace 192.0.2.77 lladdr 02:00:00:00:00:78 dev eth0"), 0);
	lab_run(buffer, size, out, &length);
	assert_int_equal(out[5], 0x77); /* cached: the agent has not spoken yet */
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.settings), &zero, &settings), 0);
	settings.route_generation++;
	lab_update(settings, &zero, &settings);
	lab_run(buffer, size, out, &length);
	assert_int_equal(out[5], 0x78);
}

static void test_forwarding_when_off_then_named_and_untouched(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct row in = {
		FROM_SERVER4(.source = PRIMARY4, .source_port = 8080, TCP(ACK))};
	uint8_t buffer[FRAME_MAX];
	uint32_t zero = 0;
	struct td_settings settings;
	size_t size = frame_build(&in.in, buffer);

	(void)state;
	given(&settled);
	assert_int_equal(lab_command("sysctl -qw net.ipv4.ip_forward=0"), 0);
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.settings), &zero, &settings), 0);
	settings.route_generation++;
	lab_update(settings, &zero, &settings);
	expect_bytes(buffer, size, buffer, size, XDP_PASS, TD_PASS_FORWARDING_OFF);
	assert_int_equal(lab_command("sysctl -qw net.ipv4.ip_forward=1"), 0);
}

static void settings_set_flags(uint32_t flags)
{
	struct td_settings settings;
	uint32_t zero = 0;

	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.settings), &zero, &settings), 0);
	settings.flags = flags;
	lab_update(settings, &zero, &settings);
}

static void test_way_back_when_a_device_cannot_tx_then_redirected(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct row in = {TO_VIP4(.dest_port = 80, TCP(SYN))};
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	size_t size = frame_build(&in.in, buffer);
	uint32_t length, ingress = 1;

	(void)state;
	given(&settled);
	settings_set_flags(TD_SETTING_NO_TX);
	/* A device that the agent does not know yet is better served by XDP_TX than not at all. */
	assert_int_equal(lab_run(buffer, size, out, &length), XDP_TX);
	lab_update(devices, &ingress, &ingress);
	assert_int_equal(lab_run(buffer, size, out, &length), XDP_REDIRECT);
	settings_set_flags(0);
	assert_int_equal(lab_run(buffer, size, out, &length), XDP_TX);
}

static void print_instructions(void)
{
	struct bpf_prog_info info = {0};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(lab.skel->progs.tandem_xdp), &info, &length) ==
	    0)
		print_message("tandem_xdp: the verifier looked at %u instructions\n",
			      info.verified_insns);
}

/* What has no slot in its bucket is found in the hash maps, and only where the bucket says so. */
static void test_quick_bucket_when_overflowing_then_hash_maps_are_asked(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct row in = {TO_VIP4(.dest_port = 80, TCP(SYN))};
	struct td_service_key4 key = {inet_addr(VIP4), htons(80), IPPROTO_TCP, TD_QUICK_SERVICE};
	struct td_quick4 bucket, empty = {.overflow = 0};
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	size_t size = frame_build(&in.in, buffer);
	uint32_t length, index;
	uint64_t word;
	int fd = bpf_map__fd(lab.skel->maps.quick4);

	(void)state;
	given(&settled);
	memcpy(&word, &key, sizeof(word));
	index = td_quick_bucket(word);
	assert_int_equal(bpf_map_lookup_elem(fd, &index, &bucket), 0);
	lab_update(quick4, &index, &empty);
	assert_int_equal(lab_run(buffer, size, out, &length), XDP_PASS);
	empty.overflow = 1;
	lab_update(quick4, &index, &empty);
	assert_int_equal(lab_run(buffer, size, out, &length), XDP_TX);
	lab_update(quick4, &index, &bucket);
}

static void test_program_when_loaded_then_far_from_the_verifiers_limit(void **state)
{
	struct bpf_prog_info info = {0};
	__u32 length = sizeof(info);

	(void)state;
	print_instructions();
	assert_int_equal(
		bpf_obj_get_info_by_fd(bpf_program__fd(lab.skel->progs.tandem_xdp), &info, &length),
		0);
	assert_in_range(info.verified_insns, 1, 500000);
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
	static const struct CMUnitTest extra[] = {
		cmocka_unit_test(test_udp_checksum_when_any_sum_then_right_and_not_zero),
		cmocka_unit_test(test_refused_when_none_healthy_then_counted_for_the_service),
		cmocka_unit_test(test_unresolved_client_when_met_then_reported_to_the_agent),
		cmocka_unit_test(test_route_cache_when_generation_changes_then_kernel_is_asked),
		cmocka_unit_test(test_forwarding_when_off_then_named_and_untouched),
		cmocka_unit_test(test_way_back_when_a_device_cannot_tx_then_redirected),
		cmocka_unit_test(test_quick_bucket_when_overflowing_then_hash_maps_are_asked),
		cmocka_unit_test(test_program_when_loaded_then_far_from_the_verifiers_limit),
	};
	struct CMUnitTest tests[ARRAY_SIZE(rows) + ARRAY_SIZE(extra)];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = test_row,
					       .initial_state = (void *)&rows[i]};
	memcpy(tests + ARRAY_SIZE(rows), extra, sizeof(extra));
	return _cmocka_run_group_tests("packet", tests, ARRAY_SIZE(tests), setup, teardown);
}
