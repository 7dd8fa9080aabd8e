/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_PKT_BPF_H
#define TANDEM_PKT_BPF_H

#define ETH_P_IP   0x0800
#define ETH_P_IPV6 0x86dd

#define IP4_FRAGMENT 0x3fff /* more fragments, or an offset */
#define IP4_OFFSET   0x1fff

#define NEXTHDR_FRAGMENT 44

#define IPPROTO_ICMPV6 58

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* What TCP and UDP headers share. */
struct port_pair {
	__be16 source;
	__be16 dest;
};

/* What the pipeline knows about one packet. Lives on the stack; pointers die with
 * bpf_xdp_adjust_*(). */
struct pkt {
	void *cursor; /* next unparsed byte */
	void *end;
	struct ethhdr *eth;
	struct iphdr *ip4;
	struct ipv6hdr *ip6;
	struct port_pair *l4;
	__sum16 *check; /* of TCP or UDP */
	__u32 length;	/* of the frame as it came */
	__u8 proto;
	__u8 tcp_flags; /* 0 for UDP */
};

/* Return the next @size bytes and step over them, or NULL past the end. */
static __always_inline void *pkt_pull(struct pkt *pkt, __u32 size)
{
	void *header = pkt->cursor;

	if (header + size > pkt->end)
		return NULL;
	pkt->cursor = header + size;
	return header;
}

static __always_inline void pkt_init(struct pkt *pkt, struct xdp_md *ctx)
{
	pkt->cursor = (void *)(long)ctx->data;
	pkt->end = (void *)(long)ctx->data_end;
	pkt->length = pkt->end - pkt->cursor;
}

static __always_inline enum td_reason pkt_parse_eth(struct pkt *pkt)
{
	pkt->eth = pkt_pull(pkt, sizeof(*pkt->eth));
	return pkt->eth ? TD_CONTINUE : TD_PASS_MALFORMED;
}

static __always_inline enum td_reason pkt_parse_ip4(struct pkt *pkt)
{
	__u32 length;

	pkt->ip4 = pkt_pull(pkt, sizeof(*pkt->ip4));
	if (!pkt->ip4 || pkt->ip4->version != 4)
		return TD_PASS_MALFORMED;
	pkt->proto = pkt->ip4->protocol;

	/* Read once: the verifier forgets the bound of a bit-field that is read again. */
	length = pkt->ip4->ihl * 4;
	if (length == sizeof(*pkt->ip4))
		return TD_CONTINUE;
	if (length < sizeof(*pkt->ip4) || (void *)pkt->ip4 + length > pkt->end)
		return TD_PASS_MALFORMED;
	pkt->cursor = (void *)pkt->ip4 + length;
	return TD_CONTINUE;
}

static __always_inline enum td_reason pkt_parse_ip6(struct pkt *pkt)
{
	pkt->ip6 = pkt_pull(pkt, sizeof(*pkt->ip6));
	if (!pkt->ip6 || pkt->ip6->version != 6)
		return TD_PASS_MALFORMED;
	pkt->proto = pkt->ip6->nexthdr;
	return TD_CONTINUE;
}

static __always_inline enum td_reason pkt_parse_l4(struct pkt *pkt)
{
	pkt->l4 = pkt->cursor;
	if (pkt->proto == IPPROTO_TCP) {
		struct tcphdr *tcp = pkt_pull(pkt, sizeof(*tcp));

		if (!tcp)
			return TD_PASS_MALFORMED;
		pkt->check = &tcp->check;
		pkt->tcp_flags = ((__u8 *)tcp)[13];
		return TD_CONTINUE;
	}
	if (pkt->proto == IPPROTO_UDP) {
		struct udphdr *udp = pkt_pull(pkt, sizeof(*udp));

		if (!udp)
			return TD_PASS_MALFORMED;
		pkt->check = &udp->check;
		pkt->tcp_flags = 0;
		return TD_CONTINUE;
	}
	return TD_PASS_NOT_OURS;
}

#endif
