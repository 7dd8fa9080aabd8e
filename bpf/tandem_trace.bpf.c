// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The program of tandem.bpf.c with the hooks of trace.bpf.h, on the same maps. The agent attaches
 * it in the other one's place while somebody traces.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "tandem/abi.h"
#include "tandem/select.h"
#include "tandem/trace.h"

#include "maps.bpf.h"

#include "csum.bpf.h"
#include "pkt.bpf.h"
#include "vlan.bpf.h"

#include "trace.bpf.h"

#include "count.bpf.h"
#include "reject.bpf.h"
#include "rewrite.bpf.h"
#include "route.bpf.h"

#include "forward.bpf.h"

#include "fragment.bpf.h"
#include "icmp.bpf.h"

#include "balance.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("xdp.frags")
int tandem_trace(struct xdp_md *ctx)
{
	return handle(ctx);
}
