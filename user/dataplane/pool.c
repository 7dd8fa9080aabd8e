/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Free indices, first in first out: what has just been removed is used again as late as possible,
 * so that a packet on its way does not meet a new owner behind the index it has read.
 */
#include "base/memory.h"
#include "dataplane/internal.h"

void dataplane_pool_init(struct index_pool *pool, uint32_t size, const bool *used)
{
	pool->ring = xcalloc(size, sizeof(*pool->ring));
	pool->size = size;
	pool->head = 0;
	pool->count = 0;
	for (uint32_t index = 0; index < size; index++) {
		if (!used[index])
			dataplane_pool_give(pool, index);
	}
}

void dataplane_pool_free(struct index_pool *pool)
{
	free(pool->ring);
	pool->ring = NULL;
}

uint32_t dataplane_pool_take(struct index_pool *pool)
{
	uint32_t index = pool->ring[pool->head];

	pool->head = (pool->head + 1) % pool->size;
	pool->count--;
	return index;
}

void dataplane_pool_give(struct index_pool *pool, uint32_t index)
{
	pool->ring[(pool->head + pool->count) % pool->size] = index;
	pool->count++;
}
