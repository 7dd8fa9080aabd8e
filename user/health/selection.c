/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From health, weights and policy to a group's state word: pure, so that a test can walk all of it.
 */
#include "health/selection.h"

#include <stdbool.h>

enum { SLOTS = 2 };

static const uint64_t epoch_one = 1ULL << TD_STATE_EPOCH_SHIFT;
static const uint64_t epoch_mask = ~0ULL << TD_STATE_EPOCH_SHIFT;

static bool is_eligible(const struct selection_input *input, unsigned int slot)
{
	return input->weight[slot] > 0 && input->health[slot] != HEALTH_DOWN;
}

/*
 * A new group's word, 0, names slot 0 but nobody has served yet. No other word is 0, since the bits
 * of what a packet meets never are.
 */
static unsigned int last_slot(uint64_t state)
{
	return state ? state & TD_STATE_SLOT_MASK : TD_SLOT_NONE;
}

static unsigned int choose_slot(uint64_t previous, const struct selection_input *input)
{
	unsigned int last = last_slot(previous);

	if (is_eligible(input, TD_SLOT_PRIMARY))
		return TD_SLOT_PRIMARY;
	if (is_eligible(input, TD_SLOT_SECONDARY))
		return TD_SLOT_SECONDARY;
	if (input->none_healthy == NONE_HEALTHY_LAST && last < SLOTS && input->weight[last] > 0)
		return last;
	return TD_SLOT_NONE;
}

uint64_t selection_next(uint64_t previous, const struct selection_input *input)
{
	uint64_t none =
		input->none_healthy == NONE_HEALTHY_DROP ? TD_SELECT_DROP : TD_SELECT_REJECT;
	uint64_t state = choose_slot(previous, input) | none << TD_STATE_NONE_SHIFT;

	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		if (input->health[slot] == HEALTH_UP && input->weight[slot] > 0)
			state |= TD_STATE_ELIGIBLE(slot);
		if (input->health[slot] == HEALTH_DOWN)
			state |= TD_STATE_UNHEALTHY(slot);
	}
	if (state == (previous & ~epoch_mask))
		return previous;
	return state | ((previous & epoch_mask) + epoch_one);
}

static const char *reason_of_none(const struct selection_input *input)
{
	if (!input->weight[TD_SLOT_PRIMARY] && !input->weight[TD_SLOT_SECONDARY])
		return "weights_zero";
	if (input->health[TD_SLOT_PRIMARY] == HEALTH_DOWN &&
	    input->health[TD_SLOT_SECONDARY] == HEALTH_DOWN)
		return "both_down";
	return "none_eligible";
}

const char *selection_reason(uint64_t state, const struct selection_input *input)
{
	unsigned int slot = last_slot(state);

	if (slot != choose_slot(state, input))
		return "pending";
	if (slot >= SLOTS)
		return reason_of_none(input);
	if (!is_eligible(input, slot))
		return "last_active";
	if (slot == TD_SLOT_PRIMARY)
		return input->health[slot] == HEALTH_UP ? "primary_healthy" : "primary_unknown";
	return input->weight[TD_SLOT_PRIMARY] ? "primary_down" : "primary_weight_zero";
}

enum health_state selection_health(uint64_t state, unsigned int slot)
{
	if (state & TD_STATE_UNHEALTHY(slot))
		return HEALTH_DOWN;
	return state & TD_STATE_ELIGIBLE(slot) ? HEALTH_UP : HEALTH_UNKNOWN;
}
