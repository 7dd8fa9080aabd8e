/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_ROUTE_BPF_H
#define TANDEM_ROUTE_BPF_H

/*
 * Next hops toward clients. A per-CPU cache, direct-mapped, stands before bpf_fib_lookup(). The
 * agent knows the longest prefix in the routing table (settings.route_mask*): what goes through a
 * gateway is cached once for a whole prefix of that length, so that clients beyond a gateway share
 * one entry, however many they are. For an on-link prefix the entry only says so, and the addresses
 * in it have entries of their own.
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
	__u32 ifindex;
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
	__u64 word = setting->local_filter[(hash >> 6) & (TD_LOCAL_FILTER_WORDS - 1)];
	struct td_local_key key = {};

	if (!(word >> (hash & 63) & 1))
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

/* Store what the kernel said about @addr under @key; another packet's entry there is overwritten.
 */
static __always_inline void route4_store(__be32 key, __u32 generation, __u32 ingress,
					 const struct bpf_fib_lookup *fib, bool marker)
{
	__u32 index = td_address_hash(key) & (TD_ROUTE_CACHE_SIZE - 1);
	struct td_route4 *route = bpf_map_lookup_elem(&route_cache4, &index);

	if (!route)
		return;
	route->addr = key;
	route->generation = generation;
	route->ingress = ingress;
	route->ifindex = marker ? TD_ROUTE_ON_LINK : fib->ifindex;
	__builtin_memcpy(route->dest_mac, fib->dmac, 6);
	__builtin_memcpy(route->source_mac, fib->smac, 6);
}

/* The slow path: ask the kernel, and remember. Not inlined: it is rare, and its stack is large. */
static __noinline int route4_resolve(struct xdp_md *ctx, __be32 vip, __be32 client,
				     struct hop *ret_hop)
{
	struct td_settings *setting = settings_get();
	struct bpf_fib_lookup fib = {};
	__u32 generation, ingress = ctx->ingress_ifindex;
	__be32 prefix;
	long result;

	if (!setting || !ret_hop)
		return TD_DROP_BAD_INDEX;
	/* Before the look-up: what changes during it makes the entry void. */
	generation = *(volatile __u32 *)&setting->route_generation;
	prefix = client & setting->route_mask4;

	fib.family = AF_INET;
	fib.l4_protocol = IPPROTO_TCP;
	fib.ipv4_src = vip;
	fib.ipv4_dst = client;
	fib.ifindex = ingress;
	result = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	if (result != FIB_SUCCESS)
		return fib_reason(result, &fib);

	/* The kernel puts the gateway in place of the destination, where there is one. */
	if (fib.ipv4_dst != client) {
		route4_store(prefix, generation, ingress, &fib, false);
	} else {
		if (prefix != client)
			route4_store(prefix, generation, ingress, &fib, true);
		route4_store(client, generation, ingress, &fib, false);
	}
	ret_hop->ifindex = fib.ifindex;
	__builtin_memcpy(ret_hop->dest_mac, fib.dmac, 6);
	__builtin_memcpy(ret_hop->source_mac, fib.smac, 6);
	return TD_CONTINUE;
}

static __always_inline struct td_route4 *route4_cached(__be32 key, __u32 generation, __u32 ingress)
{
	__u32 index = td_address_hash(key) & (TD_ROUTE_CACHE_SIZE - 1);
	struct td_route4 *route = bpf_map_lookup_elem(&route_cache4, &index);

	if (!route || route->addr != key || route->generation != generation ||
	    route->ingress != ingress)
		return NULL;
	return route;
}

/* Find where a reply of @vip to @client leaves. */
static __always_inline enum td_reason route4(struct xdp_md *ctx, const struct td_settings *setting,
					     __be32 vip, __be32 client, struct hop *ret_hop)
{
	__u32 generation = setting->route_generation, ingress = ctx->ingress_ifindex;
	struct td_route4 *route;

	route = route4_cached(client & setting->route_mask4, generation, ingress);
	if (route && route->ifindex == TD_ROUTE_ON_LINK)
		route = route4_cached(client, generation, ingress);
	if (!route)
		return route4_resolve(ctx, vip, client, ret_hop);
	ret_hop->ifindex = route->ifindex;
	__builtin_memcpy(ret_hop->dest_mac, route->dest_mac, 6);
	__builtin_memcpy(ret_hop->source_mac, route->source_mac, 6);
	return TD_CONTINUE;
}

static __always_inline bool addr6_equal(const __be32 *a, const __be32 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline void addr6_mask(__be32 *ret, const __be32 *addr, const __be32 *mask)
{
	ret[0] = addr[0] & mask[0];
	ret[1] = addr[1] & mask[1];
	ret[2] = addr[2] & mask[2];
	ret[3] = addr[3] & mask[3];
}

static __always_inline void route6_store(const __be32 *key, __u32 generation, __u32 ingress,
					 const struct bpf_fib_lookup *fib, bool marker)
{
	__u32 index = td_address_hash(td_address_fold(key)) & (TD_ROUTE_CACHE_SIZE - 1);
	struct td_route6 *route = bpf_map_lookup_elem(&route_cache6, &index);

	if (!route)
		return;
	__builtin_memcpy(route->addr, key, sizeof(route->addr));
	route->generation = generation;
	route->ingress = ingress;
	route->ifindex = marker ? TD_ROUTE_ON_LINK : fib->ifindex;
	__builtin_memcpy(route->dest_mac, fib->dmac, 6);
	__builtin_memcpy(route->source_mac, fib->smac, 6);
}

/* Both addresses of a reply, so that the function below takes few arguments. */
struct addr6_pair {
	__be32 vip[4];
	__be32 client[4];
};

static __noinline int route6_resolve(struct xdp_md *ctx, const struct addr6_pair *pair,
				     struct hop *ret_hop)
{
	struct td_settings *setting = settings_get();
	struct bpf_fib_lookup fib = {};
	__u32 generation, ingress = ctx->ingress_ifindex;
	__be32 prefix[4];
	long result;

	if (!setting || !pair || !ret_hop)
		return TD_DROP_BAD_INDEX;
	generation = *(volatile __u32 *)&setting->route_generation;
	addr6_mask(prefix, pair->client, setting->route_mask6);

	fib.family = AF_INET6;
	fib.l4_protocol = IPPROTO_TCP;
	__builtin_memcpy(fib.ipv6_src, pair->vip, sizeof(fib.ipv6_src));
	__builtin_memcpy(fib.ipv6_dst, pair->client, sizeof(fib.ipv6_dst));
	fib.ifindex = ingress;
	result = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	if (result != FIB_SUCCESS)
		return fib_reason(result, &fib);

	if (!addr6_equal(fib.ipv6_dst, pair->client)) {
		route6_store(prefix, generation, ingress, &fib, false);
	} else {
		if (!addr6_equal(prefix, pair->client))
			route6_store(prefix, generation, ingress, &fib, true);
		route6_store(pair->client, generation, ingress, &fib, false);
	}
	ret_hop->ifindex = fib.ifindex;
	__builtin_memcpy(ret_hop->dest_mac, fib.dmac, 6);
	__builtin_memcpy(ret_hop->source_mac, fib.smac, 6);
	return TD_CONTINUE;
}

static __always_inline struct td_route6 *route6_cached(const __be32 *key, __u32 generation,
						       __u32 ingress)
{
	__u32 index = td_address_hash(td_address_fold(key)) & (TD_ROUTE_CACHE_SIZE - 1);
	struct td_route6 *route = bpf_map_lookup_elem(&route_cache6, &index);

	if (!route || !addr6_equal(route->addr, key) || route->generation != generation ||
	    route->ingress != ingress)
		return NULL;
	return route;
}

static __always_inline enum td_reason route6(struct xdp_md *ctx, const struct td_settings *setting,
					     const __be32 *vip, const __be32 *client,
					     struct hop *ret_hop)
{
	__u32 generation = setting->route_generation, ingress = ctx->ingress_ifindex;
	struct td_route6 *route;
	__be32 prefix[4];

	addr6_mask(prefix, client, setting->route_mask6);
	route = route6_cached(prefix, generation, ingress);
	if (route && route->ifindex == TD_ROUTE_ON_LINK)
		route = route6_cached(client, generation, ingress);
	if (!route) {
		struct addr6_pair pair;

		__builtin_memcpy(pair.vip, vip, sizeof(pair.vip));
		__builtin_memcpy(pair.client, client, sizeof(pair.client));
		return route6_resolve(ctx, &pair, ret_hop);
	}
	ret_hop->ifindex = route->ifindex;
	__builtin_memcpy(ret_hop->dest_mac, route->dest_mac, 6);
	__builtin_memcpy(ret_hop->source_mac, route->source_mac, 6);
	return TD_CONTINUE;
}

#endif
