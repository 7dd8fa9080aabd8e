// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ICMP errors about packets of ours: the quoted packet is built as its sender sent it, and what
 * comes out must quote the packet as its receiver knows it, with checksums that frame.c computes
 * from nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "base/cleanup.h"
#include "bytes.h"
#include "expect.h"
#include "lab.h"
#include "tandem/select.h"

static const int families[] = {4, 6};
static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};

/* An error and what it quotes, as it comes in and as it goes out. */
struct error {
	struct frame in;
	struct frame out;
	struct frame quoted_in;
	struct frame quoted_out;
};

static const char *router(int family)
{
	return family == 4 ? "203.0.113.254" : "2001:db8:ffff::fe";
}

static struct frame error_frame(int family, const char *source, const char *dest)
{
	return (struct frame){.family = family,
			      .source_mac = ROUTER_MAC,
			      .dest_mac = GATEWAY_MAC,
			      .source = source,
			      .dest = dest,
			      .proto = family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
			      .icmp_type = family == 4 ? 3 : 2,
			      .icmp_code = family == 4 ? 4 : 0,
			      .icmp_rest = 1280};
}

/* From the clients' side about what the VIP sent, to the server in @slot. */
static void error_to_server(int family, uint8_t proto, int slot, struct error *ret)
{
	ret->quoted_out = packet_from_server(family, proto, slot);
	ret->quoted_in = packet_at_client(ret->quoted_out);
	ret->quoted_in.ttl = ret->quoted_out.ttl = 60;
	ret->in = error_frame(family, router(family), ret->quoted_in.source);
	ret->out = packet_at_server(ret->in, slot);
	ret->out.dest = ret->quoted_out.source;
}

/* From the servers' side about what a client sent, back to that client; @by_server: from the server
 * itself, which is the VIP to the client. */
static void error_to_client(int family, uint8_t proto, bool by_server, struct error *ret)
{
	ret->quoted_out = packet_to_vip(family, proto);
	ret->quoted_in = packet_at_server(ret->quoted_out, 0);
	ret->quoted_in.ttl = ret->quoted_out.ttl = 60;
	ret->in = error_frame(family, by_server ? ret->quoted_in.dest : "198.51.100.254",
			      ret->quoted_in.source);
	if (family == 6 && !by_server)
		ret->in.source = "2001:db8:2::fe";
	ret->out = packet_at_client(ret->in);
	if (!by_server)
		ret->out.source = ret->in.source;
}

static void run(struct error *error, int action, enum td_reason reason)
{
	error->in.quoted = &error->quoted_in;
	error->out.quoted = &error->quoted_out;
	error->out.quoted_size = error->in.quoted_size;
	error->out.icmp_type = error->in.icmp_type;
	error->out.icmp_code = error->in.icmp_code;
	expect_frame(&error->in, &error->out, action, reason);
}

static void run_untouched(struct error *error, int action, enum td_reason reason)
{
	error->in.quoted = &error->quoted_in;
	expect_frame(&error->in, NULL, action, reason);
}

static void run_to_client(struct error *error)
{
	run(error, action_to_client(error->in.family), reason_to_client(error->in.family));
}

static uint16_t header_size(int family)
{
	return family == 4 ? 20 : 40;
}

static void test_error_when_of_any_type_then_translated_or_left_alone(void **state)
{
	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		int family = families[i];

		for (unsigned int kind = 0; kind < 256 * 17; kind++) {
			uint8_t type = (uint8_t)(kind / 17), code = (uint8_t)(kind % 17);
			bool ours = family == 4 ? type == 3 || type == 11 || type == 12
						: type >= 1 && type <= 4;
			struct error to_server, to_client;

			if (!ours && code > 0)
				continue;
			error_to_server(family, IPPROTO_TCP, 0, &to_server);
			error_to_client(family, IPPROTO_UDP, true, &to_client);
			to_server.in.icmp_type = to_client.in.icmp_type = type;
			to_server.in.icmp_code = to_client.in.icmp_code = code;
			if (ours) {
				run(&to_server, XDP_TX, TD_FORWARD_TX);
				run_to_client(&to_client);
			} else {
				run_untouched(&to_server, XDP_PASS, TD_PASS_NOT_OURS);
				run_untouched(&to_client, XDP_PASS, TD_PASS_NOT_OURS);
			}
		}
	}
}

static void
test_error_when_its_quote_is_cut_anywhere_then_translated_as_far_as_it_goes(void **state)
{
	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	for (size_t i = 0; i < 4; i++) {
		int family = families[i / 2];
		uint16_t header = header_size(family);

		for (uint16_t size = header + 8; size <= header + 60; size++) {
			struct error to_server, to_client;

			/* No more than the packet has; and half a checksum is none. */
			if (protos[i % 2] == IPPROTO_UDP ? size > header + 48 : size == header + 17)
				continue;
			error_to_server(family, protos[i % 2], 0, &to_server);
			error_to_client(family, protos[i % 2], false, &to_client);
			to_server.in.quoted_size = to_client.in.quoted_size = size;
			run(&to_server, XDP_TX, TD_FORWARD_TX);
			run_to_client(&to_client);
		}
	}
}

static void test_error_when_its_quote_has_no_ports_then_passes(void **state)
{
	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	for (size_t i = 0; i < 4; i++) {
		for (uint16_t size = 1; size < header_size(families[i / 2]) + 8; size++) {
			struct error error;

			error_to_server(families[i / 2], protos[i % 2], 0, &error);
			error.in.quoted_size = size;
			run_untouched(&error, XDP_PASS, TD_PASS_NOT_OURS);
		}
	}
}

static void test_error_when_its_quote_has_ip_options_then_they_stay(void **state)
{
	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	for (uint8_t options = 4; options <= 40; options += 4) {
		struct error to_server, to_client;

		error_to_server(4, IPPROTO_TCP, 0, &to_server);
		error_to_client(4, IPPROTO_TCP, true, &to_client);
		to_server.quoted_in.options = to_server.quoted_out.options = options;
		to_client.quoted_in.options = to_client.quoted_out.options = options;
		/* And in the error itself. */
		to_server.in.options = to_server.out.options = 44 - options;
		run(&to_server, XDP_TX, TD_FORWARD_TX);
		run_to_client(&to_client);
	}
}

/* Pieces of long IPv6 datagrams are quoted with their fragment header. */
static void test_error_when_its_quote_has_extension_headers_then_ports_are_found(void **state)
{
	static const char *const chains[] = {"f", "h", "d", "hrda", "hrdafd"};

	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		struct error to_server, to_client;

		error_to_server(6, IPPROTO_UDP, 0, &to_server);
		error_to_client(6, IPPROTO_UDP, false, &to_client);
		to_server.quoted_in.headers = to_server.quoted_out.headers = chains[i];
		to_client.quoted_in.headers = to_client.quoted_out.headers = chains[i];
		to_server.quoted_in.fragment = to_server.quoted_out.fragment = 1;
		run(&to_server, XDP_TX, TD_FORWARD_TX);
		run_to_client(&to_client);
	}
}

static void test_error_when_its_quote_has_no_udp_checksum_then_it_stays_so(void **state)
{
	struct error to_server, to_client;

	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	error_to_server(4, IPPROTO_UDP, 0, &to_server);
	error_to_client(4, IPPROTO_UDP, true, &to_client);
	to_server.quoted_in.no_checksum = to_server.quoted_out.no_checksum = 1;
	to_client.quoted_in.no_checksum = to_client.quoted_out.no_checksum = 1;
	run(&to_server, XDP_TX, TD_FORWARD_TX);
	run_to_client(&to_client);
}

static void test_error_when_its_quote_is_a_first_piece_then_translated(void **state)
{
	struct error error;

	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	error_to_server(4, IPPROTO_UDP, 0, &error);
	error.quoted_in.fragment = error.quoted_out.fragment = 0x2000;
	run(&error, XDP_TX, TD_FORWARD_TX);
}

static void test_error_when_its_quote_is_a_later_piece_then_passes(void **state)
{
	struct error error;

	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	error_to_server(4, IPPROTO_UDP, 0, &error);
	error.quoted_in.fragment = 0x0010;
	run_untouched(&error, XDP_PASS, TD_PASS_NOT_OURS);
	error_to_server(6, IPPROTO_UDP, 0, &error);
	error.quoted_in.headers = "f";
	error.quoted_in.fragment = 0x0010;
	run_untouched(&error, XDP_PASS, TD_PASS_NOT_OURS);
}

static void test_error_when_the_secondary_is_active_then_goes_there(void **state)
{
	(void)state;
	lab_given(TD_SLOT_SECONDARY, HOP_PRIMARY);
	for (size_t i = 0; i < 4; i++) {
		struct error error;

		error_to_server(families[i / 2], protos[i % 2], 1, &error);
		run(&error, XDP_TX, TD_FORWARD_TX);
	}
}

static void test_error_when_about_the_idle_servers_packet_then_passes(void **state)
{
	(void)state;
	lab_given(TD_SLOT_SECONDARY, HOP_PRIMARY);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct error error;

		error_to_client(families[i], IPPROTO_TCP, true, &error);
		run_untouched(&error, XDP_PASS, TD_PASS_IDLE_SERVER);
	}
}

static void test_error_when_nobody_serves_then_dropped_by_name(void **state)
{
	(void)state;
	lab_given(TD_SLOT_NONE | (uint64_t)TD_SELECT_REJECT << TD_STATE_NONE_SHIFT, HOP_PRIMARY);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct error error;

		error_to_server(families[i], IPPROTO_TCP, 0, &error);
		run_untouched(&error, XDP_DROP, TD_DROP_NONE_HEALTHY);
	}
}

static void test_error_when_the_server_is_unresolved_then_left_to_the_stack(void **state)
{
	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_UNRESOLVED);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct error error;

		error_to_server(families[i], IPPROTO_TCP, 0, &error);
		error.out.source_mac = ROUTER_MAC;
		error.out.dest_mac = GATEWAY_MAC;
		error.out.ttl = 64;
		run(&error, XDP_PASS, TD_PASS_SERVER_UNRESOLVED);
	}
}

static void test_error_when_its_ttl_ends_then_dropped_without_an_answer(void **state)
{
	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct error error;

		error_to_server(families[i], IPPROTO_TCP, 0, &error);
		error.in.ttl = 1;
		run_untouched(&error, XDP_DROP, TD_DROP_TTL_EXPIRED);
		error_to_client(families[i], IPPROTO_TCP, true, &error);
		error.in.ttl = 1;
		run_untouched(&error, XDP_DROP, TD_DROP_TTL_EXPIRED);
	}
}

static void test_error_when_about_the_gateways_own_probe_then_passes(void **state)
{
	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const char *own = families[i] == 4 ? GATEWAY4 : GATEWAY6;
		struct error error;

		error_to_client(families[i], IPPROTO_TCP, true, &error);
		error.quoted_in.source = own;
		error.in.dest = own;
		run_untouched(&error, XDP_PASS, TD_PASS_LOCAL);
	}
}

static void test_error_when_about_somebody_elses_packet_then_passes(void **state)
{
	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct error error;

		error_to_server(families[i], IPPROTO_TCP, 0, &error);
		error.quoted_in.source_port = 22;
		run_untouched(&error, XDP_PASS, TD_PASS_NOT_OURS);
		error_to_client(families[i], IPPROTO_TCP, true, &error);
		error.quoted_in.dest_port = 22;
		run_untouched(&error, XDP_PASS, TD_PASS_NOT_OURS);
		/* Not sent to who sent what it quotes: nobody's error. */
		error_to_server(families[i], IPPROTO_TCP, 0, &error);
		error.in.dest = families[i] == 4 ? "192.0.2.200" : "2001:db8::200";
		run_untouched(&error, XDP_PASS, TD_PASS_NOT_OURS);
		/* In the other protocol. */
		error_to_server(families[i], IPPROTO_TCP, 0, &error);
		error.quoted_in.proto = IPPROTO_UDP;
		run_untouched(&error, XDP_PASS, TD_PASS_NOT_OURS);
	}
}

/* Of the packet that an ICMPv6 error quotes; with the right checksum of the error. */
static void set_quoted_length(uint8_t *frame, size_t length, uint16_t value)
{
	uint8_t *ip = frame + 14, *icmp = ip + 40;
	size_t size = length - 54;

	put16(icmp + 8 + 4, value);
	put16(icmp + 2, 0);
	put16(icmp + 2, sum_finish(sum_bytes(icmp, size, sum_pseudo(ip, IPPROTO_ICMPV6, size))));
}

/* What the quoted header says of its own length is its sender's affair. */
static void test_error_when_the_quotes_length_lies_then_translated_all_the_same(void **state)
{
	uint8_t in[FRAME_MAX], out[FRAME_MAX];
	struct error error;
	size_t length;

	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	error_to_server(6, IPPROTO_TCP, 0, &error);
	error.in.quoted = &error.quoted_in;
	error.out.quoted = &error.quoted_out;
	length = frame_build(&error.in, in);
	frame_build(&error.out, out);
	for (uint32_t lie = 0; lie < 65536; lie += 4095) {
		set_quoted_length(in, length, (uint16_t)lie);
		set_quoted_length(out, length, (uint16_t)lie);
		expect_bytes(in, length, out, length, XDP_TX, TD_FORWARD_TX);
	}
}

/* Frames are padded, and switches add trailers: none of it is the quote, even where it would be. */
static void test_error_when_the_frame_is_longer_than_the_packet_then_the_rest_stays(void **state)
{
	(void)state;
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		uint8_t in[FRAME_MAX], out[FRAME_MAX];
		struct error error;
		size_t length;

		error_to_server(families[i], IPPROTO_TCP, 0, &error);
		error.in.quoted = &error.quoted_in;
		error.out.quoted = &error.quoted_out;
		length = frame_build(&error.in, in);
		frame_build(&error.out, out);
		for (size_t more = 0; more < 32; more++)
			in[length + more] = out[length + more] = (uint8_t)(0xa0 + more);
		expect_bytes(in, length + 32, out, length + 32, XDP_TX, TD_FORWARD_TX);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_when_of_any_type_then_translated_or_left_alone),
		cmocka_unit_test(
			test_error_when_its_quote_is_cut_anywhere_then_translated_as_far_as_it_goes),
		cmocka_unit_test(test_error_when_its_quote_has_no_ports_then_passes),
		cmocka_unit_test(test_error_when_its_quote_has_ip_options_then_they_stay),
		cmocka_unit_test(
			test_error_when_its_quote_has_extension_headers_then_ports_are_found),
		cmocka_unit_test(test_error_when_its_quote_has_no_udp_checksum_then_it_stays_so),
		cmocka_unit_test(test_error_when_its_quote_is_a_first_piece_then_translated),
		cmocka_unit_test(test_error_when_its_quote_is_a_later_piece_then_passes),
		cmocka_unit_test(test_error_when_the_secondary_is_active_then_goes_there),
		cmocka_unit_test(test_error_when_about_the_idle_servers_packet_then_passes),
		cmocka_unit_test(test_error_when_nobody_serves_then_dropped_by_name),
		cmocka_unit_test(test_error_when_the_server_is_unresolved_then_left_to_the_stack),
		cmocka_unit_test(test_error_when_its_ttl_ends_then_dropped_without_an_answer),
		cmocka_unit_test(test_error_when_about_the_gateways_own_probe_then_passes),
		cmocka_unit_test(test_error_when_about_somebody_elses_packet_then_passes),
		cmocka_unit_test(
			test_error_when_the_quotes_length_lies_then_translated_all_the_same),
		cmocka_unit_test(
			test_error_when_the_frame_is_longer_than_the_packet_then_the_rest_stays),
	};

	return cmocka_run_group_tests_name("icmp", tests, lab_setup, lab_teardown);
}
