// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Headers of every length, lengths that lie, tags, and what does not fit the way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "bytes.h"
#include "expect.h"
#include "lab.h"
#include "tandem/select.h"

#define NONE_REJECT (TD_SLOT_NONE | (uint64_t)TD_SELECT_REJECT << TD_STATE_NONE_SHIFT)

static const int families[] = {4, 6};
static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};

static void given_settled(void)
{
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	lab_forget_pieces();
}

static void expect_translated(const struct frame *in)
{
	bool to_vip = in->source_mac[16] == '2'; /* from the router */
	struct frame out = to_vip ? packet_at_server(*in, 0) : packet_at_client(*in);

	if (to_vip)
		expect_frame(in, &out, XDP_TX, TD_FORWARD_TX);
	else
		expect_frame(in, &out, action_to_client(in->family), reason_to_client(in->family));
}

static void test_ip_options_when_of_any_length_then_they_stay(void **state)
{
	(void)state;
	given_settled();
	for (uint8_t options = 4; options <= 40; options += 4) {
		for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
			struct frame in = packet_to_vip(4, protos[i]);
			struct frame reply = packet_from_server(4, protos[i], 0);

			in.options = reply.options = options;
			expect_translated(&in);
			expect_translated(&reply);
		}
	}
}

/* Of all that it can come out with, the one that has two forms in one's complement too. */
static void test_ip_checksum_when_any_sum_then_right(void **state)
{
	struct frame in = packet_to_vip(4, IPPROTO_UDP), out = packet_at_server(in, 0);
	uint8_t bytes[FRAME_MAX], want[FRAME_MAX], got[FRAME_MAX];

	(void)state;
	given_settled();
	for (uint32_t id = 0; id < 65536; id++) {
		size_t length;
		uint32_t got_length;

		in.id = out.id = id;
		length = frame_build(&in, bytes);
		frame_build(&out, want);
		assert_int_equal(lab_run(bytes, length, got, &got_length), XDP_TX);
		expect_equal(got, got_length, want, length);
	}
}

static void test_extension_headers_when_up_to_six_then_stepped_over(void **state)
{
	static const char *const chains[] = {"h",  "H",	 "r",	 "d",	   "a",	     "A",
					     "ha", "hr", "hdra", "hdradA", "Hdddda", "f"};

	(void)state;
	given_settled();
	for (size_t i = 0; i < 2 * ARRAY_SIZE(chains); i++) {
		struct frame in = packet_to_vip(6, protos[i % 2]);
		struct frame reply = packet_from_server(6, protos[i % 2], 0);

		in.headers = reply.headers = chains[i / 2];
		expect_translated(&in);
		expect_translated(&reply);
	}
}

static void test_extension_headers_when_they_cannot_be_served_then_named_where_ours(void **state)
{
	static const char *const chains[] = {"hdddddd", "R", "hR", "hdradAd"};

	(void)state;
	given_settled();
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		struct frame in = packet_to_vip(6, IPPROTO_TCP);

		in.headers = chains[i];
		expect_frame(&in, NULL, XDP_DROP, TD_DROP_HEADERS);
		in.dest = "2001:db8::200";
		expect_frame(&in, NULL, XDP_PASS, TD_PASS_NOT_OURS);
	}
}

static void test_extension_headers_when_cut_short_then_pass_as_malformed(void **state)
{
	struct frame in = packet_to_vip(6, IPPROTO_TCP);
	uint8_t bytes[FRAME_MAX];
	size_t start = 14 + 40, end;

	(void)state;
	given_settled();
	in.headers = "hrdaf";
	frame_build(&in, bytes);
	end = start + 8 + 24 + 8 + 24 + 8 + 20;
	for (size_t length = start; length < end; length++) {
		put16(bytes + 18, (uint16_t)(length - start));
		expect_bytes(bytes, length, bytes, length, XDP_PASS, TD_PASS_MALFORMED);
	}
}

/* An answer that a client can tell from others: past the extension headers, into the ports. */
static void test_extension_headers_when_nobody_serves_then_the_answer_is_right(void **state)
{
	static const char *const chains[] = {"h", "r", "hda", "hrdadA"};

	(void)state;
	lab_given(NONE_REJECT, HOP_PRIMARY);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		struct frame syn = packet_to_vip(6, IPPROTO_TCP),
			     udp = packet_to_vip(6, IPPROTO_UDP);
		struct frame reset = {.family = 6,
				      .source_mac = GATEWAY_MAC,
				      .dest_mac = ROUTER_MAC,
				      .source = VIP6,
				      .dest = CLIENT6,
				      .proto = IPPROTO_TCP,
				      .source_port = 80,
				      .dest_port = 40000,
				      .tcp_flags = 0x14,
				      .ack = 1001};
		struct frame error = reset;

		syn.headers = udp.headers = chains[i];
		syn.tcp_flags = 0x02;
		syn.payload = 0;
		expect_frame(&syn, &reset, XDP_TX, TD_REJECT_TCP_RESET);
		error.proto = IPPROTO_ICMPV6;
		error.icmp_type = 1;
		error.icmp_code = 4;
		error.quoted = &udp;
		expect_frame(&udp, &error, XDP_TX, TD_REJECT_UNREACHABLE);
	}
}

static void test_runt_when_of_any_length_then_passes_untouched(void **state)
{
	(void)state;
	given_settled();
	for (size_t i = 0; i < 4; i++) {
		struct frame in = packet_to_vip(families[i / 2], protos[i % 2]);
		uint8_t bytes[FRAME_MAX];

		frame_build(&in, bytes);
		/* The kernel itself refuses to run frames without an Ethernet header. */
		for (size_t length = 14; length <= 60; length++)
			expect_bytes(bytes, length, bytes, length, XDP_PASS, TD_PASS_MALFORMED);
	}
}

static void test_header_length_when_it_lies_then_passes_as_malformed(void **state)
{
	struct frame in = packet_to_vip(4, IPPROTO_TCP);
	uint8_t bytes[FRAME_MAX];
	size_t length;

	(void)state;
	given_settled();
	in.payload = 0;
	length = frame_build(&in, bytes);
	for (uint8_t words = 0; words < 16; words++) {
		bytes[14] = 0x40 | words;
		/* Five is the truth; with up to five more a TCP header would begin in this one. */
		if (words == 5)
			continue;
		expect_bytes(bytes, length, bytes, length, XDP_PASS, TD_PASS_MALFORMED);
	}
}

static void test_total_length_when_it_lies_then_passes_as_malformed(void **state)
{
	(void)state;
	given_settled();
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct frame in = packet_to_vip(families[i], IPPROTO_TCP);
		size_t at = 14 + (families[i] == 4 ? 2 : 4);
		uint8_t bytes[FRAME_MAX];
		size_t length = frame_build(&in, bytes);
		uint16_t truth = get16(bytes + at);

		for (uint32_t lie = truth + 1U; lie < 65536; lie += 97) {
			put16(bytes + at, (uint16_t)lie);
			expect_bytes(bytes, length, bytes, length, XDP_PASS, TD_PASS_MALFORMED);
		}
		for (uint16_t lie = 0; families[i] == 4 && lie < 20; lie++) {
			put16(bytes + at, lie);
			expect_bytes(bytes, length, bytes, length, XDP_PASS, TD_PASS_MALFORMED);
		}
	}
}

/* Padding behind the packet is sent along as it is. */
static void test_frame_when_longer_than_the_packet_then_the_rest_stays(void **state)
{
	(void)state;
	given_settled();
	for (size_t i = 0; i < 4; i++) {
		struct frame in = packet_to_vip(families[i / 2], protos[i % 2]);
		struct frame out = packet_at_server(in, 0);
		uint8_t in_bytes[FRAME_MAX], out_bytes[FRAME_MAX];
		size_t length = frame_build(&in, in_bytes);

		frame_build(&out, out_bytes);
		memset(in_bytes + length, 0xa5, 40);
		memset(out_bytes + length, 0xa5, 40);
		expect_bytes(in_bytes, length + 40, out_bytes, length + 40, XDP_TX, TD_FORWARD_TX);
	}
}

/* The data offset is between client and server; in an answer of ours it must do no harm. */
static void test_tcp_header_length_when_it_lies_then_the_answer_is_sane(void **state)
{
	(void)state;
	for (uint8_t words = 0; words < 16; words++) {
		struct frame in = packet_to_vip(4, IPPROTO_TCP), out;
		struct frame reset = {.family = 4,
				      .source_mac = GATEWAY_MAC,
				      .dest_mac = ROUTER_MAC,
				      .source = VIP4,
				      .dest = CLIENT4,
				      .fragment = 0x4000,
				      .proto = IPPROTO_TCP,
				      .source_port = 80,
				      .dest_port = 40000,
				      .tcp_flags = 0x14};
		uint8_t bytes[FRAME_MAX], want[FRAME_MAX];
		uint32_t header = 4U * words;
		size_t length, want_length;

		in.tcp_flags = 0x02;
		in.payload = 10;
		reset.ack = 1000 + 1 + (header < 30 ? 30 - header : 0);
		length = frame_build(&in, bytes);
		bytes[14 + 20 + 12] = (uint8_t)(words << 4);
		want_length = frame_build(&reset, want);
		lab_given(NONE_REJECT, HOP_PRIMARY);
		expect_bytes(bytes, length, want, want_length, XDP_TX, TD_REJECT_TCP_RESET);

		/* Toward a server it stays as it is. */
		out = packet_at_server(in, 0);
		want_length = frame_build(&out, want);
		want[14 + 20 + 12] = (uint8_t)(words << 4);
		lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
		expect_bytes(bytes, length, want, want_length, XDP_TX, TD_FORWARD_TX);
	}
}

static struct frame tagged_to_vip(const char *tags)
{
	struct frame frame = packet_to_vip(4, IPPROTO_TCP);

	frame.dest = VIP4_VLAN;
	frame.tags = tags;
	return frame;
}

static void test_tags_when_the_vips_own_then_translated_and_else_untouched(void **state)
{
	static const char *const others[] = {
		NULL,	     "8100:0065",	    "88a8:0064", "8100:0064,8100:0064",
		"8100:0000", "88a8:0064,8100:0064",
	};
	struct frame in = tagged_to_vip("8100:0064"), out = in;

	(void)state;
	given_settled();
	/* The primary's next hop here is untagged. */
	out = packet_at_server(in, 0);
	out.tags = NULL;
	out.dest = SERVER4_200;
	expect_frame(&in, &out, XDP_TX, TD_FORWARD_TX);
	in.tags = "8100:a064"; /* a priority is no part of the VLAN */
	expect_frame(&in, &out, XDP_TX, TD_FORWARD_TX);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		in = tagged_to_vip(others[i]);
		expect_frame(&in, NULL, XDP_PASS, TD_PASS_OTHER_VLAN);
	}
	/* And an untagged VIP's address behind a tag. */
	in = packet_to_vip(4, IPPROTO_TCP);
	in.tags = "8100:0064";
	expect_frame(&in, NULL, XDP_PASS, TD_PASS_OTHER_VLAN);
}

/* Identifier 0 is no VLAN (IEEE 802.1Q, 6.9): the tag tells a priority. */
static void test_tags_when_only_a_priority_then_as_if_untagged(void **state)
{
	struct frame in = packet_to_vip(4, IPPROTO_TCP), out;

	(void)state;
	given_settled();
	in.tags = "8100:a000";
	out = packet_at_server(in, 0);
	out.tags = NULL;
	expect_frame(&in, &out, XDP_TX, TD_FORWARD_TX);
}

static void test_tags_when_a_server_has_others_then_exchanged(void **state)
{
	struct frame in = tagged_to_vip("8100:0064"), out = packet_at_server(in, 0);
	struct world world;

	(void)state;
	lab_world(&world);
	lab_publish(&world);
	out.dest = SERVER4_200;
	out.tags = "8100:00c8";
	expect_frame(&in, &out, XDP_TX, TD_FORWARD_TX);
	world.services[VLAN4].active = 1;
	lab_publish(&world);
	out = packet_at_server(in, 1);
	out.dest = SERVER4_300;
	out.dest_port = 8080;
	out.tags = "88a8:012c,8100:012d";
	expect_frame(&in, &out, XDP_TX, TD_FORWARD_TX);

	in = packet_from_server(4, IPPROTO_TCP, 1);
	in.source = SERVER4_300;
	in.source_port = 8080;
	in.tags = "88a8:012c,8100:012d";
	out = packet_at_client(in);
	out.source = VIP4_VLAN;
	out.tags = NULL;
	expect_frame(&in, &out, XDP_TX, TD_RETURN_TX);
	in.tags = NULL;
	expect_frame(&in, NULL, XDP_PASS, TD_PASS_OTHER_VLAN);
}

static void test_tags_when_too_many_or_cut_then_pass(void **state)
{
	struct frame in = packet_to_vip(4, IPPROTO_TCP);
	uint8_t bytes[FRAME_MAX];

	(void)state;
	given_settled();
	in.tags = "8100:0064,8100:0064,8100:0064";
	expect_frame(&in, NULL, XDP_PASS, TD_PASS_NOT_IP);
	in.tags = "88a8:0064,8100:0064";
	frame_build(&in, bytes);
	for (size_t length = 14; length < 22; length++)
		expect_bytes(bytes, length, bytes, length, XDP_PASS, TD_PASS_MALFORMED);
}

static struct frame too_big_answer(const struct frame *in, const char *source, uint16_t mtu)
{
	bool v4 = in->family == 4;

	return (struct frame){.family = in->family,
			      .source_mac = in->dest_mac,
			      .dest_mac = in->source_mac,
			      .source = source,
			      .dest = in->source,
			      .fragment = v4 ? 0x4000 : 0,
			      .proto = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
			      .icmp_type = v4 ? 3 : 2,
			      .icmp_code = v4 ? 4 : 0,
			      .icmp_rest = mtu,
			      .quoted = in};
}

static void test_packet_when_it_just_fits_then_sent_and_else_answered(void **state)
{
	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_NARROW);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		uint16_t headers = families[i] == 4 ? 40 : 60;
		struct frame in = packet_to_vip(families[i], IPPROTO_TCP), answer;

		in.fragment = families[i] == 4 ? 0x4000 : 0;
		in.payload = LAB_NARROW_MTU - headers;
		expect_translated(&in);
		in.payload++;
		answer = too_big_answer(&in, in.dest, LAB_NARROW_MTU);
		expect_frame(&in, &answer, XDP_TX, TD_TOO_BIG);
	}
}

static void test_packet_when_it_may_be_fragmented_then_left_to_the_stack(void **state)
{
	struct frame in = packet_to_vip(4, IPPROTO_UDP), out;

	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_NARROW);
	in.payload = LAB_NARROW_MTU;
	out = packet_at_server(in, 0);
	out.source_mac = ROUTER_MAC;
	out.dest_mac = GATEWAY_MAC;
	out.ttl = 64;
	expect_frame(&in, &out, XDP_PASS, TD_PASS_TO_FRAGMENT);
}

static void test_reply_when_it_does_not_fit_then_the_server_is_told_by_this_host(void **state)
{
	struct frame in = packet_from_server(6, IPPROTO_TCP, 0), answer;

	(void)state;
	given_settled();
	in.payload = LAB_ETH0_MTU - 60;
	expect_translated(&in);
	in.payload++;
	answer = too_big_answer(&in, GATEWAY6, LAB_ETH0_MTU);
	expect_frame(&in, &answer, XDP_TX, TD_TOO_BIG);

	in = packet_from_server(4, IPPROTO_TCP, 0);
	in.payload = LAB_INGRESS_MTU - 40 + 1;
	expect_frame(&in, NULL, XDP_DROP, TD_DROP_TOO_BIG);
	in.fragment = 0x4000;
	answer = too_big_answer(&in, GATEWAY4, LAB_INGRESS_MTU);
	expect_frame(&in, &answer, XDP_TX, TD_TOO_BIG);
}

static void test_reply_when_its_ttl_ends_then_the_server_is_told_by_this_host(void **state)
{
	(void)state;
	given_settled();
	for (size_t i = 0; i < 2 * ARRAY_SIZE(families); i++) {
		int family = families[i / 2];
		struct frame in = packet_from_server(family, IPPROTO_TCP, 0);
		struct frame answer = too_big_answer(&in, family == 4 ? GATEWAY4 : GATEWAY6, 0);

		answer.icmp_type = family == 4 ? 11 : 3;
		answer.icmp_code = 0;
		in.ttl = 1;
		expect_frame(&in, &answer, XDP_TX, TD_TIME_EXCEEDED);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip_options_when_of_any_length_then_they_stay),
		cmocka_unit_test(test_ip_checksum_when_any_sum_then_right),
		cmocka_unit_test(test_extension_headers_when_up_to_six_then_stepped_over),
		cmocka_unit_test(
			test_extension_headers_when_they_cannot_be_served_then_named_where_ours),
		cmocka_unit_test(test_extension_headers_when_cut_short_then_pass_as_malformed),
		cmocka_unit_test(
			test_extension_headers_when_nobody_serves_then_the_answer_is_right),
		cmocka_unit_test(test_runt_when_of_any_length_then_passes_untouched),
		cmocka_unit_test(test_header_length_when_it_lies_then_passes_as_malformed),
		cmocka_unit_test(test_total_length_when_it_lies_then_passes_as_malformed),
		cmocka_unit_test(test_frame_when_longer_than_the_packet_then_the_rest_stays),
		cmocka_unit_test(test_tcp_header_length_when_it_lies_then_the_answer_is_sane),
		cmocka_unit_test(test_tags_when_the_vips_own_then_translated_and_else_untouched),
		cmocka_unit_test(test_tags_when_only_a_priority_then_as_if_untagged),
		cmocka_unit_test(test_tags_when_a_server_has_others_then_exchanged),
		cmocka_unit_test(test_tags_when_too_many_or_cut_then_pass),
		cmocka_unit_test(test_packet_when_it_just_fits_then_sent_and_else_answered),
		cmocka_unit_test(test_packet_when_it_may_be_fragmented_then_left_to_the_stack),
		cmocka_unit_test(
			test_reply_when_it_does_not_fit_then_the_server_is_told_by_this_host),
		cmocka_unit_test(test_reply_when_its_ttl_ends_then_the_server_is_told_by_this_host),
	};

	return cmocka_run_group_tests_name("headers", tests, lab_setup, lab_teardown);
}
