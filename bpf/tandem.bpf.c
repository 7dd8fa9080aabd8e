// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The data plane: one XDP program on each interface of the gateway. It reads maps that the agent
 * writes and goes on with what they hold when the agent is gone. Beside it, tracepoint programs
 * count what devices refuse after the verdict, which XDP itself does not see.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "tandem/abi.h"
#include "tandem/select.h"

#include "maps.bpf.h"

#include "csum.bpf.h"
#include "pkt.bpf.h"
#include "vlan.bpf.h"

#include "trace_off.bpf.h"

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
int tandem_xdp(struct xdp_md *ctx)
{
	return handle(ctx);
}

/* The network namespace of the agent, by its inode; set at load. */
const volatile __u32 home_netns = 0;

/*
 * Only interfaces that the agent put into the map are counted: other people's errors are not ours.
 * The tracepoints see all namespaces, each of which counts its interfaces from 1.
 */
static __always_inline void count_send_error(const struct net_device *dev, __u32 ifindex,
					     __u32 frames, __s64 error)
{
	struct td_send_errors *errors;

	if (dev->nd_net.net->ns.inum != home_netns)
		return;
	errors = bpf_map_lookup_elem(&send_errors, &ifindex);
	if (!errors)
		return;
	__sync_fetch_and_add(&errors->frames, frames);
	errors->last_error = error;
}

/* A device took fewer frames from the device map than it was given. */
SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(count_redirect_errors, const struct net_device *from, const struct net_device *to,
	     int sent, int drops, int err)
{
	if (drops > 0 || err < 0)
		count_send_error(to, to->ifindex, drops, err);
	return 0;
}

/* A frame did not get as far as the device: too long for it, or it cannot send from XDP. */
SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(count_redirect_refusals, const struct net_device *dev, const void *program,
	     const void *target, int err, __u32 map_type, __u32 map_id, __u32 index)
{
	count_send_error(dev, index, 1, err);
	return 0;
}

/* The same for XDP_TX. */
SEC("tp_btf/xdp_bulk_tx")
int BPF_PROG(count_tx_errors, const struct net_device *dev, int sent, int drops, int err)
{
	if (drops > 0 || err < 0)
		count_send_error(dev, dev->ifindex, drops, err);
	return 0;
}
