// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Nanoseconds per packet of the XDP program by BPF_PROG_TEST_RUN, as JSON on stdout: the floor, and
 * each way settled with 1, 1,000 (1,024) and 1,000,000 (1,048,576) client tuples. Runs in a network
 * namespace of its own.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <jansson.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

#include "base/cleanup.h"
#include "bench.skel.h"
#include "tandem/abi.h"
#include "tandem/select.h"

#include "../packet/quick.h"

enum {
	FRAME_SIZE = 80,
	REPEAT = 1000000,
	ROUNDS = 15,
	VIP_PORT = 80,
	SERVER_PORT = 8080,
	SERVICES = 200, /* a look-up among a few hundred, as a gateway has them */
};

#define VIP4	"198.18.1.10"
#define SERVER4 "198.18.2.11"
#define VIP6	"2001:db8:1::10"
#define SERVER6 "2001:db8:2::11"

enum way { FLOOR, FORWARD4, RETURN4, FORWARD6, RETURN6, WAY_MAX };
static const char *const way_names[] = {"floor", "forward_v4", "return_v4", "forward_v6",
					"return_v6"};

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void run(const char *command)
{
	int status = system(command);

	if (status != 0) {
		fprintf(stderr, "bench: `%s` failed\n", command);
		exit(1);
	}
}

/* A namespace with a default route and nothing else, so that replies have somewhere to go. */
static void network_setup(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		die("unshare");
	run("mount --make-rprivate / && mount -t sysfs sysfs /sys");
	run("ip link set lo up");
	run("ip link add eth0 type veth peer name eth1 && ip link set eth0 up && ip link set eth1 "
	    "up");
	run("ip addr add 198.18.0.1/24 dev eth0 && ip -6 addr add 2001:db8:9::1/64 dev eth0 nodad");
	run("ip route add default via 198.18.0.2 && ip -6 route add default via 2001:db8:9::2");
	run("ip neigh add 198.18.0.2 lladdr 02:00:00:00:00:09 dev eth0 nud permanent");
	run("ip -6 neigh add 2001:db8:9::2 lladdr 02:00:00:00:00:09 dev eth0 nud permanent");
	run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
}

static void update(int fd, const void *key, const void *value)
{
	if (bpf_map_update_elem(fd, key, value, BPF_ANY) < 0)
		die("map update");
}

static void address6(const char *text, __be32 *ret)
{
	if (inet_pton(AF_INET6, text, ret) != 1)
		die(text);
}

static void quick(struct bench_bpf *skel, struct td_service_key4 key, __u8 kind, const void *ref)
{
	if (quick_insert(bpf_map__fd(skel->maps.quick4), key, kind, ref) < 0)
		die("quick4");
}

static void fill_service(struct bench_bpf *skel, __u32 index, bool v6)
{
	__u32 group = index;
	__u64 state = TD_SLOT_PRIMARY;
	struct td_service service = {.port = htons(VIP_PORT),
				     .proto = IPPROTO_TCP,
				     .family = v6 ? 6 : 4,
				     .group = group};
	struct td_group servers = {.service = index};
	struct td_service_ref ref = {.service = index, .group = group};
	struct td_endpoint endpoint = {.service = index, .slot = 0};

	for (int i = 0; i < 2; i++)
		servers.servers[i].port = htons(SERVER_PORT);
	if (v6) {
		struct td_service_key6 key = {.port = htons(VIP_PORT), .proto = IPPROTO_TCP};

		address6(VIP6, key.addr);
		key.addr[3] = htonl(ntohl(key.addr[3]) + index / 2);
		memcpy(service.vip, key.addr, sizeof(service.vip));
		update(bpf_map__fd(skel->maps.services6), &key, &ref);
		address6(SERVER6, key.addr);
		key.addr[3] = htonl(ntohl(key.addr[3]) + index / 2);
		key.port = htons(SERVER_PORT);
		memcpy(servers.servers[0].addr, key.addr, sizeof(key.addr));
		update(bpf_map__fd(skel->maps.endpoints6), &key, &endpoint);
	} else {
		struct td_service_key4 key = {.port = htons(VIP_PORT), .proto = IPPROTO_TCP};

		key.addr = htonl(ntohl(inet_addr(VIP4)) + index / 2);
		service.vip[0] = key.addr;
		update(bpf_map__fd(skel->maps.services4), &key, &ref);
		quick(skel, key, TD_QUICK_SERVICE, &ref);
		key.addr = htonl(ntohl(inet_addr(SERVER4)) + index / 2);
		key.port = htons(SERVER_PORT);
		servers.servers[0].addr[0] = key.addr;
		update(bpf_map__fd(skel->maps.endpoints4), &key, &endpoint);
		quick(skel, key, TD_QUICK_ENDPOINT, &endpoint);
	}
	update(bpf_map__fd(skel->maps.service_table), &index, &service);
	update(bpf_map__fd(skel->maps.groups), &group, &servers);
	update(bpf_map__fd(skel->maps.group_state), &group, &state);
}

static void fill_filter(__u64 *filter, __be32 folded)
{
	__u32 hash = td_address_hash(folded);

	filter[td_filter_word(hash)] |= td_filter_bit(hash);
}

/* What an agent would write for the namespace above. */
static void fill_maps(struct bench_bpf *skel)
{
	struct td_nexthop nexthop = {.ifindex = if_nametoindex("eth0"), .mtu = 1500};
	struct td_ports *ports = calloc(1, sizeof(*ports));
	struct td_settings settings = {.abi = TD_ABI, .route_generation = 1};
	__be32 prefix[4];
	__u32 zero = 0, ifindex = nexthop.ifindex;

	for (__u32 i = 0; i < SERVICES; i++) {
		fill_service(skel, 2 * i, false);
		fill_service(skel, 2 * i + 1, true);
	}
	memcpy(&nexthop.dest, "\x02\0\0\0\0\x22\x01", 7);
	update(bpf_map__fd(skel->maps.nexthops), &zero, &nexthop);
	update(bpf_map__fd(skel->maps.devices), &ifindex, &ifindex);
	ports->services[VIP_PORT / 64] |= 1ULL << (VIP_PORT % 64);
	ports->endpoints[SERVER_PORT / 64] |= 1ULL << (SERVER_PORT % 64);
	update(bpf_map__fd(skel->maps.ports), &zero, ports);
	free(ports);

	settings.route_mask4 = htonl(0xffffff00);
	fill_filter(settings.route_filter4, inet_addr("198.18.0.0"));
	settings.route_mask6[0] = settings.route_mask6[1] = 0xffffffff;
	address6("2001:db8:9::", prefix);
	fill_filter(settings.route_filter6, td_address_fold(prefix));
	fill_filter(settings.local_filter, inet_addr("198.18.0.1"));
	update(bpf_map__fd(skel->maps.settings), &zero, &settings);
}

/* A frame of the given way; returns the offset of the client's last four address bytes and port. */
static void frame_build(enum way way, uint8_t *frame, uint32_t *ret_address, uint32_t *ret_port)
{
	bool v6 = way == FORWARD6 || way == RETURN6, back = way == RETURN4 || way == RETURN6;
	struct ethhdr *eth = (void *)frame;
	struct tcphdr tcp = {.source = htons(back ? SERVER_PORT : 40000),
			     .dest = htons(back ? 40000 : VIP_PORT),
			     .doff = 5,
			     .ack = 1};

	memset(frame, 0, FRAME_SIZE);
	memcpy(eth->h_dest, "\x02\0\0\0\0\x01", 6);
	memcpy(eth->h_source, "\x02\0\0\0\0\x02", 6);
	if (v6) {
		struct ip6_hdr *ip = (void *)(frame + ETH_HLEN);

		eth->h_proto = htons(ETH_P_IPV6);
		ip->ip6_vfc = 0x60;
		ip->ip6_hlim = 64;
		ip->ip6_nxt = IPPROTO_TCP;
		ip->ip6_plen = htons(FRAME_SIZE - ETH_HLEN - sizeof(*ip));
		inet_pton(AF_INET6, back ? SERVER6 : "2001:db8:c::", &ip->ip6_src);
		inet_pton(AF_INET6, back ? "2001:db8:c::" : VIP6, &ip->ip6_dst);
		memcpy(ip + 1, &tcp, sizeof(tcp));
		*ret_address = ETH_HLEN + (back ? 24 : 8) + 12;
		*ret_port = ETH_HLEN + sizeof(*ip) + (back ? 2 : 0);
	} else {
		struct iphdr *ip = (void *)(frame + ETH_HLEN);

		eth->h_proto = htons(ETH_P_IP);
		ip->version = 4;
		ip->ihl = 5;
		ip->ttl = 64;
		ip->protocol = IPPROTO_TCP;
		ip->tot_len = htons(FRAME_SIZE - ETH_HLEN);
		ip->saddr = inet_addr(back ? SERVER4 : "10.0.0.0");
		ip->daddr = inet_addr(back ? "10.0.0.0" : VIP4);
		memcpy(ip + 1, &tcp, sizeof(tcp));
		*ret_address = ETH_HLEN + (back ? 16 : 12);
		*ret_port = ETH_HLEN + sizeof(*ip) + (back ? 2 : 0);
	}
}

/* Nanoseconds of this thread's CPU time for each repetition: the kernel's own figure is a whole
 * number. */
static double test_run(int program, const uint8_t *frame, uint32_t expected)
{
	uint8_t out[FRAME_SIZE + 64];
	struct timespec start, end;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = FRAME_SIZE,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = REPEAT);

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
	if (bpf_prog_test_run_opts(program, &opts) < 0)
		die("BPF_PROG_TEST_RUN");
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	if (opts.retval != expected) {
		fprintf(stderr, "bench: verdict %u instead of %u\n", opts.retval, expected);
		exit(1);
	}
	return ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / REPEAT;
}

struct sample {
	double ns[ROUNDS];
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static json_t *sample_json(struct sample *sample)
{
	qsort(sample->ns, ROUNDS, sizeof(double), by_value);
	return json_pack("{s:f,s:f,s:f}", "median", sample->ns[ROUNDS / 2], "min", sample->ns[0],
			 "max", sample->ns[ROUNDS - 1]);
}

static struct bench_bpf *load(enum way way, uint32_t tuples, uint8_t *frame)
{
	struct bench_bpf *skel = bench_bpf__open();
	uint32_t address, port;

	if (!skel)
		die("open");
	frame_build(way, frame, &address, &port);
	skel->rodata->tuple_mask = tuples - 1;
	skel->rodata->address_offset = address;
	skel->rodata->port_offset = port;
	skel->rodata->template_words = way == FORWARD6 || way == RETURN6 ? 8 : 5;
	memcpy((void *)skel->rodata->template, frame, sizeof(skel->rodata->template));
	if (bench_bpf__load(skel) < 0)
		die("load");
	fill_maps(skel);
	return skel;
}

/*
 * One way with a number of tuples. In each round the floor is measured too, on the same frame, so
 * that noise hits all alike: what restoring the headers costs is the difference of the two floors.
 */
static void bench_way(enum way way, uint32_t tuples, struct sample *ret, struct sample *ret_floor)
{
	uint8_t frame[FRAME_SIZE];
	struct bench_bpf *skel = load(way, tuples, frame);
	int floor_fd = bpf_program__fd(skel->progs.bench_floor);
	int restore_fd = bpf_program__fd(skel->progs.bench_restore);
	int balance_fd = bpf_program__fd(skel->progs.bench_balance);
	uint32_t floor_verdict = way == FORWARD6 || way == RETURN6 ? 2 : 3; /* XDP_PASS, XDP_TX */

	test_run(balance_fd, frame, 4); /* XDP_REDIRECT; warms the caches */
	for (int i = 0; i < ROUNDS; i++) {
		double floor = test_run(floor_fd, frame, floor_verdict);
		double restore = test_run(restore_fd, frame, floor_verdict);
		double balance = test_run(balance_fd, frame, 4);

		ret_floor->ns[i] = floor;
		ret->ns[i] = balance - (restore - floor);
	}
	bench_bpf__destroy(skel);
}

int main(void)
{
	static const struct {
		uint32_t tuples;
		const char *suffix;
	} sizes[] = {{1, "1"}, {1024, "1k"}, {1048576, "1m"}};
	json_t *out = json_object();
	struct sample floors, sample;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	setpriority(PRIO_PROCESS, 0, -20);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	network_setup();

	for (int way = FORWARD4; way < WAY_MAX; way++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			char key[64];

			bench_way(way, sizes[i].tuples, &sample, &floors);
			snprintf(key, sizeof(key), "%s_ns_%s", way_names[way], sizes[i].suffix);
			json_object_set_new(out, key, sample_json(&sample));
			if (way == FORWARD4 && i == 0)
				json_object_set_new(out, "floor_ns", sample_json(&floors));
		}
	}
	json_dumpf(out, stdout, JSON_INDENT(1));
	puts("");
	json_decref(out);
	return 0;
}
