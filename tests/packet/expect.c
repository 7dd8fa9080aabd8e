// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "lab.h"

void expect_equal(const uint8_t *got, size_t got_length, const uint8_t *want, size_t want_length)
{
	for (size_t i = 0; i < got_length && i < want_length; i++)
		if (got[i] != want[i])
			print_error("byte %zu is %02x instead of %02x\n", i, got[i], want[i]);
	assert_int_equal(got_length, want_length);
	assert_memory_equal(got, want, want_length);
}

static void assert_counted(const uint64_t *before, const uint64_t *after, enum td_reason reason)
{
	for (int i = 0; i < TD_REASON_MAX; i++)
		if (after[i] - before[i] != (i == (int)reason ? 1U : 0U))
			fail_msg("reason %d was counted %lu times instead of reason %d", i,
				 (unsigned long)(after[i] - before[i]), (int)reason);
}

void expect_bytes(const uint8_t *in, size_t in_length, const uint8_t *want, size_t want_length,
		  int action, enum td_reason reason)
{
	uint64_t before[TD_REASON_MAX], after[TD_REASON_MAX];
	uint8_t out[FRAME_MAX];
	uint32_t out_length;
	int got;

	lab_read_reasons(before);
	got = lab_run(in, in_length, out, &out_length);
	lab_read_reasons(after);
	assert_counted(before, after, reason);
	assert_int_equal(got, action);
	expect_equal(out, out_length, want, want_length);
}

void expect_frame(const struct frame *in, const struct frame *out, int action,
		  enum td_reason reason)
{
	uint8_t in_bytes[FRAME_MAX], out_bytes[FRAME_MAX];
	size_t in_length = frame_build(in, in_bytes);
	size_t out_length = frame_build(out ? out : in, out_bytes);

	expect_bytes(in_bytes, in_length, out_bytes, out_length, action, reason);
}

static const char *server_address(int family, int slot)
{
	if (family == 4)
		return slot ? STANDBY4 : PRIMARY4;
	return slot ? STANDBY6 : PRIMARY6;
}

static uint16_t server_port(uint8_t proto, int slot)
{
	return proto == IPPROTO_UDP ? 53 : slot ? 8081 : 8080;
}

struct frame packet_to_vip(int family, uint8_t proto)
{
	return (struct frame){.family = family,
			      .source_mac = ROUTER_MAC,
			      .dest_mac = GATEWAY_MAC,
			      .source = family == 4 ? CLIENT4 : CLIENT6,
			      .dest = family == 4 ? VIP4 : VIP6,
			      .proto = proto,
			      .source_port = 40000,
			      .dest_port = proto == IPPROTO_UDP ? 53 : 80,
			      .tcp_flags = 0x10,
			      .seq = 1000,
			      .ack = 2000,
			      .payload = 40};
}

struct frame packet_at_server(struct frame packet, int slot)
{
	packet.source_mac = GATEWAY_MAC;
	packet.dest_mac = slot ? STANDBY_MAC : SERVER_MAC;
	packet.dest = server_address(packet.family, slot);
	packet.dest_port = server_port(packet.proto, slot);
	packet.ttl = (uint8_t)((packet.ttl ? packet.ttl : 64) - 1);
	return packet;
}

struct frame packet_from_server(int family, uint8_t proto, int slot)
{
	return (struct frame){.family = family,
			      .source_mac = SERVER_MAC,
			      .dest_mac = GATEWAY_MAC,
			      .source = server_address(family, slot),
			      .dest = family == 4 ? CLIENT4 : CLIENT6,
			      .proto = proto,
			      .source_port = server_port(proto, slot),
			      .dest_port = 40000,
			      .tcp_flags = 0x10,
			      .seq = 2000,
			      .ack = 1000,
			      .payload = 40};
}

struct frame packet_at_client(struct frame packet)
{
	packet.source_mac = GATEWAY_MAC;
	packet.dest_mac = ROUTER_MAC;
	packet.source = packet.family == 4 ? VIP4 : VIP6;
	packet.source_port = packet.proto == IPPROTO_UDP ? 53 : 80;
	packet.ttl = (uint8_t)((packet.ttl ? packet.ttl : 64) - 1);
	return packet;
}

int action_to_client(int family)
{
	return family == 4 ? XDP_TX : XDP_REDIRECT;
}

enum td_reason reason_to_client(int family)
{
	return family == 4 ? TD_RETURN_TX : TD_RETURN_REDIRECT;
}
