// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs for `make bench` alone; the agent never loads them. BPF_PROG_TEST_RUN repeats a program
 * over one buffer, so each repetition first writes the headers of the next client's packet;
 * bench_restore does only that, and its cost is taken off. The floor is what any program that looks
 * at TCP pays.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "tandem/abi.h"
#include "tandem/select.h"

#include "maps.bpf.h"

#include "csum.bpf.h"
#include "pkt.bpf.h"
#include "vlan.bpf.h"

#include "trace_off.bpf.h"

#include "count.bpf.h"
#include "reject.bpf.h"
#include "rewrite.bpf.h"
#include "route.bpf.h"

#include "forward.bpf.h"

#include "fragment.bpf.h"
#include "icmp.bpf.h"

#include "balance.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* A power of two, less one: how many client tuples. */
const volatile __u32 tuple_mask;
/* Byte offset of the client's address (its last four bytes) and port in the frame. */
const volatile __u32 address_offset;
const volatile __u32 port_offset;
/* The frame, in whole 8-byte words, and how many of them hold headers. */
const volatile __u64 template[10];
const volatile __u32 template_words;

__u64 seed = 88172645463325252ULL;

/* Write the headers of a random client's packet. Checksums need not be right to be updated. */
static __always_inline int restore(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 random = seed, *words = data;
	__u32 tuple;

	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	seed = random;
	tuple = (__u32)random & tuple_mask;

	if (data + 80 > end)
		return -1;
	for (__u32 i = 0; i < 5; i++)
		words[i] = template[i];
	if (template_words > 5) {
		for (__u32 i = 5; i < 8; i++)
			words[i] = template[i];
	}
	/* Distinct addresses and, as clients are, ports all over the range. */
	*(__be32 *)(data + (address_offset & 63)) = bpf_htonl(0x0a000000U + tuple);
	*(__be16 *)(data + (port_offset & 63)) = (__u16)((tuple * 2654435761U) >> 16);
	return 0;
}

static __always_inline int floor_run(struct xdp_md *ctx)
{
	struct pkt pkt = {};
	__u8 mac[6];

	pkt_init(&pkt, ctx);
	if (pkt_parse_eth(&pkt) || pkt.eth->h_proto != bpf_htons(ETH_P_IP) ||
	    pkt_parse_ip4(ctx, &pkt) || (pkt.ip4->frag_off & bpf_htons(IP4_FRAGMENT)) ||
	    pkt_parse_l4(&pkt))
		return XDP_PASS;
	__builtin_memcpy(mac, pkt.eth->h_dest, 6);
	__builtin_memcpy(pkt.eth->h_dest, pkt.eth->h_source, 6);
	__builtin_memcpy(pkt.eth->h_source, mac, 6);
	return XDP_TX;
}

SEC("xdp.frags")
int bench_floor(struct xdp_md *ctx)
{
	return floor_run(ctx);
}

SEC("xdp.frags")
int bench_restore(struct xdp_md *ctx)
{
	if (restore(ctx))
		return XDP_ABORTED;
	return floor_run(ctx);
}

SEC("xdp.frags")
int bench_balance(struct xdp_md *ctx)
{
	if (restore(ctx))
		return XDP_ABORTED;
	return handle(ctx);
}
