/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the doctor remembers of servers, so that old counts do not speak for today. */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/host.h"
#include "service/doctor_internal.h"

/* Answers may be on their way for so long. */
enum { ANSWER_US = 1000 * 1000 };

struct doctor_memory *service_doctor_memory_new(void)
{
	struct doctor_memory *memory = xcalloc(1, sizeof(*memory));

	/* Where it cannot be read, the check says so. */
	(void)!net_reverse_path_drops(&memory->reverse_path_drops);
	return memory;
}

struct doctor_memory *service_doctor_memory_free(struct doctor_memory *memory)
{
	if (!memory)
		return NULL;
	memory->round++;
	service_looks_sweep(memory);
	free(memory);
	return NULL;
}

uint64_t service_gauge_update(struct gauge *gauge, uint64_t asked, uint64_t answered, bool judged)
{
	uint64_t now_us = clock_monotonic_us();

	/* Counters that went back belong to a new listener. */
	if (!judged || answered != gauge->answered || asked < gauge->asked) {
		*gauge = (struct gauge){.asked = asked, .answered = answered, .since_us = now_us};
		return 0;
	}
	/* The first look compares with zero, which is long ago. */
	if (gauge->since_us && now_us - gauge->since_us < ANSWER_US)
		return 0;
	return asked - gauge->asked;
}

struct look *service_look_get(struct doctor_memory *memory, const struct listener_key *listener,
			      unsigned int slot)
{
	struct look_key key;
	struct look *look;

	memset(&key, 0, sizeof(key)); /* padding is hashed too */
	key.listener = *listener;
	key.slot = slot;
	look = (struct look *)service_table_find(&memory->looks, &key, sizeof(key));
	if (!look) {
		look = xcalloc(1, sizeof(*look));
		memcpy(&look->key, &key, sizeof(key));
		service_table_add(&memory->looks, &look->node, &look->key, sizeof(look->key));
	}
	look->round = memory->round;
	return look;
}

void service_looks_sweep(struct doctor_memory *memory)
{
	struct table kept = {0};
	struct look *look;

	while ((look = (struct look *)service_table_any(&memory->looks)) != NULL) {
		service_table_remove(&memory->looks, &look->node);
		if (look->round == memory->round)
			service_table_add(&kept, &look->node, &look->key, sizeof(look->key));
		else
			free(look);
	}
	memory->looks = kept;
}
