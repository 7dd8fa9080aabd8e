/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every input, from every word that any input can lead to: two inputs in a row reach all of them,
 * for a word holds no more than slot, policy and verdicts. The oracle is written out case by case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "health/selection.h"

enum { INPUTS = 3 * 3 * 3 * 3 * NONE_HEALTHY_MAX };

/* The @n-th of all inputs: each health, weights 0, 1 and 100, each policy. */
static struct selection_input nth_input(unsigned int n)
{
	static const uint8_t weights[] = {0, 1, 100};
	struct selection_input input;

	for (unsigned int slot = 0; slot < 2; slot++) {
		input.health[slot] = n % 3;
		n /= 3;
		input.weight[slot] = weights[n % 3];
		n /= 3;
	}
	input.none_healthy = n;
	return input;
}

/* Where packets must go, from what is said to people; @last is where they went (TD_SELECT_*). */
static enum td_select oracle(const struct selection_input *input, enum td_select last)
{
	bool primary_can = input->weight[0] != 0 &&
			   (input->health[0] == HEALTH_UP || input->health[0] == HEALTH_UNKNOWN);
	bool secondary_can = input->weight[1] != 0 &&
			     (input->health[1] == HEALTH_UP || input->health[1] == HEALTH_UNKNOWN);

	if (primary_can)
		return TD_SELECT_PRIMARY;
	if (secondary_can)
		return TD_SELECT_SECONDARY;

	switch (input->none_healthy) {
	case NONE_HEALTHY_DROP:
		return TD_SELECT_DROP;
	case NONE_HEALTHY_LAST:
		if (last == TD_SELECT_PRIMARY && input->weight[0] != 0)
			return TD_SELECT_PRIMARY;
		if (last == TD_SELECT_SECONDARY && input->weight[1] != 0)
			return TD_SELECT_SECONDARY;
		return TD_SELECT_REJECT;
	default:
		return TD_SELECT_REJECT;
	}
}

static void check_bits(uint64_t state, const struct selection_input *input)
{
	for (unsigned int slot = 0; slot < 2; slot++) {
		bool good = input->health[slot] == HEALTH_UP && input->weight[slot] != 0;
		bool bad = input->health[slot] == HEALTH_DOWN;

		assert_int_equal(!!(state & (slot ? 0x20 : 0x10)), good);
		assert_int_equal(!!(state & (slot ? 0x80 : 0x40)), bad);
		assert_int_equal(td_owns_reply(state, slot), td_select(state) == slot);
		if (bad || good || input->health[slot] == HEALTH_UNKNOWN)
			assert_int_equal(selection_health(state, slot), input->health[slot]);
		else
			assert_int_equal(selection_health(state, slot), HEALTH_UNKNOWN);
	}
	assert_int_equal(state & 0xffffff00, 0);
}

static void check_step(uint64_t previous, enum td_select last, const struct selection_input *input)
{
	uint64_t state = selection_next(previous, input);

	assert_int_equal(td_select(state), oracle(input, last));
	check_bits(state, input);
	assert_true(state != 0);

	/* The epoch counts changes, and changes only. */
	if ((uint32_t)state == (uint32_t)previous)
		assert_int_equal(state, previous);
	else
		assert_int_equal((uint32_t)(state >> 32), (uint32_t)((previous >> 32) + 1));
	assert_int_equal(selection_next(state, input), state);
	assert_string_not_equal(selection_reason(state, input), "pending");
}

static void test_next_when_group_is_new_then_follows_rule(void **unused)
{
	(void)unused;
	for (unsigned int n = 0; n < INPUTS; n++) {
		struct selection_input input = nth_input(n);

		check_step(0, TD_SELECT_REJECT, &input);
	}
}

static void test_next_when_any_word_went_before_then_follows_rule(void **unused)
{
	(void)unused;
	for (unsigned int a = 0; a < INPUTS * INPUTS; a++) {
		struct selection_input first = nth_input(a % INPUTS),
				       second = nth_input(a / INPUTS);
		uint64_t word = selection_next(selection_next(0, &first), &second);

		for (unsigned int b = a % 7; b < INPUTS; b += 7) {
			struct selection_input input = nth_input(b);

			check_step(word, td_select(word), &input);
		}
	}
}

static void test_next_when_epoch_is_last_then_wraps(void **unused)
{
	struct selection_input input = {{HEALTH_UP, HEALTH_UP}, {100, 100}, 0};
	uint64_t word = selection_next(0, &input) | 0xffffffff00000000ULL;

	(void)unused;
	assert_int_equal(selection_next(word, &input), word);
	input.health[0] = HEALTH_DOWN;
	word = selection_next(word, &input);
	assert_int_equal(word >> 32, 0);
	assert_int_equal(td_select(word), TD_SELECT_SECONDARY);
}

static void test_next_when_primary_dies_and_returns_then_one_store_each(void **unused)
{
	struct selection_input input = {{HEALTH_UP, HEALTH_UP}, {100, 100}, 0};
	uint64_t word = selection_next(0, &input);

	(void)unused;
	assert_int_equal(word >> 32, 1);
	input.health[0] = HEALTH_DOWN;
	word = selection_next(word, &input);
	assert_int_equal(word >> 32, 2);
	assert_int_equal(td_select(word), TD_SELECT_SECONDARY);
	input.health[0] = HEALTH_UP;
	word = selection_next(word, &input);
	assert_int_equal(word >> 32, 3);
	assert_int_equal(td_select(word), TD_SELECT_PRIMARY);
}

static void test_next_when_policy_is_last_then_keeps_who_served(void **unused)
{
	struct selection_input input = {{HEALTH_DOWN, HEALTH_UP}, {100, 100}, NONE_HEALTHY_LAST};
	uint64_t word = selection_next(0, &input);

	(void)unused;
	input.health[1] = HEALTH_DOWN;
	word = selection_next(word, &input);
	assert_int_equal(td_select(word), TD_SELECT_SECONDARY);
	assert_string_equal(selection_reason(word, &input), "last_active");
	input.weight[1] = 0;
	assert_int_equal(td_select(selection_next(word, &input)), TD_SELECT_REJECT);
}

struct reason_row {
	struct selection_input input;
	const char *reason;
};

static void test_reason_when_asked_then_names_cause(void **unused)
{
	static const struct reason_row rows[] = {
		{{{HEALTH_UP, HEALTH_DOWN}, {1, 1}, 0}, "primary_healthy"},
		{{{HEALTH_UNKNOWN, HEALTH_UP}, {1, 1}, 0}, "primary_unknown"},
		{{{HEALTH_DOWN, HEALTH_UP}, {1, 1}, 0}, "primary_down"},
		{{{HEALTH_UP, HEALTH_UNKNOWN}, {0, 1}, 0}, "primary_weight_zero"},
		{{{HEALTH_UP, HEALTH_UP}, {0, 0}, 0}, "weights_zero"},
		{{{HEALTH_DOWN, HEALTH_DOWN}, {1, 1}, NONE_HEALTHY_DROP}, "both_down"},
		{{{HEALTH_DOWN, HEALTH_UP}, {1, 0}, 0}, "none_eligible"},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t word = selection_next(0, &rows[i].input);

		assert_string_equal(selection_reason(word, &rows[i].input), rows[i].reason);
	}
	assert_string_equal(selection_reason(0, &rows[0].input), "pending");
	assert_string_equal(selection_reason(selection_next(0, &rows[2].input), &rows[0].input),
			    "pending");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_when_group_is_new_then_follows_rule),
		cmocka_unit_test(test_next_when_any_word_went_before_then_follows_rule),
		cmocka_unit_test(test_next_when_epoch_is_last_then_wraps),
		cmocka_unit_test(test_next_when_primary_dies_and_returns_then_one_store_each),
		cmocka_unit_test(test_next_when_policy_is_last_then_keeps_who_served),
		cmocka_unit_test(test_reason_when_asked_then_names_cause),
	};

	return cmocka_run_group_tests_name("selection", tests, NULL, NULL);
}
