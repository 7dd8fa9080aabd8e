// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs for the live part of `make bench`: a generator of UDP frames, a sink, and a gateway that
 * only redirects, which is as cheap as a gateway can be. The agent never loads them.
 */
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "csum.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ETH_P_IP  0x0800
#define ETH_P_ARP 0x0806

enum { PORTS_PER_ADDRESS = 32768, FIRST_PORT = 1024 };

/* Generator: where frames go, how many flows (a power of two, less one), the frame's first 48
 * bytes. */
const volatile __u32 out_ifindex;
const volatile __u32 flow_mask;
const volatile __u64 template[6];

/* Gateway: where to, and the MAC addresses to write. */
const volatile __u8 dest_mac[6];
const volatile __u8 source_mac[6];

__u64 seed = 88172645463325252ULL;

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 4);
} live_devices SEC(".maps");

/*
 * Runs on live frames, which are recycled without being restored: every header is written each
 * time. Flows come in random order, as they do in life.
 */
SEC("xdp")
int live_generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 *words = data, random = seed;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct udphdr *udp = (void *)(ip + 1);
	__be32 source;
	__u32 flow;

	if (data + 48 > end)
		return XDP_ABORTED;
	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	seed = random;
	flow = (__u32)random & flow_mask;
	for (int i = 0; i < 6; i++)
		words[i] = template[i];
	source = bpf_htonl(bpf_ntohl(ip->saddr) + flow / PORTS_PER_ADDRESS);
	csum_update(&ip->check, csum_diff32(ip->saddr, source));
	ip->saddr = source;
	udp->source = bpf_htons(FIRST_PORT + flow % PORTS_PER_ADDRESS);
	return bpf_redirect(out_ifindex, 0);
}

SEC("xdp")
int live_redirect(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	for (int i = 0; i < 6; i++) {
		eth->h_dest[i] = dest_mac[i];
		eth->h_source[i] = source_mac[i];
	}
	return bpf_redirect_map(&live_devices, out_ifindex, 0);
}

SEC("xdp")
int live_sink(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	return XDP_DROP;
}
