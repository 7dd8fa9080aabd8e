/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_FORWARD_BPF_H
#define TANDEM_FORWARD_BPF_H

/*
 * The two ways of a packet of ours. Toward a VIP: service, state word, server, next hop, rewrite,
 * send. Back from a server: endpoint, service, state word, route, rewrite, send. Both follow from
 * configuration alone; no flow is looked up or stored.
 */

static __always_inline struct td_ports *ports_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ports, &zero);
}

static __always_inline bool port_is_set(const __u64 *words, __be16 port)
{
	__u16 host = bpf_ntohs(port);

	return words[host >> 6] >> (host & 63) & 1;
}

/*
 * Send the packet, which is ready but for its tags, out of the interface. All packet pointers are
 * dead where tags change.
 */
static __always_inline enum td_reason send_out(struct xdp_md *ctx, __u32 ifindex, __u32 from_vlan,
					       __u32 vlan, bool back)
{
	if (from_vlan != vlan) {
		enum td_reason reason = retag(ctx, from_vlan, vlan);

		if (reason)
			return reason;
	}
	trace_egress(ifindex);
	if (ifindex == ctx->ingress_ifindex)
		return back ? TD_RETURN_TX : TD_FORWARD_TX;
	if (bpf_redirect_map(&devices, ifindex, 0) != XDP_REDIRECT)
		return TD_DROP_NO_DEVICE;
	return back ? TD_RETURN_REDIRECT : TD_FORWARD_REDIRECT;
}

/* What a packet toward a VIP needs to know. */
struct target {
	const struct td_server *server;
	const struct td_nexthop *nexthop;
	__u32 slot;
};

/* Pick the server by the group's state word. */
static __always_inline enum td_reason
target_pick(const struct pkt *pkt, const struct td_service_ref *ref, struct target *ret)
{
	struct td_group *group = bpf_map_lookup_elem(&groups, &ref->group);
	__u64 *state = bpf_map_lookup_elem(&group_state, &ref->group);
	enum td_select select;
	__u32 nexthop;
	__u64 word;

	trace_service(ref);
	if (!group || !state)
		return TD_DROP_BAD_INDEX;
	if (group->vlan != vlan_membership(pkt->vlan))
		return TD_PASS_OTHER_VLAN;
	word = *(volatile __u64 *)state;
	select = td_select(word);
	trace_selection(word, select);
	ret->slot = select;
	if (select >= TD_SELECT_REJECT)
		return TD_DROP_NONE_HEALTHY;
	ret->server = select == TD_SELECT_SECONDARY ? &group->servers[1] : &group->servers[0];
	nexthop = ret->server->nexthop;
	trace_nexthop(nexthop);
	ret->nexthop = bpf_map_lookup_elem(&nexthops, &nexthop);
	return ret->nexthop ? TD_CONTINUE : TD_DROP_BAD_INDEX;
}

/*
 * The last steps toward a server. Where its next hop is not resolved the stack takes over: it
 * resolves, and forwards what is rewritten already but for the TTL. False: it does.
 */
static __always_inline bool nexthop_apply(struct pkt *pkt, const struct td_nexthop *nexthop)
{
	/* Read once: the agent may switch it at any time. */
	__u64 dest = *(volatile __u64 *)&nexthop->dest;

	if (!((const __u8 *)&dest)[6])
		return false;
	rewrite_macs(pkt, &dest, nexthop->source_mac);
	return true;
}

static __always_inline __u32 ip6_length(const struct pkt *pkt)
{
	return bpf_ntohs(pkt->ip6->payload_len) + sizeof(*pkt->ip6);
}

static __always_inline int forward4(struct xdp_md *ctx, struct pkt *pkt,
				    const struct td_service_ref *ref)
{
	struct target target = {};
	enum td_reason reason = target_pick(pkt, ref, &target);

	if (reason == TD_DROP_NONE_HEALTHY) {
		count_refused(ref->service);
		if (!pkt->l4 || target.slot != TD_SELECT_REJECT)
			return reason;
		return (int)(ANSWER | ANSWER_REFUSED);
	}
	if (reason)
		return reason;
	if (pkt->ip4->ttl <= 1)
		return pkt->l4 ? (int)(ANSWER | ANSWER_EXPIRED) : TD_DROP_TTL_EXPIRED;

	if (bpf_ntohs(pkt->ip4->tot_len) > target.nexthop->mtu &&
	    (pkt->ip4->frag_off & bpf_htons(IP4_DONT_FRAGMENT)))
		return pkt->l4 ? (int)(ANSWER | ANSWER_TOO_BIG | ANSWER_MTU(target.nexthop->mtu))
			       : TD_DROP_TOO_BIG;

	count_forward(pkt, ref->service, target.slot);
	rewrite_dest4(pkt, target.server->addr[0], target.server->port);
	if (bpf_ntohs(pkt->ip4->tot_len) > target.nexthop->mtu)
		return TD_PASS_TO_FRAGMENT;
	if (!nexthop_apply(pkt, target.nexthop))
		return TD_PASS_SERVER_UNRESOLVED;
	rewrite_ttl4(pkt);
	return send_out(ctx, target.nexthop->ifindex, pkt->vlan, target.nexthop->vlan, false);
}

static __always_inline int forward6(struct xdp_md *ctx, struct pkt *pkt,
				    const struct td_service_ref *ref)
{
	struct target target = {};
	enum td_reason reason = target_pick(pkt, ref, &target);

	if (reason == TD_DROP_NONE_HEALTHY) {
		count_refused(ref->service);
		if (!pkt->l4 || target.slot != TD_SELECT_REJECT)
			return reason;
		return (int)(ANSWER | ANSWER_IP6 | ANSWER_REFUSED);
	}
	if (reason)
		return reason;
	if (pkt->ip6->hop_limit <= 1)
		return pkt->l4 ? (int)(ANSWER | ANSWER_IP6 | ANSWER_EXPIRED) : TD_DROP_TTL_EXPIRED;

	if (ip6_length(pkt) > target.nexthop->mtu)
		return pkt->l4 ? (int)(ANSWER | ANSWER_IP6 | ANSWER_TOO_BIG |
				       ANSWER_MTU(target.nexthop->mtu))
			       : TD_DROP_TOO_BIG;

	count_forward(pkt, ref->service, target.slot);
	rewrite_dest6(pkt, target.server->addr, target.server->port);
	if (!nexthop_apply(pkt, target.nexthop))
		return TD_PASS_SERVER_UNRESOLVED;
	pkt->ip6->hop_limit--;
	return send_out(ctx, target.nexthop->ifindex, pkt->vlan, target.nexthop->vlan, false);
}

/* The service whose replies the endpoint sends; NULL with the reason where they are not translated.
 */
static __always_inline struct td_service *endpoint_service(const struct pkt *pkt,
							   const struct td_endpoint *endpoint,
							   enum td_reason *ret_reason)
{
	struct td_service *service = bpf_map_lookup_elem(&service_table, &endpoint->service);
	__u64 *state, word;
	__u32 group;

	trace_endpoint(endpoint);
	*ret_reason = TD_DROP_BAD_INDEX;
	if (!service)
		return NULL;
	group = service->group;
	state = bpf_map_lookup_elem(&group_state, &group);
	if (!state)
		return NULL;
	*ret_reason = TD_PASS_OTHER_VLAN;
	if (service->server_vlan[endpoint->slot & 1] != vlan_membership(pkt->vlan))
		return NULL;
	*ret_reason = TD_PASS_IDLE_SERVER;
	word = *(volatile __u64 *)state;
	trace_state(word);
	return td_owns_reply(word, endpoint->slot) ? service : NULL;
}

/*
 * A reply that does not fit. The server is told where it asked to be; what may be fragmented is
 * dropped by name, since the stack, which could, takes a packet from its own VIP for a forged one.
 */
static __always_inline int return4_too_big(struct xdp_md *ctx, const struct pkt *pkt, __u32 mtu)
{
	if (!pkt->l4 || !(pkt->ip4->frag_off & bpf_htons(IP4_DONT_FRAGMENT)))
		return TD_DROP_TOO_BIG;
	return (int)(ANSWER | ANSWER_TOO_BIG | ANSWER_TO_SERVER | ANSWER_MTU(mtu));
}

static __always_inline int return4(struct xdp_md *ctx, struct pkt *pkt,
				   const struct td_endpoint *endpoint)
{
	struct td_settings *setting = settings_get();
	struct td_service *service;
	enum td_reason reason;
	struct hop hop = {};

	if (!setting)
		return TD_DROP_BAD_INDEX;
	/* Replies to this host's own probes come from the same endpoint. */
	if (address_is_local(setting, td_address_hash(pkt->ip4->daddr), &pkt->ip4->daddr, 4))
		return TD_PASS_LOCAL;
	service = endpoint_service(pkt, endpoint, &reason);
	if (!service)
		return reason;
	reason = route4(ctx, setting, service->vip[0], pkt->ip4->daddr, &hop);
	if (reason)
		return reason;
	if (pkt->ip4->ttl <= 1)
		return pkt->l4 ? (int)(ANSWER | ANSWER_EXPIRED | ANSWER_TO_SERVER)
			       : TD_DROP_TTL_EXPIRED;
	if (bpf_ntohs(pkt->ip4->tot_len) > hop.mtu)
		return return4_too_big(ctx, pkt, hop.mtu);

	count_return(pkt, endpoint->service, endpoint->slot);
	rewrite_source4(pkt, service->vip[0], service->port);
	rewrite_macs(pkt, hop.dest_mac, hop.source_mac);
	rewrite_ttl4(pkt);
	return send_out(ctx, hop.ifindex, pkt->vlan, hop.vlan, true);
}

static __always_inline int return6(struct xdp_md *ctx, struct pkt *pkt,
				   const struct td_endpoint *endpoint)
{
	struct td_settings *setting = settings_get();
	struct td_service *service;
	enum td_reason reason;
	const __be32 *client;
	struct hop hop = {};

	if (!setting)
		return TD_DROP_BAD_INDEX;
	client = pkt->ip6->daddr.in6_u.u6_addr32;
	if (address_is_local(setting, td_address_hash(td_address_fold(client)), client, 6))
		return TD_PASS_LOCAL;
	service = endpoint_service(pkt, endpoint, &reason);
	if (!service)
		return reason;
	reason = route6(ctx, setting, service->vip, client, &hop);
	if (reason)
		return reason;
	if (pkt->ip6->hop_limit <= 1)
		return pkt->l4 ? (int)(ANSWER | ANSWER_IP6 | ANSWER_EXPIRED | ANSWER_TO_SERVER)
			       : TD_DROP_TTL_EXPIRED;
	if (ip6_length(pkt) > hop.mtu)
		return pkt->l4 ? (int)(ANSWER | ANSWER_IP6 | ANSWER_TOO_BIG | ANSWER_TO_SERVER |
				       ANSWER_MTU(hop.mtu))
			       : TD_DROP_TOO_BIG;

	count_return(pkt, endpoint->service, endpoint->slot);
	rewrite_source6(pkt, service->vip, service->port);
	rewrite_macs(pkt, hop.dest_mac, hop.source_mac);
	pkt->ip6->hop_limit--;
	return send_out(ctx, hop.ifindex, pkt->vlan, hop.vlan, true);
}

static __always_inline struct td_service_key4 key4(__be32 addr, __be16 port, __u8 proto)
{
	return (struct td_service_key4){.addr = addr, .port = port, .proto = proto};
}

static __always_inline void key6(struct td_service_key6 *key, const struct in6_addr *addr,
				 __be16 port, __u8 proto)
{
	__builtin_memcpy(key->addr, addr, sizeof(key->addr));
	key->port = port;
	key->proto = proto;
	key->pad = 0;
}

#endif
