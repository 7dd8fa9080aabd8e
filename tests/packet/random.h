/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_RANDOM_H
#define TANDEM_TESTS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers that follow from a seed alone (splitmix64). */
struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline uint32_t random_below(struct random *random, uint32_t limit)
{
	return (uint32_t)(random_next(random) >> 33) % limit;
}

static inline bool random_percent(struct random *random, uint32_t percent)
{
	return random_below(random, 100) < percent;
}

#define RANDOM_OF(random, array) ((array)[random_below(random, sizeof(array) / sizeof(*(array)))])

#endif
