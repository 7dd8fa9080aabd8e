/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_TRACED_H
#define TANDEM_TESTS_TRACED_H

#include <stddef.h>
#include <stdint.h>

#include "tandem/trace.h"

struct tandem_bpf;

/*
 * The tracing program on the maps of the one that is tested: it must do the same with every frame,
 * and say so.
 */

/* Load it. 0, or -errno. */
int traced_open(const struct tandem_bpf *skel);
void traced_close(void);

int traced_program_fd(void);

/* What is recorded from now on; traced_open() begins with everything. */
void traced_filter(const struct td_trace_filter *filter);

/*
 * Run the frame; @out holds FRAME_MAX bytes. Returns the XDP action. @ret_events is how many events
 * were recorded, of which @ret is the last.
 */
int traced_run(const uint8_t *in, size_t length, uint8_t *out, uint32_t *ret_length,
	       struct td_trace_event *ret, unsigned int *ret_events);

#endif
