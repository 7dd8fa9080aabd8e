// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "frame.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "bytes.h"

static void put_mac(uint8_t *at, const char *text)
{
	unsigned int bytes[6] = {0};

	if (text && sscanf(text, "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
			   &bytes[4], &bytes[5]) != 6)
		abort();
	for (int i = 0; i < 6; i++)
		at[i] = (uint8_t)bytes[i];
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

/* Extension headers by letter: what each is and how long. */
static const struct extension {
	char letter;
	uint8_t proto;
	uint8_t size;
	uint8_t length; /* its own length field */
	uint8_t third;	/* the bytes after it */
	uint8_t fourth;
} extensions[] = {
	{'h', IPPROTO_HOPOPTS, 8, 0, 1, 4},   /* PadN */
	{'H', IPPROTO_HOPOPTS, 24, 2, 1, 20}, /* the same, longer */
	{'r', IPPROTO_ROUTING, 24, 2, 0, 0},  /* no segments left */
	{'R', IPPROTO_ROUTING, 24, 2, 0, 1},  /* one */
	{'d', IPPROTO_DSTOPTS, 8, 0, 1, 4},   {'a', IPPROTO_AH, 24, 4, 0, 0},
	{'A', IPPROTO_AH, 16, 2, 0, 0},	      {'f', IPPROTO_FRAGMENT, 8, 0, 0, 0},
};

static const struct extension *extension_by(char letter)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(*extensions); i++)
		if (extensions[i].letter == letter)
			return &extensions[i];
	abort();
}

static size_t extensions_size(const struct frame *frame)
{
	size_t size = 0;

	for (const char *letter = frame->headers; letter && *letter; letter++)
		size += extension_by(*letter)->size;
	return size;
}

static size_t ip_header_size(const struct frame *frame)
{
	return frame->family == 4 ? 20U + frame->options : 40U + extensions_size(frame);
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
		size = ip_header_size(frame->quoted) + 8;
	put32(at + 4, frame->icmp_rest);
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

/* The chain of extension headers behind the IPv6 header; returns how long it is. */
static size_t build_extensions(const struct frame *frame, uint8_t *ip)
{
	uint8_t *next = ip + 6, *at = ip + 40;

	for (const char *letter = frame->headers; letter && *letter; letter++) {
		const struct extension *extension = extension_by(*letter);

		*next = extension->proto;
		next = at;
		at[1] = extension->length;
		at[2] = extension->third;
		at[3] = extension->fourth;
		if (extension->proto == IPPROTO_FRAGMENT) {
			put16(at + 2, frame->fragment);
			put32(at + 4, frame->id);
		}
		at += extension->size;
	}
	*next = frame->proto;
	return (size_t)(at - ip) - 40;
}

static size_t build_ip6(const struct frame *frame, uint8_t *ip)
{
	size_t length, chain;

	ip[0] = (uint8_t)(6 << 4 | frame->tos >> 4);
	ip[1] = (uint8_t)(frame->tos << 4);
	ip[7] = frame->ttl ? frame->ttl : 64;
	if (inet_pton(AF_INET6, frame->source, ip + 8) != 1 ||
	    inet_pton(AF_INET6, frame->dest, ip + 24) != 1)
		abort();
	chain = build_extensions(frame, ip);
	length = build_l4(frame, ip + 40 + chain);
	put16(ip + 4, (uint16_t)(chain + length));
	build_checksum(frame, ip, ip + 40 + chain, length);
	return 40 + chain + length;
}

/* Tags from "8100:0064" and "88a8:2064,8100:00c8": EtherType and the 16 bits behind it. */
static size_t build_tags(const char *tags, uint8_t *at)
{
	size_t length = 0;

	while (tags && *tags) {
		unsigned int proto, control;

		if (sscanf(tags, "%4x:%4x", &proto, &control) != 2)
			abort();
		put16(at + length, (uint16_t)proto);
		put16(at + length + 2, (uint16_t)control);
		length += 4;
		tags += tags[9] == ',' ? 10 : 9;
	}
	return length;
}

size_t frame_build(const struct frame *frame, uint8_t *buffer)
{
	size_t at;

	memset(buffer, 0, FRAME_MAX);
	put_mac(buffer, frame->dest_mac);
	put_mac(buffer + 6, frame->source_mac);
	at = 12 + build_tags(frame->tags, buffer + 12);
	switch (frame->family) {
	case 4:
		put16(buffer + at, 0x0800);
		at += 2;
		return at + build_ip4(frame, buffer + at);
	case 6:
		put16(buffer + at, 0x86dd);
		at += 2;
		return at + build_ip6(frame, buffer + at);
	default:
		put16(buffer + at, (uint16_t)frame->family);
		at += 2;
		return at + build_l4(frame, buffer + at);
	}
}

/* As a host or a router on the way would cut it. */
size_t frame_piece(const uint8_t *whole, size_t length, struct frame_cut cut, uint8_t *piece)
{
	const uint8_t *ip = whole + 14;
	bool v4 = ip[0] >> 4 == 4;
	size_t header = v4 ? 4U * (ip[0] & 15) : 40, extra = v4 ? 0 : 8;
	size_t total = length - 14 - header;
	bool more = cut.offset + cut.size < total;
	size_t size = more ? cut.size : total - cut.offset;
	uint8_t *to = piece + 14;

	memset(piece, 0, FRAME_MAX);
	memcpy(piece, whole, 14 + header);
	memcpy(to + header + extra, ip + header + cut.offset, size);
	if (v4) {
		put16(to + 2, (uint16_t)(header + size));
		put16(to + 6, (uint16_t)(cut.offset / 8 | (more ? 0x2000 : 0)));
		put16(to + 10, 0);
		put16(to + 10, sum_finish(sum_bytes(to, header, 0)));
	} else {
		put16(to + 4, (uint16_t)(8 + size));
		to[40] = to[6];
		to[6] = IPPROTO_FRAGMENT;
		put16(to + 42, (uint16_t)(cut.offset | more));
		put32(to + 44, cut.id);
	}
	return 14 + header + extra + size;
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
