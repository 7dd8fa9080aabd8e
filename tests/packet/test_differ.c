// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A bounded run of what `make fuzz` does for longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "differ.h"
#include "lab.h"

enum { BATCHES = 80 };

static void test_program_when_frames_are_mutated_then_as_the_model_says(void **state)
{
	static const struct captures none;
	uint64_t before[TD_REASON_MAX], after[TD_REASON_MAX];

	(void)state;
	lab_read_reasons(before);
	for (uint64_t batch = 0; batch < BATCHES; batch++)
		assert_true(differ_batch(batch, &none));
	lab_read_reasons(after);
	/* What is never met proves nothing. The last three need a broken gateway. */
	for (uint32_t reason = TD_FORWARD_TX; reason < TD_REASON_MAX; reason++)
		if (after[reason] - before[reason] < 100 && reason != TD_PASS_FORWARDING_OFF &&
		    reason != TD_DROP_NO_ROOM && reason != TD_DROP_BAD_INDEX)
			fail_msg("reason %u was met only %lu times", reason,
				 (unsigned long)(after[reason] - before[reason]));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program_when_frames_are_mutated_then_as_the_model_says),
	};

	return cmocka_run_group_tests_name("differ", tests, lab_setup, lab_teardown);
}
