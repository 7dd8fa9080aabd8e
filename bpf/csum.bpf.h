/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CSUM_BPF_H
#define TANDEM_CSUM_BPF_H

/*
 * Internet checksums (RFC 1071) as 64-bit sums of 32- and 16-bit words in network byte order,
 * folded once at the end. Byte order does not matter to such sums.
 */

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum + (sum >> 16);
}

/* What replacing @from by @to adds to a sum (RFC 1624, equation 3). */
static __always_inline __u64 csum_diff32(__be32 from, __be32 to)
{
	return (__u64)(__u32)~from + (__u32)to;
}

static __always_inline __u64 csum_diff16(__be16 from, __be16 to)
{
	return (__u64)(__u16)~from + (__u16)to;
}

static __always_inline __u64 csum_diff128(const __be32 *from, const __be32 *to)
{
	return csum_diff32(from[0], to[0]) + csum_diff32(from[1], to[1]) +
	       csum_diff32(from[2], to[2]) + csum_diff32(from[3], to[3]);
}

static __always_inline void csum_update(__sum16 *check, __u64 diff)
{
	*check = ~csum_fold((__u16) ~*check + diff);
}

/* The sum of @count 32-bit words; unrolled, so @count is a constant. */
static __always_inline __u64 csum_words(const void *from, __u32 count)
{
	const __u32 *words = from;
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < count; i++)
		sum += words[i];
	return sum;
}

#endif
