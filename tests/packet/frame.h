/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_FRAME_H
#define TANDEM_TESTS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Frames for the packet tests, described by what a person would say of them and built with
 * checksums computed here, from scratch, by other code than the data path's.
 */

enum { FRAME_MAX = 2048 };

struct frame {
	int family; /* 4 or 6; other values are the EtherType of a frame that is not IP */
	const char *source_mac; /* "02:00:00:00:00:01" */
	const char *dest_mac;
	const char *source; /* address */
	const char *dest;
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, ... */
	uint16_t source_port;
	uint16_t dest_port;
	uint8_t ttl; /* 0: 64 */
	uint8_t tos;
	uint8_t options; /* bytes of IPv4 options, a multiple of four */
	uint32_t id;
	uint16_t fragment; /* the 16 bits of flags and offset, host byte order */
	const char *tags;  /* VLAN: "8100:0064", "88a8:0064,8100:00c8" */
	/*
	 * IPv6 extension headers in order: h hop-by-hop, H a longer one, r routing, R routing with
	 * a segment left, d destination options, a and A authentication of 24 and of 16 bytes, f
	 * fragment.
	 */
	const char *headers;
	uint8_t tcp_flags;
	uint32_t seq;
	uint32_t ack;
	uint8_t no_checksum;  /* UDP: leave it 0 */
	uint8_t bad_checksum; /* TCP, UDP: off by one, to see that nobody repairs it */
	uint16_t payload;     /* bytes */
	uint8_t fill;	      /* the first byte of the payload; each next one is one more */
	/* ICMP and ICMPv6 errors: type, code, and the frame that is quoted, from its IP header on.
	 */
	uint8_t icmp_type;
	uint8_t icmp_code;
	uint32_t icmp_rest; /* of its header: MTU, pointer */
	const struct frame *quoted;
	uint16_t quoted_size; /* how many bytes of it, 0: the IP header and 8 */
};

/* Write the frame into @buffer of FRAME_MAX bytes; returns its length. */
size_t frame_build(const struct frame *frame, uint8_t *buffer);

/* A piece of a datagram: of its payload from @offset on, a multiple of eight, @size bytes or what
 * is left. */
struct frame_cut {
	uint32_t id; /* IPv6; an IPv4 datagram has its own */
	uint16_t offset;
	uint16_t size;
};

/* Cut a piece out of an untagged datagram without extension headers; returns its length. */
size_t frame_piece(const uint8_t *whole, size_t length, struct frame_cut cut, uint8_t *piece);

/* Whether every checksum that the frame carries is right: IPv4 header, TCP, UDP (0: none), ICMP. */
int frame_checksums_are_right(const uint8_t *buffer, size_t length);

#endif
