/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_VLAN_BPF_H
#define TANDEM_VLAN_BPF_H

/* Tags: taken off, put on and exchanged, when a packet leaves on another VLAN than it came on. */

enum { L2_MAX = sizeof(struct ethhdr) + 2 * sizeof(struct vlan_tag) };

/*
 * Replace the tags @from, which the frame has, by those of @to; all packet pointers are dead then.
 * Priorities are not kept: they belong to the VLAN. Returns an enum td_reason.
 */
__noinline int retag(struct xdp_md *ctx, __u32 from, __u32 to)
{
	__u32 from_tags = TD_VLAN_TAGS(from), to_tags = TD_VLAN_TAGS(to);
	void *data = (void *)(long)ctx->data;
	struct ethhdr *eth = data;
	struct vlan_tag *tags;
	__be16 l3_proto;
	__u8 macs[12];

	if (data + L2_MAX > (void *)(long)ctx->data_end || from_tags > 2 || to_tags > 2)
		return TD_DROP_NO_ROOM;
	__builtin_memcpy(macs, data, sizeof(macs));
	tags = (void *)(eth + 1);
	l3_proto = from_tags == 0 ? eth->h_proto : from_tags == 1 ? tags[0].next : tags[1].next;

	if (from_tags != to_tags &&
	    bpf_xdp_adjust_head(ctx, (int)sizeof(*tags) * ((int)from_tags - (int)to_tags)))
		return TD_DROP_NO_ROOM;
	/* Else the compiler merges these loads with those above into ones at a computed offset. */
	barrier_var(ctx);
	data = (void *)(long)ctx->data;
	if (data + L2_MAX > (void *)(long)ctx->data_end)
		return TD_DROP_NO_ROOM;
	eth = data;
	tags = (void *)(eth + 1);
	__builtin_memcpy(data, macs, sizeof(macs));
	if (to_tags == 0) {
		eth->h_proto = l3_proto;
		return TD_CONTINUE;
	}
	eth->h_proto = to & TD_VLAN_AD ? bpf_htons(ETH_P_8021AD) : bpf_htons(ETH_P_8021Q);
	if (to_tags == 1) {
		tags[0].tci = bpf_htons(to & 0xfff);
		tags[0].next = l3_proto;
		return TD_CONTINUE;
	}
	tags[0].tci = bpf_htons(to >> 12 & 0xfff);
	tags[0].next = bpf_htons(ETH_P_8021Q);
	tags[1].tci = bpf_htons(to & 0xfff);
	tags[1].next = l3_proto;
	return TD_CONTINUE;
}

#endif
