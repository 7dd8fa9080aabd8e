/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_PKT_BPF_H
#define TANDEM_PKT_BPF_H

#define ETH_P_IP     0x0800
#define ETH_P_IPV6   0x86dd
#define ETH_P_8021Q  0x8100
#define ETH_P_8021AD 0x88a8

#define IP4_FRAGMENT	  0x3fff /* more fragments, or an offset */
#define IP4_OFFSET	  0x1fff
#define IP4_DONT_FRAGMENT 0x4000

#define IPPROTO_ICMPV6 58

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* IPv6 extension headers (RFC 8200, 4; RFC 4302). */
enum {
	NEXTHDR_HOP = 0,
	NEXTHDR_ROUTING = 43,
	NEXTHDR_FRAGMENT = 44,
	NEXTHDR_AUTH = 51,
	NEXTHDR_DEST = 60,
	IP6_HEADERS_MAX = 6,	/* so many are stepped over, */
	IP6_OFFSET_MAX = 16384, /* and so many bytes */
};

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
	__u32 vlan;	 /* as in abi.h */
	__be16 l3_proto; /* EtherType behind all tags */
	struct iphdr *ip4;
	struct ipv6hdr *ip6;
	struct port_pair *l4; /* NULL in a piece of a datagram other than the first */
	__sum16 *check;	      /* of TCP or UDP */
	__u32 length;	      /* of the frame as it came */
	__be32 fragment_id;   /* IPv6 */
	__u8 proto;
	__u8 tcp_flags; /* 0 for UDP, and where there is no TCP header */
	bool fragment;	/* a piece of a datagram */
	bool later;	/* other than the first one */
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

struct vlan_tag {
	__be16 tci;
	__be16 next;
};

static __always_inline bool is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/* A tag with identifier 0 carries a priority alone (IEEE 802.1Q, 6.9): its frame is in no VLAN. */
static __always_inline __u32 vlan_membership(__u32 vlan)
{
	return (vlan & ~TD_VLAN_AD) == TD_VLAN_ONE ? 0 : vlan;
}

/* The Ethernet header and up to two tags. A third one is left to be found as the EtherType. */
static __always_inline enum td_reason pkt_parse_l2(struct pkt *pkt)
{
	struct vlan_tag *tag;

	if (pkt_parse_eth(pkt))
		return TD_PASS_MALFORMED;
	pkt->l3_proto = pkt->eth->h_proto;
	if (!is_vlan(pkt->l3_proto))
		return TD_CONTINUE;
	tag = pkt_pull(pkt, sizeof(*tag));
	if (!tag)
		return TD_PASS_MALFORMED;
	pkt->vlan = TD_VLAN_ONE | (bpf_ntohs(tag->tci) & 0xfff);
	if (pkt->l3_proto == bpf_htons(ETH_P_8021AD))
		pkt->vlan |= TD_VLAN_AD;
	pkt->l3_proto = tag->next;
	if (!is_vlan(pkt->l3_proto))
		return TD_CONTINUE;
	tag = pkt_pull(pkt, sizeof(*tag));
	if (!tag)
		return TD_PASS_MALFORMED;
	pkt->vlan = (pkt->vlan & TD_VLAN_AD) | TD_VLAN_TWO | (pkt->vlan & 0xfff) << 12 |
		    (bpf_ntohs(tag->tci) & 0xfff);
	pkt->l3_proto = tag->next;
	return TD_CONTINUE;
}

/*
 * Whether the frame has the @length bytes that its IP header at @ip speaks of. What does not lie in
 * the first buffer is seldom and asked for.
 */
static __always_inline bool pkt_holds(struct xdp_md *ctx, const struct pkt *pkt, const void *ip,
				      __u32 length)
{
	__u32 needed = ip - (void *)(long)ctx->data + length;

	return needed <= pkt->length || needed <= bpf_xdp_get_buff_len(ctx);
}

static __always_inline enum td_reason pkt_parse_ip4(struct xdp_md *ctx, struct pkt *pkt)
{
	__u32 length;

	pkt->ip4 = pkt_pull(pkt, sizeof(*pkt->ip4));
	if (!pkt->ip4 || pkt->ip4->version != 4)
		return TD_PASS_MALFORMED;
	pkt->proto = pkt->ip4->protocol;

	/* Read once: the verifier forgets the bound of a bit-field that is read again. */
	length = pkt->ip4->ihl * 4;
	if (bpf_ntohs(pkt->ip4->tot_len) < length ||
	    !pkt_holds(ctx, pkt, pkt->ip4, bpf_ntohs(pkt->ip4->tot_len)))
		return TD_PASS_MALFORMED;
	if (length == sizeof(*pkt->ip4))
		return TD_CONTINUE;
	if (length < sizeof(*pkt->ip4) || (void *)pkt->ip4 + length > pkt->end)
		return TD_PASS_MALFORMED;
	pkt->cursor = (void *)pkt->ip4 + length;
	return TD_CONTINUE;
}

static __always_inline enum td_reason pkt_parse_ip6(struct xdp_md *ctx, struct pkt *pkt)
{
	pkt->ip6 = pkt_pull(pkt, sizeof(*pkt->ip6));
	if (!pkt->ip6 || pkt->ip6->version != 6)
		return TD_PASS_MALFORMED;
	if (!pkt_holds(ctx, pkt, pkt->ip6, bpf_ntohs(pkt->ip6->payload_len) + sizeof(*pkt->ip6)))
		return TD_PASS_MALFORMED;
	pkt->proto = pkt->ip6->nexthdr;
	return TD_CONTINUE;
}

/* What begins every extension header. */
struct ip6_extension {
	__u8 next;
	__u8 length;   /* in units of the header's own */
	__be16 offset; /* of a fragment header: 13 bits, 2 reserved, more to come */
	__be32 id;
};

/* Where the extension headers of a packet led to. */
struct ip6_walk {
	__u32 offset; /* of the next header in the frame; what it is says proto */
	__be32 fragment_id;
	__u8 proto;
	__u8 fragment; /* of a datagram in pieces */
	__u8 later;    /* of a piece other than the first: there is no header at offset */
	__u8 pad;
};

static __always_inline bool is_extension(__u8 proto)
{
	return proto == NEXTHDR_HOP || proto == NEXTHDR_ROUTING || proto == NEXTHDR_FRAGMENT ||
	       proto == NEXTHDR_AUTH || proto == NEXTHDR_DEST;
}

/*
 * Step over extension headers from @walk on. By copies of a few bytes and global, so that the
 * verifier looks at it once, and not at every way through six headers. Returns an enum td_reason.
 */
__noinline int ip6_walk(struct xdp_md *ctx, struct ip6_walk *walk)
{
	if (!walk)
		return TD_DROP_BAD_INDEX;
	for (int i = 0; i < IP6_HEADERS_MAX; i++) {
		struct ip6_extension extension;

		if (walk->later || !is_extension(walk->proto))
			return TD_CONTINUE;
		if (bpf_xdp_load_bytes(ctx, walk->offset, &extension, sizeof(extension)))
			return TD_PASS_MALFORMED;
		if (walk->proto == NEXTHDR_FRAGMENT) {
			/* One around a whole datagram makes no piece of it (RFC 6946). */
			if (extension.offset & bpf_htons(0xfff9))
				walk->fragment = 1;
			walk->later = (extension.offset & bpf_htons(0xfff8)) != 0;
			walk->fragment_id = extension.id;
			walk->offset += sizeof(extension);
		} else if (walk->proto == NEXTHDR_AUTH) {
			walk->offset += (extension.length + 2) * 4;
		} else if (walk->proto == NEXTHDR_ROUTING && bpf_ntohs(extension.offset) & 0xff) {
			/* While segments are left, the destination is not who the sender meant. */
			return TD_DROP_HEADERS;
		} else {
			walk->offset += (extension.length + 1) * 8;
		}
		walk->proto = extension.next;
	}
	return !walk->later && is_extension(walk->proto) ? TD_DROP_HEADERS : TD_CONTINUE;
}

/* Step over the extension headers: the cursor is then at the upper-layer header, where there is
 * one. */
static __always_inline enum td_reason pkt_parse_extensions(struct xdp_md *ctx, struct pkt *pkt)
{
	struct ip6_walk walk = {.offset = pkt->cursor - (void *)(long)ctx->data,
				.proto = pkt->proto};
	enum td_reason reason = ip6_walk(ctx, &walk);
	__u32 offset = walk.offset;

	if (reason)
		return reason;
	if (offset > IP6_OFFSET_MAX)
		return TD_DROP_HEADERS;
	pkt->cursor = (void *)(long)ctx->data + offset;
	pkt->proto = walk.proto;
	pkt->fragment = walk.fragment;
	pkt->later = walk.later;
	pkt->fragment_id = walk.fragment_id;
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
