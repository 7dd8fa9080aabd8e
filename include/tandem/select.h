/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_SELECT_H
#define TANDEM_SELECT_H

/*
 * The selection rule, compiled by the XDP program and by the unit tests alike: one state word of a
 * group says where its packets go. The agent changes the word by one aligned 64-bit store.
 *
 *   bits 0-1   the active slot: who serves now (TD_SLOT_*)
 *   bits 2-3   what a packet meets when nobody serves (TD_SELECT_REJECT or TD_SELECT_DROP)
 *   bit  4     the primary is eligible: healthy and weight > 0    } not read here: for people
 *   bit  5     the secondary is eligible                          } and for a restarted agent
 *   bit  6     the primary's last verdict is bad (neither bit 6 nor bit 4: weight 0, or unknown)
 *   bit  7     the secondary's last verdict is bad
 *   bits 32-63 epoch: grows by one with every store, wraps
 */

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum td_slot {
	TD_SLOT_PRIMARY = 0,
	TD_SLOT_SECONDARY = 1,
	TD_SLOT_NONE = 2,
};

enum td_select {
	TD_SELECT_PRIMARY = TD_SLOT_PRIMARY,
	TD_SELECT_SECONDARY = TD_SLOT_SECONDARY,
	TD_SELECT_REJECT = 2,
	TD_SELECT_DROP = 3,
};

#define TD_STATE_SLOT_MASK	 0x3ULL
#define TD_STATE_NONE_SHIFT	 2
#define TD_STATE_ELIGIBLE(slot)	 (1ULL << (4 + (slot)))
#define TD_STATE_UNHEALTHY(slot) (1ULL << (6 + (slot)))
#define TD_STATE_EPOCH_SHIFT	 32

/* Where a packet of the group goes: a server's slot, or what happens instead. */
static inline __attribute__((always_inline)) enum td_select td_select(__u64 state)
{
	__u32 slot = state & TD_STATE_SLOT_MASK;

	if (slot < TD_SLOT_NONE)
		return (enum td_select)slot;
	if (((state >> TD_STATE_NONE_SHIFT) & 3) == TD_SELECT_DROP)
		return TD_SELECT_DROP;
	return TD_SELECT_REJECT;
}

/* Whether replies of the server in @slot are the group's: an idle server's packets are its own. */
static inline __attribute__((always_inline)) int td_owns_reply(__u64 state, __u32 slot)
{
	return (state & TD_STATE_SLOT_MASK) == slot;
}

#endif
