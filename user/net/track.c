/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tracked addresses and their next hops. What happens to a neighbour concerns the targets that hang
 * on it, what happens to a route those inside its prefix: only these are looked up anew, so that
 * ten thousand targets cost nothing while routes elsewhere come and go.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/internal.h"

/*
 * How many changed prefixes a pass compares with each target. When there are more, as while a
 * routing daemon fills its table, it is cheaper to look up all targets.
 */
enum { PREFIXES_COMPARED = 64 };

/* What uthash's macros unfold to is not ours to simplify. */
/* NOLINTBEGIN(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */
static struct target *find_target(struct net *net, const struct netaddr *address)
{
	struct target *found;

	HASH_FIND(hh, net->targets, address, sizeof(*address), found);
	return found;
}

static void insert_target(struct net *net, struct target *target)
{
	HASH_ADD(hh, net->targets, address, sizeof(target->address), target);
}

static void remove_target(struct net *net, struct target *target)
{
	HASH_DELETE(hh, net->targets, target);
	free(target);
}
/* NOLINTEND(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */

void target_mark_changed(struct net *net, struct target *target)
{
	if (target->changed)
		return;
	target->changed = true;
	TAILQ_INSERT_TAIL(&net->changed, target, changed_link);
	net_schedule(net, 0);
}

static void mark_unrouted(struct net *net, struct target *target)
{
	if (target->unrouted)
		return;
	target->unrouted = true;
	TAILQ_INSERT_TAIL(&net->unrouted, target, unrouted_link);
	net_schedule(net, 0);
}

static void unmark_changed(struct net *net, struct target *target)
{
	if (target->changed)
		TAILQ_REMOVE(&net->changed, target, changed_link);
	target->changed = false;
}

static void unmark_unrouted(struct net *net, struct target *target)
{
	if (target->unrouted)
		TAILQ_REMOVE(&net->unrouted, target, unrouted_link);
	target->unrouted = false;
}

/* Whether the first @length bits of both are the same. */
static bool is_in_prefix(const struct netaddr *address, const struct netaddr *prefix,
			 unsigned int length)
{
	unsigned int whole = length / 8, rest = length % 8;

	if (memcmp(address->bytes, prefix->bytes, whole) != 0)
		return false;
	return !rest || (address->bytes[whole] ^ prefix->bytes[whole]) >> (8 - rest) == 0;
}

/* Only noted here: thousands of events may say so before the pass comes. */
void targets_mark_family(struct net *net, uint16_t family)
{
	if (family != AF_INET6)
		net->unrouted4 = true;
	if (family != AF_INET)
		net->unrouted6 = true;
	net_schedule(net, 0);
}

static void mark_all_noted(struct net *net)
{
	struct target *target = net->unrouted4 || net->unrouted6 ? net->targets : NULL;

	for (; target; target = target->hh.next) {
		if (target->address.family == AF_INET ? net->unrouted4 : net->unrouted6)
			mark_unrouted(net, target);
	}
	net->unrouted4 = net->unrouted6 = false;
	net->prefixes_changed = 0;
}

static void mark_prefix(struct net *net, const struct netaddr *prefix, unsigned int length)
{
	struct target *target;

	if (length == 8 * netaddr_size(prefix)) {
		target = find_target(net, prefix);
		if (target)
			mark_unrouted(net, target);
		return;
	}
	if (length == 0 || net->prefixes_changed++ >= PREFIXES_COMPARED) {
		targets_mark_family(net, prefix->family);
		return;
	}
	for (target = net->targets; target; target = target->hh.next) {
		if (target->address.family == prefix->family &&
		    is_in_prefix(&target->address, prefix, length))
			mark_unrouted(net, target);
	}
}

int targets_on_route(struct net *net, const struct nlmsghdr *header)
{
	struct nlattr *attributes[RTA_MAX + 1];
	const struct rtmsg *info = nlmsg_data(header);
	struct netaddr prefix = {0};

	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*info), attributes, RTA_MAX, NULL) < 0)
		return 0;
	if (info->rtm_flags & RTM_F_CLONED ||
	    (info->rtm_family != AF_INET && info->rtm_family != AF_INET6))
		return 0;
	net->routes_changed = true;
	net_schedule(net, 0);
	if (attribute_address(attributes[RTA_DST], info->rtm_family, &prefix) &&
	    info->rtm_dst_len <= 8 * netaddr_size(&prefix))
		mark_prefix(net, &prefix, info->rtm_dst_len);
	else /* the default route has no destination */
		targets_mark_family(net, info->rtm_family);
	return 0;
}

/* Hang @target on the neighbour to which its route leads by now. */
static int route_target(struct net *net, struct target *target)
{
	struct neighbour *neighbour = NULL;
	struct route route;
	int r;

	r = route_find(net, &target->address, &route);
	if (r < 0)
		return r;
	if (route.ifindex)
		neighbour = neighbour_get(net, route.ifindex, &route.gateway);
	if (neighbour == target->neighbour)
		return 0;
	neighbour_detach(net, target);
	if (neighbour)
		neighbour_attach(net, neighbour, target);
	return 0;
}

static void read_nexthop(struct net *net, const struct target *target, struct net_nexthop *ret)
{
	const struct neighbour *neighbour = target->neighbour;
	struct net_nexthop nexthop = {0};
	const struct interface *interface;

	if (neighbour) {
		nexthop.ifindex = neighbour->key.ifindex;
		interface = interface_find(net, nexthop.ifindex);
		if (interface && interface->ethernet &&
		    interface_below(net, interface, &nexthop.send_ifindex, &nexthop.vlan)) {
			nexthop.mtu = interface->mtu;
			memcpy(nexthop.source_mac, interface->mac, MAC_SIZE);
			/* All zero where it is not resolved. */
			memcpy(nexthop.dest_mac, neighbour->mac, MAC_SIZE);
			nexthop.resolved = neighbour->resolved;
		}
	}
	*ret = nexthop;
}

static bool same_nexthop(const struct net_nexthop *a, const struct net_nexthop *b)
{
	return a->ifindex == b->ifindex && a->resolved == b->resolved &&
	       a->send_ifindex == b->send_ifindex && a->vlan == b->vlan && a->mtu == b->mtu &&
	       memcmp(a->source_mac, b->source_mac, MAC_SIZE) == 0 &&
	       memcmp(a->dest_mac, b->dest_mac, MAC_SIZE) == 0;
}

void targets_route(struct net *net)
{
	struct target *target;
	int r;

	mark_all_noted(net);
	for (unsigned int i = 0; i < PASS_BUDGET; i++) {
		target = TAILQ_FIRST(&net->unrouted);
		if (!target)
			return;
		r = route_target(net, target);
		if (r < 0) {
			log_error_errno(r, "route_lookup_failed: trying again");
			net_schedule(net, clock_monotonic_us() + RETRY_US);
			return;
		}
		unmark_unrouted(net, target);
		target_mark_changed(net, target);
	}
	net_schedule(net, 0);
}

void targets_report(struct net *net)
{
	struct net_nexthop nexthop;
	struct netaddr address;
	struct target *target;

	/* The owner may track and untrack meanwhile, this address too. */
	while ((target = TAILQ_FIRST(&net->changed)) != NULL) {
		unmark_changed(net, target);
		read_nexthop(net, target, &nexthop);
		if (same_nexthop(&nexthop, &target->told))
			continue;
		target->told = nexthop;
		address = target->address;
		if (net->callbacks.on_nexthop)
			net->callbacks.on_nexthop(&address, &nexthop, net->userdata);
	}
}

int net_track(struct net *net, const struct netaddr *address, struct net_nexthop *ret_nexthop)
{
	struct target *target;
	int r;

	if (!netaddr_size(address))
		return -EAFNOSUPPORT;
	r = net_sync(net);
	if (r < 0)
		return r;

	target = find_target(net, address);
	if (!target) {
		target = xcalloc(1, sizeof(*target));
		target->address = *address;
		insert_target(net, target);
		r = route_target(net, target);
		if (r < 0) {
			remove_target(net, target);
			return r;
		}
		read_nexthop(net, target, &target->told);
	}
	target->users++;
	read_nexthop(net, target, ret_nexthop);
	return 0;
}

static void forget_target(struct net *net, struct target *target)
{
	unmark_unrouted(net, target);
	unmark_changed(net, target);
	neighbour_detach(net, target);
	remove_target(net, target);
}

void net_untrack(struct net *net, const struct netaddr *address)
{
	struct target *target = find_target(net, address);

	if (target && --target->users == 0)
		forget_target(net, target);
}

void targets_free(struct net *net)
{
	while (net->targets)
		forget_target(net, net->targets);
}
