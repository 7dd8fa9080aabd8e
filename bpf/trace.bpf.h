/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TRACE_BPF_H
#define TANDEM_TRACE_BPF_H

/*
 * A packet's way, noted by hooks in the stages: how it came, what was found and picked for it, how
 * it left. Only tandem_trace.bpf.c has these hooks; it takes the place of the other program while
 * somebody traces. Notes are a per-CPU element, since one CPU has one packet in hand.
 */

/* One element, written by the agent before the program is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct td_trace_filter);
	__uint(max_entries, 1);
} trace_filters SEC(".maps");

/* The packet in hand; written and read by the program alone. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct td_trace_event);
	__uint(max_entries, 1);
} trace_notes SEC(".maps");

/* Written per packet, summed by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct td_trace_counts);
	__uint(max_entries, 1);
} trace_counts SEC(".maps");

/* struct td_trace_event. Written by the program, read by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TD_TRACE_BYTES);
} traces SEC(".maps");

static __always_inline struct td_trace_event *trace_note(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&trace_notes, &zero);
}

static __always_inline void trace_parse_l4(struct pkt *pkt, struct td_trace_packet *ret)
{
	const __u8 *icmp;

	if (pkt->proto == IPPROTO_ICMP || pkt->proto == IPPROTO_ICMPV6) {
		icmp = pkt_pull(pkt, 2);
		if (!icmp)
			return;
		ret->icmp_type = icmp[0];
		ret->icmp_code = icmp[1];
		ret->flags |= TD_TRACE_ICMP;
		return;
	}
	if (pkt_parse_l4(pkt))
		return;
	ret->source_port = pkt->l4->source;
	ret->dest_port = pkt->l4->dest;
	ret->tcp_flags = pkt->tcp_flags;
	ret->flags |= TD_TRACE_PORTS;
}

/* Addresses are told also of a packet whose header lies about the rest. */
static __always_inline void trace_parse4(struct xdp_md *ctx, struct pkt *pkt,
					 struct td_trace_packet *ret)
{
	enum td_reason reason = pkt_parse_ip4(ctx, pkt);

	if (!pkt->ip4 || pkt->ip4->version != 4)
		return;
	ret->family = 4;
	ret->source[0] = pkt->ip4->saddr;
	ret->dest[0] = pkt->ip4->daddr;
	ret->proto = pkt->proto;
	ret->ttl = pkt->ip4->ttl;
	ret->flags = TD_TRACE_TUPLE;
	if (reason)
		return;
	if (pkt->ip4->frag_off & bpf_htons(IP4_FRAGMENT))
		ret->flags |= TD_TRACE_PIECE;
	if (!(pkt->ip4->frag_off & bpf_htons(IP4_OFFSET)))
		trace_parse_l4(pkt, ret);
}

static __always_inline void trace_parse6(struct xdp_md *ctx, struct pkt *pkt,
					 struct td_trace_packet *ret)
{
	enum td_reason reason = pkt_parse_ip6(ctx, pkt);

	if (!pkt->ip6 || pkt->ip6->version != 6)
		return;
	ret->family = 6;
	__builtin_memcpy(ret->source, &pkt->ip6->saddr, sizeof(ret->source));
	__builtin_memcpy(ret->dest, &pkt->ip6->daddr, sizeof(ret->dest));
	ret->proto = pkt->proto;
	ret->ttl = pkt->ip6->hop_limit;
	ret->flags = TD_TRACE_TUPLE;
	if (reason || pkt_parse_extensions(ctx, pkt))
		return;
	ret->proto = pkt->proto;
	if (pkt->fragment)
		ret->flags |= TD_TRACE_PIECE;
	if (!pkt->later)
		trace_parse_l4(pkt, ret);
}

/* What the frame is now, into @ret, which is zeroed. Global: the verifier looks at it once. */
__noinline int trace_parse(struct xdp_md *ctx, struct td_trace_packet *ret)
{
	struct pkt pkt = {};

	if (!ret)
		return 0;
	pkt_init(&pkt, ctx);
	ret->length = bpf_xdp_get_buff_len(ctx);
	if (pkt_parse_l2(&pkt))
		return 0;
	__builtin_memcpy(ret->dest_mac, pkt.eth->h_dest, sizeof(ret->dest_mac));
	ret->vlan = pkt.vlan;
	if (pkt.l3_proto == bpf_htons(ETH_P_IP))
		trace_parse4(ctx, &pkt, ret);
	else if (pkt.l3_proto == bpf_htons(ETH_P_IPV6))
		trace_parse6(ctx, &pkt, ret);
	return 0;
}

static __always_inline void trace_begin(struct xdp_md *ctx)
{
	struct td_trace_event *note = trace_note();

	if (!note)
		return;
	__builtin_memset(note, 0, sizeof(*note));
	note->time_ns = bpf_ktime_get_ns();
	note->ingress = ctx->ingress_ifindex;
	note->service = note->slot = note->nexthop = TD_TRACE_NONE;
	trace_parse(ctx, &note->in);
}

static __always_inline void trace_service(const struct td_service_ref *ref)
{
	struct td_trace_event *note = trace_note();

	if (!note)
		return;
	note->way = TD_TRACE_FORWARD;
	note->service = ref->service;
}

/* The state word was read, of a service or of an endpoint's. */
static __always_inline void trace_state(__u64 state)
{
	struct td_trace_event *note = trace_note();

	if (!note)
		return;
	note->state = state;
	note->has_state = 1;
}

/* What the word says for a packet toward the service; an enum td_select. */
static __always_inline void trace_selection(__u64 state, __u32 select)
{
	struct td_trace_event *note = trace_note();

	trace_state(state);
	if (note && select < TD_SELECT_REJECT)
		note->slot = select;
}

static __always_inline void trace_nexthop(__u32 nexthop)
{
	struct td_trace_event *note = trace_note();

	if (note)
		note->nexthop = nexthop;
}

static __always_inline void trace_endpoint(const struct td_endpoint *endpoint)
{
	struct td_trace_event *note = trace_note();

	if (!note)
		return;
	note->way = TD_TRACE_RETURN;
	note->service = endpoint->service;
	note->slot = endpoint->slot;
}

static __always_inline void trace_egress(__u32 ifindex)
{
	struct td_trace_event *note = trace_note();

	if (note)
		note->egress = ifindex;
}

static __always_inline bool trace_addr_equal(const __be32 *a, const __be32 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline bool trace_has_client(const struct td_trace_packet *packet,
					     const struct td_trace_filter *filter)
{
	bool any_port = !filter->client_port || !(packet->flags & TD_TRACE_PORTS);

	if (packet->family != filter->client_family)
		return false;
	return (trace_addr_equal(packet->source, filter->client) &&
		(any_port || packet->source_port == filter->client_port)) ||
	       (trace_addr_equal(packet->dest, filter->client) &&
		(any_port || packet->dest_port == filter->client_port));
}

static __always_inline bool trace_has_listener(const struct td_trace_event *note,
					       const struct td_trace_filter *filter)
{
	const struct td_trace_packet *packet = &note->in;

	if (note->way != TD_TRACE_UNKNOWN)
		return note->service == filter->service;
	return packet->family == filter->vip_family && packet->proto == filter->vip_proto &&
	       packet->flags & TD_TRACE_PORTS && packet->dest_port == filter->vip_port &&
	       trace_addr_equal(packet->dest, filter->vip);
}

static __always_inline bool trace_matches(const struct td_trace_event *note,
					  const struct td_trace_filter *filter)
{
	if (note->time_ns > filter->deadline_ns)
		return false;
	if (filter->reason && note->reason != filter->reason)
		return false;
	if (filter->client_family && !trace_has_client(&note->in, filter))
		return false;
	return !filter->vip_family || trace_has_listener(note, filter);
}

/* The way is over. Global, as trace_parse() is. Returns nothing of use. */
__noinline int trace_end(struct xdp_md *ctx, __u32 reason, int action)
{
	struct td_trace_event *note = trace_note();
	struct td_trace_filter *filter;
	struct td_trace_counts *count;
	__u32 zero = 0;

	filter = bpf_map_lookup_elem(&trace_filters, &zero);
	count = bpf_map_lookup_elem(&trace_counts, &zero);
	if (!note || !filter || !count)
		return 0;
	note->reason = reason;
	if (!trace_matches(note, filter))
		return 0;
	count->matched++;
	if (filter->sample_every > 1 && (count->matched - 1) % filter->sample_every)
		return 0;

	if (action != XDP_DROP && action != XDP_ABORTED)
		trace_parse(ctx, &note->out);
	if (action == XDP_TX)
		note->egress = ctx->ingress_ifindex;
	else if (action != XDP_REDIRECT)
		note->egress = 0;
	if (bpf_ringbuf_output(&traces, note, sizeof(*note), 0))
		count->lost++;
	return 0;
}

#endif
