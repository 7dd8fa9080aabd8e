/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "traced.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "frame.h"
#include "tandem.skel.h"
#include "tandem_trace.skel.h"

static struct {
	struct tandem_trace_bpf *skel;
	struct ring_buffer *ring;
	struct td_trace_event last;
	unsigned int events;
} traced;

static int on_event(void *userdata, void *data, size_t size)
{
	(void)userdata;
	assert_int_equal(size, sizeof(traced.last));
	memcpy(&traced.last, data, size);
	traced.events++;
	return 0;
}

/* All maps of the tested program. */
static int maps_share(const struct tandem_bpf *skel)
{
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_map(map, skel->obj)
	{
		struct bpf_map *shared;

		/* What the tracepoint programs beside it are told at load time. */
		if (bpf_map__is_internal(map))
			continue;
		shared = bpf_object__find_map_by_name(traced.skel->obj, bpf_map__name(map));
		r = shared ? bpf_map__reuse_fd(shared, bpf_map__fd(map)) : -ENOENT;
		if (r < 0)
			break;
	}
	return r;
}

int traced_open(const struct tandem_bpf *skel)
{
	static const struct td_trace_filter everything = {.deadline_ns = UINT64_MAX,
							  .service = TD_TRACE_NONE};
	int r;

	traced.skel = tandem_trace_bpf__open();
	r = traced.skel ? maps_share(skel) : -errno;
	if (r >= 0)
		r = tandem_trace_bpf__load(traced.skel);
	if (r < 0)
		return r;
	traced.ring = ring_buffer__new(bpf_map__fd(traced.skel->maps.traces), on_event, NULL, NULL);
	if (!traced.ring)
		return -errno;
	traced_filter(&everything);
	return 0;
}

void traced_close(void)
{
	ring_buffer__free(traced.ring);
	tandem_trace_bpf__destroy(traced.skel);
}

int traced_program_fd(void)
{
	return bpf_program__fd(traced.skel->progs.tandem_trace);
}

void traced_filter(const struct td_trace_filter *filter)
{
	uint32_t zero = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(traced.skel->maps.trace_filters), &zero,
					     filter, BPF_ANY),
			 0);
}

int traced_run(const uint8_t *in, size_t length, uint8_t *out, uint32_t *ret_length,
	       struct td_trace_event *ret, unsigned int *ret_events)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = (uint32_t)length,
		    .data_out = out, .data_size_out = FRAME_MAX, .repeat = 1);

	traced.events = 0;
	assert_int_equal(bpf_prog_test_run_opts(traced_program_fd(), &opts), 0);
	ring_buffer__consume(traced.ring);
	*ret_length = opts.data_size_out;
	*ret = traced.last;
	*ret_events = traced.events;
	return (int)opts.retval;
}
