/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_SEEDS_H
#define TANDEM_TESTS_SEEDS_H

#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "random.h"
#include "world.h"

/* Frames that fuzzing starts from: built, of every kind that the program treats apart, or captured.
 */

enum { CAPTURES_MAX = 4096 };

struct captures {
	struct capture {
		uint8_t *bytes;
		size_t length;
	} frames[CAPTURES_MAX];
	size_t count;
};

/* Add the frames of a pcap file with Ethernet frames; those that are too long are left out. 0 or
 * -errno. */
int captures_load(struct captures *captures, const char *path);
void captures_free(struct captures *captures);

/* Write a frame that has to do with a service of @world into @frame of FRAME_MAX bytes; returns its
 * length. */
size_t seed_build(struct random *random, const struct world *world, uint8_t *frame);

/* Damage or change the frame of @length bytes; returns its new length. */
size_t mutate(struct random *random, const struct world *world, uint8_t *frame, size_t length);

#endif
