/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_FRAGMENT_BPF_H
#define TANDEM_FRAGMENT_BPF_H

/*
 * Datagrams in pieces. The first piece has the ports and is remembered by addresses and id; the
 * others follow it. A piece that comes before the first one, or long after it, is dropped by name
 * where it is ours: it is never sent to a server by guess. What is ours without ports is told by
 * the VIP's own entry, and of servers only by what the first piece said.
 */

#define NS_PER_S 1000000000ULL

static __always_inline void fragment_note(struct td_fragment *fragment, const struct pkt *pkt)
{
	__builtin_memset(fragment, 0, sizeof(*fragment));
	fragment->seen_ns = bpf_ktime_get_coarse_ns();
	fragment->source_port = pkt->l4->source;
	fragment->dest_port = pkt->l4->dest;
	fragment->proto = pkt->proto;
}

static __always_inline bool fragment_is_fresh(const struct td_fragment *fragment)
{
	return bpf_ktime_get_coarse_ns() - fragment->seen_ns < TD_FRAGMENT_SECONDS * NS_PER_S;
}

static __always_inline bool fragment_is_ours(const struct td_ports *port,
					     const struct td_fragment *fragment)
{
	return port_is_set(port->services, fragment->dest_port) ||
	       port_is_set(port->endpoints, fragment->source_port);
}

/* What the first piece, which is still to come or long gone, would have told. */
static __always_inline enum td_reason fragment_unknown(const struct pkt *pkt, bool to_vip)
{
	bool may_be_ours = pkt->proto == IPPROTO_TCP || pkt->proto == IPPROTO_UDP ||
			   (pkt->ip6 && is_extension(pkt->proto));

	/* Long echo requests are the host's to put together. */
	return to_vip && may_be_ours ? TD_DROP_FRAGMENT : TD_PASS_NOT_OURS;
}

/*
 * The ports of a piece into @ret; for a first one, remember them. Of datagrams to a VIP that are
 * not a service's, too: the rest of them passes as their first piece did. What is not remembered is
 * forgotten, lest the pieces follow an older datagram that had the same id.
 */
static __always_inline enum td_reason fragment4_ports(struct pkt *pkt, const struct td_ports *port,
						      struct td_fragment *ret)
{
	struct td_fragment_key4 key = {.source = pkt->ip4->saddr,
				       .dest = pkt->ip4->daddr,
				       .id = pkt->ip4->id,
				       .proto = pkt->proto};
	struct td_service_key4 vip = key4(pkt->ip4->daddr, 0, 0);
	struct td_fragment *known;
	enum td_reason reason;

	if (pkt->later) {
		known = bpf_map_lookup_elem(&fragments4, &key);
		if (known && fragment_is_fresh(known)) {
			*ret = *known;
			return TD_CONTINUE;
		}
		return fragment_unknown(pkt, bpf_map_lookup_elem(&services4, &vip));
	}
	reason = pkt_parse_l4(pkt);
	if (!reason)
		fragment_note(ret, pkt);
	if (reason || !(fragment_is_ours(port, ret) || bpf_map_lookup_elem(&services4, &vip))) {
		bpf_map_delete_elem(&fragments4, &key);
		return reason;
	}
	return bpf_map_update_elem(&fragments4, &key, ret, BPF_ANY) ? TD_DROP_FRAGMENT
								    : TD_CONTINUE;
}

/* Not inlined: its keys are large, and the stack of a whole call chain is 512 bytes. */
static __noinline int fragment6_ports(struct pkt *pkt, const struct td_ports *port,
				      struct td_fragment *ret)
{
	struct td_fragment_key6 key = {.id = pkt->fragment_id};
	struct td_service_key6 vip;
	struct td_fragment *known;
	enum td_reason reason;

	__builtin_memcpy(key.source, &pkt->ip6->saddr, sizeof(key.source));
	__builtin_memcpy(key.dest, &pkt->ip6->daddr, sizeof(key.dest));
	key6(&vip, &pkt->ip6->daddr, 0, 0);
	if (pkt->later) {
		known = bpf_map_lookup_elem(&fragments6, &key);
		if (known && fragment_is_fresh(known)) {
			*ret = *known;
			return TD_CONTINUE;
		}
		return fragment_unknown(pkt, bpf_map_lookup_elem(&services6, &vip));
	}
	reason = pkt_parse_l4(pkt);
	if (!reason)
		fragment_note(ret, pkt);
	if (reason || !(fragment_is_ours(port, ret) || bpf_map_lookup_elem(&services6, &vip))) {
		bpf_map_delete_elem(&fragments6, &key);
		return reason;
	}
	return bpf_map_update_elem(&fragments6, &key, ret, BPF_ANY) ? TD_DROP_FRAGMENT
								    : TD_CONTINUE;
}

#endif
