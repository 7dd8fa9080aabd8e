/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* VIPs, and listeners with their servers: a finding for each that is not good. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/parse.h"
#include "model/codes.h"
#include "net/host.h"
#include "service/doctor_internal.h"

/* As many unanswered packets are more than bad luck: a client sends the first three SYNs within
 * seconds. */
enum { UNANSWERED_MIN = 3 };

static int collect_address(const struct netaddr *address, uint32_t ifindex, void *userdata)
{
	struct doctor *doctor = userdata;
	size_t count = doctor->address_count;

	/* Powers of two. */
	if ((count & (count - 1)) == 0)
		doctor->addresses = xreallocarray(doctor->addresses, count ? 2 * count : 1,
						  sizeof(*doctor->addresses));
	doctor->addresses[doctor->address_count++] = (struct doctor_address){*address, ifindex};
	return 0;
}

static int collect_interface(const struct net_interface *interface, void *userdata)
{
	struct doctor *doctor = userdata;
	size_t count = doctor->interface_count;

	if ((count & (count - 1)) == 0)
		doctor->interfaces = xreallocarray(doctor->interfaces, count ? 2 * count : 1,
						   sizeof(*doctor->interfaces));
	doctor->interfaces[doctor->interface_count++] = *interface;
	return 0;
}

/* What is the same for all of them. */
static void read_host(struct doctor *doctor)
{
	char range[32];

	for (const char *const *name = doctor->service->interfaces;
	     name && *name && doctor->attached_count < TD_MAX_DEVICES; name++)
		doctor->attached[doctor->attached_count++] = if_nametoindex(*name);
	doctor->ports_known =
		net_sysctl_read("net/ipv4/ip_local_port_range", range, sizeof(range)) >= 0 &&
		net_sysctl_read("net/ipv4/ip_local_reserved_ports", doctor->reserved_ports,
				sizeof(doctor->reserved_ports)) >= 0 &&
		service_doctor_read_numbers(range, &doctor->first_port, &doctor->last_port) == 2;
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(&((const struct doctor_address *)a)->address,
		      &((const struct doctor_address *)b)->address, sizeof(struct netaddr));
}

/* NULL where the host does not have it. */
static const struct doctor_address *find_address(const struct doctor *doctor,
						 const struct netaddr *address)
{
	struct doctor_address key = {.address = *address};

	if (!doctor->address_count)
		return NULL;
	return bsearch(&key, doctor->addresses, doctor->address_count, sizeof(key),
		       compare_addresses);
}

/* An interface's name into @buffer of IFNAMSIZ bytes; returns @buffer. */
static const char *interface_name(uint32_t ifindex, char *buffer)
{
	if (!if_indextoname(ifindex, buffer))
		snprintf(buffer, IFNAMSIZ, "%u", ifindex);
	return buffer;
}

/* VIPs. */

/* Whether the kernel is told to answer no ARP for it. */
static bool is_silent(struct doctor *doctor, const struct doctor_address *vip)
{
	int64_t all = 0, own = 0;
	char name[IFNAMSIZ];

	if (vip->address.family != AF_INET)
		return false;
	if (vip->ifindex != doctor->arp_ifindex) {
		AUTO(free_memory)
		char *path = xasprintf("net/ipv4/conf/%s/arp_ignore",
				       interface_name(vip->ifindex, name));

		if (net_sysctl_integer("net/ipv4/conf/all/arp_ignore", &all) < 0 ||
		    net_sysctl_integer(path, &own) < 0)
			return false;
		doctor->arp_ifindex = vip->ifindex;
		doctor->arp_ignore = all > own ? all : own;
	}
	return doctor->arp_ignore >= 8;
}

/* Returns whether it is good. */
static bool check_vip_at(struct doctor *doctor, const struct netaddr *address)
{
	const struct service *service = doctor->service;
	const struct doctor_address *found = find_address(doctor, address);
	char wanted[IFNAMSIZ], name[IFNAMSIZ];
	AUTO(free_memory) char *remedy = NULL;

	interface_name(service->vip_ifindex, wanted);
	if (!found && service->manage_vip)
		service_doctor_say(doctor, SEVERITY_ERROR,
				   "restart tandemd: it puts its VIPs back on the interface",
				   "not on this host any more: somebody took it off %s", wanted);
	else if (!found)
		service_doctor_say(
			doctor, SEVERITY_NOTE, NULL,
			"not on this host, as manage_vip is off: others have to send its "
			"packets here");
	else if (service->manage_vip && found->ifindex != service->vip_ifindex)
		service_doctor_say(doctor, SEVERITY_WARNING,
				   "take it off there and restart tandemd, or make that the "
				   "vip_interface of the configuration",
				   "on %s instead of %s", interface_name(found->ifindex, name),
				   wanted);
	else if (is_silent(doctor, found)) {
		remedy = xasprintf("sysctl -w net/ipv4/conf/%s/arp_ignore=0 (or all/arp_ignore)",
				   interface_name(found->ifindex, name));
		service_doctor_say(doctor, SEVERITY_ERROR, remedy,
				   "on %s, but arp_ignore=%d there: nobody is told where it is",
				   name, (int)doctor->arp_ignore);
	} else {
		return true;
	}
	return false;
}

struct vip_walk {
	struct doctor *doctor;
	struct doctor_tally tally;
};

static int visit_balancer(const struct load_balancer *balancer, void *userdata)
{
	struct vip_walk *walk = userdata;
	char text[NETADDR_TEXT_MAX];

	walk->doctor->subject = netaddr_format(&balancer->address, text);
	walk->tally.all++;
	walk->tally.good += check_vip_at(walk->doctor, &balancer->address);
	return walk->doctor->result;
}

static int check_vips(struct doctor *doctor)
{
	struct vip_walk walk = {.doctor = doctor};
	int r;

	doctor->check = "vip";
	r = store_load_balancer_walk(doctor->service->store, visit_balancer, &walk);
	if (r < 0 && !doctor->result)
		return r;
	doctor->subject = "all";
	if (walk.tally.good)
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "%u of %u are where they belong",
				   walk.tally.good, walk.tally.all);
	return 0;
}

/* Servers. */

struct server_view {
	const struct service_listener_status *status;
	const struct service_server_status *server;
	unsigned int slot;
	struct net_nexthop nexthop;
	struct look *look;
};

static bool is_attached(const struct doctor *doctor, uint32_t ifindex)
{
	for (unsigned int i = 0; i < doctor->attached_count; i++) {
		if (doctor->attached[i] == ifindex)
			return true;
	}
	return false;
}

static bool check_route(struct doctor *doctor, const struct server_view *view)
{
	uint32_t ifindex = view->nexthop.send_ifindex;
	char text[NETADDR_TEXT_MAX], name[IFNAMSIZ];
	AUTO(free_memory) char *remedy = NULL;

	netaddr_format(&view->server->address, text);
	if (!view->nexthop.ifindex) {
		remedy = xasprintf("ip route get %s shows what the kernel has; add a route", text);
		service_doctor_say(doctor, SEVERITY_ERROR, remedy, "no route leads to it");
		return false;
	}
	if (is_attached(doctor, ifindex))
		return true;
	interface_name(ifindex ? ifindex : view->nexthop.ifindex, name);
	remedy = xasprintf("add \"%s\" to \"interfaces\" in the configuration and restart tandemd, "
			   "or mend the route (ip route get %s)",
			   name, text);
	service_doctor_say(doctor, SEVERITY_ERROR, remedy,
			   "its packets would leave by %s, where tandem is not attached: they are "
			   "dropped",
			   name);
	return false;
}

static bool check_next_hop(struct doctor *doctor, const struct server_view *view)
{
	bool ipv4 = view->server->address.family == AF_INET;
	char name[IFNAMSIZ];
	AUTO(free_memory) char *remedy = NULL;

	if (!view->nexthop.ifindex || view->nexthop.resolved)
		return true;
	doctor->unresolved4 |= ipv4;
	interface_name(view->nexthop.ifindex, name);
	remedy =
		xasprintf("is it up, and on the network of %s? ip neigh show dev %s; tcpdump -i %s "
			  "%s",
			  name, name, name, ipv4 ? "arp" : "icmp6");
	service_doctor_say(doctor, SEVERITY_WARNING, remedy,
			   "its next hop does not answer %s on %s", ipv4 ? "ARP" : "ND", name);
	return false;
}

static bool check_health(struct doctor *doctor, const struct server_view *view)
{
	const struct health_status *health = &view->server->health;

	if (!view->server->checked || health->state != HEALTH_DOWN)
		return true;
	service_doctor_say(doctor, SEVERITY_WARNING,
			   "look at the service on the server, at its firewall, and at what the "
			   "check expects",
			   "its checks are bad (%s): %s", health_result_name(health->last_result),
			   health->evidence);
	return false;
}

/* An address of this host on the way to the server, for people; "this host" where it has none. */
static const char *gateway_text(const struct doctor *doctor, const struct server_view *view,
				char *buffer)
{
	for (size_t i = 0; i < doctor->interface_count; i++) {
		const struct net_interface *interface = &doctor->interfaces[i];
		const struct netaddr *address = view->server->address.family == AF_INET
							? &interface->address4
							: &interface->address6;

		if (interface->ifindex == view->nexthop.ifindex && netaddr_is_set(address))
			return netaddr_format(address, buffer);
	}
	return "this host";
}

/* The server that serves, and is not known to be bad: only its silence means something. */
static bool is_judged(const struct server_view *view)
{
	return view->status->applied && (view->status->state & TD_STATE_SLOT_MASK) == view->slot &&
	       (!view->server->checked || view->server->health.state == HEALTH_UP);
}

static bool check_replies(struct doctor *doctor, const struct server_view *view)
{
	const struct td_counters *counters = &view->server->counters;
	bool udp = view->status->listener.protocol == PROTOCOL_UDP, judged = is_judged(view);
	uint64_t packets = service_gauge_update(&view->look->packets, counters->packets_in,
						counters->packets_out, judged);
	uint64_t connections = service_gauge_update(&view->look->connections, counters->syn,
						    counters->syn_ack + counters->rst, judged);
	AUTO(free_memory) char *remedy = NULL;
	char buffer[NETADDR_TEXT_MAX];

	remedy = xasprintf("its route to the clients must lead back through this host: there, ip "
			   "route get CLIENT should say via %s%s",
			   gateway_text(doctor, view, buffer),
			   udp ? "; a protocol without replies is fine" : "");
	if (packets >= UNANSWERED_MIN) {
		service_doctor_say(doctor, udp ? SEVERITY_NOTE : SEVERITY_ERROR, remedy,
				   "tandem forwarded %llu packets to it and saw no reply%s: its "
				   "default route does not lead here",
				   (unsigned long long)packets,
				   view->server->checked ? ", while its checks are good" : "");
		return false;
	}
	if (connections < UNANSWERED_MIN)
		return true;
	service_doctor_say(doctor, SEVERITY_WARNING,
			   "is its accept queue full, or a firewall in between? on the server: ss "
			   "-ltn, nstat TcpExtListenDrops",
			   "%llu new connections, and not one was accepted or refused",
			   (unsigned long long)connections);
	return false;
}

static const struct {
	const char *name;
	const char *good; /* "4 of 4 servers ..." */
	bool (*run)(struct doctor *doctor, const struct server_view *view);
} server_checks[] = {
	{"route", "servers are reached by an interface of tandem's", check_route},
	{"next_hop", "next hops are resolved", check_next_hop},
	{"health", "servers are not known to be bad", check_health},
	{"replies", "servers have no packets without replies", check_replies},
};

static int view_server(struct doctor *doctor, const struct service_listener_status *status,
		       unsigned int slot)
{
	struct listener_key key = service_listener_key(&status->listener);
	struct server_view view = {
		.status = status,
		.server = &status->servers[slot],
		.slot = slot,
		.look = service_look_get(doctor->memory, &key, slot),
	};
	int r;

	doctor->targets += view.server->checked;
	/* It is tracked already: this asks for what is known, and counts up and down. */
	r = net_track(doctor->service->net, &view.server->address, &view.nexthop);
	if (r < 0)
		return error_errno(&doctor->error, r, "look up the next hop of a server");
	net_untrack(doctor->service->net, &view.server->address);

	for (size_t i = 0; i < ARRAY_SIZE(server_checks); i++) {
		doctor->check = server_checks[i].name;
		doctor->tallies[i].all++;
		doctor->tallies[i].good += server_checks[i].run(doctor, &view);
	}
	return doctor->result;
}

/* Listeners. */

/* "1-5,80,90-99": whether @port is among them. */
static bool list_has(const char *list, uint16_t port)
{
	AUTO(free_memory) char *copy = xstrdup(list);
	char *rest = copy, *item;

	while ((item = strsep(&rest, ",")) != NULL) {
		unsigned long first, last;

		if (service_doctor_read_numbers(item, &first, &last) > 0 && port >= first &&
		    port <= last)
			return true;
	}
	return false;
}

/* A connection of this host's own from VIP:port would get the clients' packets, or they its. */
static bool check_local_port(struct doctor *doctor, const struct service_listener_status *status)
{
	uint16_t port = status->listener.port;
	const char *reserved = doctor->reserved_ports;
	AUTO(free_memory) char *remedy = NULL;

	if (!doctor->ports_known || !find_address(doctor, &status->vip) ||
	    port < doctor->first_port || port > doctor->last_port || list_has(reserved, port))
		return true;
	remedy = xasprintf("sysctl -w net.ipv4.ip_local_reserved_ports=%s%s%u", reserved,
			   reserved[0] ? "," : "", port);
	service_doctor_say(
		doctor, SEVERITY_WARNING, remedy,
		"this host may take port %u of the VIP for a connection of its own, whose "
		"replies the listener would get: it is within ip_local_port_range (%lu-%lu)",
		port, doctor->first_port, doctor->last_port);
	return false;
}

struct listener_walk {
	struct doctor *doctor;
	struct doctor_tally ports;
};

static void format_endpoint(const struct netaddr *address, uint16_t port, char *buffer, size_t size)
{
	char text[NETADDR_TEXT_MAX];

	netaddr_format(address, text);
	snprintf(buffer, size, address->family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

static int visit_listener(const struct service_listener_status *status, void *userdata)
{
	enum { ENDPOINT_MAX = NETADDR_TEXT_MAX + sizeof("[]:65535") };
	struct listener_walk *walk = userdata;
	struct doctor *doctor = walk->doctor;
	char vip[ENDPOINT_MAX], server[ENDPOINT_MAX],
		subject[sizeof(((struct finding *)0)->subject)];
	int r = 0;

	if (!status->applied)
		return 0;
	if (status->vip.family == AF_INET)
		doctor->serves4 = true;
	else
		doctor->serves6 = true;
	format_endpoint(&status->vip, status->listener.port, vip, sizeof(vip));
	snprintf(subject, sizeof(subject), "%s/%s", vip, protocol_name(status->listener.protocol));
	doctor->subject = subject;
	doctor->check = "local_port";
	walk->ports.all++;
	walk->ports.good += check_local_port(doctor, status);

	for (unsigned int slot = 0; r == 0 && slot < GROUP_SERVERS; slot++) {
		format_endpoint(&status->servers[slot].address, status->servers[slot].server.port,
				server, sizeof(server));
		snprintf(subject, sizeof(subject), "%s/%s %s", vip,
			 protocol_name(status->listener.protocol), server);
		r = view_server(doctor, status, slot);
	}
	doctor->subject = "all";
	return r;
}

static void say_tallies(struct doctor *doctor, const struct listener_walk *walk)
{
	doctor->subject = "all";
	doctor->check = "local_port";
	if (walk->ports.good)
		service_doctor_say(doctor, SEVERITY_GOOD, NULL,
				   "%u of %u listeners are at ports that this host does not take",
				   walk->ports.good, walk->ports.all);
	for (size_t i = 0; i < ARRAY_SIZE(server_checks); i++) {
		doctor->check = server_checks[i].name;
		if (doctor->tallies[i].good)
			service_doctor_say(doctor, SEVERITY_GOOD, NULL, "%u of %u %s",
					   doctor->tallies[i].good, doctor->tallies[i].all,
					   server_checks[i].good);
	}
}

int service_doctor_listeners(struct doctor *doctor)
{
	struct doctor_tally tallies[ARRAY_SIZE(server_checks)] = {0};
	struct listener_walk walk = {.doctor = doctor};
	int r;

	doctor->tallies = tallies;
	read_host(doctor);
	r = net_walk_addresses(doctor->service->net, collect_address, doctor);
	if (r >= 0)
		r = net_walk_interfaces(doctor->service->net, collect_interface, doctor);
	if (r < 0)
		return r;
	if (doctor->address_count)
		qsort(doctor->addresses, doctor->address_count, sizeof(*doctor->addresses),
		      compare_addresses);
	r = check_vips(doctor);
	if (r >= 0 && !doctor->result)
		r = service_status_walk(doctor->service, NULL, visit_listener, &walk,
					&doctor->error);
	if (r < 0 && !doctor->result)
		return r;
	say_tallies(doctor, &walk);
	doctor->tallies = NULL;
	return 0;
}
