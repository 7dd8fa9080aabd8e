/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who occupies which address and which endpoint. All of it follows from the store; it is kept here
 * since the store knows names, not addresses, and a walk over 10,000 groups for each request is too
 * long. Changed only after a commit, and cannot fail: so it needs no undo.
 */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "model/codes.h"
#include "service/internal.h"

struct address_entry {
	struct table_node node;
	struct netaddr address;
	unsigned int groups;  /* servers of groups */
	unsigned int servers; /* rows of the inventory */
};

struct endpoint_key {
	struct netaddr address;
	uint16_t port;
	uint16_t protocol;
};
_Static_assert(sizeof(struct endpoint_key) == sizeof(struct netaddr) + 4, "hashed as bytes");

/* An endpoint serves one listener: the way back from it would be ambiguous otherwise. */
struct endpoint_entry {
	struct table_node node;
	struct endpoint_key key;
	struct listener_key owner;
};

static void free_all(struct table *table)
{
	struct table_node *node;

	while ((node = service_table_any(table)) != NULL) {
		service_table_remove(table, node);
		free(node); /* the first member of what was allocated */
	}
}

void service_occupancy_free(struct occupancy *occupancy)
{
	free_all(&occupancy->addresses);
	free_all(&occupancy->endpoints);
}

static struct address_entry *find_address(const struct occupancy *occupancy,
					  const struct netaddr *address)
{
	return (struct address_entry *)service_table_find(&occupancy->addresses, address,
							  sizeof(*address));
}

static void count_address(struct occupancy *occupancy, const struct netaddr *address, int groups,
			  int servers)
{
	struct address_entry *entry = find_address(occupancy, address);

	if (!entry) {
		entry = xcalloc(1, sizeof(*entry));
		entry->address = *address;
		service_table_add(&occupancy->addresses, &entry->node, &entry->address,
				  sizeof(entry->address));
	}
	entry->groups += groups;
	entry->servers += servers;
	if (!entry->groups && !entry->servers) {
		service_table_remove(&occupancy->addresses, &entry->node);
		free(entry);
	}
}

void service_occupancy_add_group(struct occupancy *occupancy, const struct footprint *footprint)
{
	for (unsigned int i = 0; i < footprint->count; i++)
		count_address(occupancy, &footprint->addresses[i], 1, 0);
}

void service_occupancy_remove_group(struct occupancy *occupancy, const struct footprint *footprint)
{
	for (unsigned int i = 0; i < footprint->count; i++)
		count_address(occupancy, &footprint->addresses[i], -1, 0);
}

void service_occupancy_add_server(struct occupancy *occupancy, const struct netaddr *address)
{
	count_address(occupancy, address, 0, 1);
}

void service_occupancy_remove_server(struct occupancy *occupancy, const struct netaddr *address)
{
	count_address(occupancy, address, 0, -1);
}

bool service_occupancy_has(const struct occupancy *occupancy, const struct netaddr *address)
{
	return find_address(occupancy, address) != NULL;
}

bool service_occupancy_has_server(const struct occupancy *occupancy, const struct netaddr *address)
{
	const struct address_entry *entry = find_address(occupancy, address);

	return entry && entry->servers > 0;
}

static struct endpoint_key endpoint_key(const struct footprint *footprint, unsigned int slot,
					const struct listener_key *owner)
{
	struct endpoint_key key;

	memset(&key, 0, sizeof(key));
	key.address = footprint->addresses[slot];
	key.port = footprint->ports[slot];
	key.protocol = owner->protocol;
	return key;
}

static struct endpoint_entry *find_endpoint(const struct occupancy *occupancy,
					    const struct endpoint_key *key)
{
	return (struct endpoint_entry *)service_table_find(&occupancy->endpoints, key,
							   sizeof(*key));
}

void service_occupancy_bind(struct occupancy *occupancy, const struct footprint *footprint,
			    const struct listener_key *owner)
{
	for (unsigned int i = 0; i < footprint->count; i++) {
		struct endpoint_key key = endpoint_key(footprint, i, owner);
		struct endpoint_entry *entry = find_endpoint(occupancy, &key);

		if (!entry) {
			entry = xcalloc(1, sizeof(*entry));
			entry->key = key;
			service_table_add(&occupancy->endpoints, &entry->node, &entry->key,
					  sizeof(entry->key));
		}
		entry->owner = *owner;
	}
}

void service_occupancy_unbind(struct occupancy *occupancy, const struct footprint *footprint,
			      const struct listener_key *owner)
{
	for (unsigned int i = 0; i < footprint->count; i++) {
		struct endpoint_key key = endpoint_key(footprint, i, owner);
		struct endpoint_entry *entry = find_endpoint(occupancy, &key);

		if (!entry || memcmp(&entry->owner, owner, sizeof(*owner)) != 0)
			continue;
		service_table_remove(&occupancy->endpoints, &entry->node);
		free(entry);
	}
}

int service_occupancy_check(const struct occupancy *occupancy, const struct footprint *footprint,
			    const struct listener_key *owner, struct error *reterr)
{
	char address[NETADDR_TEXT_MAX], other[LISTENER_KEY_TEXT_MAX];

	for (unsigned int i = 0; i < footprint->count; i++) {
		struct endpoint_key key = endpoint_key(footprint, i, owner);
		struct endpoint_entry *entry = find_endpoint(occupancy, &key);

		if (!entry || memcmp(&entry->owner, owner, sizeof(*owner)) == 0)
			continue;
		error_set(reterr, CODE_ENDPOINT_IN_USE, "MasterSlaveServerGroupId",
			  "server %s port %u/%s serves listener %s already: a server's port can "
			  "serve one listener",
			  netaddr_format(&key.address, address), key.port,
			  protocol_name(owner->protocol),
			  service_listener_key_format(&entry->owner, other));
		return -EEXIST;
	}
	return 0;
}
