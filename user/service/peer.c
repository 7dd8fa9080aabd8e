/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The next hops of servers: from net's events into the maps, one for all listeners that use a
 * server. */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "service/internal.h"

struct peer {
	struct table_node node;
	struct netaddr address;
	unsigned int references;
	bool resolved;
};

static struct peer *find_peer(struct service *service, const struct netaddr *address)
{
	return (struct peer *)service_table_find(&service->peers, address, sizeof(*address));
}

static int put_nexthop(struct service *service, const struct netaddr *address,
		       const struct net_nexthop *nexthop)
{
	struct dataplane_nexthop wanted = {
		.ifindex = nexthop->send_ifindex,
		.vlan = nexthop->vlan,
		.mtu = nexthop->mtu,
		.resolved = nexthop->resolved,
	};

	memcpy(wanted.source_mac, nexthop->source_mac, sizeof(wanted.source_mac));
	memcpy(wanted.dest_mac, nexthop->dest_mac, sizeof(wanted.dest_mac));
	return dataplane_nexthop_put(service->dataplane, address, &wanted);
}

int service_peer_take(struct service *service, const struct netaddr *address, struct error *reterr)
{
	struct peer *peer = find_peer(service, address);
	char text[NETADDR_TEXT_MAX];
	struct net_nexthop nexthop;
	int r;

	if (peer) {
		peer->references++;
		return 0;
	}

	r = net_track(service->net, address, &nexthop);
	if (r < 0)
		return error_errno(reterr, r, "find the next hop of server %s",
				   netaddr_format(address, text));

	r = put_nexthop(service, address, &nexthop);
	if (r < 0) {
		net_untrack(service->net, address);
		return error_errno(reterr, r, "write the next hop of server %s",
				   netaddr_format(address, text));
	}

	peer = xcalloc(1, sizeof(*peer));
	peer->address = *address;
	peer->references = 1;
	peer->resolved = nexthop.resolved;
	service_table_add(&service->peers, &peer->node, &peer->address, sizeof(peer->address));
	return 0;
}

static void free_peer(struct service *service, struct peer *peer)
{
	net_untrack(service->net, &peer->address);
	service_table_remove(&service->peers, &peer->node);
	free(peer);
}

void service_peer_release(struct service *service, const struct netaddr *address)
{
	struct peer *peer = find_peer(service, address);

	if (!peer || --peer->references > 0)
		return;
	if (service->ready)
		dataplane_nexthop_remove(service->dataplane, &peer->address);
	free_peer(service, peer);
}

bool service_peer_is_resolved(struct service *service, const struct netaddr *address)
{
	const struct peer *peer = find_peer(service, address);

	return peer && peer->resolved;
}

void service_peer_forget_all(struct service *service)
{
	struct peer *peer;

	while ((peer = (struct peer *)service_table_any(&service->peers)) != NULL)
		free_peer(service, peer);
}

void service_on_nexthop(struct service *service, const struct netaddr *address,
			const struct net_nexthop *nexthop)
{
	struct peer *peer = service ? find_peer(service, address) : NULL;
	char text[NETADDR_TEXT_MAX];
	int r;

	if (!peer)
		return;

	r = put_nexthop(service, address, nexthop);
	if (r < 0) {
		log_error_errno(r, "nexthop_failed server=%s ifindex=%u",
				netaddr_format(address, text), nexthop->ifindex);
		return;
	}
	if (peer->resolved != nexthop->resolved)
		log_info("nexthop server=%s ifindex=%u %s", netaddr_format(address, text),
			 nexthop->ifindex, nexthop->resolved ? "resolved" : "unresolved");
	peer->resolved = nexthop->resolved;
}

void service_on_unresolved(struct service *service, uint32_t ifindex, const struct netaddr *address)
{
	char text[NETADDR_TEXT_MAX];
	int r;

	if (!service)
		return;

	r = net_resolve(service->net, ifindex, address);
	if (r < 0)
		log_error_errno(r, "resolve_failed address=%s ifindex=%u",
				netaddr_format(address, text), ifindex);
}
