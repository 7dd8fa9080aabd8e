/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_ROUTE_BPF_H
#define TANDEM_ROUTE_BPF_H

/*
 * Next hops toward clients. A per-CPU cache, direct-mapped, stands before bpf_fib_lookup(). The
 * agent publishes a filter of all routes but the default one: an address that is in none of them
 * takes the default route, and one entry serves all such clients, however many they are. The others
 * have an entry each.
 */

#define AF_INET	 2
#define AF_INET6 10

enum fib_result {
	FIB_SUCCESS = 0,
	FIB_BLACKHOLE = 1,
	FIB_UNREACHABLE = 2,
	FIB_PROHIBIT = 3,
	FIB_NOT_FORWARDED = 4,
	FIB_FORWARDING_OFF = 5,
	FIB_NO_NEIGHBOUR = 7,
};

/* Where a reply leaves. */
struct hop {
	__u32 ifindex; /* the one to send on */
	__u32 vlan;
	__u32 mtu;
	__u8 dest_mac[6];
	__u8 source_mac[6];
};

static __always_inline struct td_settings *settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

/* Whether this host has the address; @hash is td_address_hash() of it, folded. */
static __always_inline bool address_is_local(const struct td_settings *setting, __u32 hash,
					     const __be32 *addr, __u32 family)
{
	struct td_local_key key = {};

	if (!(setting->local_filter[td_filter_word(hash)] & td_filter_bit(hash)))
		return false;
	key.addr[0] = addr[0];
	if (family == 6) {
		key.addr[1] = addr[1];
		key.addr[2] = addr[2];
		key.addr[3] = addr[3];
	}
	key.family = family;
	return bpf_map_lookup_elem(&local_addresses, &key);
}

/* Ask the agent to have the neighbour resolved. A full ring means that it was asked already. */
static __always_inline void report_unresolved(const struct bpf_fib_lookup *fib)
{
	struct td_event_unresolved *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return;
	__builtin_memset(event, 0, sizeof(*event));
	event->ifindex = fib->ifindex;
	/* The family of the next hop, which may be IPv6 for an IPv4 destination (RFC 5549). */
	if (fib->family == AF_INET) {
		event->family = 4;
		event->addr[0] = fib->ipv4_dst;
	} else {
		event->family = 6;
		__builtin_memcpy(event->addr, fib->ipv6_dst, sizeof(event->addr));
	}
	bpf_ringbuf_submit(event, 0);
}

static __always_inline enum td_reason fib_reason(long result, const struct bpf_fib_lookup *fib)
{
	switch (result) {
	case FIB_SUCCESS:
		return TD_CONTINUE;
	case FIB_NOT_FORWARDED:
		return TD_PASS_NO_ROUTE;
	case FIB_FORWARDING_OFF:
		return TD_PASS_FORWARDING_OFF;
	case FIB_NO_NEIGHBOUR:
		report_unresolved(fib);
		return TD_DROP_CLIENT_UNRESOLVED;
	default:
		return TD_DROP_NO_ROUTE;
	}
}

/* What the kernel found into @ret_hop: below a VLAN interface, since XDP cannot send to one. */
static __always_inline void hop_take(const struct bpf_fib_lookup *fib, struct hop *ret_hop)
{
	__u32 ifindex = fib->ifindex;
	struct td_upper *upper = bpf_map_lookup_elem(&uppers, &ifindex);

	ret_hop->ifindex = upper ? upper->ifindex : ifindex;
	ret_hop->vlan = upper ? upper->vlan : 0;
	ret_hop->mtu = fib->mtu_result;
	__builtin_memcpy(ret_hop->dest_mac, fib->dmac, 6);
	__builtin_memcpy(ret_hop->source_mac, fib->smac, 6);
}

/* The address under which the next hop toward @client is cached: 0 where the default route is
 * taken. */
static __always_inline __be32 route4_key(const struct td_settings *setting, __be32 client)
{
	__u32 hash = td_address_hash(client & setting->route_mask4);

	return setting->route_filter4[td_filter_word(hash)] & td_filter_bit(hash) ? client : 0;
}

static __always_inline struct td_route4 *route4_slot(__be32 key)
{
	__u32 index = td_address_hash(key) & (TD_ROUTE_CACHE_SIZE - 1);

	return bpf_map_lookup_elem(&route_cache4, &index);
}

/* An empty question to the kernel about a packet that came in by the interface. */
static __always_inline struct bpf_fib_lookup *question_get(struct xdp_md *ctx, __u8 family)
{
	__u32 zero = 0;
	struct bpf_fib_lookup *fib = bpf_map_lookup_elem(&route_question, &zero);

	if (!fib)
		return NULL;
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->family = family;
	fib->l4_protocol = IPPROTO_TCP;
	/* Any length but 0, which would leave the MTU out. */
	fib->tot_len = 1;
	fib->ifindex = ctx->ingress_ifindex;
	return fib;
}

/* The slow path: ask the kernel, and remember. Not inlined: it is rare. */
static __noinline int route4_resolve(struct xdp_md *ctx, __be32 vip, __be32 client,
				     struct hop *ret_hop)
{
	struct td_settings *setting = settings_get();
	struct bpf_fib_lookup *fib = question_get(ctx, AF_INET);
	struct td_route4 *route;
	__u32 generation;
	__be32 key;
	long result;

	if (!setting || !fib || !ret_hop)
		return TD_DROP_BAD_INDEX;
	/* Before the look-up: what changes during it makes the entry void. */
	generation = *(volatile __u32 *)&setting->route_generation;
	key = route4_key(setting, client);

	fib->ipv4_src = vip;
	fib->ipv4_dst = client;
	result = bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
	if (result != FIB_SUCCESS)
		return fib_reason(result, fib);
	hop_take(fib, ret_hop);

	/* The kernel puts the gateway in the destination's place. Else the MAC is this client's. */
	if (!key && fib->ipv4_dst == client)
		return TD_CONTINUE;
	route = route4_slot(key);
	if (!route)
		return TD_CONTINUE;
	route->addr = key;
	route->generation = generation;
	route->ingress = ctx->ingress_ifindex;
	route->ifindex = ret_hop->ifindex;
	route->vlan = ret_hop->vlan;
	route->mtu = ret_hop->mtu;
	__builtin_memcpy(route->dest_mac, fib->dmac, 6);
	__builtin_memcpy(route->source_mac, fib->smac, 6);
	return TD_CONTINUE;
}

/* Find where a reply of @vip to @client leaves. */
static __always_inline enum td_reason route4(struct xdp_md *ctx, const struct td_settings *setting,
					     __be32 vip, __be32 client, struct hop *ret_hop)
{
	__be32 key = route4_key(setting, client);
	struct td_route4 *route = route4_slot(key);

	if (!route || route->addr != key || route->generation != setting->route_generation ||
	    route->ingress != ctx->ingress_ifindex)
		return route4_resolve(ctx, vip, client, ret_hop);
	ret_hop->ifindex = route->ifindex;
	ret_hop->vlan = route->vlan;
	ret_hop->mtu = route->mtu;
	__builtin_memcpy(ret_hop->dest_mac, route->dest_mac, 6);
	__builtin_memcpy(ret_hop->source_mac, route->source_mac, 6);
	return TD_CONTINUE;
}

static __always_inline bool addr6_equal(const __be32 *a, const __be32 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline void route6_key(const struct td_settings *setting, const __be32 *client,
				       __be32 *ret_key)
{
	__u32 hash = td_address_hash(
		(client[0] & setting->route_mask6[0]) ^ (client[1] & setting->route_mask6[1]) ^
		(client[2] & setting->route_mask6[2]) ^ (client[3] & setting->route_mask6[3]));
	bool own = setting->route_filter6[td_filter_word(hash)] & td_filter_bit(hash);

	for (int i = 0; i < 4; i++)
		ret_key[i] = own ? client[i] : 0;
}

static __always_inline struct td_route6 *route6_slot(const __be32 *key)
{
	__u32 index = td_address_hash(td_address_fold(key)) & (TD_ROUTE_CACHE_SIZE - 1);

	return bpf_map_lookup_elem(&route_cache6, &index);
}

/* Takes pointers into map and packet: copies of the addresses would be stack of the caller's. */
static __noinline int route6_resolve(struct xdp_md *ctx, const __be32 *vip, const __be32 *client,
				     struct hop *ret_hop)
{
	struct td_settings *setting = settings_get();
	struct bpf_fib_lookup *fib = question_get(ctx, AF_INET6);
	struct td_route6 *route;
	__u32 generation;
	__be32 key[4];
	long result;

	if (!setting || !fib || !ret_hop)
		return TD_DROP_BAD_INDEX;
	generation = *(volatile __u32 *)&setting->route_generation;
	route6_key(setting, client, key);

	__builtin_memcpy(fib->ipv6_src, vip, sizeof(fib->ipv6_src));
	__builtin_memcpy(fib->ipv6_dst, client, sizeof(fib->ipv6_dst));
	result = bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
	if (result != FIB_SUCCESS)
		return fib_reason(result, fib);
	hop_take(fib, ret_hop);

	if (!addr6_equal(key, client) && addr6_equal(fib->ipv6_dst, client))
		return TD_CONTINUE;
	route = route6_slot(key);
	if (!route)
		return TD_CONTINUE;
	__builtin_memcpy(route->addr, key, sizeof(route->addr));
	route->generation = generation;
	route->ingress = ctx->ingress_ifindex;
	route->ifindex = ret_hop->ifindex;
	route->vlan = ret_hop->vlan;
	route->mtu = ret_hop->mtu;
	__builtin_memcpy(route->dest_mac, fib->dmac, 6);
	__builtin_memcpy(route->source_mac, fib->smac, 6);
	return TD_CONTINUE;
}

static __always_inline enum td_reason route6(struct xdp_md *ctx, const struct td_settings *setting,
					     const __be32 *vip, const __be32 *client,
					     struct hop *ret_hop)
{
	struct td_route6 *route;
	__be32 key[4];

	route6_key(setting, client, key);
	route = route6_slot(key);
	if (!route || !addr6_equal(route->addr, key) ||
	    route->generation != setting->route_generation ||
	    route->ingress != ctx->ingress_ifindex)
		return route6_resolve(ctx, vip, client, ret_hop);
	ret_hop->ifindex = route->ifindex;
	ret_hop->vlan = route->vlan;
	ret_hop->mtu = route->mtu;
	__builtin_memcpy(ret_hop->dest_mac, route->dest_mac, 6);
	__builtin_memcpy(ret_hop->source_mac, route->source_mac, 6);
	return TD_CONTINUE;
}

#endif
