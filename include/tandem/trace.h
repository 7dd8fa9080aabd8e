/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TRACE_H
#define TANDEM_TRACE_H

/*
 * What the tracing program (bpf/tandem_trace.bpf.c) and the agent share. Its maps live as long as
 * a trace does and are never pinned, so that nothing here is part of TD_ABI.
 */

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum td_trace_limit {
	TD_TRACE_BYTES = 1 << 20, /* of the ring: some 5,000 events */
	TD_TRACE_NONE = -1,	  /* no service, no slot, no next hop */
};

/* How far a packet came: whose it was found to be. */
enum td_trace_way {
	TD_TRACE_UNKNOWN = 0, /* neither of the two was reached */
	TD_TRACE_FORWARD = 1, /* toward a VIP: a service was found */
	TD_TRACE_RETURN = 2,  /* back from a server: an endpoint was found */
};

enum td_trace_flag {
	TD_TRACE_TUPLE = 1 << 0, /* an IP header was read */
	TD_TRACE_PORTS = 1 << 1, /* ports too; not so in a later piece of a datagram */
	TD_TRACE_PIECE = 1 << 2, /* a piece of a datagram */
	TD_TRACE_ICMP = 1 << 3,	 /* icmp_type and icmp_code were read */
};

/* A frame as it is at one moment. Addresses and ports in network byte order, as in abi.h. */
struct td_trace_packet {
	__be32 source[4];
	__be32 dest[4];
	__be16 source_port;
	__be16 dest_port;
	__u32 length; /* of the frame */
	__u32 vlan;   /* as in abi.h */
	__u8 dest_mac[6];
	__u8 family; /* 4 or 6; 0 where there is no TD_TRACE_TUPLE */
	__u8 proto;
	__u8 tcp_flags;
	__u8 ttl;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 flags; /* TD_TRACE_* */
	__u8 pad[3];
};

/* traces: one packet's way. */
struct td_trace_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 state;   /* the state word that was read, where has_state says so */
	struct td_trace_packet in;
	struct td_trace_packet out; /* as it left the program; length 0 where it was dropped */
	__u32 ingress;		    /* interface index */
	__u32 egress;		    /* 0: it was not sent */
	__s32 service;
	__s32 slot; /* the server that was picked (TD_TRACE_FORWARD), or that sent it */
	__s32 nexthop;
	__u32 reason;
	__u32 way; /* enum td_trace_way */
	__u32 has_state;
};

/* trace_filters: what is recorded. What is zero matches everything. */
struct td_trace_filter {
	__u64 deadline_ns; /* CLOCK_MONOTONIC: nothing is recorded after it, whoever is alive */
	/* A packet from or to the client; one without ports matches by address alone. */
	__be32 client[4];
	__be32 vip[4];
	__be16 client_port;
	__be16 vip_port;
	__u8 client_family; /* 4, 6; 0: any client */
	/* Packets toward this listener, and those of its service, which it has while it runs. */
	__u8 vip_family; /* 4, 6; 0: any listener */
	__u8 vip_proto;
	__u8 pad;
	__s32 service; /* TD_TRACE_NONE: it does not run */
	__u32 reason;
	__u32 sample_every; /* of the packets that match; 0 and 1: each */
	__u32 pad2;
};

/* trace_counts: per CPU. */
struct td_trace_counts {
	__u64 matched;
	__u64 lost; /* the ring had no room */
};

_Static_assert(sizeof(struct td_trace_packet) == 60, "no padding");
_Static_assert(sizeof(struct td_trace_event) == 168, "no padding");
_Static_assert(sizeof(struct td_trace_filter) == 64, "no padding");

#endif
