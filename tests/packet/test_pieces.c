// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Datagrams in pieces: cut from a whole one, and compared with the pieces of the whole one as the
 * receiver should get it, so that what is put together there is right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "expect.h"
#include "lab.h"
#include "tandem.skel.h"
#include "tandem/select.h"

enum { PIECE = 64 };

static const int families[] = {4, 6};
static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};

/* The piece of @in from @offset on comes out as the same piece of @out. */
static void expect_piece(const struct frame *in, const struct frame *out, uint16_t offset,
			 int action, enum td_reason reason)
{
	struct frame_cut cut = {.id = in->id, .offset = offset, .size = PIECE};
	uint8_t whole[FRAME_MAX], piece[FRAME_MAX], want[FRAME_MAX];
	size_t length, want_length;

	length = frame_piece(whole, frame_build(in, whole), cut, piece);
	want_length = frame_piece(whole, frame_build(out ? out : in, whole), cut, want);
	expect_bytes(piece, length, want, want_length, action, reason);
}

static void given_nothing_seen(void)
{
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	lab_forget_pieces();
}

static struct frame long_packet_to_vip(int family, uint8_t proto, uint32_t id)
{
	struct frame packet = packet_to_vip(family, proto);

	packet.payload = 400;
	packet.id = id;
	return packet;
}

static struct frame long_packet_from_server(int family, uint8_t proto, uint32_t id)
{
	struct frame packet = packet_from_server(family, proto, 0);

	packet.payload = 400;
	packet.id = id;
	return packet;
}

static void test_pieces_when_in_order_then_all_go_to_the_server(void **state)
{
	(void)state;
	given_nothing_seen();
	for (size_t i = 0; i < 4; i++) {
		struct frame in = long_packet_to_vip(families[i / 2], protos[i % 2], 1000);
		struct frame out = packet_at_server(in, 0);

		for (uint16_t offset = 0; offset < 400; offset += PIECE)
			expect_piece(&in, &out, offset, XDP_TX, TD_FORWARD_TX);
	}
}

static void test_pieces_when_from_a_server_then_all_leave_as_the_vip(void **state)
{
	(void)state;
	given_nothing_seen();
	for (size_t i = 0; i < 4; i++) {
		int family = families[i / 2];
		struct frame in = long_packet_from_server(family, protos[i % 2], 77);
		struct frame out = packet_at_client(in);

		for (uint16_t offset = 0; offset < 400; offset += PIECE)
			expect_piece(&in, &out, offset, action_to_client(family),
				     reason_to_client(family));
	}
}

static void test_pieces_when_no_udp_checksum_then_it_stays_so(void **state)
{
	struct frame in = long_packet_to_vip(4, IPPROTO_UDP, 5), out;
	struct frame reply = long_packet_from_server(4, IPPROTO_UDP, 5), at_client;

	(void)state;
	given_nothing_seen();
	in.no_checksum = reply.no_checksum = 1;
	out = packet_at_server(in, 0);
	at_client = packet_at_client(reply);
	for (uint16_t offset = 0; offset < 2 * PIECE; offset += PIECE) {
		expect_piece(&in, &out, offset, XDP_TX, TD_FORWARD_TX);
		expect_piece(&reply, &at_client, offset, XDP_TX, TD_RETURN_TX);
	}
}

static void test_pieces_when_they_overlap_then_they_meet_at_the_same_server(void **state)
{
	(void)state;
	given_nothing_seen();
	for (size_t i = 0; i < 4; i++) {
		struct frame in = long_packet_to_vip(families[i / 2], protos[i % 2], 9);
		struct frame out = packet_at_server(in, 0);

		/* Behind the headers, which a piece other than the first is not looked into for. */
		for (uint16_t offset = 0; offset < 200; offset = offset ? offset + 8 : 24)
			expect_piece(&in, &out, offset, XDP_TX, TD_FORWARD_TX);
	}
}

static void test_pieces_when_out_of_order_behind_the_first_then_they_follow_it(void **state)
{
	(void)state;
	given_nothing_seen();
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct frame in = long_packet_to_vip(families[i], IPPROTO_UDP, 10);
		struct frame out = packet_at_server(in, 0);

		expect_piece(&in, &out, 0, XDP_TX, TD_FORWARD_TX);
		for (uint16_t offset = 5 * PIECE; offset > 0; offset -= PIECE)
			expect_piece(&in, &out, offset, XDP_TX, TD_FORWARD_TX);
	}
}

static void test_later_piece_when_before_the_first_then_dropped_by_name(void **state)
{
	(void)state;
	given_nothing_seen();
	for (size_t i = 0; i < 4; i++) {
		struct frame in =
			long_packet_to_vip(families[i / 2], protos[i % 2], 100 + (uint32_t)i);
		struct frame out = packet_at_server(in, 0);

		expect_piece(&in, NULL, PIECE, XDP_DROP, TD_DROP_FRAGMENT);
		expect_piece(&in, &out, 0, XDP_TX, TD_FORWARD_TX);
		expect_piece(&in, &out, PIECE, XDP_TX, TD_FORWARD_TX);
	}
}

static void test_later_piece_when_of_another_datagram_then_dropped_by_name(void **state)
{
	(void)state;
	given_nothing_seen();
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct frame in = long_packet_to_vip(families[i], IPPROTO_UDP, 12);
		struct frame out = packet_at_server(in, 0);

		expect_piece(&in, &out, 0, XDP_TX, TD_FORWARD_TX);
		in.id = 13;
		expect_piece(&in, NULL, PIECE, XDP_DROP, TD_DROP_FRAGMENT);
		in.id = 12;
		in.source = in.family == 4 ? "203.0.113.8" : "2001:db8:ffff::8";
		expect_piece(&in, NULL, PIECE, XDP_DROP, TD_DROP_FRAGMENT);
	}
}

static void test_later_piece_when_its_first_is_too_old_then_dropped_by_name(void **state)
{
	(void)state;
	given_nothing_seen();
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct frame in = long_packet_to_vip(families[i], IPPROTO_UDP, 14);
		struct frame out = packet_at_server(in, 0);

		expect_piece(&in, &out, 0, XDP_TX, TD_FORWARD_TX);
		lab_age_pieces();
		expect_piece(&in, NULL, PIECE, XDP_DROP, TD_DROP_FRAGMENT);
		expect_piece(&in, &out, 0, XDP_TX, TD_FORWARD_TX);
		expect_piece(&in, &out, PIECE, XDP_TX, TD_FORWARD_TX);
	}
}

static void test_later_piece_when_from_a_server_before_its_first_then_passes(void **state)
{
	struct frame in = long_packet_from_server(4, IPPROTO_UDP, 15);

	(void)state;
	given_nothing_seen();
	expect_piece(&in, NULL, PIECE, XDP_PASS, TD_PASS_NOT_OURS);
}

/* A port of the VIP that is the host's own, and echo requests longer than a frame. */
static void test_pieces_when_to_a_vip_but_not_a_service_then_all_pass(void **state)
{
	(void)state;
	given_nothing_seen();
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct frame other = long_packet_to_vip(families[i], IPPROTO_UDP, 16);
		struct frame echo = long_packet_to_vip(
			families[i], families[i] == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 17);

		other.dest_port = 5353;
		echo.icmp_type = families[i] == 4 ? 8 : 128;
		for (uint16_t offset = 0; offset < 3 * PIECE; offset += PIECE) {
			expect_piece(&other, NULL, offset, XDP_PASS, TD_PASS_NOT_OURS);
			expect_piece(&echo, NULL, offset, XDP_PASS, TD_PASS_NOT_OURS);
		}
	}
}

static void test_later_piece_when_its_id_was_a_services_before_then_follows_its_own(void **state)
{
	(void)state;
	given_nothing_seen();
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct frame ours = long_packet_from_server(families[i], IPPROTO_UDP, 18);
		struct frame out = packet_at_client(ours), other = ours;

		other.source_port = 9999;
		expect_piece(&ours, &out, 0, action_to_client(families[i]),
			     reason_to_client(families[i]));
		expect_piece(&other, NULL, 0, XDP_PASS, TD_PASS_NOT_OURS);
		expect_piece(&other, NULL, PIECE, XDP_PASS, TD_PASS_NOT_OURS);
	}
}

static void test_pieces_when_the_active_server_changes_then_the_rest_goes_there(void **state)
{
	struct frame in = long_packet_to_vip(4, IPPROTO_UDP, 19);
	struct frame before = packet_at_server(in, 0), after = packet_at_server(in, 1);

	(void)state;
	given_nothing_seen();
	expect_piece(&in, &before, 0, XDP_TX, TD_FORWARD_TX);
	lab_given(TD_SLOT_SECONDARY, HOP_PRIMARY);
	expect_piece(&in, &after, PIECE, XDP_TX, TD_FORWARD_TX);
}

static void test_later_piece_when_it_cannot_be_served_then_dropped_without_an_answer(void **state)
{
	uint64_t reject = TD_SLOT_NONE | (uint64_t)TD_SELECT_REJECT << TD_STATE_NONE_SHIFT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct frame in = long_packet_to_vip(families[i], IPPROTO_UDP, 20), expired = in;
		struct frame out = packet_at_server(in, 0);

		given_nothing_seen();
		expect_piece(&in, &out, 0, XDP_TX, TD_FORWARD_TX);
		lab_given(reject, HOP_PRIMARY);
		expect_piece(&in, NULL, PIECE, XDP_DROP, TD_DROP_NONE_HEALTHY);
		lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
		expired.ttl = 1;
		expect_piece(&expired, NULL, PIECE, XDP_DROP, TD_DROP_TTL_EXPIRED);
	}
}

/* A whole datagram behind a fragment header (RFC 6946) has nothing to do with pieces of that id. */
static void test_atomic_fragment_when_between_pieces_then_they_go_on(void **state)
{
	struct frame in = long_packet_to_vip(6, IPPROTO_UDP, 21), atomic = in;
	struct frame out = packet_at_server(in, 0), atomic_out;

	(void)state;
	given_nothing_seen();
	atomic.headers = "f";
	atomic_out = packet_at_server(atomic, 0);
	expect_frame(&atomic, &atomic_out, XDP_TX, TD_FORWARD_TX);
	expect_piece(&in, NULL, PIECE, XDP_DROP, TD_DROP_FRAGMENT);
	expect_piece(&in, &out, 0, XDP_TX, TD_FORWARD_TX);
	atomic.dest_port = 22;
	expect_frame(&atomic, NULL, XDP_PASS, TD_PASS_NOT_OURS);
	expect_piece(&in, &out, PIECE, XDP_TX, TD_FORWARD_TX);
}

/* The oldest make room, so that whoever sends first pieces only harms nobody but senders of pieces.
 */
static void test_first_pieces_when_flooding_then_other_traffic_goes_on(void **state)
{
	struct frame flood = long_packet_to_vip(4, IPPROTO_UDP, 0);
	struct frame plain = packet_to_vip(4, IPPROTO_TCP), out = packet_at_server(plain, 0);
	struct frame mine = long_packet_to_vip(4, IPPROTO_UDP, 4711), mine_out;
	struct frame_cut cut = {.size = PIECE};
	uint8_t whole[FRAME_MAX], piece[FRAME_MAX], got[FRAME_MAX];
	uint32_t length;

	(void)state;
	given_nothing_seen();
	flood.source = "203.0.113.66";
	for (uint32_t id = 0; id < 65536; id++) {
		size_t size;

		flood.id = id;
		size = frame_piece(whole, frame_build(&flood, whole), cut, piece);
		assert_int_equal(lab_run(piece, size, got, &length), XDP_TX);
	}
	expect_frame(&plain, &out, XDP_TX, TD_FORWARD_TX);
	mine_out = packet_at_server(mine, 0);
	expect_piece(&mine, &mine_out, 0, XDP_TX, TD_FORWARD_TX);
	expect_piece(&mine, &mine_out, PIECE, XDP_TX, TD_FORWARD_TX);
	assert_in_range(lab_forget_pieces(), TD_MAX_FRAGMENTS / 2, TD_MAX_FRAGMENTS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_when_in_order_then_all_go_to_the_server),
		cmocka_unit_test(test_pieces_when_from_a_server_then_all_leave_as_the_vip),
		cmocka_unit_test(test_pieces_when_no_udp_checksum_then_it_stays_so),
		cmocka_unit_test(test_pieces_when_they_overlap_then_they_meet_at_the_same_server),
		cmocka_unit_test(
			test_pieces_when_out_of_order_behind_the_first_then_they_follow_it),
		cmocka_unit_test(test_later_piece_when_before_the_first_then_dropped_by_name),
		cmocka_unit_test(test_later_piece_when_of_another_datagram_then_dropped_by_name),
		cmocka_unit_test(test_later_piece_when_its_first_is_too_old_then_dropped_by_name),
		cmocka_unit_test(test_later_piece_when_from_a_server_before_its_first_then_passes),
		cmocka_unit_test(test_pieces_when_to_a_vip_but_not_a_service_then_all_pass),
		cmocka_unit_test(
			test_later_piece_when_its_id_was_a_services_before_then_follows_its_own),
		cmocka_unit_test(
			test_pieces_when_the_active_server_changes_then_the_rest_goes_there),
		cmocka_unit_test(
			test_later_piece_when_it_cannot_be_served_then_dropped_without_an_answer),
		cmocka_unit_test(test_atomic_fragment_when_between_pieces_then_they_go_on),
		cmocka_unit_test(test_first_pieces_when_flooding_then_other_traffic_goes_on),
	};

	return cmocka_run_group_tests_name("pieces", tests, lab_setup, lab_teardown);
}
