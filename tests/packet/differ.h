/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_DIFFER_H
#define TANDEM_TESTS_DIFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "seeds.h"

/*
 * Frames through the program and through the model; whatever is not the same is printed, with what
 * repeats it. Frames come in batches: a batch starts with all pieces forgotten and a configuration
 * of its own, so a batch's number says all about it.
 */

enum { DIFFER_BATCH = 4096 };

/* Run one batch in the lab, which is set up. Returns whether all was the same. */
bool differ_batch(uint64_t batch, const struct captures *captures);

#endif
