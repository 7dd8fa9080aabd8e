/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the program counted, summed over CPUs, and how full its maps are. */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "dataplane/internal.h"

/* Add up the words of a per-CPU element: counters are made of __u64 alone. */
static int read_sum(struct dataplane *dataplane, enum map_id map, uint32_t index, __u64 *ret,
		    unsigned int words)
{
	AUTO(free_memory) __u64 *values = xcalloc(dataplane->cpus, words * sizeof(*values));
	int r;

	r = dataplane_map_read(dataplane, map, &index, values);
	if (r < 0)
		return r;
	memset(ret, 0, words * sizeof(*ret));
	for (unsigned int i = 0; i < dataplane->cpus * words; i++)
		ret[i % words] += values[i];
	return 0;
}

int dataplane_counters_read(struct dataplane *dataplane, uint32_t index, uint32_t slot,
			    struct td_counters *ret)
{
	__u64 words[sizeof(*ret) / sizeof(__u64)];
	int r;

	if (index >= TD_MAX_SERVICES || slot >= DATAPLANE_SLOTS)
		return -EINVAL;
	r = read_sum(dataplane, MAP_COUNTERS, DATAPLANE_SLOTS * index + slot, words,
		     ARRAY_SIZE(words));
	if (r < 0)
		return r;
	memcpy(ret, words, sizeof(*ret));
	return 0;
}

int dataplane_reasons_read(struct dataplane *dataplane, struct td_reason_counter *ret)
{
	__u64 words[TD_REASON_MAX][sizeof(*ret) / sizeof(__u64)];
	int r;

	for (uint32_t reason = 0; reason < TD_REASON_MAX; reason++) {
		r = read_sum(dataplane, MAP_REASONS, reason, words[reason],
			     ARRAY_SIZE(words[reason]));
		if (r < 0)
			return r;
	}
	memcpy(ret, words, sizeof(words));
	return 0;
}

int dataplane_send_errors_read(struct dataplane *dataplane, uint32_t ifindex,
			       struct td_send_errors *ret)
{
	struct td_send_errors found;
	int r;

	r = dataplane_map_read(dataplane, MAP_SEND_ERRORS, &ifindex, &found);
	if (r == -ENOENT)
		memset(&found, 0, sizeof(found));
	else if (r < 0)
		return r;
	*ret = found;
	return 0;
}

static uint32_t pool_used(const struct index_pool *pool)
{
	return pool->size - pool->count;
}

unsigned int dataplane_usage_read(struct dataplane *dataplane, struct dataplane_usage *ret)
{
	const struct dataplane_usage usage[DATAPLANE_USAGE_MAX] = {
		{dataplane_map_name(MAP_SERVICES4), dataplane->services_used[0], TD_MAX_SERVICES},
		{dataplane_map_name(MAP_SERVICES6), dataplane->services_used[1], TD_MAX_SERVICES},
		{dataplane_map_name(MAP_SERVICE_TABLE), pool_used(&dataplane->free_services),
		 TD_MAX_SERVICES},
		{dataplane_map_name(MAP_GROUPS), pool_used(&dataplane->free_groups), TD_MAX_GROUPS},
		{dataplane_map_name(MAP_ENDPOINTS4), dataplane->endpoints_used[0],
		 TD_MAX_ENDPOINTS},
		{dataplane_map_name(MAP_ENDPOINTS6), dataplane->endpoints_used[1],
		 TD_MAX_ENDPOINTS},
		{dataplane_map_name(MAP_NEXTHOPS), pool_used(&dataplane->free_nexthops),
		 TD_MAX_NEXTHOPS},
		{dataplane_map_name(MAP_LOCAL_ADDRESSES), HASH_COUNT(dataplane->locals),
		 TD_MAX_LOCAL_ADDRESSES},
	};

	memcpy(ret, usage, sizeof(usage));
	return DATAPLANE_USAGE_MAX;
}
