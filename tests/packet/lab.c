// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lab.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "frame.h"
#include "quick.h"
#include "tandem.skel.h"
#include "tandem/select.h"

struct lab lab;

const struct lab_service lab_services[SERVICE_MAX] = {
	[WEB4] = {VIP4, 80, IPPROTO_TCP, 0, {PRIMARY4, STANDBY4}, {8080, 8081}, {0, 0}},
	[DNS4] = {VIP4, 53, IPPROTO_UDP, 0, {PRIMARY4, STANDBY4}, {53, 53}, {0, 0}},
	[WEB6] = {VIP6, 80, IPPROTO_TCP, 0, {PRIMARY6, STANDBY6}, {8080, 8081}, {0, 0}},
	[DNS6] = {VIP6, 53, IPPROTO_UDP, 0, {PRIMARY6, STANDBY6}, {53, 53}, {0, 0}},
	[QUIC4] = {VIP4, 443, IPPROTO_UDP, 0, {PRIMARY4, STANDBY4}, {4433, 4434}, {0, 0}},
	[QUIC6] = {VIP6, 443, IPPROTO_UDP, 0, {PRIMARY6, STANDBY6}, {4433, 4434}, {0, 0}},
	[VLAN4] = {VIP4_VLAN,
		   80,
		   IPPROTO_TCP,
		   TD_VLAN_ONE | 100,
		   {SERVER4_200, SERVER4_300},
		   {8080, 8080},
		   {TD_VLAN_ONE | 200, TD_VLAN_TWO | TD_VLAN_AD | 300 << 12 | 301}},
};

void lab_update_fd(int fd, const void *key, const void *value)
{
	if (bpf_map_update_elem(fd, key, value, BPF_ANY) < 0) {
		perror("map update");
		abort();
	}
}

void lab_parse_address(const char *text, void *ret)
{
	if (inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, ret) != 1)
		abort();
}

static void quick(struct td_service_key4 key, uint8_t kind, const void *ref)
{
	if (quick_insert(bpf_map__fd(lab.skel->maps.quick4), key, kind, ref) < 0)
		abort();
}

static void fill_key(const struct td_service_key6 *key, uint8_t kind, const void *ref)
{
	struct td_service_key4 key4 = {key->addr[0], key->port, key->proto, 0};
	bool endpoint = kind == TD_QUICK_ENDPOINT;

	if (key->addr[1] | key->addr[2] | key->addr[3]) {
		if (endpoint)
			lab_update(endpoints6, key, ref);
		else
			lab_update(services6, key, ref);
		return;
	}
	if (endpoint)
		lab_update(endpoints4, &key4, ref);
	else
		lab_update(services4, &key4, ref);
	if (key->port)
		quick(key4, kind, ref);
}

static void fill_service(uint32_t index)
{
	const struct lab_service *from = &lab_services[index];
	struct td_service service = {.port = htons(from->port),
				     .proto = from->proto,
				     .family = strchr(from->vip, ':') ? 6 : 4,
				     .group = index,
				     .server_vlan = {from->server_vlans[0], from->server_vlans[1]}};
	struct td_service_ref ref = {.service = index, .group = index};
	struct td_service_ref vip_only = {.service = TD_VIP_ONLY};
	struct td_group group = {.service = index, .vlan = from->vlan};
	struct td_service_key6 key = {.proto = from->proto};

	lab_parse_address(from->vip, service.vip);
	lab_update(service_table, &index, &service);
	for (uint32_t slot = 0; slot < 2; slot++) {
		struct td_endpoint endpoint = {.service = index, .slot = slot};
		struct td_server *server = &group.servers[slot];

		lab_parse_address(from->servers[slot], server->addr);
		server->port = htons(from->server_ports[slot]);
		server->nexthop = slot ? HOP_STANDBY : HOP_PRIMARY;
		memcpy(key.addr, server->addr, sizeof(key.addr));
		key.port = server->port;
		fill_key(&key, TD_QUICK_ENDPOINT, &endpoint);
	}
	lab_update(groups, &index, &group);
	memcpy(key.addr, service.vip, sizeof(key.addr));
	key.port = service.port;
	fill_key(&key, TD_QUICK_SERVICE, &ref);
	key.port = key.proto = 0;
	fill_key(&key, TD_QUICK_SERVICE, &vip_only);
}

static void fill_nexthop(uint32_t index, uint32_t ifindex, uint8_t last, bool resolved)
{
	struct td_nexthop nexthop = {.ifindex = ifindex,
				     .mtu = index == HOP_NARROW ? LAB_NARROW_MTU : 1500,
				     .source_mac = {2, 0, 0, 0, 0, 1}};
	uint8_t dest[8] = {2, 0, 0, 0, 1, last, resolved ? TD_NEXTHOP_RESOLVED : 0, 0};

	memcpy(&nexthop.dest, dest, sizeof(dest));
	lab_update(nexthops, &index, &nexthop);
}

static void add_filter(__u64 *filter, const char *address)
{
	__be32 addr[4] = {0};
	uint32_t hash;

	lab_parse_address(address, addr);
	hash = td_address_hash(td_address_fold(addr));
	filter[td_filter_word(hash)] |= td_filter_bit(hash);
}

static void fill_local(struct td_settings *settings, const char *address)
{
	struct td_local_key key = {.family = strchr(address, ':') ? 6 : 4};
	uint32_t one = 1;

	lab_parse_address(address, key.addr);
	lab_update(local_addresses, &key, &one);
	add_filter(settings->local_filter, address);
}

/* What the agent would write for the network of network_setup(). */
static void fill_settings(void)
{
	struct td_settings settings = {.abi = TD_ABI, .route_generation = 1};
	struct td_interface_key key = {.ifindex = LAB_INGRESS};
	struct td_interface interface;
	uint32_t zero = 0;

	fill_local(&settings, GATEWAY4);
	fill_local(&settings, GATEWAY6);
	fill_local(&settings, "127.0.0.1");
	fill_local(&settings, "::1");
	settings.route_mask4 = htonl(0xff000000); /* the shortest prefix below: /8 */
	add_filter(settings.route_filter4, "127.0.0.0");
	add_filter(settings.route_filter4, "192.0.0.0");
	add_filter(settings.route_filter4, "172.0.0.0");
	settings.route_mask6[0] = settings.route_mask6[1] = 0xffffffff;
	add_filter(settings.route_filter6, "2001:db8::");
	add_filter(settings.route_filter6, "::");
	lab_update(settings, &zero, &settings);
	lab_parse_address(GATEWAY4, &interface.addr4);
	lab_parse_address(GATEWAY6, interface.addr6);
	lab_update(interfaces, &key, &interface);
	memset(&interface, 0, sizeof(interface));
	key.vlan = TD_VLAN_ONE | 200;
	lab_parse_address(GATEWAY4_200, &interface.addr4);
	lab_update(interfaces, &key, &interface);
}

static void set_bit(__u64 *words, uint16_t port)
{
	words[port / 64] |= 1ULL << (port % 64);
}

static void fill_ports(void)
{
	struct td_ports *ports = calloc(1, sizeof(*ports));
	uint32_t zero = 0;

	for (size_t i = 0; i < SERVICE_MAX; i++) {
		set_bit(ports->services, lab_services[i].port);
		set_bit(ports->endpoints, lab_services[i].server_ports[0]);
		set_bit(ports->endpoints, lab_services[i].server_ports[1]);
	}
	lab_update(ports, &zero, ports);
	free(ports);
}

int lab_command(const char *command)
{
	int status = system(command);

	if (status != 0)
		fprintf(stderr, "`%s` failed\n", command);
	return status == 0 ? 0 : -1;
}

static int network_setup(void)
{
	static const char *const commands[] = {
		"ip link set lo address " GATEWAY_MAC " 2>/dev/null; ip link set lo up mtu 1600",
		"ip link add eth0 address " GATEWAY_MAC " type veth peer name peer0",
		"ip link set eth0 up mtu 1400 && ip link set peer0 up",
		"ip addr add 192.0.2.1/24 dev eth0 && ip addr add 2001:db8::1/64 dev eth0 nodad",
		"ip route add default via 198.18.0.2 dev lo onlink",
		"ip -6 route add default via fe80::2 dev eth0",
		"ip neigh replace 198.18.0.2 lladdr " ROUTER_MAC " dev lo nud permanent",
		"ip -6 neigh replace fe80::2 lladdr " ROUTER_MAC " dev eth0 nud permanent",
		"ip neigh replace 192.0.2.77 lladdr " ONLINK_MAC " dev eth0 nud permanent",
		"ip -6 neigh replace 2001:db8::77 lladdr " ONLINK_MAC " dev eth0 nud permanent",
		"ip route add prohibit 172.16.0.0/12",
		"sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
	};

	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (lab_command(commands[i]) < 0)
			return -1;
	lab.other_device = if_nametoindex("eth0");
	return lab.other_device ? 0 : -1;
}

int lab_setup(void **state)
{
	cpu_set_t cpus;

	(void)state;
	/* The route cache is per CPU. */
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		return -1;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	lab.skel = tandem_bpf__open_and_load();
	if (!lab.skel || network_setup() < 0)
		return -1;
	for (uint32_t i = 0; i < SERVICE_MAX; i++)
		fill_service(i);
	fill_nexthop(HOP_PRIMARY, LAB_INGRESS, 1, true);
	fill_nexthop(HOP_STANDBY, LAB_INGRESS, 2, true);
	fill_nexthop(HOP_OTHER_DEVICE, lab.other_device, 1, true);
	fill_nexthop(HOP_UNRESOLVED, LAB_INGRESS, 1, false);
	fill_nexthop(HOP_NO_DEVICE, 4711, 1, true);
	fill_nexthop(HOP_NARROW, LAB_INGRESS, 1, true);
	lab_update(devices, &lab.other_device, &lab.other_device);
	fill_settings();
	fill_ports();
	lab_given(TD_SLOT_PRIMARY, HOP_PRIMARY);
	return 0;
}

int lab_teardown(void **state)
{
	(void)state;
	tandem_bpf__destroy(lab.skel);
	return 0;
}

void lab_given(uint64_t state, uint32_t hop)
{
	for (uint32_t i = 0; i < SERVICE_MAX; i++) {
		struct td_group group;

		if (bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.groups), &i, &group) < 0)
			abort();
		group.servers[0].nexthop = hop;
		lab_update(groups, &i, &group);
		lab_update(group_state, &i, &state);
	}
}

int lab_run(const uint8_t *in, size_t length, uint8_t *out, uint32_t *ret_length)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = (uint32_t)length,
		    .data_out = out, .data_size_out = FRAME_MAX, .repeat = 1);
	int r = bpf_prog_test_run_opts(bpf_program__fd(lab.skel->progs.tandem_xdp), &opts);

	if (r < 0) {
		fprintf(stderr, "test run of %zu bytes: %s\n", length, strerror(-r));
		abort();
	}
	*ret_length = opts.data_size_out;
	return (int)opts.retval;
}

uint64_t lab_read_reason(enum td_reason reason)
{
	int cpus = libbpf_num_possible_cpus();
	struct td_reason_counter *values = calloc((size_t)cpus, sizeof(*values));
	uint32_t key = reason;
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.reasons), &key, values) < 0)
		abort();
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += values[cpu].packets;
	free(values);
	return sum;
}

void lab_read_reasons(uint64_t *ret)
{
	for (uint32_t reason = 0; reason < TD_REASON_MAX; reason++)
		ret[reason] = lab_read_reason(reason);
}

void lab_read_counters(uint32_t service, uint32_t slot, struct td_counters *ret)
{
	int cpus = libbpf_num_possible_cpus();
	struct td_counters *values = calloc((size_t)cpus, sizeof(*values));
	uint32_t index = 2 * service + slot;

	if (bpf_map_lookup_elem(bpf_map__fd(lab.skel->maps.counters), &index, values) < 0)
		abort();
	memset(ret, 0, sizeof(*ret));
	for (int cpu = 0; cpu < cpus; cpu++) {
		ret->packets_in += values[cpu].packets_in;
		ret->bytes_in += values[cpu].bytes_in;
		ret->packets_out += values[cpu].packets_out;
		ret->bytes_out += values[cpu].bytes_out;
		ret->refused += values[cpu].refused;
	}
	free(values);
}

static size_t forget(int fd)
{
	struct td_fragment_key6 key; /* the larger of the two */
	size_t count = 0;

	for (; bpf_map_get_next_key(fd, NULL, &key) == 0; count++)
		if (bpf_map_delete_elem(fd, &key) < 0)
			abort();
	return count;
}

size_t lab_forget_pieces(void)
{
	return forget(bpf_map__fd(lab.skel->maps.fragments4)) +
	       forget(bpf_map__fd(lab.skel->maps.fragments6));
}

/* The keys first: an element that is written moves, and a walk might never end. */
static void age(int fd)
{
	struct td_fragment_key6 *keys = calloc(TD_MAX_FRAGMENTS, sizeof(*keys));
	struct td_fragment value;
	size_t count = 0;

	while (count < TD_MAX_FRAGMENTS &&
	       bpf_map_get_next_key(fd, count ? &keys[count - 1] : NULL, &keys[count]) == 0)
		count++;
	for (size_t i = 0; i < count; i++) {
		if (bpf_map_lookup_elem(fd, &keys[i], &value) < 0)
			abort();
		value.seen_ns -= (TD_FRAGMENT_SECONDS + 1) * 1000000000ULL;
		lab_update_fd(fd, &keys[i], &value);
	}
	free(keys);
}

void lab_age_pieces(void)
{
	age(bpf_map__fd(lab.skel->maps.fragments4));
	age(bpf_map__fd(lab.skel->maps.fragments6));
}
