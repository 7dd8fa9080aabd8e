/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TEST_SERVICE_FAKE_CALLS_H
#define TANDEM_TEST_SERVICE_FAKE_CALLS_H

/*
 * The functions of dataplane.h and net.h that service/ calls, on the model of service_fakes.h. They
 * are defined here, so that the linker takes neither module from the archive.
 */

#include "base/memory.h"
#include "base/parse.h"
#include "net/host.h"
#include "service_fakes.h"

/* dataplane.h */

unsigned int dataplane_adopted_services(const struct dataplane *dataplane)
{
	(void)dataplane;
	return HASH_COUNT(fake.services);
}

static inline bool fake_has_endpoint(const struct fake_service *other,
				     const struct dataplane_service *of)
{
	for (int i = 0; i < DATAPLANE_SLOTS; i++) {
		for (int j = 0; j < DATAPLANE_SLOTS; j++) {
			if (other->service.protocol == of->protocol &&
			    other->service.servers[i].port == of->servers[j].port &&
			    netaddr_equal(&other->service.servers[i].address,
					  &of->servers[j].address))
				return true;
		}
	}
	return false;
}

static inline int fake_check_put(const struct dataplane_service *service,
				 const struct fake_service *old, struct error *reterr)
{
	struct fake_service *other, *next;

	for (int i = 0; i < DATAPLANE_SLOTS; i++) {
		if (!fake_address(&service->servers[i].address)->nexthop)
			return error_set(reterr, 0, NULL, "a server without a next hop");
	}
	/* Reading each for each is too slow for the large test, which has no conflict. */
	if (HASH_COUNT(fake.services) > 100)
		return 0;
	HASH_ITER(hh, fake.services, other, next)
	{
		if (other != old && fake_has_endpoint(other, service)) {
			error_set(reterr, 0, NULL, "an endpoint belongs to another service");
			return -EEXIST;
		}
	}
	if (!old && fake.max_services && HASH_COUNT(fake.services) >= fake.max_services) {
		error_set(reterr, 0, NULL, "map services is full");
		return -ENOSPC;
	}
	return 0;
}

int dataplane_service_put(struct dataplane *dataplane, const struct dataplane_service *service,
			  __u64 state, uint32_t *ret_index, struct error *reterr)
{
	struct fake_service *old = fake_find(service);
	static uint32_t next_index;
	int r;

	(void)dataplane;
	if (fake_fails())
		return error_errno(reterr, -EIO, "write the service");
	r = fake_check_put(service, old, reterr);
	if (r < 0)
		return r;
	if (!old) {
		fake_add_service(service, ++next_index, state);
		old = fake_find(service);
	}
	memcpy(old->service.servers, service->servers, sizeof(service->servers));
	old->state = state;
	old->kept = true;
	old->puts++;
	*ret_index = old->index;
	return 0;
}

int dataplane_service_find(struct dataplane *dataplane, const struct dataplane_service *service,
			   uint32_t *ret_index, __u64 *ret_state)
{
	const struct fake_service *found = fake_find(service);

	(void)dataplane;
	if (!found)
		return -ENOENT;
	*ret_index = found->index;
	*ret_state = found->state;
	return 0;
}

void dataplane_service_remove(struct dataplane *dataplane, uint32_t index)
{
	struct fake_service *service = fake_find_index(index);

	(void)dataplane;
	HASH_DEL(fake.services, service);
	free(service);
}

unsigned int dataplane_service_sweep(struct dataplane *dataplane)
{
	struct fake_service *service, *next;
	unsigned int count = 0;

	(void)dataplane;
	HASH_ITER(hh, fake.services, service, next)
	{
		if (service->kept)
			continue;
		HASH_DEL(fake.services, service);
		free(service);
		count++;
	}
	return count;
}

void dataplane_state_store(struct dataplane *dataplane, uint32_t index, __u64 state)
{
	(void)dataplane;
	fake_find_index(index)->state = state;
}

int dataplane_nexthop_put(struct dataplane *dataplane, const struct netaddr *address,
			  const struct dataplane_nexthop *nexthop)
{
	(void)dataplane;
	if (fake_fails())
		return -EIO;
	fake_address(address)->nexthop = true;
	fake_address(address)->resolved = nexthop->resolved;
	return 0;
}

void dataplane_nexthop_remove(struct dataplane *dataplane, const struct netaddr *address)
{
	struct fake_service *service, *next;

	(void)dataplane;
	HASH_ITER(hh, fake.services, service, next)
	{
		for (int i = 0; i < DATAPLANE_SLOTS; i++) {
			if (netaddr_equal(&service->service.servers[i].address, address))
				abort(); /* a service would send into the void */
		}
	}
	fake_address(address)->nexthop = false;
}

int dataplane_set_local_addresses(struct dataplane *dataplane, const struct netaddr *addresses,
				  size_t count)
{
	(void)dataplane;
	(void)addresses;
	if (fake_fails())
		return -EIO;
	fake.local_count = count;
	return 0;
}

int dataplane_set_routes(struct dataplane *dataplane, uint16_t family,
			 const struct dataplane_prefix *prefixes, size_t count, bool uniform)
{
	(void)dataplane;
	(void)family;
	(void)prefixes;
	fake.route_sets++;
	fake.route_count = count;
	fake.route_uniform = uniform;
	return 0;
}

int dataplane_counters_read(struct dataplane *dataplane, uint32_t index, uint32_t slot,
			    struct td_counters *ret)
{
	(void)dataplane;
	if (fake.counters)
		*ret = fake.counters[slot];
	else
		*ret = (struct td_counters){.packets_in = 1000 * index + slot};
	return 0;
}

int dataplane_reasons_read(struct dataplane *dataplane, struct td_reason_counter *ret)
{
	(void)dataplane;
	memset(ret, 0, TD_REASON_MAX * sizeof(*ret));
	ret[TD_FORWARD_TX].packets = 7;
	return 0;
}

int dataplane_send_errors_read(struct dataplane *dataplane, uint32_t ifindex,
			       struct td_send_errors *ret)
{
	(void)dataplane;
	*ret = (struct td_send_errors){.frames = ifindex + fake.send_errors,
				       .last_error = -ENOBUFS};
	return 0;
}

unsigned int dataplane_usage_read(struct dataplane *dataplane, struct dataplane_usage *ret)
{
	(void)dataplane;
	for (unsigned int i = 0; i < DATAPLANE_USAGE_MAX; i++)
		ret[i] = (struct dataplane_usage){"services4", i + fake.map_used, 100};
	return DATAPLANE_USAGE_MAX;
}

int dataplane_hook_read(struct dataplane *dataplane, uint32_t ifindex, struct dataplane_hook *ret)
{
	(void)dataplane;
	(void)ifindex;
	*ret = fake.hook;
	return 0;
}

int dataplane_pins_check(struct dataplane *dataplane, struct error *reterr)
{
	(void)dataplane;
	return fake.pins_lost ? error_errno(reterr, -ENOENT, "open pinned map groups") : 0;
}

int dataplane_set_interfaces(struct dataplane *dataplane,
			     const struct dataplane_interface *interfaces, size_t count)
{
	(void)dataplane;
	(void)interfaces;
	(void)count;
	return fake_fails() ? -EIO : 0;
}

/* Have the tracing program record packets of these lengths. */
static inline void fake_trace(unsigned int count, uint32_t first_length)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct td_trace_event event = {.in.length = first_length + i,
						     .service = TD_TRACE_NONE,
						     .slot = TD_TRACE_NONE,
						     .nexthop = TD_TRACE_NONE,
						     .reason = TD_PASS_NOT_OURS};

		fake.trace_matched++;
		fake.on_trace(&event, fake.trace_userdata);
	}
}

int dataplane_trace_start(struct dataplane *dataplane, sd_event *event,
			  const struct dataplane_trace_filter *filter, dataplane_on_trace on_event,
			  void *userdata, struct error *reterr)
{
	(void)dataplane;
	(void)event;
	if (fake_fails())
		return error_errno(reterr, -EIO, "switch the links");
	if (fake.on_trace)
		abort(); /* two at once */
	fake.on_trace = on_event;
	fake.trace_userdata = userdata;
	fake.trace_filter = *filter;
	fake.trace_matched = 0;
	return 0;
}

void dataplane_trace_stop(struct dataplane *dataplane)
{
	(void)dataplane;
	if (fake.on_trace)
		fake_trace(fake.trace_last_words, 1000);
	fake.on_trace = NULL;
}

int dataplane_trace_counts_read(const struct dataplane *dataplane, struct td_trace_counts *ret)
{
	(void)dataplane;
	*ret = (struct td_trace_counts){.matched = fake.trace_matched, .lost = 0};
	return 0;
}

/* net.h */

int net_walk_interfaces(struct net *net, net_interface_visit visit, void *userdata)
{
	const struct net_interface interface = {.ifindex = 2, .send_ifindex = 2};

	(void)net;
	if (fake_fails())
		return -ENOBUFS;
	return visit(&interface, userdata);
}

int net_track(struct net *net, const struct netaddr *address, struct net_nexthop *ret_nexthop)
{
	(void)net;
	if (fake_fails())
		return -ENOBUFS;
	fake_address(address)->tracks++;
	*ret_nexthop = (struct net_nexthop){
		.ifindex = fake.no_route ? 0 : 2,
		.send_ifindex = fake.no_route ? 0 : fake.send_ifindex,
		.dest_mac = {2, 0, 0, 0, 0, 1},
		.resolved = !fake.start_unresolved,
	};
	return 0;
}

void net_untrack(struct net *net, const struct netaddr *address)
{
	(void)net;
	if (fake_address(address)->tracks-- == 0)
		abort();
}

int net_resolve(struct net *net, uint32_t ifindex, const struct netaddr *address)
{
	(void)net;
	(void)ifindex;
	(void)address;
	fake.resolves++;
	return 0;
}

int net_walk_addresses(struct net *net, net_address_visit visit, void *userdata)
{
	struct fake_address *address, *next;
	int r;

	(void)net;
	HASH_ITER(hh, fake.addresses, address, next)
	{
		if (!address->vip && !address->host)
			continue;
		r = visit(&address->address, 2, userdata);
		if (r)
			return r;
	}
	return 0;
}

int net_walk_routes(struct net *net, uint16_t family, net_route_visit visit, void *userdata,
		    bool *ret_uniform)
{
	struct netaddr prefix = {.family = family, .bytes = {10}};
	int r;

	(void)net;
	if (fake_fails())
		return -EIO;
	r = visit(&prefix, 8, userdata);
	*ret_uniform = true;
	return r;
}

int net_address_add(struct net *net, uint32_t ifindex, const struct netaddr *address,
		    struct error *reterr)
{
	(void)net;
	(void)ifindex;
	if (fake_fails())
		return error_errno(reterr, -EPERM, "add the address");
	fake_address(address)->vip = true;
	return 0;
}

int net_address_remove(struct net *net, uint32_t ifindex, const struct netaddr *address,
		       struct error *reterr)
{
	(void)net;
	(void)ifindex;
	if (fake_fails())
		return error_errno(reterr, -EPERM, "remove the address");
	fake_address(address)->vip = false;
	return 0;
}

int net_address_find(struct net *net, const struct netaddr *address, uint32_t *ret_ifindex)
{
	const struct fake_address *found = fake_address(address);

	(void)net;
	if (fake_fails())
		return -ENOBUFS;
	*ret_ifindex = found->vip || found->host ? 2 : 0;
	return 0;
}

int net_announce(struct net *net, uint32_t ifindex, const struct netaddr *address)
{
	(void)net;
	(void)ifindex;
	if (fake_fails())
		return -EIO;
	fake_address(address)->announced++;
	return 0;
}

int net_forwarding(uint16_t family, bool *ret)
{
	*ret = family == AF_INET;
	return 0;
}

/* device.h, host.h */

int net_device_read(const char *name, struct net_device *ret, struct error *reterr)
{
	if (!fake.device.name[0])
		return error_errno(reterr, -ENODEV, "look at interface %s", name);
	*ret = fake.device;
	return 0;
}

int net_sysctl_read(const char *path, char *ret, size_t size)
{
	const char *value = strstr(path, "/forwarding") ? "1" : "0";

	if (!strcmp(path, "net/ipv4/ip_local_port_range"))
		value = "32768\t60999";
	else if (!strcmp(path, "net/ipv4/ip_local_reserved_ports"))
		value = "";
	for (int i = 0; i < FAKE_SYSCTLS && fake.sysctls[i].path; i++) {
		if (!strcmp(fake.sysctls[i].path, path))
			value = fake.sysctls[i].value;
	}
	return string_copy(ret, size, value);
}

int net_sysctl_integer(const char *path, int64_t *ret)
{
	char text[32];

	return net_sysctl_read(path, text, sizeof(text)) < 0
		       ? -ENOENT
		       : parse_integer(text, INT64_MIN, INT64_MAX, ret);
}

int net_reverse_path_drops(uint64_t *ret)
{
	*ret = fake.reverse_path_drops;
	return 0;
}

#endif
