/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Interfaces that packets to clients may leave by, and the host's addresses on them. */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "dataplane/internal.h"

static struct td_interface_key key_of(const struct dataplane_interface *interface)
{
	return (struct td_interface_key){interface->send_ifindex, interface->vlan};
}

static int write_interface(struct dataplane *dataplane, const struct dataplane_interface *interface)
{
	const struct td_upper upper = {interface->send_ifindex, interface->vlan};
	const struct td_interface_key key = key_of(interface);
	struct td_interface value = {0};
	int r;

	if (netaddr_is_set(&interface->address4))
		memcpy(&value.addr4, interface->address4.bytes, sizeof(value.addr4));
	if (netaddr_is_set(&interface->address6))
		memcpy(value.addr6, interface->address6.bytes, sizeof(value.addr6));
	r = dataplane_map_write(dataplane, MAP_INTERFACES, &key, &value);
	if (r < 0 || interface->send_ifindex == interface->ifindex)
		return r;
	return dataplane_map_write(dataplane, MAP_UPPERS, &interface->ifindex, &upper);
}

static bool upper_is_wanted(const struct dataplane_interface *interfaces, size_t count,
			    const void *key)
{
	for (size_t i = 0; i < count; i++) {
		if (interfaces[i].send_ifindex != interfaces[i].ifindex &&
		    memcmp(&interfaces[i].ifindex, key, sizeof(interfaces[i].ifindex)) == 0)
			return true;
	}
	return false;
}

static bool interface_is_wanted(const struct dataplane_interface *interfaces, size_t count,
				const void *key)
{
	for (size_t i = 0; i < count; i++) {
		struct td_interface_key wanted = key_of(&interfaces[i]);

		if (memcmp(&wanted, key, sizeof(wanted)) == 0)
			return true;
	}
	return false;
}

typedef bool (*is_wanted)(const struct dataplane_interface *interfaces, size_t count,
			  const void *key);

static int prune(struct dataplane *dataplane, enum map_id map, size_t key_size, is_wanted wanted,
		 const struct dataplane_interface *interfaces, size_t interface_count)
{
	AUTO(free_memory) void *keys = NULL;
	size_t count;
	int r;

	r = dataplane_map_keys(dataplane, map, key_size, &keys, &count);
	for (size_t i = 0; r >= 0 && i < count; i++) {
		const char *key = (const char *)keys + i * key_size;

		if (!wanted(interfaces, interface_count, key))
			r = dataplane_map_delete(dataplane, map, key);
	}
	return r;
}

int dataplane_set_interfaces(struct dataplane *dataplane,
			     const struct dataplane_interface *interfaces, size_t count)
{
	int r;

	if (count > TD_MAX_INTERFACES)
		return -ENOSPC;
	/* First what is gone, so that there is room. */
	r = prune(dataplane, MAP_UPPERS, sizeof(uint32_t), upper_is_wanted, interfaces, count);
	if (r >= 0)
		r = prune(dataplane, MAP_INTERFACES, sizeof(struct td_interface_key),
			  interface_is_wanted, interfaces, count);
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = write_interface(dataplane, &interfaces[i]);
	return r;
}
