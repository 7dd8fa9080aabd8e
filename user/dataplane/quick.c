/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quick4: what the packet path reads in place of services4 and endpoints4. The hash maps stay the
 * truth, for people, for adoption and for what does not fit into its bucket; every write to them is
 * followed here.
 */
#include <string.h>

#include "base/memory.h"
#include "dataplane/internal.h"

bool dataplane_quick_mirrors(enum map_id map, const void *key)
{
	const struct td_service_key4 *place = key;

	return (map == MAP_SERVICES4 || map == MAP_ENDPOINTS4) && place->proto != 0;
}

static __u64 word_of(enum map_id map, const void *key)
{
	struct td_service_key4 place;
	__u64 word;

	memcpy(&place, key, sizeof(place));
	place.pad = map == MAP_SERVICES4 ? TD_QUICK_SERVICE : TD_QUICK_ENDPOINT;
	memcpy(&word, &place, sizeof(word));
	return word;
}

/* The slot that holds @word; TD_QUICK_SLOTS where none does. 0 finds a free one. */
static unsigned int slot_of(const struct td_quick4 *bucket, __u64 word)
{
	unsigned int slot = 0;

	while (slot < TD_QUICK_SLOTS && bucket->keys[slot] != word)
		slot++;
	return slot;
}

void dataplane_quick_put(struct td_quick4 *buckets, enum map_id map, const void *key,
			 const void *value, bool known)
{
	__u64 word = word_of(map, key), ref;
	struct td_quick4 *bucket = &buckets[td_quick_bucket(word)];
	unsigned int slot = slot_of(bucket, word);

	memcpy(&ref, value, sizeof(ref));
	if (slot < TD_QUICK_SLOTS) {
		__atomic_store_n(&bucket->refs[slot], ref, __ATOMIC_RELEASE);
		return;
	}
	if (known)
		return; /* it is among the overflow already */
	slot = slot_of(bucket, 0);
	if (slot == TD_QUICK_SLOTS) {
		__atomic_fetch_add(&bucket->overflow, 1, __ATOMIC_RELEASE);
		return;
	}
	/* The reference is there before the key says so. */
	__atomic_store_n(&bucket->refs[slot], ref, __ATOMIC_RELEASE);
	__atomic_store_n(&bucket->keys[slot], word, __ATOMIC_RELEASE);
}

void dataplane_quick_remove(struct td_quick4 *buckets, enum map_id map, const void *key)
{
	__u64 word = word_of(map, key);
	struct td_quick4 *bucket = &buckets[td_quick_bucket(word)];
	unsigned int slot = slot_of(bucket, word);

	if (slot < TD_QUICK_SLOTS)
		__atomic_store_n(&bucket->keys[slot], 0, __ATOMIC_RELEASE);
	else
		__atomic_fetch_sub(&bucket->overflow, 1, __ATOMIC_RELEASE);
}

/* Free the slots whose keys the hash maps do not have. */
static void drop_strangers(struct dataplane *dataplane)
{
	for (unsigned int i = 0; i < TD_QUICK_BUCKETS; i++) {
		struct td_quick4 *bucket = &dataplane->quick[i];

		for (unsigned int slot = 0; slot < TD_QUICK_SLOTS; slot++) {
			struct td_service_key4 key;
			enum map_id map;
			__u64 value;

			if (!bucket->keys[slot])
				continue;
			memcpy(&key, &bucket->keys[slot], sizeof(key));
			map = key.pad == TD_QUICK_SERVICE ? MAP_SERVICES4 : MAP_ENDPOINTS4;
			key.pad = 0;
			if (dataplane_map_read(dataplane, map, &key, &value) < 0)
				__atomic_store_n(&bucket->keys[slot], 0, __ATOMIC_RELEASE);
		}
	}
}

/* Enter every key of the hash map, and count in @overflow what has no slot. */
static int enter_all(struct dataplane *dataplane, enum map_id map, __u32 *overflow)
{
	AUTO(free_memory) void *memory = NULL;
	const struct td_service_key4 *keys;
	size_t count;
	int r;

	r = dataplane_map_keys(dataplane, map, sizeof(*keys), &memory, &count);
	if (r < 0)
		return r;
	keys = memory;
	for (size_t i = 0; i < count; i++) {
		__u64 word = word_of(map, &keys[i]), value;
		struct td_quick4 *bucket = &dataplane->quick[td_quick_bucket(word)];
		bool room = slot_of(bucket, word) < TD_QUICK_SLOTS ||
			    slot_of(bucket, 0) < TD_QUICK_SLOTS;

		if (!dataplane_quick_mirrors(map, &keys[i]))
			continue;
		r = dataplane_map_read(dataplane, map, &keys[i], &value);
		if (r < 0)
			return r;
		if (room)
			dataplane_quick_put(dataplane->quick, map, &keys[i], &value, false);
		else
			overflow[td_quick_bucket(word)]++;
	}
	return 0;
}

int dataplane_quick_repair(struct dataplane *dataplane)
{
	AUTO(free_memory) __u32 *overflow = xcalloc(TD_QUICK_BUCKETS, sizeof(*overflow));
	int r;

	drop_strangers(dataplane);
	r = enter_all(dataplane, MAP_SERVICES4, overflow);
	if (r >= 0)
		r = enter_all(dataplane, MAP_ENDPOINTS4, overflow);
	for (unsigned int i = 0; r >= 0 && i < TD_QUICK_BUCKETS; i++)
		if (dataplane->quick[i].overflow != overflow[i])
			__atomic_store_n(&dataplane->quick[i].overflow, overflow[i],
					 __ATOMIC_RELEASE);
	return r;
}
