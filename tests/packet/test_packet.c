// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Frames through the real XDP program by BPF_PROG_TEST_RUN. A row is a sentence: what goes in, the
 * verdict and its reason, and the whole frame that comes out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "frame.h"
#include "quick.h"
#include "rows.h"
#include "tandem.skel.h"
#include "tandem/abi.h"
#include "tandem/select.h"
#include "traced.h"

static struct tandem_bpf *skel;
static uint32_t other_device;

static void update(struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
}

static void quick(struct td_service_key4 key, uint8_t kind, const void *ref)
{
	assert_int_equal(quick_insert(bpf_map__fd(skel->maps.quick4), key, kind, ref), 0);
}

static void fill_service(uint32_t index, const char *vip, uint16_t port, uint8_t proto,
			 const char *const servers[2], const uint16_t server_ports[2])
{
	bool v6 = strchr(vip, ':');
	int family = v6 ? AF_INET6 : AF_INET;
	struct td_service service = {
		.port = htons(port), .proto = proto, .family = v6 ? 6 : 4, .group = index};
	struct td_service_ref ref = {.service = index, .group = index};
	struct td_service_ref vip_only = {.service = TD_VIP_ONLY};
	struct td_group group = {.service = index};
	struct td_service_key6 key = {.port = htons(port), .proto = proto};
	uint64_t state = TD_SLOT_PRIMARY;

	inet_pton(family, vip, service.vip);
	update(skel->maps.service_table, &index, &service);
	update(skel->maps.group_state, &index, &state);
	for (uint32_t slot = 0; slot < 2; slot++) {
		struct td_endpoint endpoint = {.service = index, .slot = slot};

		inet_pton(family, servers[slot], group.servers[slot].addr);
		group.servers[slot].port = htons(server_ports[slot]);
		group.servers[slot].nexthop = slot ? HOP_STANDBY : HOP_PRIMARY;
		memcpy(key.addr, group.servers[slot].addr, 16);
		key.port = htons(server_ports[slot]);
		if (v6) {
			update(skel->maps.endpoints6, &key, &endpoint);
		} else {
			struct td_service_key4 key4 = {key.addr[0], key.port, proto, 0};

			update(skel->maps.endpoints4, &key4, &endpoint);
			quick(key4, TD_QUICK_ENDPOINT, &endpoint);
		}
	}
	update(skel->maps.groups, &index, &group);
	memcpy(key.addr, service.vip, 16);
	key.port = htons(port);
	if (v6) {
		update(skel->maps.services6, &key, &ref);
		key.port = key.proto = 0;
		update(skel->maps.services6, &key, &vip_only);
	} else {
		struct td_service_key4 key4 = {key.addr[0], key.port, proto, 0};

		update(skel->maps.services4, &key4, &ref);
		quick(key4, TD_QUICK_SERVICE, &ref);
		key4.port = key4.proto = 0;
		update(skel->maps.services4, &key4, &vip_only);
	}
}

static void fill_nexthop(uint32_t index, uint32_t ifindex, uint8_t last, bool resolved)
{
	struct td_nexthop nexthop = {.ifindex = ifindex, .mtu = 1500, .source_mac = {2, 0, 0, 0, 0, 1}};
	uint8_t dest[8] = {2, 0, 0, 0, 1, last, resolved ? TD_NEXTHOP_RESOLVED : 0, 0};

	memcpy(&nexthop.dest, dest, sizeof(dest));
	update(skel->maps.nexthops, &index, &nexthop);
}

static void add_filter(__u64 *filter, const char *address)
{
	__be32 addr[4] = {0};
	uint32_t hash;

	inet_pton(strchr(address, ':') ? AF_INET6 : AF_INET, address, addr);
	hash = td_address_hash(td_address_fold(addr));
	filter[td_filter_word(hash)] |= td_filter_bit(hash);
}

static void fill_local(struct td_settings *settings, const char *address)
{
	struct td_local_key key = {.family = strchr(address, ':') ? 6 : 4};
	uint32_t one = 1;

	inet_pton(key.family == 6 ? AF_INET6 : AF_INET, address, key.addr);
	update(skel->maps.local_addresses, &key, &one);
	add_filter(settings->local_filter, address);
}

/* What the agent would write for the network of network_setup(). */
static void fill_settings(void)
{
	struct td_settings settings = {.abi = TD_ABI, .route_generation = 1};
	uint32_t zero = 0;

	fill_local(&settings, "192.0.2.1");
	fill_local(&settings, "2001:db8::1");
	settings.route_mask4 = htonl(0xfff00000); /* the shortest prefix below: /12 */
	add_filter(settings.route_filter4, "192.0.0.0");
	add_filter(settings.route_filter4, "172.16.0.0");
	settings.route_mask6[0] = settings.route_mask6[1] = 0xffffffff;
	add_filter(settings.route_filter6, "2001:db8::");
	update(skel->maps.settings, &zero, &settings);
}

static void fill_ports(void)
{
	static const uint16_t services[] = {80, 53}, endpoints[] = {8080, 8081, 53};
	struct td_ports ports = {0};
	uint32_t zero = 0;

	for (size_t i = 0; i < ARRAY_SIZE(services); i++)
		ports.services[services[i] / 64] |= 1ULL << (services[i] % 64);
	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++)
		ports.endpoints[endpoints[i] / 64] |= 1ULL << (endpoints[i] % 64);
	update(skel->maps.ports, &zero, &ports);
}

static int run(const char *command)
{
	int status = system(command);

	if (status != 0)
		fprintf(stderr, "`%s` failed\n", command);
	return status == 0 ? 0 : -1;
}

/*
 * BPF_PROG_TEST_RUN's frames come in on the loopback device, so the clients' router is made a
 * neighbour behind it: what returns to that router leaves by XDP_TX. On-link clients are behind
 * eth0.
 */
static int network_setup(void)
{
	static const char *const commands[] = {
		"ip link set lo address " GATEWAY_MAC " 2>/dev/null; ip link set lo up",
		"ip link add eth0 address " GATEWAY_MAC " type veth peer name peer0",
		"ip link set eth0 up && ip link set peer0 up",
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
		if (run(commands[i]) < 0)
			return -1;
	other_device = if_nametoindex("eth0");
	return other_device ? 0 : -1;
}

static int setup(void **state)
{
	static const uint16_t web_ports[] = {8080, 8081}, dns_ports[] = {53, 53};
	static const char *const servers4[] = {PRIMARY4, STANDBY4};
	static const char *const servers6[] = {PRIMARY6, STANDBY6};
	cpu_set_t cpus;

	(void)state;
	/* The route cache is per CPU. */
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		return -1;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	skel = tandem_bpf__open_and_load();
	if (!skel || network_setup() < 0 || traced_open(skel) < 0)
		return -1;
	fill_service(WEB4, VIP4, 80, IPPROTO_TCP, servers4, web_ports);
	fill_service(DNS4, VIP4, 53, IPPROTO_UDP, servers4, dns_ports);
	fill_service(WEB6, VIP6, 80, IPPROTO_TCP, servers6, web_ports);
	fill_service(DNS6, VIP6, 53, IPPROTO_UDP, servers6, dns_ports);
	fill_nexthop(HOP_PRIMARY, 1, 1, true);
	fill_nexthop(HOP_STANDBY, 1, 2, true);
	fill_nexthop(HOP_OTHER_DEVICE, other_device, 1, true);
	fill_nexthop(HOP_UNRESOLVED, 1, 1, false);
	fill_nexthop(HOP_NO_DEVICE, 4711, 1, true);
	update(skel->maps.devices, &other_device, &other_device);
	fill_settings();
	fill_ports();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	traced_close();
	tandem_bpf__destroy(skel);
	return 0;
}

static void given(const struct row *row)
{
	for (uint32_t i = 0; i < SERVICE_MAX; i++) {
		struct td_group group;
		uint64_t state = row->state;

		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(skel->maps.groups), &i, &group),
				 0);
		group.servers[0].nexthop = row->hop;
		update(skel->maps.groups, &i, &group);
		update(skel->maps.group_state, &i, &state);
	}
}

static void read_reasons(uint64_t *ret)
{
	int cpus = libbpf_num_possible_cpus();
	struct td_reason_counter *values = calloc((size_t)cpus, sizeof(*values));

	for (uint32_t reason = 0; reason < TD_REASON_MAX; reason++) {
		ret[reason] = 0;
		assert_int_equal(
			bpf_map_lookup_elem(bpf_map__fd(skel->maps.reasons), &reason, values), 0);
		for (int cpu = 0; cpu < cpus; cpu++)
			ret[reason] += values[cpu].packets;
	}
	free(values);
}

/* Packets of the service, in and out of both servers; those refused are told apart. */
static void read_packets(uint32_t service, uint64_t *ret_packets, uint64_t *ret_refused)
{
	int cpus = libbpf_num_possible_cpus();
	struct td_counters *values = calloc((size_t)cpus, sizeof(*values));

	*ret_packets = *ret_refused = 0;
	for (uint32_t index = 2 * service; index < 2 * service + 2; index++) {
		assert_int_equal(
			bpf_map_lookup_elem(bpf_map__fd(skel->maps.counters), &index, values), 0);
		for (int cpu = 0; cpu < cpus; cpu++) {
			*ret_packets += values[cpu].packets_in + values[cpu].packets_out;
			*ret_refused += values[cpu].refused;
		}
	}
	free(values);
}

static void assert_frames_equal(const uint8_t *got, size_t got_length, const uint8_t *want,
				size_t want_length)
{
	for (size_t i = 0; i < got_length && i < want_length; i++)
		if (got[i] != want[i])
			print_error("byte %zu is %02x instead of %02x\n", i, got[i], want[i]);
	assert_int_equal(got_length, want_length);
	assert_memory_equal(got, want, want_length);
}

static void assert_counted(const uint64_t *before, const uint64_t *after, enum td_reason reason)
{
	for (int i = 0; i < TD_REASON_MAX; i++)
		if (after[i] - before[i] != (i == (int)reason ? 1U : 0U))
			fail_msg("reason %d was counted %lu times", i,
				 (unsigned long)(after[i] - before[i]));
}

static int run_frame(const uint8_t *in, size_t length, uint8_t *out, uint32_t *ret_length)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = (uint32_t)length,
		    .data_out = out, .data_size_out = FRAME_MAX, .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.tandem_xdp), &opts), 0);
	*ret_length = opts.data_size_out;
	return (int)opts.retval;
}

/* The tracing program does with the frame what the other one did, and tells of it. */
static void assert_traced_alike(const struct row *row, const uint8_t *in, size_t in_length,
				const uint8_t *want, size_t want_length)
{
	struct td_trace_event event;
	uint8_t out[FRAME_MAX];
	unsigned int events;
	uint32_t length;

	assert_int_equal(traced_run(in, in_length, out, &length, &event, &events), row->action);
	assert_frames_equal(out, length, want, want_length);
	assert_int_equal(events, 1);
	assert_int_equal(event.reason, row->reason);
	assert_int_equal(event.in.length, in_length);
	assert_int_equal(event.out.length, row->action == XDP_DROP ? 0 : want_length);
	if (row->counted >= 0) {
		assert_int_equal(event.service, row->counted);
		assert_int_equal(event.state, row->state);
	}
}

static void test_row(void **state)
{
	const struct row *row = *state;
	uint64_t before[TD_REASON_MAX], after[TD_REASON_MAX];
	uint64_t packets[SERVICE_MAX], refused, now;
	uint8_t in[FRAME_MAX], out[FRAME_MAX], want[FRAME_MAX];
	size_t in_length = frame_build(&row->in, in), want_length = in_length;
	uint32_t out_length;
	int action;

	given(row);
	if (row->cut)
		in_length = want_length = row->cut;
	memcpy(want, in, sizeof(want));
	if (row->out.family)
		want_length = frame_build(&row->out, want);
	read_reasons(before);
	for (uint32_t i = 0; i < SERVICE_MAX; i++)
		read_packets(i, &packets[i], &refused);

	action = run_frame(in, in_length, out, &out_length);

	assert_int_equal(action, row->action);
	read_reasons(after);
	assert_counted(before, after, row->reason);
	assert_frames_equal(out, out_length, want, want_length);
	for (uint32_t i = 0; i < SERVICE_MAX; i++) {
		read_packets(i, &now, &refused);
		assert_int_equal(now - packets[i], (int)i == row->counted);
	}
	assert_traced_alike(row, in, in_length, want, want_length);
}

/* Every sum that a datagram can come out with, both ways, both families: right, and never sent as
 * zero. */
static void run_sums(const struct frame *frame, size_t udp_offset)
{
	struct frame in = *frame;
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	uint32_t length;

	for (uint32_t id = 0; id < 65536; id++) {
		size_t size;

		in.source_port = frame->source_port ? frame->source_port : (uint16_t)id;
		in.dest_port = frame->dest_port ? frame->dest_port : (uint16_t)id;
		size = frame_build(&in, buffer);
		assert_in_range(run_frame(buffer, size, out, &length), XDP_TX, XDP_REDIRECT);
		if (!frame_checksums_are_right(out, length) ||
		    (out[udp_offset] == 0 && out[udp_offset + 1] == 0))
			fail_msg("port %u: wrong checksum", id);
	}
}

static void test_udp_checksum_when_any_sum_then_right_and_not_zero(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct frame frames[] = {
		{.family = 4, .source = CLIENT4, .dest = VIP4, UDP, .dest_port = 53, .payload = 2},
		{.family = 4,
		 .source = PRIMARY4,
		 .dest = CLIENT4,
		 UDP,
		 .source_port = 53,
		 .payload = 2},
		{.family = 6, .source = CLIENT6, .dest = VIP6, UDP, .dest_port = 53, .payload = 2},
		{.family = 6,
		 .source = PRIMARY6,
		 .dest = CLIENT6,
		 UDP,
		 .source_port = 53,
		 .payload = 2},
	};

	(void)state;
	given(&settled);
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
		run_sums(&frames[i], frames[i].family == 4 ? 14 + 20 + 6 : 14 + 40 + 6);
}

static void test_refused_when_none_healthy_then_counted_for_the_service(void **state)
{
	static const struct row none = {.state = NONE_DROP};
	static const struct row in = {TO_VIP4(.dest_port = 80, TCP(SYN))};
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	uint64_t packets, before, after;
	uint32_t length;

	(void)state;
	given(&none);
	read_packets(WEB4, &packets, &before);
	run_frame(buffer, frame_build(&in.in, buffer), out, &length);
	read_packets(WEB4, &packets, &after);
	assert_int_equal(after - before, 1);
}

static int count_event(void *userdata, void *data, size_t size)
{
	const struct td_event_unresolved *event = data;
	int *seen = userdata;

	/* Rows before this one reported others. */
	if (event->addr[0] != inet_addr("192.0.2.98"))
		return 0;
	assert_int_equal(size, sizeof(*event));
	assert_int_equal(event->ifindex, other_device);
	assert_int_equal(event->family, 4);
	(*seen)++;
	return 0;
}

static void test_unresolved_client_when_met_then_reported_to_the_agent(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct row in = {FROM_SERVER4(.source = PRIMARY4, .source_port = 8080,
						   TCP(ACK), .dest = "192.0.2.98")};
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	int seen = 0;
	struct ring_buffer *ring;
	uint32_t length;

	(void)state;
	given(&settled);
	ring = ring_buffer__new(bpf_map__fd(skel->maps.events), count_event, &seen, NULL);
	assert_non_null(ring);
	run_frame(buffer, frame_build(&in.in, buffer), out, &length);
	ring_buffer__consume(ring);
	assert_int_equal(seen, 1);
	ring_buffer__free(ring);
}

/* A cached route is void as soon as the generation changes, and takes the new MAC. */
static void test_route_cache_when_generation_changes_then_kernel_is_asked(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct row in = {FROM_SERVER4(.source = PRIMARY4, .source_port = 8080,
						   TCP(ACK), .dest = "192.0.2.77")};
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	uint32_t length, zero = 0;
	struct td_settings settings;
	size_t size = frame_build(&in.in, buffer);

	(void)state;
	given(&settled);
	run_frame(buffer, size, out, &length);
	assert_int_equal(out[5], 0x77);
	assert_int_equal(run("ip neigh replace 192.0.2.77 lladdr 02:00:00:00:00:78 dev eth0"), 0);
	run_frame(buffer, size, out, &length);
	assert_int_equal(out[5], 0x77); /* cached: the agent has not spoken yet */
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(skel->maps.settings), &zero, &settings),
			 0);
	settings.route_generation++;
	update(skel->maps.settings, &zero, &settings);
	run_frame(buffer, size, out, &length);
	assert_int_equal(out[5], 0x78);
}

static void test_forwarding_when_off_then_named_and_untouched(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct row in = {
		FROM_SERVER4(.source = PRIMARY4, .source_port = 8080, TCP(ACK))};
	uint64_t before[TD_REASON_MAX], after[TD_REASON_MAX];
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	uint32_t length, zero = 0;
	struct td_settings settings;
	size_t size = frame_build(&in.in, buffer);

	(void)state;
	given(&settled);
	assert_int_equal(run("sysctl -qw net.ipv4.ip_forward=0"), 0);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(skel->maps.settings), &zero, &settings),
			 0);
	settings.route_generation++;
	update(skel->maps.settings, &zero, &settings);
	read_reasons(before);
	assert_int_equal(run_frame(buffer, size, out, &length), XDP_PASS);
	read_reasons(after);
	assert_int_equal(run("sysctl -qw net.ipv4.ip_forward=1"), 0);
	assert_counted(before, after, TD_PASS_FORWARDING_OFF);
	assert_frames_equal(out, length, buffer, size);
}

static void settings_set_flags(uint32_t flags)
{
	struct td_settings settings;
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(skel->maps.settings), &zero, &settings),
			 0);
	settings.flags = flags;
	update(skel->maps.settings, &zero, &settings);
}

static void test_way_back_when_a_device_cannot_tx_then_redirected(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct row in = {TO_VIP4(.dest_port = 80, TCP(SYN))};
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	size_t size = frame_build(&in.in, buffer);
	uint32_t length, ingress = 1;

	(void)state;
	given(&settled);
	settings_set_flags(TD_SETTING_NO_TX);
	/* A device that the agent does not know yet is better served by XDP_TX than not at all. */
	assert_int_equal(run_frame(buffer, size, out, &length), XDP_TX);
	update(skel->maps.devices, &ingress, &ingress);
	assert_int_equal(run_frame(buffer, size, out, &length), XDP_REDIRECT);
	settings_set_flags(0);
	assert_int_equal(run_frame(buffer, size, out, &length), XDP_TX);
}

static void print_instructions(void)
{
	struct bpf_prog_info info = {0};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(skel->progs.tandem_xdp), &info, &length) == 0)
		print_message("tandem_xdp: the verifier looked at %u instructions\n",
			      info.verified_insns);
}

/* What has no slot in its bucket is found in the hash maps, and only where the bucket says so. */
static void test_quick_bucket_when_overflowing_then_hash_maps_are_asked(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct row in = {TO_VIP4(.dest_port = 80, TCP(SYN))};
	struct td_service_key4 key = {inet_addr(VIP4), htons(80), IPPROTO_TCP, TD_QUICK_SERVICE};
	struct td_quick4 bucket, empty = {.overflow = 0};
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	size_t size = frame_build(&in.in, buffer);
	uint32_t length, index;
	uint64_t word;
	int fd = bpf_map__fd(skel->maps.quick4);

	(void)state;
	given(&settled);
	memcpy(&word, &key, sizeof(word));
	index = td_quick_bucket(word);
	assert_int_equal(bpf_map_lookup_elem(fd, &index, &bucket), 0);
	update(skel->maps.quick4, &index, &empty);
	assert_int_equal(run_frame(buffer, size, out, &length), XDP_PASS);
	empty.overflow = 1;
	update(skel->maps.quick4, &index, &empty);
	assert_int_equal(run_frame(buffer, size, out, &length), XDP_TX);
	update(skel->maps.quick4, &index, &bucket);
}

static void test_program_when_loaded_then_far_from_the_verifiers_limit(void **state)
{
	struct bpf_prog_info info = {0};
	__u32 length = sizeof(info);

	(void)state;
	print_instructions();
	assert_int_equal(
		bpf_obj_get_info_by_fd(bpf_program__fd(skel->progs.tandem_xdp), &info, &length), 0);
	assert_in_range(info.verified_insns, 1, 500000);
}

/* The filters that only the tracing program has. */
static unsigned int traced_events(const struct row *row, const struct td_trace_filter *filter)
{
	uint8_t buffer[FRAME_MAX], out[FRAME_MAX];
	struct td_trace_event event;
	unsigned int events;
	uint32_t length;

	traced_filter(filter);
	traced_run(buffer, frame_build(&row->in, buffer), out, &length, &event, &events);
	return events;
}

static void test_trace_when_filtered_then_only_what_matches_is_recorded(void **state)
{
	static const struct row settled = {.name = "settled"};
	static const struct row to = {TO_VIP4(.dest_port = 80, TCP(SYN))};
	static const struct row from = {
		FROM_SERVER4(.source = PRIMARY4, .source_port = 8080, TCP(ACK))};
	static const struct row other = {TO_VIP4(.dest_port = 81, TCP(SYN))};
	const struct td_trace_filter all = {.deadline_ns = UINT64_MAX, .service = TD_TRACE_NONE};
	struct td_trace_filter filter = all;

	(void)state;
	given(&settled);
	filter.client_family = 4;
	inet_pton(AF_INET, CLIENT4, filter.client);
	assert_int_equal(traced_events(&to, &filter), 1);
	assert_int_equal(traced_events(&from, &filter), 1);
	filter.client_port = htons(1);
	assert_int_equal(traced_events(&to, &filter), 0);
	filter.client_port = htons(to.in.source_port);
	assert_int_equal(traced_events(&to, &filter), 1);
	filter.client[0]++;
	assert_int_equal(traced_events(&to, &filter), 0);

	/* A listener: what its service was found for, and what was meant for its place. */
	filter = all;
	filter.vip_family = 4;
	filter.vip_port = htons(80);
	filter.vip_proto = IPPROTO_TCP;
	filter.service = WEB4;
	inet_pton(AF_INET, VIP4, filter.vip);
	assert_int_equal(traced_events(&to, &filter), 1);
	assert_int_equal(traced_events(&from, &filter), 1);
	assert_int_equal(traced_events(&other, &filter), 0);
	filter.service = TD_TRACE_NONE;
	assert_int_equal(traced_events(&from, &filter), 0);
	filter.vip_port = htons(81);
	assert_int_equal(traced_events(&other, &filter), 1);

	filter = all;
	filter.reason = TD_PASS_NOT_OURS;
	assert_int_equal(traced_events(&to, &filter), 0);
	assert_int_equal(traced_events(&other, &filter), 1);

	filter = all;
	filter.sample_every = 4;
	for (unsigned int round = 0, seen = 0; round < 12; round++) {
		seen += traced_events(&to, &filter);
		if (round == 11)
			assert_int_equal(seen, 3);
	}
	filter = all;
	filter.deadline_ns = 1;
	assert_int_equal(traced_events(&to, &filter), 0);
	traced_filter(&all);
}

/* Of the map ids of a program, whether one has a name that begins so. */
static bool program_has_map(int program, const char *name)
{
	__u32 ids[64];
	struct bpf_prog_info info = {.map_ids = (uintptr_t)ids, .nr_map_ids = ARRAY_SIZE(ids)};
	__u32 length = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(program, &info, &length), 0);
	assert_in_range(info.nr_map_ids, 1, ARRAY_SIZE(ids));
	for (__u32 i = 0; i < info.nr_map_ids; i++) {
		struct bpf_map_info map = {0};
		__u32 size = sizeof(map);
		int fd = bpf_map_get_fd_by_id(ids[i]);

		assert_int_equal(bpf_obj_get_info_by_fd(fd, &map, &size), 0);
		close(fd);
		if (strncmp(map.name, name, strlen(name)) == 0)
			return true;
	}
	return false;
}

/* Tracing costs nothing when off: the usual program has no map, and no instruction, of it. */
static void test_program_when_not_tracing_then_has_nothing_of_it(void **state)
{
	int normal = bpf_program__fd(skel->progs.tandem_xdp), tracing = traced_program_fd();
	struct bpf_prog_info info = {0}, traced = {0};
	__u32 length = sizeof(info);

	(void)state;
	assert_true(program_has_map(tracing, "trace_notes"));
	assert_false(program_has_map(normal, "trace"));
	assert_int_equal(bpf_obj_get_info_by_fd(normal, &info, &length), 0);
	assert_int_equal(bpf_obj_get_info_by_fd(tracing, &traced, &length), 0);
	assert_true(info.xlated_prog_len < traced.xlated_prog_len);
	print_message("tandem_xdp: %u instructions, the verifier looked at %u; "
		      "tandem_trace: %u, %u\n",
		      info.xlated_prog_len / 8, info.verified_insns, traced.xlated_prog_len / 8,
		      traced.verified_insns);
}

int main(void)
{
	static const struct CMUnitTest extra[] = {
		cmocka_unit_test(test_udp_checksum_when_any_sum_then_right_and_not_zero),
		cmocka_unit_test(test_refused_when_none_healthy_then_counted_for_the_service),
		cmocka_unit_test(test_unresolved_client_when_met_then_reported_to_the_agent),
		cmocka_unit_test(test_route_cache_when_generation_changes_then_kernel_is_asked),
		cmocka_unit_test(test_forwarding_when_off_then_named_and_untouched),
		cmocka_unit_test(test_way_back_when_a_device_cannot_tx_then_redirected),
		cmocka_unit_test(test_quick_bucket_when_overflowing_then_hash_maps_are_asked),
		cmocka_unit_test(test_trace_when_filtered_then_only_what_matches_is_recorded),
		cmocka_unit_test(test_program_when_not_tracing_then_has_nothing_of_it),
		cmocka_unit_test(test_program_when_loaded_then_far_from_the_verifiers_limit),
	};
	struct CMUnitTest tests[ARRAY_SIZE(rows) + ARRAY_SIZE(extra)];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = test_row,
					       .initial_state = (void *)&rows[i]};
	memcpy(tests + ARRAY_SIZE(rows), extra, sizeof(extra));
	return _cmocka_run_group_tests("packet", tests, ARRAY_SIZE(tests), setup, teardown);
}
