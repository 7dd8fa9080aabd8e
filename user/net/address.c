/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The host's own addresses: read, added, taken off. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/memory.h"
#include "net/internal.h"

/* What uthash's macros unfold to is not ours to simplify. */
/* NOLINTBEGIN(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */
static struct host_address *find_host_address(struct net *net, const struct netaddr *address)
{
	struct host_address *found;

	HASH_FIND(hh, net->addresses, address, sizeof(*address), found);
	return found;
}

static void insert_host_address(struct net *net, struct host_address *address)
{
	HASH_ADD(hh, net->addresses, address, sizeof(address->address), address);
}

static void remove_host_address(struct net *net, struct host_address *address)
{
	HASH_DELETE(hh, net->addresses, address);
	free(address);
}
/* NOLINTEND(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */

static struct assignment *find_on_interface(const struct host_address *host, uint32_t ifindex)
{
	struct assignment *assignment = host ? LIST_FIRST(&host->assignments) : NULL;

	while (assignment && assignment->ifindex != ifindex)
		assignment = LIST_NEXT(assignment, link);
	return assignment;
}

static struct assignment *find_same(const struct host_address *host,
				    const struct assignment *wanted)
{
	struct assignment *assignment = host ? LIST_FIRST(&host->assignments) : NULL;

	while (assignment &&
	       (assignment->ifindex != wanted->ifindex || assignment->length != wanted->length ||
		!netaddr_equal(&assignment->peer, &wanted->peer)))
		assignment = LIST_NEXT(assignment, link);
	return assignment;
}

/*
 * The interface has one address of @family more, or less. With its last one go the routes through
 * it, with the first one dead ones come back, and the kernel tells neither.
 */
static void note_change(struct net *net, uint32_t ifindex, uint16_t family, bool added)
{
	struct interface *interface = interface_find(net, ifindex);
	unsigned int *addresses, before;

	net->addresses_changed = true;
	net_schedule(net, 0);
	if (!interface) {
		targets_mark_family(net, family);
		return;
	}
	addresses = family == AF_INET ? &interface->addresses4 : &interface->addresses6;
	before = *addresses;
	if (added)
		(*addresses)++;
	else if (before > 0)
		(*addresses)--;
	if (before == 0 || *addresses == 0)
		targets_mark_family(net, family);
}

static void add_assignment(struct net *net, const struct netaddr *address,
			   const struct assignment *wanted)
{
	struct host_address *host = find_host_address(net, address);
	struct assignment *assignment = find_same(host, wanted);

	if (assignment) {
		assignment->seen = true;
		return;
	}
	if (!host) {
		host = xcalloc(1, sizeof(*host));
		host->address = *address;
		LIST_INIT(&host->assignments);
		insert_host_address(net, host);
	}
	assignment = xcalloc(1, sizeof(*assignment));
	*assignment = *wanted;
	assignment->seen = true;
	LIST_INSERT_HEAD(&host->assignments, assignment, link);
	note_change(net, wanted->ifindex, address->family, true);
}

static void drop_assignment(struct net *net, struct host_address *host,
			    struct assignment *assignment)
{
	struct netaddr address = host->address;
	uint32_t ifindex = assignment->ifindex;

	LIST_REMOVE(assignment, link);
	free(assignment);
	if (!find_on_interface(host, ifindex))
		announcements_cancel(net, ifindex, &address);
	if (LIST_EMPTY(&host->assignments))
		remove_host_address(net, host);
	note_change(net, ifindex, address.family, false);
}

int address_on_message(struct net *net, const struct nlmsghdr *header, void *userdata)
{
	struct nlattr *attributes[IFA_MAX + 1];
	const struct ifaddrmsg *info = nlmsg_data(header);
	struct assignment assignment = {0}, *known;
	struct netaddr address;

	(void)userdata;
	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*info), attributes, IFA_MAX, NULL) < 0)
		return 0;
	/* IFA_ADDRESS is the other end where the address is a point-to-point one. */
	if (!attribute_address(attributes[IFA_ADDRESS], info->ifa_family, &assignment.peer))
		return 0;
	if (!attribute_address(attributes[IFA_LOCAL], info->ifa_family, &address))
		address = assignment.peer;
	assignment.ifindex = info->ifa_index;
	assignment.length = info->ifa_prefixlen;

	if (header->nlmsg_type != RTM_DELADDR) {
		add_assignment(net, &address, &assignment);
		return 0;
	}
	known = find_same(find_host_address(net, &address), &assignment);
	if (known)
		drop_assignment(net, find_host_address(net, &address), known);
	return 0;
}

static void drop_unseen(struct net *net, struct host_address *host)
{
	struct assignment *assignment, *next;

	for (assignment = LIST_FIRST(&host->assignments); assignment; assignment = next) {
		next = LIST_NEXT(assignment, link);
		/* The last one takes @host with it. */
		if (!assignment->seen)
			drop_assignment(net, host, assignment);
	}
}

int addresses_load(struct net *net)
{
	struct ifaddrmsg info = {.ifa_family = AF_UNSPEC};
	struct host_address *host, *next;
	struct assignment *assignment;
	int r;

	for (host = net->addresses; host; host = host->hh.next) {
		assignment = LIST_FIRST(&host->assignments);
		for (; assignment; assignment = LIST_NEXT(assignment, link))
			assignment->seen = false;
	}

	r = request_dump(net, RTM_GETADDR, &info, sizeof(info), address_on_message, NULL);
	if (r < 0)
		return r;

	for (host = net->addresses; host; host = next) {
		next = host->hh.next;
		drop_unseen(net, host);
	}
	return 0;
}

void addresses_free(struct net *net)
{
	struct assignment *assignment;

	while (net->addresses) {
		while ((assignment = LIST_FIRST(&net->addresses->assignments)) != NULL) {
			LIST_REMOVE(assignment, link);
			free(assignment);
		}
		remove_host_address(net, net->addresses);
	}
}

int net_walk_addresses(struct net *net, net_address_visit visit, void *userdata)
{
	const struct host_address *host;
	struct assignment *assignment;
	int r;

	r = net_sync(net);
	if (r < 0)
		return r;
	for (host = net->addresses; host; host = host->hh.next) {
		assignment = LIST_FIRST(&host->assignments);
		for (; assignment; assignment = LIST_NEXT(assignment, link)) {
			/* In several nets of one interface: once. */
			if (find_on_interface(host, assignment->ifindex) != assignment)
				continue;
			r = visit(&host->address, assignment->ifindex, userdata);
			if (r)
				return r;
		}
	}
	return 0;
}

int net_address_find(struct net *net, const struct netaddr *address, uint32_t *ret_ifindex)
{
	const struct host_address *host;
	int r;

	r = net_sync(net);
	if (r < 0)
		return r;
	host = find_host_address(net, address);
	*ret_ifindex = host ? LIST_FIRST(&host->assignments)->ifindex : 0;
	return 0;
}

static struct nl_msg *address_message(int type, int flags, uint32_t ifindex,
				      const struct netaddr *address)
{
	struct ifaddrmsg info = {
		.ifa_family = (uint8_t)address->family,
		.ifa_prefixlen = (uint8_t)(8 * netaddr_size(address)),
		.ifa_index = ifindex,
	};
	/* The local route is all that is wanted: no second one to the host itself in table main. */
	uint32_t address_flags = IFA_F_NODAD | IFA_F_NOPREFIXROUTE;
	struct nl_msg *message = message_new(type, flags, &info, sizeof(info));

	message_put_address(message, IFA_LOCAL, address);
	message_put_address(message, IFA_ADDRESS, address);
	if (type == RTM_NEWADDR && address->family == AF_INET6)
		message_put(message, IFA_FLAGS, &address_flags, sizeof(address_flags));
	return message;
}

static int refuse_family(const struct netaddr *address, struct error *reterr)
{
	return error_errno(reterr, -EAFNOSUPPORT, "an address of family %u", address->family);
}

int net_address_add(struct net *net, uint32_t ifindex, const struct netaddr *address,
		    struct error *reterr)
{
	struct assignment own = {
		.ifindex = ifindex,
		.length = 8 * netaddr_size(address),
		.peer = *address,
	};
	char text[NETADDR_TEXT_MAX];
	int r;

	if (!netaddr_size(address))
		return refuse_family(address, reterr);
	r = net_sync(net);
	if (r < 0)
		return error_errno(reterr, r, "read the host's addresses");
	if (find_on_interface(find_host_address(net, address), ifindex))
		return 0;

	r = request_execute(
		net, address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, address));
	if (r < 0 && r != -EEXIST)
		return error_errno(reterr, r, "add address %s to interface %u (%s)",
				   netaddr_format(address, text), ifindex,
				   interface_name(net, ifindex));

	/*
	 * The kernel tells of an IPv6 address only later, from a work queue. It is there: whoever
	 * asks us next shall see it. Older events first, one of them may be that it went.
	 */
	r = net_sync(net);
	if (r < 0)
		return error_errno(reterr, r, "read the host's addresses");
	add_assignment(net, address, &own);
	return 0;
}

int net_address_remove(struct net *net, uint32_t ifindex, const struct netaddr *address,
		       struct error *reterr)
{
	char text[NETADDR_TEXT_MAX];
	int r;

	if (!netaddr_size(address))
		return refuse_family(address, reterr);

	r = request_execute(net, address_message(RTM_DELADDR, 0, ifindex, address));
	if (r < 0 && r != -EADDRNOTAVAIL && r != -ENODEV && r != -ENXIO)
		return error_errno(reterr, r, "take address %s off interface %u (%s)",
				   netaddr_format(address, text), ifindex,
				   interface_name(net, ifindex));
	return 0;
}
