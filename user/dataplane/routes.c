/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the program knows of this host: its addresses, and which destinations have a route of their
 * own. Both have filters of bits that are read without a lock while they change, so a filter is
 * always made wider before what it guards changes, and narrower afterwards: a bit too many costs a
 * look-up, one too few would send packets astray.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "dataplane/mirror.h"

static void filter_add(__u64 *filter, const __be32 *words)
{
	__u32 hash = td_address_hash(td_address_fold(words));

	filter[td_filter_word(hash)] |= td_filter_bit(hash);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): atomic stores go through @filter */
static void filter_store(__u64 *filter, const __u64 *value)
{
	for (unsigned int i = 0; i < TD_FILTER_WORDS; i++)
		__atomic_store_n(&filter[i], value[i], __ATOMIC_RELEASE);
}

static void local_key(const struct netaddr *address, struct td_local_key *ret)
{
	dataplane_address_words(address, ret->addr);
	ret->family = family_of(address) ? 6 : 4;
}

void dataplane_local_note(struct dataplane *dataplane, const struct netaddr *address)
{
	struct local_entry *entry = xcalloc(1, sizeof(*entry));

	entry->address = *address;
	entry->seen = dataplane->local_round;
	dataplane_mirror_local_add(dataplane, entry);
}

static int local_add(struct dataplane *dataplane, const struct netaddr *address)
{
	struct local_entry *entry = dataplane_mirror_local(dataplane, address);
	const __u32 value = 1;
	struct td_local_key key;
	int r;

	if (entry) {
		entry->seen = dataplane->local_round;
		return 0;
	}
	local_key(address, &key);
	r = dataplane_map_write(dataplane, MAP_LOCAL_ADDRESSES, &key, &value);
	if (r < 0)
		return r;
	dataplane_local_note(dataplane, address);
	return 0;
}

static int locals_prune(struct dataplane *dataplane)
{
	struct local_entry *entry, *next;
	struct td_local_key key;
	int r;

	HASH_ITER(hh, dataplane->locals, entry, next)
	{
		if (entry->seen == dataplane->local_round)
			continue;
		local_key(&entry->address, &key);
		r = dataplane_map_delete(dataplane, MAP_LOCAL_ADDRESSES, &key);
		if (r < 0)
			return r;
		dataplane_mirror_local_remove(dataplane, entry);
	}
	return 0;
}

int dataplane_set_local_addresses(struct dataplane *dataplane, const struct netaddr *addresses,
				  size_t count)
{
	__u64 filter[TD_FILTER_WORDS] = {0}, wider[TD_FILTER_WORDS];
	__be32 words[4];
	int r;

	if (count > TD_MAX_LOCAL_ADDRESSES)
		return -ENOSPC;
	for (size_t i = 0; i < count; i++) {
		dataplane_address_words(&addresses[i], words);
		filter_add(filter, words);
	}
	for (unsigned int i = 0; i < TD_FILTER_WORDS; i++)
		wider[i] = filter[i] | dataplane->settings->local_filter[i];
	filter_store(dataplane->settings->local_filter, wider);

	dataplane->local_round++;
	for (size_t i = 0; i < count; i++) {
		r = local_add(dataplane, &addresses[i]);
		if (r < 0)
			return r;
	}
	r = locals_prune(dataplane);
	if (r < 0)
		return r;
	filter_store(dataplane->settings->local_filter, filter);
	return 0;
}

void dataplane_invalidate_routes(struct dataplane *dataplane)
{
	__u32 next = dataplane->settings->route_generation + 1;

	/* Fresh elements of the caches have generation 0. */
	__atomic_store_n(&dataplane->settings->route_generation, next ? next : 1, __ATOMIC_RELEASE);
}

/* The first @length bits of four words, in network byte order. */
static void mask_make(unsigned int length, __be32 *ret)
{
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int bits = length > 32 * i ? length - 32 * i : 0;

		ret[i] = bits >= 32 ? ~0U : bits ? htonl(~0U << (32 - bits)) : 0;
	}
}

static void routes_store(struct td_settings *settings, uint16_t family, const __be32 *mask,
			 const __u64 *filter)
{
	__u64 *target = family == AF_INET6 ? settings->route_filter6 : settings->route_filter4;
	__u64 all[TD_FILTER_WORDS];

	/* The mask changes while no bit depends on it. */
	memset(all, 0xff, sizeof(all));
	filter_store(target, all);
	if (family == AF_INET6) {
		for (unsigned int i = 0; i < 4; i++)
			__atomic_store_n(&settings->route_mask6[i], mask[i], __ATOMIC_RELEASE);
	} else {
		__atomic_store_n(&settings->route_mask4, mask[0], __ATOMIC_RELEASE);
	}
	filter_store(target, filter);
}

int dataplane_set_routes(struct dataplane *dataplane, uint16_t family,
			 const struct dataplane_prefix *prefixes, size_t count, bool uniform)
{
	unsigned int bits = family == AF_INET6 ? 128 : 32, shortest = bits;
	__u64 filter[TD_FILTER_WORDS] = {0};
	__be32 mask[4], words[4];

	for (size_t i = 0; i < count; i++) {
		if (prefixes[i].address.family != family || prefixes[i].length < 1 ||
		    prefixes[i].length > bits)
			return -EINVAL;
		if (prefixes[i].length < shortest)
			shortest = prefixes[i].length;
	}
	mask_make(shortest, mask);
	for (size_t i = 0; i < count; i++) {
		dataplane_address_words(&prefixes[i].address, words);
		for (unsigned int word = 0; word < 4; word++)
			words[word] &= mask[word];
		filter_add(filter, words);
	}
	if (!uniform)
		memset(filter, 0xff, sizeof(filter));
	routes_store(dataplane->settings, family, mask, filter);
	/* What was cached by the old filter, or while both changed, is void. */
	dataplane_invalidate_routes(dataplane);
	return 0;
}
