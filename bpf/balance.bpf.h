/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_BALANCE_BPF_H
#define TANDEM_BALANCE_BPF_H

/*
 * The order of stages. Whole, plain TCP and UDP takes the short way, all inlined. Pieces of
 * datagrams, ICMP errors and IPv6 extension headers have ways of their own that parse the packet
 * anew, so that the short way keeps its packet in registers. Those are global functions: the
 * verifier looks at each once, whatever its caller knows.
 */

/* A key as a struct and as the word that it is compared by. */
union quick_key {
	struct td_service_key4 key;
	__u64 word;
};

/*
 * Find what @key, with its kind in the padding, refers to. The key is looked at again after its
 * reference was read, so that a slot that was given to another key in between is not taken for this
 * one's.
 */
static __always_inline bool quick4_find(union quick_key key, void *hash_map, __u64 *ret_ref)
{
	__u32 index = td_quick_bucket(key.word);
	struct td_quick4 *bucket = bpf_map_lookup_elem(&quick4, &index);
	__u64 *ref;

	if (!bucket)
		return false;
	for (int i = 0; i < TD_QUICK_SLOTS; i++) {
		if (*(volatile __u64 *)&bucket->keys[i] != key.word)
			continue;
		*ret_ref = *(volatile __u64 *)&bucket->refs[i];
		if (*(volatile __u64 *)&bucket->keys[i] == key.word)
			return true;
	}
	if (!bucket->overflow)
		return false;
	key.key.pad = 0;
	ref = bpf_map_lookup_elem(hash_map, &key.key);
	if (!ref)
		return false;
	*ret_ref = *ref;
	return true;
}

/* What the ports say: toward a VIP, back from a server, or not ours. */
static __always_inline int match4(struct xdp_md *ctx, struct pkt *pkt, const struct td_ports *port,
				  struct port_pair pair)
{
	union quick_key key;

	if (port_is_set(port->services, pair.dest)) {
		union {
			struct td_service_ref ref;
			__u64 word;
		} found;

		key.key = key4(pkt->ip4->daddr, pair.dest, pkt->proto);
		key.key.pad = TD_QUICK_SERVICE;
		if (quick4_find(key, &services4, &found.word))
			return forward4(ctx, pkt, &found.ref);
	}
	if (port_is_set(port->endpoints, pair.source)) {
		union {
			struct td_endpoint endpoint;
			__u64 word;
		} found;

		key.key = key4(pkt->ip4->saddr, pair.source, pkt->proto);
		key.key.pad = TD_QUICK_ENDPOINT;
		if (quick4_find(key, &endpoints4, &found.word))
			return return4(ctx, pkt, &found.endpoint);
	}
	return TD_PASS_NOT_OURS;
}

static __always_inline int match6(struct xdp_md *ctx, struct pkt *pkt, const struct td_ports *port,
				  struct port_pair pair)
{
	struct td_service_key6 key;

	if (port_is_set(port->services, pair.dest)) {
		struct td_service_ref *ref;

		key6(&key, &pkt->ip6->daddr, pair.dest, pkt->proto);
		ref = bpf_map_lookup_elem(&services6, &key);
		if (ref)
			return forward6(ctx, pkt, ref);
	}
	if (port_is_set(port->endpoints, pair.source)) {
		struct td_endpoint *endpoint;

		key6(&key, &pkt->ip6->saddr, pair.source, pkt->proto);
		endpoint = bpf_map_lookup_elem(&endpoints6, &key);
		if (endpoint)
			return return6(ctx, pkt, endpoint);
	}
	return TD_PASS_NOT_OURS;
}

/* All ways return an enum td_reason, or ANSWER. */

__noinline int pieces4(struct xdp_md *ctx)
{
	struct td_ports *port = ports_get();
	struct td_fragment fragment;
	struct port_pair pair;
	struct pkt pkt = {};
	enum td_reason reason;

	pkt_init(&pkt, ctx);
	if (!port)
		return TD_DROP_BAD_INDEX;
	reason = pkt_parse_l2(&pkt);
	if (reason)
		return reason;
	reason = pkt_parse_ip4(ctx, &pkt);
	if (reason)
		return reason;
	pkt.later = pkt.ip4->frag_off & bpf_htons(IP4_OFFSET);
	reason = fragment4_ports(&pkt, port, &fragment);
	if (reason)
		return reason;
	pair.source = fragment.source_port;
	pair.dest = fragment.dest_port;
	return match4(ctx, &pkt, port, pair);
}

__noinline int errors4(struct xdp_md *ctx)
{
	struct pkt pkt = {};
	enum td_reason reason;

	pkt_init(&pkt, ctx);
	reason = pkt_parse_l2(&pkt);
	if (reason)
		return reason;
	reason = pkt_parse_ip4(ctx, &pkt);
	return reason ? reason : icmp4(ctx, &pkt);
}

/* Ours, though it cannot be served, or somebody else's. */
static __always_inline enum td_reason headers_reason(const struct pkt *pkt)
{
	struct td_service_key6 vip;

	key6(&vip, &pkt->ip6->daddr, 0, 0);
	return bpf_map_lookup_elem(&services6, &vip) ? TD_DROP_HEADERS : TD_PASS_NOT_OURS;
}

/* Extension headers, and pieces, which are known by one. */
__noinline int headers6(struct xdp_md *ctx)
{
	struct td_ports *port = ports_get();
	struct td_fragment fragment;
	struct port_pair pair;
	struct pkt pkt = {};
	enum td_reason reason;

	pkt_init(&pkt, ctx);
	if (!port)
		return TD_DROP_BAD_INDEX;
	reason = pkt_parse_l2(&pkt);
	if (reason)
		return reason;
	reason = pkt_parse_ip6(ctx, &pkt);
	if (reason)
		return reason;
	reason = pkt_parse_extensions(ctx, &pkt);
	if (reason)
		return reason == TD_DROP_HEADERS ? headers_reason(&pkt) : reason;
	if (!pkt.fragment) {
		reason = pkt_parse_l4(&pkt);
		return reason ? reason : match6(ctx, &pkt, port, *pkt.l4);
	}
	reason = fragment6_ports(&pkt, port, &fragment);
	if (reason)
		return reason;
	pkt.proto = fragment.proto;
	pair.source = fragment.source_port;
	pair.dest = fragment.dest_port;
	return match6(ctx, &pkt, port, pair);
}

__noinline int errors6(struct xdp_md *ctx)
{
	struct pkt pkt = {};
	enum td_reason reason;

	pkt_init(&pkt, ctx);
	reason = pkt_parse_l2(&pkt);
	if (reason)
		return reason;
	reason = pkt_parse_ip6(ctx, &pkt);
	return reason ? reason : icmp6(ctx, &pkt);
}

static __always_inline int balance4(struct xdp_md *ctx, struct pkt *pkt)
{
	struct td_ports *port;
	enum td_reason reason;

	reason = pkt_parse_ip4(ctx, pkt);
	if (reason)
		return reason;
	if (pkt->ip4->frag_off & bpf_htons(IP4_FRAGMENT))
		return pieces4(ctx);
	if (pkt->proto == IPPROTO_ICMP)
		return errors4(ctx);
	reason = pkt_parse_l4(pkt);
	if (reason)
		return reason;
	port = ports_get();
	return port ? match4(ctx, pkt, port, *pkt->l4) : TD_DROP_BAD_INDEX;
}

static __always_inline int balance6(struct xdp_md *ctx, struct pkt *pkt)
{
	struct td_ports *port;
	enum td_reason reason;

	reason = pkt_parse_ip6(ctx, pkt);
	if (reason)
		return reason;
	if (pkt->proto == IPPROTO_ICMPV6)
		return errors6(ctx);
	if (is_extension(pkt->proto))
		return headers6(ctx);
	reason = pkt_parse_l4(pkt);
	if (reason)
		return reason;
	port = ports_get();
	return port ? match6(ctx, pkt, port, *pkt->l4) : TD_DROP_BAD_INDEX;
}

/* Plain packets behind tags. */
__noinline int tagged4(struct xdp_md *ctx)
{
	struct td_ports *port = ports_get();
	struct pkt pkt = {};
	enum td_reason reason;

	pkt_init(&pkt, ctx);
	if (!port)
		return TD_DROP_BAD_INDEX;
	reason = pkt_parse_l2(&pkt);
	if (reason)
		return reason;
	reason = pkt_parse_ip4(ctx, &pkt);
	if (reason)
		return reason;
	reason = pkt_parse_l4(&pkt);
	return reason ? reason : match4(ctx, &pkt, port, *pkt.l4);
}

/* IPv6 without extension headers takes no harm from the way that looks for them. */
static __always_inline int tagged(struct xdp_md *ctx, struct pkt *pkt)
{
	enum td_reason reason;

	pkt->cursor = pkt->eth;
	reason = pkt_parse_l2(pkt);
	if (reason)
		return reason;
	if (pkt->l3_proto == bpf_htons(ETH_P_IP)) {
		reason = pkt_parse_ip4(ctx, pkt);
		if (reason)
			return reason;
		if (pkt->ip4->frag_off & bpf_htons(IP4_FRAGMENT))
			return pieces4(ctx);
		return pkt->proto == IPPROTO_ICMP ? errors4(ctx) : tagged4(ctx);
	}
	if (pkt->l3_proto == bpf_htons(ETH_P_IPV6)) {
		reason = pkt_parse_ip6(ctx, pkt);
		if (reason)
			return reason;
		return pkt->proto == IPPROTO_ICMPV6 ? errors6(ctx) : headers6(ctx);
	}
	return TD_PASS_NOT_IP;
}

static __always_inline int balance(struct xdp_md *ctx, struct pkt *pkt)
{
	enum td_reason reason = pkt_parse_eth(pkt);

	if (reason)
		return reason;
	if (pkt->eth->h_proto == bpf_htons(ETH_P_IP))
		return balance4(ctx, pkt);
	if (pkt->eth->h_proto == bpf_htons(ETH_P_IPV6))
		return balance6(ctx, pkt);
	return is_vlan(pkt->eth->h_proto) ? tagged(ctx, pkt) : TD_PASS_NOT_IP;
}

/* Out of the interface that the frame came in by. */
static __always_inline int send_back(struct xdp_md *ctx)
{
	struct td_settings *setting = settings_get();

	if (setting && setting->flags & TD_SETTING_NO_TX)
		return bpf_redirect_map(&devices, ctx->ingress_ifindex, XDP_TX);
	return XDP_TX;
}

static __always_inline int handle(struct xdp_md *ctx)
{
	struct pkt pkt = {};
	int action, reason;

	trace_begin(ctx);
	pkt_init(&pkt, ctx);
	reason = balance(ctx, &pkt);
	if (reason < 0)
		reason = reason & ANSWER_IP6 ? answer6(ctx, reason) : answer4(ctx, reason);
	action = finish(&pkt, reason);
	trace_end(ctx, reason, action);
	return action == XDP_TX ? send_back(ctx) : action;
}

#endif
