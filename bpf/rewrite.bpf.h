/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_REWRITE_BPF_H
#define TANDEM_REWRITE_BPF_H

/* Address and port translation in place, with incremental checksums. Later pieces of a datagram
 * have neither ports nor checksum. */

/* TCP and UDP checksums cover addresses and ports. No UDP checksum (0) stays none; RFC 768: a sum
 * of zero is sent as all ones. */
static __always_inline void rewrite_l4_check(struct pkt *pkt, __u64 diff)
{
	if (pkt->proto == IPPROTO_UDP) {
		if (!*pkt->check)
			return;
		csum_update(pkt->check, diff);
		if (!*pkt->check)
			*pkt->check = 0xffff;
		return;
	}
	csum_update(pkt->check, diff);
}

static __always_inline void rewrite_dest4(struct pkt *pkt, __be32 addr, __be16 port)
{
	__u64 diff = csum_diff32(pkt->ip4->daddr, addr);

	csum_update(&pkt->ip4->check, diff);
	pkt->ip4->daddr = addr;
	if (!pkt->l4)
		return;
	rewrite_l4_check(pkt, diff + csum_diff16(pkt->l4->dest, port));
	pkt->l4->dest = port;
}

static __always_inline void rewrite_source4(struct pkt *pkt, __be32 addr, __be16 port)
{
	__u64 diff = csum_diff32(pkt->ip4->saddr, addr);

	csum_update(&pkt->ip4->check, diff);
	pkt->ip4->saddr = addr;
	if (!pkt->l4)
		return;
	rewrite_l4_check(pkt, diff + csum_diff16(pkt->l4->source, port));
	pkt->l4->source = port;
}

static __always_inline void rewrite_dest6(struct pkt *pkt, const __be32 *addr, __be16 port)
{
	__be32 *dest = pkt->ip6->daddr.in6_u.u6_addr32;

	if (pkt->l4) {
		rewrite_l4_check(pkt, csum_diff128(dest, addr) + csum_diff16(pkt->l4->dest, port));
		pkt->l4->dest = port;
	}
	__builtin_memcpy(dest, addr, 16);
}

static __always_inline void rewrite_source6(struct pkt *pkt, const __be32 *addr, __be16 port)
{
	__be32 *source = pkt->ip6->saddr.in6_u.u6_addr32;

	if (pkt->l4) {
		rewrite_l4_check(pkt,
				 csum_diff128(source, addr) + csum_diff16(pkt->l4->source, port));
		pkt->l4->source = port;
	}
	__builtin_memcpy(source, addr, 16);
}

/* One less time to live; the caller has made sure that more than one is left. */
static __always_inline void rewrite_ttl4(struct pkt *pkt)
{
	/* TTL is the high byte of its 16-bit word: one less of it is 0x0100 more of the checksum.
	 */
	__u32 check = pkt->ip4->check + (__u32)bpf_htons(0x0100);

	pkt->ip4->check = check + (check >= 0xffff);
	pkt->ip4->ttl--;
}

static __always_inline void rewrite_macs(struct pkt *pkt, const void *dest, const void *source)
{
	__builtin_memcpy(pkt->eth->h_dest, dest, 6);
	__builtin_memcpy(pkt->eth->h_source, source, 6);
}

#endif
