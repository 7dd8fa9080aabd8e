/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_ICMP_BPF_H
#define TANDEM_ICMP_BPF_H

/*
 * ICMP errors about packets of ours (RFC 792, RFC 4443), translated outside and in the quoted
 * packet, as RFC 5508 asks of a NAT, so that path MTU discovery and quick failure work through the
 * VIP:
 *
 *   from the clients' side, to the VIP, quoting what the VIP sent: goes to the active server, and
 * quotes what that server sent; from the servers' side, to a client, quoting what went to a server:
 * goes on to the client, and quotes what the client sent. A server's own address as its source
 * becomes the VIP; a router's stays.
 *
 * A quote may be cut after eight bytes of TCP or UDP: then it holds ports, and of UDP the checksum.
 */

enum {
	ICMP4_DEST_UNREACHABLE = 3,
	ICMP4_TTL_EXCEEDED = 11,
	ICMP4_PARAMETER_PROBLEM = 12,
	ICMP6_DEST_UNREACHABLE = 1,
	ICMP6_PARAMETER_PROBLEM = 4, /* the highest type of those that are errors to us */
	QUOTE_PORTS = 8,
	TCP_CHECK_OFFSET = 16,
	UDP_CHECK_OFFSET = 6,
};

/* The quoted packet. */
struct quote {
	struct iphdr *ip4;
	struct ipv6hdr *ip6;
	struct port_pair *l4;
	__u32 size; /* from l4 on, as the outer packet's length has it: padding is no quote */
	__u8 proto;
};

static __always_inline bool icmp4_is_error(__u8 type)
{
	return type == ICMP4_DEST_UNREACHABLE || type == ICMP4_TTL_EXCEEDED ||
	       type == ICMP4_PARAMETER_PROBLEM;
}

static __always_inline bool quote_has_ports(struct pkt *pkt, struct quote *quote, const void *ip,
					    __u32 length)
{
	__u32 offset;

	quote->l4 = pkt_pull(pkt, QUOTE_PORTS);
	if (!quote->l4 || (quote->proto != IPPROTO_TCP && quote->proto != IPPROTO_UDP))
		return false;
	offset = (void *)quote->l4 - ip;
	if (offset + QUOTE_PORTS > length)
		return false;
	quote->size = length - offset;
	return true;
}

static __always_inline bool quote_parse4(struct pkt *pkt, struct quote *ret)
{
	__u32 length;

	ret->ip4 = pkt_pull(pkt, sizeof(*ret->ip4));
	if (!ret->ip4 || ret->ip4->version != 4 || (ret->ip4->frag_off & bpf_htons(IP4_OFFSET)))
		return false;
	length = ret->ip4->ihl * 4;
	if (length < sizeof(*ret->ip4) || (void *)ret->ip4 + length > pkt->end)
		return false;
	pkt->cursor = (void *)ret->ip4 + length;
	ret->proto = ret->ip4->protocol;
	return quote_has_ports(pkt, ret, pkt->ip4, bpf_ntohs(pkt->ip4->tot_len));
}

/* What is quoted may have extension headers: the pieces of long datagrams have one. */
static __always_inline bool quote_parse6(struct xdp_md *ctx, struct pkt *pkt, struct quote *ret)
{
	struct pkt quoted = {.end = pkt->end};

	ret->ip6 = pkt_pull(pkt, sizeof(*ret->ip6));
	if (!ret->ip6 || ret->ip6->version != 6)
		return false;
	quoted.cursor = pkt->cursor;
	quoted.proto = ret->ip6->nexthdr;
	if (is_extension(quoted.proto) && (pkt_parse_extensions(ctx, &quoted) || quoted.later))
		return false;
	ret->proto = quoted.proto;
	return quote_has_ports(&quoted, ret, pkt->ip6,
			       bpf_ntohs(pkt->ip6->payload_len) + sizeof(*pkt->ip6));
}

/*
 * Follow a change of the quoted packet's addresses (@diff) and of the port at @port to @to, in its
 * checksum where the quote is long enough. Returns what all of it adds to a sum over the quote but
 * for the addresses themselves.
 */
static __always_inline __u64 quote_rewrite_l4(struct pkt *pkt, struct quote *quote, __be16 *port,
					      __be16 to, __u64 diff)
{
	__u64 change = csum_diff16(*port, to);
	__sum16 *check = (void *)quote->l4 + UDP_CHECK_OFFSET, old;

	*port = to;
	if (quote->proto == IPPROTO_TCP) {
		check = (void *)quote->l4 + TCP_CHECK_OFFSET;
		if (quote->size < TCP_CHECK_OFFSET + sizeof(*check))
			return change;
	}
	if ((void *)(check + 1) > pkt->end)
		return change;
	old = *check;
	if (quote->proto == IPPROTO_UDP && !old)
		return change;
	csum_update(check, diff + change);
	if (quote->proto == IPPROTO_UDP && !*check)
		*check = 0xffff;
	return change + csum_diff16(old, *check);
}

/* The quoted IPv4 header's own checksum; returns what it and the address add to a sum over the
 * quote. */
static __always_inline __u64 quote_rewrite_ip4(struct iphdr *ip, __be32 *addr, __be32 to)
{
	__u64 diff = csum_diff32(*addr, to);
	__sum16 old = ip->check;

	*addr = to;
	csum_update(&ip->check, diff);
	return diff + csum_diff16(old, ip->check);
}

static __always_inline enum td_reason icmp4_to_server(struct xdp_md *ctx, struct pkt *pkt,
						      struct icmphdr *icmp, struct quote *quote,
						      const struct td_service_ref *ref)
{
	struct target target = {};
	enum td_reason reason = target_pick(pkt, ref, &target);
	__be32 addr;
	__u64 diff, change;

	if (reason)
		return reason;
	if (pkt->ip4->ttl <= 1)
		return TD_DROP_TTL_EXPIRED;
	addr = target.server->addr[0];
	diff = csum_diff32(quote->ip4->saddr, addr);
	change = quote_rewrite_ip4(quote->ip4, &quote->ip4->saddr, addr);
	change += quote_rewrite_l4(pkt, quote, &quote->l4->source, target.server->port, diff);
	csum_update(&icmp->checksum, change);
	csum_update(&pkt->ip4->check, csum_diff32(pkt->ip4->daddr, addr));
	pkt->ip4->daddr = addr;
	if (!nexthop_apply(pkt, target.nexthop))
		return TD_PASS_SERVER_UNRESOLVED;
	rewrite_ttl4(pkt);
	return send_out(ctx, target.nexthop->ifindex, pkt->vlan, target.nexthop->vlan, false);
}

static __always_inline enum td_reason icmp4_to_client(struct xdp_md *ctx, struct pkt *pkt,
						      struct icmphdr *icmp, struct quote *quote,
						      const struct td_endpoint *endpoint)
{
	struct td_settings *setting = settings_get();
	struct td_service *service;
	enum td_reason reason;
	struct hop hop = {};
	__u64 diff, change;
	__be32 vip;

	if (!setting)
		return TD_DROP_BAD_INDEX;
	/* About the host's own probes. */
	if (address_is_local(setting, td_address_hash(pkt->ip4->daddr), &pkt->ip4->daddr, 4))
		return TD_PASS_LOCAL;
	service = endpoint_service(pkt, endpoint, &reason);
	if (!service)
		return reason;
	vip = service->vip[0];
	reason = route4(ctx, setting, vip, pkt->ip4->daddr, &hop);
	if (reason)
		return reason;
	if (pkt->ip4->ttl <= 1)
		return TD_DROP_TTL_EXPIRED;

	if (pkt->ip4->saddr == quote->ip4->daddr) {
		csum_update(&pkt->ip4->check, csum_diff32(pkt->ip4->saddr, vip));
		pkt->ip4->saddr = vip;
	}
	diff = csum_diff32(quote->ip4->daddr, vip);
	change = quote_rewrite_ip4(quote->ip4, &quote->ip4->daddr, vip);
	change += quote_rewrite_l4(pkt, quote, &quote->l4->dest, service->port, diff);
	csum_update(&icmp->checksum, change);
	rewrite_macs(pkt, hop.dest_mac, hop.source_mac);
	rewrite_ttl4(pkt);
	return send_out(ctx, hop.ifindex, pkt->vlan, hop.vlan, true);
}

static __always_inline enum td_reason icmp4(struct xdp_md *ctx, struct pkt *pkt)
{
	struct icmphdr *icmp = pkt_pull(pkt, sizeof(*icmp));
	struct quote quote = {};
	struct td_service_key4 key;
	struct td_service_ref *ref;
	struct td_endpoint *endpoint;

	if (!icmp)
		return TD_PASS_MALFORMED;
	if (!icmp4_is_error(icmp->type) || !quote_parse4(pkt, &quote))
		return TD_PASS_NOT_OURS;
	if (pkt->ip4->daddr == quote.ip4->saddr) {
		key = key4(quote.ip4->saddr, quote.l4->source, quote.proto);
		ref = bpf_map_lookup_elem(&services4, &key);
		if (ref)
			return icmp4_to_server(ctx, pkt, icmp, &quote, ref);
		key = key4(quote.ip4->daddr, quote.l4->dest, quote.proto);
		endpoint = bpf_map_lookup_elem(&endpoints4, &key);
		if (endpoint)
			return icmp4_to_client(ctx, pkt, icmp, &quote, endpoint);
	}
	return TD_PASS_NOT_OURS;
}

static __always_inline enum td_reason icmp6_to_server(struct xdp_md *ctx, struct pkt *pkt,
						      struct icmp6hdr *icmp, struct quote *quote,
						      const struct td_service_ref *ref)
{
	struct target target = {};
	enum td_reason reason = target_pick(pkt, ref, &target);
	const __be32 *addr;
	__u64 diff, change;

	if (reason)
		return reason;
	if (pkt->ip6->hop_limit <= 1)
		return TD_DROP_TTL_EXPIRED;
	addr = target.server->addr;
	diff = csum_diff128(quote->ip6->saddr.in6_u.u6_addr32, addr);
	change = diff;
	change += quote_rewrite_l4(pkt, quote, &quote->l4->source, target.server->port, diff);
	/* The pseudo-header holds the outer addresses. */
	change += csum_diff128(pkt->ip6->daddr.in6_u.u6_addr32, addr);
	__builtin_memcpy(&quote->ip6->saddr, addr, 16);
	__builtin_memcpy(&pkt->ip6->daddr, addr, 16);
	csum_update(&icmp->icmp6_cksum, change);
	if (!nexthop_apply(pkt, target.nexthop))
		return TD_PASS_SERVER_UNRESOLVED;
	pkt->ip6->hop_limit--;
	return send_out(ctx, target.nexthop->ifindex, pkt->vlan, target.nexthop->vlan, false);
}

static __always_inline enum td_reason icmp6_to_client(struct xdp_md *ctx, struct pkt *pkt,
						      struct icmp6hdr *icmp, struct quote *quote,
						      const struct td_endpoint *endpoint)
{
	struct td_settings *setting = settings_get();
	struct td_service *service;
	enum td_reason reason;
	struct hop hop = {};
	__u64 diff, change;
	const __be32 *client;

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
		return TD_DROP_TTL_EXPIRED;

	diff = csum_diff128(quote->ip6->daddr.in6_u.u6_addr32, service->vip);
	change = diff;
	change += quote_rewrite_l4(pkt, quote, &quote->l4->dest, service->port, diff);
	if (addr6_equal(pkt->ip6->saddr.in6_u.u6_addr32, quote->ip6->daddr.in6_u.u6_addr32)) {
		change += csum_diff128(pkt->ip6->saddr.in6_u.u6_addr32, service->vip);
		__builtin_memcpy(&pkt->ip6->saddr, service->vip, 16);
	}
	__builtin_memcpy(&quote->ip6->daddr, service->vip, 16);
	csum_update(&icmp->icmp6_cksum, change);
	rewrite_macs(pkt, hop.dest_mac, hop.source_mac);
	pkt->ip6->hop_limit--;
	return send_out(ctx, hop.ifindex, pkt->vlan, hop.vlan, true);
}

static __always_inline enum td_reason icmp6(struct xdp_md *ctx, struct pkt *pkt)
{
	struct icmp6hdr *icmp = pkt_pull(pkt, sizeof(*icmp));
	struct quote quote = {};
	struct td_service_key6 key;
	struct td_service_ref *ref;
	struct td_endpoint *endpoint;

	if (!icmp)
		return TD_PASS_MALFORMED;
	if (icmp->icmp6_type < ICMP6_DEST_UNREACHABLE ||
	    icmp->icmp6_type > ICMP6_PARAMETER_PROBLEM || !quote_parse6(ctx, pkt, &quote))
		return TD_PASS_NOT_OURS;
	if (!addr6_equal(pkt->ip6->daddr.in6_u.u6_addr32, quote.ip6->saddr.in6_u.u6_addr32))
		return TD_PASS_NOT_OURS;
	key6(&key, &quote.ip6->saddr, quote.l4->source, quote.proto);
	ref = bpf_map_lookup_elem(&services6, &key);
	if (ref)
		return icmp6_to_server(ctx, pkt, icmp, &quote, ref);
	key6(&key, &quote.ip6->daddr, quote.l4->dest, quote.proto);
	endpoint = bpf_map_lookup_elem(&endpoints6, &key);
	return endpoint ? icmp6_to_client(ctx, pkt, icmp, &quote, endpoint) : TD_PASS_NOT_OURS;
}

#endif
