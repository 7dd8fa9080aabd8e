/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_QUICK_H
#define TANDEM_TESTS_QUICK_H

#include <string.h>

#include <bpf/bpf.h>

#include "tandem/abi.h"

/*
 * Enter @key of services4 or endpoints4 into quick4, whose descriptor is @fd, as an agent would:
 * with its eight bytes of @ref into a free slot of its bucket, or into the count of what did not
 * fit. Returns 0 or -errno.
 */
static inline int quick_insert(int fd, struct td_service_key4 key, __u8 kind, const void *ref)
{
	struct td_quick4 bucket;
	__u32 index;
	__u64 word;
	int r, slot = 0;

	key.pad = kind;
	memcpy(&word, &key, sizeof(word));
	index = td_quick_bucket(word);
	r = bpf_map_lookup_elem(fd, &index, &bucket);
	if (r < 0)
		return r;
	while (slot < TD_QUICK_SLOTS && bucket.keys[slot])
		slot++;
	if (slot < TD_QUICK_SLOTS) {
		bucket.keys[slot] = word;
		memcpy(&bucket.refs[slot], ref, sizeof(bucket.refs[slot]));
	} else {
		bucket.overflow++;
	}
	return bpf_map_update_elem(fd, &index, &bucket, BPF_ANY);
}

#endif
