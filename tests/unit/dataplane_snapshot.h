/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TEST_DATAPLANE_SNAPSHOT_H
#define TANDEM_TEST_DATAPLANE_SNAPSHOT_H

/* What the maps of the rig hold, read from bpffs. Goes with dataplane_rig.h. */
#include "dataplane_rig.h"

/* All that packets can see of services, in an order that does not depend on the kernel's. */
struct snapshot {
	size_t size;
	char *bytes;
};

static int compare_elements(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(size_t *)size);
}

static void snapshot_hash(struct snapshot *snapshot, const char *map, size_t key_size,
			  size_t value_size)
{
	AUTO(close_fd) int fd = pin_open(map);
	size_t element = key_size + value_size, start = snapshot->size;
	char key[32], next[32];
	bool first = true;

	while (bpf_map_get_next_key(fd, first ? NULL : key, next) == 0) {
		snapshot->bytes = realloc(snapshot->bytes, snapshot->size + element);
		memcpy(key, next, key_size);
		memcpy(snapshot->bytes + snapshot->size, key, key_size);
		assert_int_equal(
			bpf_map_lookup_elem(fd, key, snapshot->bytes + snapshot->size + key_size),
			0);
		snapshot->size += element;
		first = false;
	}
	if (snapshot->size > start)
		qsort_r(snapshot->bytes + start, (snapshot->size - start) / element, element,
			compare_elements, &element);
}

static void snapshot_array(struct snapshot *snapshot, const char *map, uint32_t count, size_t size)
{
	AUTO(close_fd) int fd = pin_open(map);

	snapshot->bytes = realloc(snapshot->bytes, snapshot->size + count * size);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(bpf_map_lookup_elem(fd, &i, snapshot->bytes + snapshot->size), 0);
		snapshot->size += size;
	}
}

static struct td_quick4 *quick_read(void)
{
	AUTO(close_fd) int fd = pin_open("quick4");
	struct td_quick4 *buckets = calloc(TD_QUICK_BUCKETS, sizeof(*buckets));

	for (uint32_t i = 0; i < TD_QUICK_BUCKETS; i++)
		assert_int_equal(bpf_map_lookup_elem(fd, &i, &buckets[i]), 0);
	return buckets;
}

/* Which slot an entry has, and what a free one held, does not matter. */
static void snapshot_quick(struct snapshot *snapshot)
{
	size_t element = 2 * sizeof(__u64), size = TD_QUICK_BUCKETS * sizeof(struct td_quick4);
	struct td_quick4 *buckets = quick_read();

	for (uint32_t i = 0; i < TD_QUICK_BUCKETS; i++) {
		struct td_quick4 *bucket = &buckets[i];
		__u64 pairs[TD_QUICK_SLOTS][2];

		for (unsigned int slot = 0; slot < TD_QUICK_SLOTS; slot++) {
			pairs[slot][0] = bucket->keys[slot];
			pairs[slot][1] = bucket->keys[slot] ? bucket->refs[slot] : 0;
		}
		qsort_r(pairs, TD_QUICK_SLOTS, element, compare_elements, &element);
		memcpy(bucket, pairs, sizeof(pairs));
	}
	snapshot->bytes = realloc(snapshot->bytes, snapshot->size + size);
	memcpy(snapshot->bytes + snapshot->size, buckets, size);
	snapshot->size += size;
	free(buckets);
}

static struct snapshot snapshot_take(void)
{
	struct snapshot snapshot = {0};

	snapshot_hash(&snapshot, "services4", 8, 8);
	snapshot_hash(&snapshot, "services6", 20, 8);
	snapshot_hash(&snapshot, "endpoints4", 8, 8);
	snapshot_hash(&snapshot, "endpoints6", 20, 8);
	snapshot_array(&snapshot, "service_table", TD_MAX_SERVICES, sizeof(struct td_service));
	snapshot_array(&snapshot, "ports", 1, sizeof(struct td_ports));
	snapshot_quick(&snapshot);
	return snapshot;
}

static void assert_unchanged(struct snapshot before)
{
	struct snapshot after = snapshot_take();

	assert_int_equal(after.size, before.size);
	assert_memory_equal(after.bytes, before.bytes, before.size);
	free(after.bytes);
	free(before.bytes);
}

/*
 * Every key of the hash map is found by the packet path with the same reference, and nothing else
 * is: as many entries as there are keys, and those that have no slot are counted in their bucket.
 */
static size_t assert_quick_mirrors(const struct td_quick4 *buckets, const char *map, __u8 kind)
{
	AUTO(close_fd) int fd = pin_open(map);
	__u64 *overflow = calloc(TD_QUICK_BUCKETS, sizeof(*overflow));
	struct td_service_key4 key, next;
	size_t found = 0, outside = 0;
	bool first = true;

	while (bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0) {
		const struct td_quick4 *bucket;
		unsigned int slot = 0;
		__u64 word, ref;

		first = false;
		key = next;
		if (!key.proto)
			continue;
		next.pad = kind;
		memcpy(&word, &next, sizeof(word));
		assert_int_equal(bpf_map_lookup_elem(fd, &key, &ref), 0);
		bucket = &buckets[td_quick_bucket(word)];
		while (slot < TD_QUICK_SLOTS && bucket->keys[slot] != word)
			slot++;
		if (slot == TD_QUICK_SLOTS) {
			overflow[td_quick_bucket(word)]++;
			outside++;
		} else {
			assert_true(bucket->refs[slot] == ref);
			found++;
		}
	}
	for (uint32_t i = 0; i < TD_QUICK_BUCKETS; i++) {
		assert_true(overflow[i] <= buckets[i].overflow);
		for (unsigned int slot = 0; slot < TD_QUICK_SLOTS; slot++) {
			memcpy(&key, &buckets[i].keys[slot], sizeof(key));
			found -= key.pad == kind;
		}
	}
	assert_int_equal(found, 0);
	free(overflow);
	return outside;
}

static void assert_quick_is_whole(bool overflows)
{
	AUTO(free_memory) struct td_quick4 *buckets = quick_read();
	size_t outside = assert_quick_mirrors(buckets, "services4", TD_QUICK_SERVICE) +
			 assert_quick_mirrors(buckets, "endpoints4", TD_QUICK_ENDPOINT);

	for (uint32_t i = 0; i < TD_QUICK_BUCKETS; i++)
		outside -= buckets[i].overflow;
	assert_int_equal(outside, 0);
	if (overflows) {
		bool any = false;

		for (uint32_t i = 0; i < TD_QUICK_BUCKETS; i++)
			any |= buckets[i].overflow > 0;
		assert_true(any);
	}
}

#endif
