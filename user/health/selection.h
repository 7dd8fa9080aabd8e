/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_SELECTION_H
#define TANDEM_SELECTION_H

#include <stdint.h>

#include "health/health.h"
#include "model/listener.h"
#include "tandem/select.h"

/* What the state word of a group is computed from. Pure data. */
struct selection_input {
	enum health_state health[2]; /* primary, secondary; UP where checks are off */
	uint8_t weight[2];
	enum none_healthy none_healthy;
};

/*
 * The state word that follows @previous (0 for a new group) under @input: the primary where it is
 * eligible (weight > 0 and not down), else the secondary, else what none_healthy says; "last" keeps
 * the last active server if its weight is not 0. A server of unknown health counts as healthy until
 * its first probe decides. The epoch grows by one where anything else changes: an unchanged word
 * means that there is nothing to store. The bits for people say what is known: for a server of
 * unknown health neither TD_STATE_ELIGIBLE nor TD_STATE_UNHEALTHY is set.
 */
uint64_t selection_next(uint64_t previous, const struct selection_input *input);

/*
 * Why the group's traffic is where it is, for a person. At the primary: "primary_healthy",
 * "primary_unknown" (not probed yet); at the secondary: "primary_down", "primary_weight_zero"; at
 * either: "last_active" (no server is eligible, the policy is "last"); at none: "weights_zero",
 * "both_down", "none_eligible" (one down, one of weight 0). "pending": @state is not yet what
 * follows from @input.
 */
const char *selection_reason(uint64_t state, const struct selection_input *input);

/*
 * The health that a stored word remembers of @slot, to go on from after a restart. HEALTH_UNKNOWN
 * where it remembers none: not probed yet, or good with a weight of 0.
 */
enum health_state selection_health(uint64_t state, unsigned int slot);

#endif
