/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's neighbour table. All of it is mirrored, since the data path remembers the MACs of
 * clients' gateways too and has to be told when they change. Entries that a target needs are kept
 * alive: packets that XDP sends do not count as use, so the kernel would let them grow stale and
 * forget them.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/internal.h"

/* The states in which the kernel itself would send to the MAC. */
enum {
	STATES_WITH_MAC =
		NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY
};

/* Without the padding at the end. */
enum { KEY_SIZE = offsetof(struct neighbour_key, address) + sizeof(struct netaddr) };

/* What uthash's macros unfold to is not ours to simplify. */
/* NOLINTBEGIN(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */
static struct neighbour *find_neighbour(struct net *net, const struct neighbour_key *key)
{
	struct neighbour *found;

	HASH_FIND(hh, net->neighbours, key, KEY_SIZE, found);
	return found;
}

static void insert_neighbour(struct net *net, struct neighbour *neighbour)
{
	HASH_ADD(hh, net->neighbours, key, KEY_SIZE, neighbour);
}

static void remove_neighbour(struct net *net, struct neighbour *neighbour)
{
	HASH_DELETE(hh, net->neighbours, neighbour);
	free(neighbour);
}
/* NOLINTEND(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */

static void unqueue(struct net *net, struct neighbour *neighbour)
{
	if (neighbour->queued)
		TAILQ_REMOVE(&net->unverified, neighbour, queue_link);
	neighbour->queued = false;
}

/* Queue or unqueue it as its state and its targets want. */
static void review(struct net *net, struct neighbour *neighbour)
{
	bool wanted = !LIST_EMPTY(&neighbour->targets) &&
		      (!(neighbour->state & STATES_WITH_MAC) || neighbour->state == NUD_STALE);

	if (wanted == neighbour->queued)
		return;
	if (!wanted) {
		unqueue(net, neighbour);
		return;
	}
	neighbour->queued = true;
	/* As neighbours_probe() expects. */
	if (neighbour->probe_after_us <= clock_monotonic_us())
		TAILQ_INSERT_HEAD(&net->unverified, neighbour, queue_link);
	else
		TAILQ_INSERT_TAIL(&net->unverified, neighbour, queue_link);
	net_schedule(net, neighbour->probe_after_us);
}

static void forget_if_unused(struct net *net, struct neighbour *neighbour)
{
	if (neighbour->state != NUD_NONE || !LIST_EMPTY(&neighbour->targets))
		return;
	unqueue(net, neighbour);
	remove_neighbour(net, neighbour);
}

struct neighbour *neighbour_get(struct net *net, uint32_t ifindex, const struct netaddr *address)
{
	struct neighbour_key key = {.ifindex = ifindex, .address = *address};
	struct neighbour *neighbour = find_neighbour(net, &key);

	if (neighbour)
		return neighbour;
	neighbour = xcalloc(1, sizeof(*neighbour));
	neighbour->key = key;
	LIST_INIT(&neighbour->targets);
	insert_neighbour(net, neighbour);
	return neighbour;
}

void neighbour_attach(struct net *net, struct neighbour *neighbour, struct target *target)
{
	target->neighbour = neighbour;
	LIST_INSERT_HEAD(&neighbour->targets, target, neighbour_link);
	review(net, neighbour);
}

void neighbour_detach(struct net *net, struct target *target)
{
	struct neighbour *neighbour = target->neighbour;

	if (!neighbour)
		return;
	LIST_REMOVE(target, neighbour_link);
	target->neighbour = NULL;
	review(net, neighbour);
	forget_if_unused(net, neighbour);
}

/* @mac is NULL where the kernel knows none. May free @neighbour. */
static void set_state(struct net *net, struct neighbour *neighbour, uint16_t state,
		      const uint8_t *mac)
{
	bool resolved = (state & STATES_WITH_MAC) && mac;
	bool changed = neighbour->resolved != resolved;

	if (mac && resolved)
		changed = changed || memcmp(neighbour->mac, mac, MAC_SIZE) != 0;

	/* Nobody has remembered what was not resolved. */
	if (changed && neighbour->resolved)
		net->routes_changed = true;
	neighbour->state = state;
	neighbour->resolved = resolved;
	memset(neighbour->mac, 0, sizeof(neighbour->mac));
	if (resolved)
		memcpy(neighbour->mac, mac, sizeof(neighbour->mac));
	if (changed) {
		struct target *target = LIST_FIRST(&neighbour->targets);

		for (; target; target = LIST_NEXT(target, neighbour_link))
			target_mark_changed(net, target);
		net_schedule(net, 0);
	}
	review(net, neighbour);
	forget_if_unused(net, neighbour);
}

int neighbour_on_message(struct net *net, const struct nlmsghdr *header, void *userdata)
{
	struct nlattr *attributes[NDA_MAX + 1];
	const struct ndmsg *info = nlmsg_data(header);
	struct neighbour_key key = {0};
	struct neighbour *neighbour;
	uint8_t mac[MAC_SIZE];
	bool has_mac;

	(void)userdata;
	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*info), attributes, NDA_MAX, NULL) < 0)
		return 0;
	/* Entries of bridges' tables have no address, those that answer for others no MAC. */
	if (info->ndm_flags & NTF_PROXY || info->ndm_ifindex <= 0 ||
	    !attribute_address(attributes[NDA_DST], info->ndm_family, &key.address))
		return 0;
	key.ifindex = (uint32_t)info->ndm_ifindex;
	has_mac = attribute_mac(attributes[NDA_LLADDR], mac);

	if (header->nlmsg_type == RTM_DELNEIGH) {
		neighbour = find_neighbour(net, &key);
		if (neighbour)
			set_state(net, neighbour, NUD_NONE, NULL);
		return 0;
	}
	neighbour = neighbour_get(net, key.ifindex, &key.address);
	neighbour->seen = true;
	set_state(net, neighbour, info->ndm_state, has_mac ? mac : NULL);
	return 0;
}

int neighbours_load(struct net *net)
{
	struct ndmsg info = {.ndm_family = AF_UNSPEC};
	struct neighbour *neighbour, *next;
	int r;

	for (neighbour = net->neighbours; neighbour; neighbour = neighbour->hh.next)
		neighbour->seen = false;

	r = request_dump(net, RTM_GETNEIGH, &info, sizeof(info), neighbour_on_message, NULL);
	if (r < 0)
		return r;

	for (neighbour = net->neighbours; neighbour; neighbour = next) {
		next = neighbour->hh.next;
		if (!neighbour->seen)
			set_state(net, neighbour, NUD_NONE, NULL);
	}
	return 0;
}

/*
 * As `ip neigh add ... use`. It does nothing to an entry that is being resolved or in use, but
 * makes a permanent one resolvable: callers have looked that it is none.
 */
static int use_neighbour(struct net *net, uint32_t ifindex, const struct netaddr *address)
{
	struct ndmsg info = {
		.ndm_family = (uint8_t)address->family,
		.ndm_ifindex = (int)ifindex,
		.ndm_flags = NTF_USE,
	};
	struct nl_msg *message = message_new(RTM_NEWNEIGH, NLM_F_CREATE, &info, sizeof(info));

	message_put_address(message, NDA_DST, address);
	return request_execute(net, message);
}

static void note_table_full(struct net *net, uint16_t family, bool full)
{
	bool *noted = family == AF_INET ? &net->table_full4 : &net->table_full6;

	if (full && !*noted)
		log_warning("neighbour_table_full: raise net.%s.neigh.default.gc_thresh3",
			    family == AF_INET ? "ipv4" : "ipv6");
	*noted = full;
}

static void probe(struct net *net, struct neighbour *neighbour)
{
	int r;

	neighbour->probe_after_us = clock_monotonic_us() + RETRY_US;

	r = use_neighbour(net, neighbour->key.ifindex, &neighbour->key.address);
	/* Other errors are those of an interface that is going: its events are on their way. */
	if (r == 0 || r == -ENOBUFS)
		note_table_full(net, neighbour->key.address.family, r == -ENOBUFS);
	/* The kernel does not tell, but what comes of it: within seconds reachable, or a probe. */
	if (r == 0 && neighbour->state == NUD_STALE)
		neighbour->state = NUD_DELAY;
}

/*
 * The head of the queue is the next that is due, or nearly so: one that comes back to the queue
 * within its second stands behind others that are due later, by a second at most.
 */
void neighbours_probe(struct net *net)
{
	struct neighbour *neighbour;
	uint64_t now = clock_monotonic_us();

	for (unsigned int i = 0; i < PASS_BUDGET; i++) {
		neighbour = TAILQ_FIRST(&net->unverified);
		if (!neighbour || neighbour->probe_after_us > now)
			break;
		probe(net, neighbour);
		unqueue(net, neighbour);
		review(net, neighbour);
	}
	neighbour = TAILQ_FIRST(&net->unverified);
	if (neighbour)
		net_schedule(net, neighbour->probe_after_us);
}

int net_resolve(struct net *net, uint32_t ifindex, const struct netaddr *address)
{
	struct neighbour_key key = {.ifindex = ifindex, .address = *address};
	const struct neighbour *neighbour;
	int r;

	if (!netaddr_size(address))
		return -EAFNOSUPPORT;
	r = net_sync(net);
	if (r < 0)
		return r;
	neighbour = find_neighbour(net, &key);
	if (neighbour && neighbour->state & (NUD_PERMANENT | NUD_NOARP))
		return 0;
	return use_neighbour(net, ifindex, address);
}

void neighbours_free(struct net *net)
{
	struct neighbour *next;

	for (struct neighbour *neighbour = net->neighbours; neighbour; neighbour = next) {
		next = neighbour->hh.next;
		remove_neighbour(net, neighbour);
	}
}
