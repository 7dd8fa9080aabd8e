/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_COUNT_BPF_H
#define TANDEM_COUNT_BPF_H

static __always_inline struct td_counters *counters_of(__u32 service, __u32 slot)
{
	__u32 index = 2 * service + slot;

	return bpf_map_lookup_elem(&counters, &index);
}

static __always_inline void count_forward(const struct pkt *pkt, __u32 service, __u32 slot)
{
	struct td_counters *counter = counters_of(service, slot);

	if (!counter)
		return;
	counter->packets_in++;
	counter->bytes_in += pkt->length;
	if ((pkt->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		counter->syn++;
}

static __always_inline void count_return(const struct pkt *pkt, __u32 service, __u32 slot)
{
	struct td_counters *counter = counters_of(service, slot);

	if (!counter)
		return;
	counter->packets_out++;
	counter->bytes_out += pkt->length;
	if (pkt->tcp_flags & (TCP_SYN | TCP_RST)) {
		if (pkt->tcp_flags & TCP_RST)
			counter->rst++;
		else
			counter->syn_ack++;
	}
}

static __always_inline void count_refused(__u32 service)
{
	struct td_counters *counter = counters_of(service, 0);

	if (counter)
		counter->refused++;
}

/* The one exit: every packet is counted under its reason, which decides what XDP does with it. */
static __always_inline int finish(const struct pkt *pkt, enum td_reason reason)
{
	__u32 index = reason;
	struct td_reason_counter *counter = bpf_map_lookup_elem(&reasons, &index);

	if (counter) {
		counter->packets++;
		counter->bytes += pkt->length;
	}
#define TD_REASON_ACTION(symbol, name, action)                                                     \
	case symbol:                                                                               \
		return action;
	switch (reason) {
		TD_REASONS(TD_REASON_ACTION)
	default:
		return XDP_ABORTED;
	}
}

#endif
