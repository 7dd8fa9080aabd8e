/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_REJECT_BPF_H
#define TANDEM_REJECT_BPF_H

/*
 * Answers that the program writes itself, in place of the packet: TCP RST (RFC 9293, 3.10.7.1) and
 * ICMP errors (RFC 792, RFC 4443). They go back out where the packet came in, to the MAC that sent
 * it, from the address that it was sent to. An ICMP error quotes the IP headers and eight bytes,
 * which is what hosts need to find the socket.
 *
 * All functions are called before anything in the packet was changed, and leave it unusable.
 */

enum {
	ICMP_QUOTE = 8,
	ICMP4_UNREACHABLE = 3,
	ICMP4_PORT_UNREACHABLE = 3,
	ICMP4_FRAGMENTATION_NEEDED = 4,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP6_UNREACHABLE = 1,
	ICMP6_PORT_UNREACHABLE = 4,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	REJECT_TTL = 64,
	QUOTE_WORDS_MAX = 128, /* of an IPv6 packet that an error quotes, with extension headers */
};

/*
 * An answer is asked for by a stage's return value, which is negative then: handle() has it
 * written, from the bottom of the stack, of which a whole chain of calls has 512 bytes.
 */
#define ANSWER		 (1 << 31)
#define ANSWER_KIND	 0x3
#define ANSWER_REFUSED	 0x0 /* TCP RST, ICMP port unreachable */
#define ANSWER_EXPIRED	 0x1 /* ICMP time exceeded */
#define ANSWER_TOO_BIG	 0x2 /* ICMP fragmentation needed, packet too big */
#define ANSWER_TO_SERVER 0x4 /* the source is this host's address, else the VIP */
#define ANSWER_IP6	 0x8
#define ANSWER_MTU(mtu)	 ((mtu) << 8) /* 16 bits */

struct eth_ip4_tcp {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

struct eth_ip6_tcp {
	struct ethhdr eth;
	struct ipv6hdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

struct eth_ip4_icmp {
	struct ethhdr eth;
	struct iphdr ip;
	struct icmphdr icmp;
} __attribute__((packed));

struct eth_ip6_icmp {
	struct ethhdr eth;
	struct ipv6hdr ip;
	struct icmp6hdr icmp;
} __attribute__((packed));

static __always_inline void eth_answer(struct ethhdr *eth, const struct ethhdr *to)
{
	__builtin_memcpy(eth->h_dest, to->h_source, 6);
	__builtin_memcpy(eth->h_source, to->h_dest, 6);
	eth->h_proto = to->h_proto;
}

static __always_inline void ip4_answer(struct iphdr *ip, const struct iphdr *to, __be32 source,
				       __u8 proto, __u32 length)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = bpf_htons(length);
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = REJECT_TTL;
	ip->protocol = proto;
	ip->saddr = source;
	ip->daddr = to->saddr;
	ip->check = ~csum_fold(csum_words(ip, sizeof(*ip) / 4));
}

static __always_inline void ip6_answer(struct ipv6hdr *ip, const struct ipv6hdr *to, __u8 proto,
				       __u32 payload)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons(payload);
	ip->nexthdr = proto;
	ip->hop_limit = REJECT_TTL;
	ip->saddr = to->daddr;
	ip->daddr = to->saddr;
}

/* Write the RST that answers the segment @to, whose payload (with SYN and FIN) is @length bytes. */
static __always_inline void tcp_answer(struct tcphdr *tcp, const struct tcphdr *to, __u32 length)
{
	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = to->dest;
	tcp->dest = to->source;
	tcp->doff = sizeof(*tcp) / 4;
	tcp->rst = 1;
	if (to->ack) {
		tcp->seq = to->ack_seq;
	} else {
		tcp->ack = 1;
		tcp->ack_seq = bpf_htonl(bpf_ntohl(to->seq) + length);
	}
}

/* The sequence space that a segment of @payload bytes with header takes; 0 for one that lies. */
static __always_inline __u32 tcp_segment_length(const struct tcphdr *tcp, __u32 payload)
{
	__u32 header = tcp->doff * 4;

	return (payload > header ? payload - header : 0) + tcp->syn + tcp->fin;
}

static __always_inline enum td_reason reject_tcp4(struct xdp_md *ctx, struct pkt *pkt)
{
	struct tcphdr *tcp = (void *)pkt->l4, reset;
	struct ethhdr eth;
	struct iphdr ip;
	struct eth_ip4_tcp *frame;
	__u32 header = pkt->ip4->ihl * 4, total = bpf_ntohs(pkt->ip4->tot_len);

	/* The verifier does not see that a TCP header was pulled. */
	if ((void *)(tcp + 1) > pkt->end)
		return TD_DROP_NO_ROOM;
	eth_answer(&eth, pkt->eth);
	ip4_answer(&ip, pkt->ip4, pkt->ip4->daddr, IPPROTO_TCP, sizeof(ip) + sizeof(reset));
	tcp_answer(&reset, tcp, tcp_segment_length(tcp, total > header ? total - header : 0));
	reset.check = ~csum_fold((__u64)(__u32)ip.saddr + (__u32)ip.daddr + bpf_htons(IPPROTO_TCP) +
				 bpf_htons(sizeof(reset)) + csum_words(&reset, sizeof(reset) / 4));

	if (bpf_xdp_adjust_tail(ctx, (int)sizeof(*frame) - (int)bpf_xdp_get_buff_len(ctx)))
		return TD_DROP_NO_ROOM;
	frame = (void *)(long)ctx->data;
	if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
		return TD_DROP_NO_ROOM;
	frame->eth = eth;
	frame->ip = ip;
	frame->tcp = reset;
	return TD_REJECT_TCP_RESET;
}

static __always_inline enum td_reason reject_tcp6(struct xdp_md *ctx, struct pkt *pkt)
{
	struct tcphdr *tcp = (void *)pkt->l4, reset;
	struct ethhdr eth;
	struct ipv6hdr ip;
	struct eth_ip6_tcp *frame;
	__u32 payload = bpf_ntohs(pkt->ip6->payload_len);
	__u32 extensions = (void *)tcp - (void *)(pkt->ip6 + 1);

	/* The verifier does not see that a TCP header was pulled. */
	if ((void *)(tcp + 1) > pkt->end)
		return TD_DROP_NO_ROOM;
	eth_answer(&eth, pkt->eth);
	ip6_answer(&ip, pkt->ip6, IPPROTO_TCP, sizeof(reset));
	/* Extension headers are part of the payload, but not of the segment. */
	tcp_answer(&reset, tcp,
		   tcp_segment_length(tcp, payload > extensions ? payload - extensions : 0));
	reset.check = ~csum_fold(csum_words(&ip.saddr, 8) + bpf_htons(IPPROTO_TCP) +
				 bpf_htons(sizeof(reset)) + csum_words(&reset, sizeof(reset) / 4));

	if (bpf_xdp_adjust_tail(ctx, (int)sizeof(*frame) - (int)bpf_xdp_get_buff_len(ctx)))
		return TD_DROP_NO_ROOM;
	frame = (void *)(long)ctx->data;
	if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
		return TD_DROP_NO_ROOM;
	frame->eth = eth;
	frame->ip = ip;
	frame->tcp = reset;
	return TD_REJECT_TCP_RESET;
}

/* An ICMP error: type and code in the high and low byte of @kind, and the rest of its header. */
static __always_inline bool icmp4_error(struct xdp_md *ctx, struct pkt *pkt, __u32 kind,
					__be32 rest, __be32 source)
{
	const int grow = sizeof(struct iphdr) + sizeof(struct icmphdr);
	__u32 quoted = pkt->ip4->ihl * 4 + ICMP_QUOTE;
	struct eth_ip4_icmp *frame;
	struct icmphdr icmp = {.type = kind >> 8, .code = kind & 0xff};
	struct ethhdr eth;
	struct iphdr ip;
	int tail = (int)(sizeof(eth) + quoted) - (int)bpf_xdp_get_buff_len(ctx);

	icmp.un.gateway = rest;
	eth_answer(&eth, pkt->eth);
	ip4_answer(&ip, pkt->ip4, source, IPPROTO_ICMP, grow + quoted);
	/*
	 * The words of a valid IPv4 header add up to zero in one's complement, its own checksum
	 * included, so only the eight bytes after it count.
	 */
	icmp.checksum = ~csum_fold(csum_words(&icmp, sizeof(icmp) / 4) +
				   csum_words(pkt->l4, ICMP_QUOTE / 4));

	if (tail > 0 || bpf_xdp_adjust_tail(ctx, tail) || bpf_xdp_adjust_head(ctx, -grow))
		return false;
	frame = (void *)(long)ctx->data;
	if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
		return false;
	frame->eth = eth;
	frame->ip = ip;
	frame->icmp = icmp;
	return true;
}

/* The sum of @count 32-bit words of the frame from @offset on, folded; -1 where it is shorter. */
__noinline int quote_sum(struct xdp_md *ctx, __u32 offset, __u32 count)
{
	__u64 sum = 0;

	if (count > QUOTE_WORDS_MAX)
		return -1;
	for (__u32 i = 0; i < QUOTE_WORDS_MAX; i++) {
		__u32 word;

		if (i >= count)
			break;
		if (bpf_xdp_load_bytes(ctx, offset + 4 * i, &word, sizeof(word)))
			return -1;
		sum += word;
	}
	return csum_fold(sum);
}

/* Quotes the extension headers too: without the ports behind them nobody knows what it is about. */
static __always_inline bool icmp6_error(struct xdp_md *ctx, struct pkt *pkt, __u32 kind,
					__be32 rest, const __be32 *source)
{
	const int grow = sizeof(struct ipv6hdr) + sizeof(struct icmp6hdr);
	__u32 quoted = (void *)pkt->l4 - (void *)pkt->ip6 + ICMP_QUOTE;
	__u32 payload = sizeof(struct icmp6hdr) + quoted;
	struct eth_ip6_icmp *frame;
	struct icmp6hdr icmp = {.icmp6_type = kind >> 8, .icmp6_code = kind & 0xff};
	struct ethhdr eth;
	struct ipv6hdr ip;
	int tail = (int)(sizeof(eth) + quoted) - (int)bpf_xdp_get_buff_len(ctx);
	int sum = quote_sum(ctx, (void *)pkt->ip6 - (void *)(long)ctx->data, quoted / 4);

	if (sum < 0)
		return false;
	icmp.icmp6_dataun.un_data32[0] = rest;
	eth_answer(&eth, pkt->eth);
	ip6_answer(&ip, pkt->ip6, IPPROTO_ICMPV6, payload);
	if (source)
		__builtin_memcpy(&ip.saddr, source, sizeof(ip.saddr));
	icmp.icmp6_cksum = ~csum_fold(csum_words(&ip.saddr, 8) + bpf_htons(payload) +
				      bpf_htons(IPPROTO_ICMPV6) +
				      csum_words(&icmp, sizeof(icmp) / 4) + (__u32)sum);

	if (tail > 0 || bpf_xdp_adjust_tail(ctx, tail) || bpf_xdp_adjust_head(ctx, -grow))
		return false;
	frame = (void *)(long)ctx->data;
	if ((void *)(frame + 1) > (void *)(long)ctx->data_end)
		return false;
	frame->eth = eth;
	frame->ip = ip;
	frame->icmp = icmp;
	return true;
}

static __always_inline struct td_interface *interface_get(struct xdp_md *ctx, __u32 vlan)
{
	struct td_interface_key key = {.ifindex = ctx->ingress_ifindex,
				       .vlan = vlan_membership(vlan)};

	return bpf_map_lookup_elem(&interfaces, &key);
}

/* The source of an error toward a server; 0 where this host has no address there. */
static __always_inline __be32 own_address4(struct xdp_md *ctx, __u32 vlan)
{
	struct td_interface *interface = interface_get(ctx, vlan);

	return interface ? interface->addr4 : 0;
}

static __always_inline const __be32 *own_address6(struct xdp_md *ctx, __u32 vlan)
{
	struct td_interface *interface = interface_get(ctx, vlan);

	if (!interface || !(interface->addr6[0] | interface->addr6[3]))
		return NULL;
	return interface->addr6;
}

/* What is counted where no answer could be sent. */
static __always_inline enum td_reason unanswered(__u32 what)
{
	switch (what & ANSWER_KIND) {
	case ANSWER_EXPIRED:
		return TD_DROP_TTL_EXPIRED;
	case ANSWER_TOO_BIG:
		return TD_DROP_TOO_BIG;
	default:
		return TD_DROP_NONE_HEALTHY;
	}
}

static __always_inline enum td_reason answered(__u32 what)
{
	switch (what & ANSWER_KIND) {
	case ANSWER_EXPIRED:
		return TD_TIME_EXCEEDED;
	case ANSWER_TOO_BIG:
		return TD_TOO_BIG;
	default:
		return TD_REJECT_UNREACHABLE;
	}
}

static __always_inline enum td_reason answer4_build(struct xdp_md *ctx, struct pkt *pkt, __u32 what,
						    __u32 vlan)
{
	__be32 source = pkt->ip4->daddr, rest = 0;
	__u32 kind = ICMP4_UNREACHABLE << 8 | ICMP4_PORT_UNREACHABLE;

	if ((what & ANSWER_KIND) == ANSWER_REFUSED && pkt->proto == IPPROTO_TCP)
		return pkt->tcp_flags & TCP_RST ? TD_DROP_NONE_HEALTHY : reject_tcp4(ctx, pkt);
	if (what & ANSWER_TO_SERVER)
		source = own_address4(ctx, vlan);
	if (!source)
		return unanswered(what);
	if ((what & ANSWER_KIND) == ANSWER_EXPIRED)
		kind = ICMP4_TIME_EXCEEDED << 8;
	if ((what & ANSWER_KIND) == ANSWER_TOO_BIG) {
		kind = ICMP4_UNREACHABLE << 8 | ICMP4_FRAGMENTATION_NEEDED;
		rest = bpf_htonl(what >> 8 & 0xffff);
	}
	return icmp4_error(ctx, pkt, kind, rest, source) ? answered(what) : TD_DROP_NO_ROOM;
}

static __always_inline enum td_reason answer6_build(struct xdp_md *ctx, struct pkt *pkt, __u32 what,
						    __u32 vlan)
{
	const __be32 *source = NULL;
	__u32 kind = ICMP6_UNREACHABLE << 8 | ICMP6_PORT_UNREACHABLE;
	__be32 rest = 0;

	if ((what & ANSWER_KIND) == ANSWER_REFUSED && pkt->proto == IPPROTO_TCP)
		return pkt->tcp_flags & TCP_RST ? TD_DROP_NONE_HEALTHY : reject_tcp6(ctx, pkt);
	if (what & ANSWER_TO_SERVER) {
		source = own_address6(ctx, vlan);
		if (!source)
			return unanswered(what);
	}
	if ((what & ANSWER_KIND) == ANSWER_EXPIRED)
		kind = ICMP6_TIME_EXCEEDED << 8;
	if ((what & ANSWER_KIND) == ANSWER_TOO_BIG) {
		kind = ICMP6_TOO_BIG << 8;
		rest = bpf_htonl(what >> 8 & 0xffff);
	}
	return icmp6_error(ctx, pkt, kind, rest, source) ? answered(what) : TD_DROP_NO_ROOM;
}

/*
 * Write the answer in the packet's place. Not inlined: rare, large, and with a stack of its own.
 * The packet is parsed again, since to take the caller's struct pkt by address would force it out
 * of registers for every packet. Answers are written untagged; a tag is taken off before and put on
 * again after.
 */
__noinline int answer4(struct xdp_md *ctx, __u32 what)
{
	struct pkt pkt = {};
	enum td_reason reason;
	__u32 vlan;

	pkt_init(&pkt, ctx);
	if (pkt_parse_l2(&pkt))
		return TD_DROP_NO_ROOM;
	vlan = pkt.vlan;
	if (vlan) {
		if (retag(ctx, vlan, 0))
			return TD_DROP_NO_ROOM;
		pkt_init(&pkt, ctx);
		if (pkt_parse_eth(&pkt))
			return TD_DROP_NO_ROOM;
	}
	if (pkt_parse_ip4(ctx, &pkt) || pkt_parse_l4(&pkt))
		return TD_DROP_NO_ROOM;
	reason = answer4_build(ctx, &pkt, what, vlan);
	if (vlan && retag(ctx, 0, vlan))
		return TD_DROP_NO_ROOM;
	return reason;
}

__noinline int answer6(struct xdp_md *ctx, __u32 what)
{
	struct pkt pkt = {};
	enum td_reason reason;
	__u32 vlan;

	pkt_init(&pkt, ctx);
	if (pkt_parse_l2(&pkt))
		return TD_DROP_NO_ROOM;
	vlan = pkt.vlan;
	if (vlan) {
		if (retag(ctx, vlan, 0))
			return TD_DROP_NO_ROOM;
		pkt_init(&pkt, ctx);
		if (pkt_parse_eth(&pkt))
			return TD_DROP_NO_ROOM;
	}
	if (pkt_parse_ip6(ctx, &pkt) || pkt_parse_extensions(ctx, &pkt) || pkt_parse_l4(&pkt))
		return TD_DROP_NO_ROOM;
	reason = answer6_build(ctx, &pkt, what, vlan);
	if (vlan && retag(ctx, 0, vlan))
		return TD_DROP_NO_ROOM;
	return reason;
}

#endif
