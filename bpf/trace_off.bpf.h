/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TRACE_OFF_BPF_H
#define TANDEM_TRACE_OFF_BPF_H

/*
 * The hooks of trace.bpf.h where nobody traces: they vanish. A flag in rodata would still cost each
 * packet a load at each hook.
 */

static __always_inline void trace_begin(struct xdp_md *ctx)
{
}

static __always_inline void trace_service(const struct td_service_ref *ref)
{
}

static __always_inline void trace_selection(__u64 state, __u32 select)
{
}

static __always_inline void trace_nexthop(__u32 nexthop)
{
}

static __always_inline void trace_endpoint(const struct td_endpoint *endpoint)
{
}

static __always_inline void trace_state(__u64 state)
{
}

static __always_inline void trace_egress(__u32 ifindex)
{
}

static __always_inline void trace_end(struct xdp_md *ctx, __u32 reason, int action)
{
}

#endif
