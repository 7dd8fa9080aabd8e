// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "frame.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

/* RFC 1071, byte by byte: slow, plain, and unlike the data path's. */
static uint32_t sum_bytes(const uint8_t *bytes, size_t length, uint32_t sum)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t sum_finish(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)(value >> 16));
	put16(at + 2, (uint16_t)value);
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put_mac(uint8_t *at, const char *text)
{
	unsigned int bytes[6] = {0};

	if (text && sscanf(text, "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
			   &bytes[4], &bytes[5]) != 6)
		abort();
	for (int i = 0; i < 6; i++)
		at[i] = (uint8_t)bytes[i];
}

/* The sum of the pseudo-header of the IP header at @ip over @length bytes of @proto. */
static uint32_t sum_pseudo(const uint8_t *ip, uint8_t proto, size_t length)
{
	uint32_t sum = (uint32_t)length + proto;

	return ip[0] >> 4 == 4 ? sum_bytes(ip + 12, 8, sum) : sum_bytes(ip + 8, 32, sum);
}

static size_t build_tcp(const struct frame *frame, uint8_t *at)
{
	put16(at, frame->source_port);
	put16(at + 2, frame->dest_port);
	put32(at + 4, frame->seq);
	put32(at + 8, frame->ack);
	at[12] = 5 << 4;
	at[13] = frame->tcp_flags;
	return 20;
}

static size_t build_udp(const struct frame *frame, uint8_t *at)
{
	put16(at, frame->source_port);
	put16(at + 2, frame->dest_port);
	put16(at + 4, (uint16_t)(8 + frame->payload));
	return 8;
}

static size_t build_icmp(const struct frame *frame, uint8_t *at)
{
	uint8_t inner[FRAME_MAX];
	size_t size = frame->quoted_size;

	at[0] = frame->icmp_type;
	at[1] = frame->icmp_code;
	if (!frame->quoted)
		return 8;
	frame_build(frame->quoted, inner);
	if (size == 0)
		size = (frame->quoted->family == 4 ? 20U + frame->quoted->options : 40U) + 8;
	memcpy(at + 8, inner + 14, size);
	return 8 + size;
}

static size_t build_l4(const struct frame *frame, uint8_t *at)
{
	size_t length = 0;

	switch (frame->proto) {
	case IPPROTO_TCP:
		length = build_tcp(frame, at);
		break;
	case IPPROTO_UDP:
		length = build_udp(frame, at);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		length = build_icmp(frame, at);
		break;
	default:
		break;
	}
	for (size_t i = 0; i < frame->payload; i++)
		at[length + i] = (uint8_t)(frame->fill + i);
	return length + frame->payload;
}

static void build_checksum(const struct frame *frame, const uint8_t *ip, uint8_t *at, size_t length)
{
	size_t offset = frame->proto == IPPROTO_TCP ? 16 : frame->proto == IPPROTO_UDP ? 6 : 2;
	uint32_t sum = frame->proto == IPPROTO_ICMP ? 0 : sum_pseudo(ip, frame->proto, length);
	uint16_t check;

	if (frame->proto != IPPROTO_TCP && frame->proto != IPPROTO_UDP &&
	    frame->proto != IPPROTO_ICMP && frame->proto != IPPROTO_ICMPV6)
		return;
	if (frame->proto == IPPROTO_UDP && frame->no_checksum)
		return;
	check = sum_finish(sum_bytes(at, length, sum));
	if (frame->proto == IPPROTO_UDP && check == 0)
		check = 0xffff;
	put16(at + offset, (uint16_t)(check + frame->bad_checksum));
}

static size_t build_ip4(const struct frame *frame, uint8_t *ip)
{
	size_t header = 20U + frame->options, length;

	ip[0] = (uint8_t)(4 << 4 | header / 4);
	ip[1] = frame->tos;
	put16(ip + 4, frame->id);
	put16(ip + 6, frame->fragment);
	ip[8] = frame->ttl ? frame->ttl : 64;
	ip[9] = frame->proto;
	if (inet_pton(AF_INET, frame->source, ip + 12) != 1 ||
	    inet_pton(AF_INET, frame->dest, ip + 16) != 1)
		abort();
	memset(ip + 20, 1, frame->options); /* no-operation */
	length = build_l4(frame, ip + header);
	put16(ip + 2, (uint16_t)(header + length));
	put16(ip + 10, sum_finish(sum_bytes(ip, header, 0)));
	build_checksum(frame, ip, ip + header, length);
	return header + length;
}

static size_t build_ip6(const struct frame *frame, uint8_t *ip)
{
	size_t length;

	ip[0] = (uint8_t)(6 << 4 | frame->tos >> 4);
	ip[1] = (uint8_t)(frame->tos << 4);
	ip[6] = frame->proto;
	ip[7] = frame->ttl ? frame->ttl : 64;
	if (inet_pton(AF_INET6, frame->source, ip + 8) != 1 ||
	    inet_pton(AF_INET6, frame->dest, ip + 24) != 1)
		abort();
	length = build_l4(frame, ip + 40);
	put16(ip + 4, (uint16_t)length);
	build_checksum(frame, ip, ip + 40, length);
	return 40 + length;
}

size_t frame_build(const struct frame *frame, uint8_t *buffer)
{
	memset(buffer, 0, FRAME_MAX);
	put_mac(buffer, frame->dest_mac);
	put_mac(buffer + 6, frame->source_mac);
	switch (frame->family) {
	case 4:
		put16(buffer + 12, 0x0800);
		return 14 + build_ip4(frame, buffer + 14);
	case 6:
		put16(buffer + 12, 0x86dd);
		return 14 + build_ip6(frame, buffer + 14);
	default:
		put16(buffer + 12, (uint16_t)frame->family);
		return 14 + build_l4(frame, buffer + 14);
	}
}

int frame_checksums_are_right(const uint8_t *buffer, size_t length)
{
	const uint8_t *ip = buffer + 14;
	int v4 = ip[0] >> 4 == 4;
	size_t header = v4 ? (size_t)(ip[0] & 15) * 4 : 40;
	size_t total = v4 ? get16(ip + 2) : header + get16(ip + 4);
	uint8_t proto = v4 ? ip[9] : ip[6];
	uint32_t sum;

	if (total < header || 14 + total > length)
		return 0;
	if (v4 && sum_finish(sum_bytes(ip, header, 0)) != 0)
		return 0;
	if (proto == IPPROTO_UDP && get16(ip + header + 6) == 0)
		return v4;
	sum = proto == IPPROTO_ICMP ? 0 : sum_pseudo(ip, proto, total - header);
	return sum_finish(sum_bytes(ip + header, total - header, sum)) == 0;
}
