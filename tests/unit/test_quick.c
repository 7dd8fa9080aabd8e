// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/memory.h"
#include "dataplane/internal.h"

enum { KEYS = 65536, STEPS = 400000 };

/* What the hash maps would hold: a reference for each key, 0 for none. */
struct oracle {
	struct td_service_key4 keys[KEYS];
	__u64 refs[KEYS];
};

static enum map_id map_of(unsigned int i)
{
	return i % 2 ? MAP_ENDPOINTS4 : MAP_SERVICES4;
}

static __u64 word_of(const struct oracle *oracle, unsigned int i)
{
	struct td_service_key4 key = oracle->keys[i];
	__u64 word;

	key.pad = i % 2 ? TD_QUICK_ENDPOINT : TD_QUICK_SERVICE;
	memcpy(&word, &key, sizeof(word));
	return word;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Every key is where the packet path looks for it, and nothing else is. */
static void assert_matches(const struct td_quick4 *buckets, const struct oracle *oracle)
{
	AUTO(free_memory) __u64 *overflow = xcalloc(TD_QUICK_BUCKETS, sizeof(*overflow));
	size_t in_slots = 0, entered = 0;

	for (unsigned int i = 0; i < KEYS; i++) {
		__u64 word = word_of(oracle, i);
		const struct td_quick4 *bucket = &buckets[td_quick_bucket(word)];
		unsigned int found = 0;

		for (unsigned int slot = 0; slot < TD_QUICK_SLOTS; slot++) {
			if (bucket->keys[slot] != word)
				continue;
			found++;
			assert_int_equal(bucket->refs[slot], oracle->refs[i]);
		}
		assert_in_range(found, 0, oracle->refs[i] != 0);
		in_slots += found;
		if (oracle->refs[i] && !found)
			overflow[td_quick_bucket(word)]++;
	}
	for (unsigned int i = 0; i < TD_QUICK_BUCKETS; i++) {
		assert_int_equal(buckets[i].overflow, overflow[i]);
		for (unsigned int slot = 0; slot < TD_QUICK_SLOTS; slot++)
			entered += buckets[i].keys[slot] != 0;
	}
	assert_int_equal(entered, in_slots);
}

static void test_quick_when_any_changes_then_as_the_hash_maps(void **state)
{
	AUTO(free_memory) struct td_quick4 *buckets = xcalloc(TD_QUICK_BUCKETS, sizeof(*buckets));
	AUTO(free_memory) struct oracle *oracle = xcalloc(1, sizeof(*oracle));
	uint64_t random = 88172645463325252ULL;

	(void)state;
	for (unsigned int i = 0; i < KEYS; i++)
		oracle->keys[i] = (struct td_service_key4){.addr = (__be32)next_random(&random),
							   .port = (__be16)(i / 2),
							   .proto = i % 3 ? 6 : 17};
	for (unsigned int step = 0; step < STEPS; step++) {
		unsigned int i = (unsigned int)(next_random(&random) % KEYS);
		struct td_service_key4 *key = &oracle->keys[i];

		if (oracle->refs[i] && next_random(&random) % 8 == 0) {
			dataplane_quick_remove(buckets, map_of(i), key);
			oracle->refs[i] = 0;
		} else {
			__u64 ref = next_random(&random) | 1;

			dataplane_quick_put(buckets, map_of(i), key, &ref, oracle->refs[i] != 0);
			oracle->refs[i] = ref;
		}
	}
	assert_matches(buckets, oracle);
	for (unsigned int i = 0; i < KEYS; i++) {
		if (oracle->refs[i])
			dataplane_quick_remove(buckets, map_of(i), &oracle->keys[i]);
		oracle->refs[i] = 0;
	}
	assert_matches(buckets, oracle);
}

static void test_quick_when_vip_without_port_or_other_map_then_not_mirrored(void **state)
{
	struct td_service_key4 vip = {.addr = 1}, web = {.addr = 1, .port = 80, .proto = 6};

	(void)state;
	assert_false(dataplane_quick_mirrors(MAP_SERVICES4, &vip));
	assert_true(dataplane_quick_mirrors(MAP_SERVICES4, &web));
	assert_true(dataplane_quick_mirrors(MAP_ENDPOINTS4, &web));
	assert_false(dataplane_quick_mirrors(MAP_SERVICES6, &web));
	assert_false(dataplane_quick_mirrors(MAP_GROUPS, &web));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quick_when_any_changes_then_as_the_hash_maps),
		cmocka_unit_test(test_quick_when_vip_without_port_or_other_map_then_not_mirrored),
	};

	return cmocka_run_group_tests_name("quick", tests, NULL, NULL);
}
