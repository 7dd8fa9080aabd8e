/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The data plane and its host: the folder, interfaces, next hops, addresses, routes. */
#include "dataplane_rig.h"

#include <poll.h>

#include <linux/if_link.h>

#include "base/clock.h"

#define VIP	"192.0.2.10"
#define PRIMARY "198.51.100.11"
#define STANDBY "198.51.100.12"

/* Wait for what the kernel does some time later. */
static void wait_until(bool (*condition)(__u32 argument), __u32 argument, const char *what)
{
	uint64_t deadline = clock_monotonic_us() + 10 * 1000 * 1000ULL;

	while (!condition(argument)) {
		if (clock_monotonic_us() > deadline)
			fail_msg("%s: not within 10 s", what);
		poll(NULL, 0, 5);
	}
}

static bool map_is_gone(__u32 id)
{
	AUTO(close_fd) int fd = bpf_map_get_fd_by_id(id);

	return fd == -ENOENT;
}

static bool program_is_gone(__u32 id)
{
	AUTO(close_fd) int fd = bpf_prog_get_fd_by_id(id);

	return fd == -ENOENT;
}

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

static uint32_t interface_add(const char *name, const char *type)
{
	char command[128];

	snprintf(command, sizeof(command), "ip link add name %s type %s && ip link set %s up", name,
		 type, name);
	run(command);
	return if_nametoindex(name);
}

static void interface_delete(const char *name)
{
	char command[64];

	snprintf(command, sizeof(command), "ip link delete %s", name);
	run(command);
}

static __u32 xdp_program(uint32_t ifindex)
{
	__u32 id = 0;

	assert_int_equal(bpf_xdp_query_id(ifindex, 0, &id), 0);
	return id;
}

static __u32 link_id(uint32_t ifindex)
{
	char name[32];
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);

	snprintf(name, sizeof(name), "links/%u", ifindex);
	AUTO(close_fd) int fd = pin_open(name);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.id;
}

static bool device_is_known(uint32_t ifindex)
{
	__u32 value;

	return map_read("devices", &ifindex, &value) == 0 && value == ifindex;
}

static enum dataplane_mode attach(uint32_t ifindex, const char *name)
{
	enum dataplane_mode mode = DATAPLANE_NATIVE;
	int r;

	memset(&rig.error, 0, sizeof(rig.error));
	r = dataplane_attach(rig.dataplane, ifindex, name, &mode, &rig.error);
	if (r < 0)
		fail_msg("dataplane_attach: %d %s", r, rig.error.message);
	return mode;
}

static void test_open_when_another_holds_the_folder_then_names_its_pid(void **state)
{
	struct dataplane *first;
	char text[128];

	(void)state;
	need_bpf();
	open_dataplane();
	first = rig.dataplane;
	assert_int_equal(open_result(), -EBUSY);
	assert_ptr_equal(rig.dataplane, first);
	snprintf(text, sizeof(text), "another tandemd (pid %d) holds %s", getpid(), rig.pin_dir);
	assert_string_equal(rig.error.message, text);
	assert_int_equal(dataplane_purge(rig.pin_dir, &rig.error), -EBUSY);
	assert_int_not_equal(map_id("services4"), 0);
}

static void test_open_when_the_abi_differs_then_touches_nothing(void **state)
{
	char text[64];
	struct td_settings settings;
	__u32 zero = 0, map, program, link;
	uint32_t ifindex;

	(void)state;
	need_bpf();
	ifindex = interface_add("tdabi", "bridge");
	open_dataplane();
	attach(ifindex, "tdabi");
	close_dataplane();
	map_read("settings", &zero, &settings);
	settings.abi = TD_ABI + 1;
	map_write("settings", &zero, &settings);
	map = map_id("groups");
	program = xdp_program(ifindex);
	link = link_id(ifindex);

	assert_int_equal(open_result(), -EPROTO);
	snprintf(text, sizeof(text), "have ABI %d, this version has ABI %d", TD_ABI + 1, TD_ABI);
	assert_non_null(strstr(rig.error.message, text));
	assert_int_equal(map_id("groups"), map);
	assert_int_equal(xdp_program(ifindex), program);
	assert_int_equal(link_id(ifindex), link);
	interface_delete("tdabi");
}

static void test_open_when_a_map_is_another_then_names_it(void **state)
{
	char path[128];
	AUTO(close_fd) int fd = -1;

	(void)state;
	need_bpf();
	open_dataplane();
	close_dataplane();
	snprintf(path, sizeof(path), "%s/endpoints4", rig.pin_dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(open_result(), -EPROTO);
	assert_non_null(strstr(rig.error.message, "endpoints4 is missing"));

	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "endpoints4", 8, 8, 16, NULL);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	assert_int_equal(open_result(), -EPROTO);
	assert_non_null(strstr(rig.error.message, "endpoints4 has another layout"));
}

static void test_open_when_the_folder_is_no_bpffs_then_says_so(void **state)
{
	char folder[] = "/tmp/tandem-test-XXXXXX", pin_dir[64];
	struct dataplane_options options = {.pin_dir = pin_dir};

	(void)state;
	need_bpf();
	assert_non_null(mkdtemp(folder));
	snprintf(pin_dir, sizeof(pin_dir), "%s/pins", folder);
	assert_int_equal(dataplane_open(rig.event, &options, &rig.dataplane, &rig.error), -EINVAL);
	assert_non_null(strstr(rig.error.message, "is not on a BPF file system"));
	/* Nothing was left there. */
	assert_int_equal(rmdir(folder), 0);

	options.pin_dir = "/sys/fs/bpf";
	assert_int_equal(dataplane_open(rig.event, &options, &rig.dataplane, &rig.error), -EINVAL);
	assert_non_null(strstr(rig.error.message, "a folder of tandem's own"));
	assert_int_equal(dataplane_purge("/sys/fs/bpf", &rig.error), -EINVAL);
	options.pin_dir = "/sys/fs/bpf/no/such";
	assert_int_equal(dataplane_open(rig.event, &options, &rig.dataplane, &rig.error), -ENOENT);
}

static void test_open_when_the_folder_has_other_pins_then_leaves_them(void **state)
{
	AUTO(close_fd) int fd = -1;
	char path[128];

	(void)state;
	need_bpf();
	assert_int_equal(mkdir(rig.pin_dir, 0700), 0);
	snprintf(path, sizeof(path), "%s/theirs", rig.pin_dir);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "theirs", 4, 4, 1, NULL);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	assert_int_equal(open_result(), -ENOTEMPTY);
	assert_non_null(strstr(rig.error.message, "holds theirs, which is not tandem's"));
	assert_int_equal(dataplane_purge(rig.pin_dir, &rig.error), -ENOTEMPTY);
	assert_int_equal(unlink(path), 0);
}

static void test_attach_then_native_where_the_driver_has_it(void **state)
{
	uint32_t native, generic;

	(void)state;
	need_bpf();
	native = interface_add("tdveth", "veth peer name tdpeer");
	generic = interface_add("tdbridge", "bridge");
	open_dataplane();
	assert_int_equal(attach(native, "tdveth"), DATAPLANE_NATIVE);
	assert_int_equal(attach(generic, "tdbridge"), DATAPLANE_GENERIC);
	assert_int_equal(xdp_program(native), xdp_program(generic));
	assert_true(device_is_known(native) && device_is_known(generic));
	/* Again is nothing new. */
	assert_int_equal(attach(generic, "tdbridge"), DATAPLANE_GENERIC);
	interface_delete("tdveth");
	interface_delete("tdbridge");
}

static void test_open_again_then_links_stay_and_programs_are_new(void **state)
{
	__u32 link, program, other;
	uint32_t kept, dropped;

	(void)state;
	need_bpf();
	kept = interface_add("tdkept", "veth peer name tdpeer");
	dropped = interface_add("tddrop", "bridge");
	open_dataplane();
	attach(kept, "tdkept");
	attach(dropped, "tddrop");
	link = link_id(kept);
	program = xdp_program(kept);
	close_dataplane();
	assert_int_equal(xdp_program(kept), program);

	open_dataplane();
	assert_int_equal(link_id(kept), link);
	other = xdp_program(kept);
	assert_int_not_equal(other, program);
	assert_int_equal(xdp_program(dropped), other);
	wait_until(program_is_gone, program, "the old program is gone");
	assert_int_equal(attach(kept, "tdkept"), DATAPLANE_NATIVE);
	assert_int_equal(link_id(kept), link);
	assert_int_equal(dataplane_detach_others(rig.dataplane, &rig.error), 0);
	assert_int_equal(xdp_program(kept), other);
	assert_int_equal(xdp_program(dropped), 0);
	assert_true(device_is_known(kept));
	assert_false(device_is_known(dropped));
	interface_delete("tdkept");
	interface_delete("tddrop");
}

static void test_attach_when_another_program_is_there_then_leaves_it(void **state)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	enum dataplane_mode mode;
	AUTO(close_fd) int fd = -1;
	uint32_t ifindex;
	__u32 theirs;

	(void)state;
	need_bpf();
	ifindex = interface_add("tdbusy", "bridge");
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "their_xdp", "GPL", pass, ARRAY_SIZE(pass), NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_xdp_attach(ifindex, fd, XDP_FLAGS_SKB_MODE, NULL), 0);
	theirs = xdp_program(ifindex);

	open_dataplane();
	assert_int_equal(dataplane_attach(rig.dataplane, ifindex, "tdbusy", &mode, &rig.error),
			 -EBUSY);
	assert_non_null(strstr(rig.error.message, "another XDP program already, their_xdp (id "));
	assert_int_equal(xdp_program(ifindex), theirs);
	assert_false(device_is_known(ifindex));
	interface_delete("tdbusy");
}

static void test_attach_when_the_interface_was_made_anew_then_replaces_the_link(void **state)
{
	uint32_t ifindex;

	(void)state;
	need_bpf();
	ifindex = interface_add("tdgone", "bridge");
	open_dataplane();
	attach(ifindex, "tdgone");
	close_dataplane();
	interface_delete("tdgone");
	/* What gets the index next is another interface, to which nothing is attached. */
	char command[96];
	snprintf(command, sizeof(command), "ip link add name tdback index %u type bridge", ifindex);
	run(command);

	open_dataplane();
	assert_int_equal(xdp_program(ifindex), 0);
	attach(ifindex, "tdback");
	assert_int_not_equal(xdp_program(ifindex), 0);
	assert_true(device_is_known(ifindex));
	interface_delete("tdback");
}

static void test_purge_then_nothing_is_left(void **state)
{
	struct dataplane_service wanted = {
		.vip = address(VIP),
		.port = 80,
		.protocol = IPPROTO_TCP,
		.servers = {{address(PRIMARY), 8000}, {address(STANDBY), 8000}},
	};
	__u32 map, program;
	struct stat status;
	uint32_t ifindex;

	(void)state;
	need_bpf();
	ifindex = interface_add("tdpurge", "veth peer name tdpeer");
	open_dataplane();
	attach(ifindex, "tdpurge");
	put(&wanted, 0);
	map = map_id("group_state");
	program = xdp_program(ifindex);
	close_dataplane();

	assert_int_equal(dataplane_purge(rig.pin_dir, &rig.error), 0);
	assert_int_equal(xdp_program(ifindex), 0);
	assert_int_equal(stat(rig.pin_dir, &status), -1);
	wait_until(map_is_gone, map, "the maps are gone");
	wait_until(program_is_gone, program, "the program is gone");
	assert_int_equal(dataplane_purge(rig.pin_dir, &rig.error), 0);
	interface_delete("tdpurge");
}

static struct td_nexthop nexthop_of(const char *server, uint32_t *ret_index, uint32_t *ret_group)
{
	struct td_service_ref ref;
	struct td_nexthop nexthop;
	struct td_group group;

	assert_int_equal(gate_read4(VIP, 80, IPPROTO_TCP, &ref), 0);
	group = group_read(ref.group);
	*ret_group = ref.group;
	*ret_index = group.servers[group.servers[0].addr[0] != inet_addr(server)].nexthop;
	assert_int_equal(map_read("nexthops", ret_index, &nexthop), 0);
	return nexthop;
}

static void nexthop_put(const char *server, uint32_t ifindex, uint8_t dest, bool resolved)
{
	struct dataplane_nexthop wanted = {
		.ifindex = ifindex,
		.source_mac = {2, 0, 0, 0, 0, 1},
		.dest_mac = {2, 0, 0, 0, 1, dest},
		.resolved = resolved,
	};
	struct netaddr parsed = address(server);

	assert_int_equal(dataplane_nexthop_put(rig.dataplane, &parsed, &wanted), 0);
}

static void test_nexthop_when_it_changes_then_the_element_or_the_group_does(void **state)
{
	struct dataplane_service first = service(VIP, 80, PRIMARY, STANDBY);
	struct dataplane_service second = service(VIP, 81, PRIMARY, STANDBY);
	uint32_t index, group, next_index, next_group, second_index;
	struct td_service_ref ref;
	struct td_nexthop nexthop;
	struct netaddr primary = address(PRIMARY);

	(void)state;
	need_bpf();
	open_dataplane();
	second.servers[0].port = second.servers[1].port = 8001;
	nexthop_put(PRIMARY, 3, 7, false);
	put(&first, 0x55);
	second_index = put(&second, 0x66);
	nexthop = nexthop_of(PRIMARY, &index, &group);
	assert_true(nexthop.dest == 0);

	/* Nobody has seen its interface yet: in place. A new MAC: in place too. */
	nexthop_put(PRIMARY, 4, 7, true);
	nexthop_put(PRIMARY, 4, 8, true);
	nexthop = nexthop_of(PRIMARY, &next_index, &next_group);
	assert_int_equal(next_index, index);
	assert_int_equal(next_group, group);
	assert_int_equal(nexthop.ifindex, 4);
	assert_memory_equal(&nexthop.dest, "\x02\x00\x00\x00\x01\x08\x01\x00", 8);
	assert_memory_equal(nexthop.source_mac, "\x02\x00\x00\x00\x00\x01", 6);
	nexthop_put(PRIMARY, 0, 0, false);
	nexthop = nexthop_of(PRIMARY, &next_index, &next_group);
	assert_true(nexthop.dest == 0);
	assert_int_equal(nexthop.ifindex, 4);

	/* Another interface: another element, and groups that name it, for both services. */
	nexthop_put(PRIMARY, 5, 9, true);
	nexthop = nexthop_of(PRIMARY, &next_index, &next_group);
	assert_int_not_equal(next_index, index);
	assert_int_not_equal(next_group, group);
	assert_int_equal(nexthop.ifindex, 5);
	assert_int_equal(gate_read4(VIP, 81, IPPROTO_TCP, &ref), 0);
	assert_int_equal(group_read(ref.group).servers[0].nexthop, next_index);
	assert_int_equal(dataplane_state_load(rig.dataplane, second_index), 0x66);

	/* It outlives the agent, and the services' use of it. */
	close_dataplane();
	open_dataplane();
	nexthop = nexthop_of(PRIMARY, &index, &group);
	assert_int_equal(index, next_index);
	assert_int_equal(nexthop.ifindex, 5);
	dataplane_nexthop_remove(rig.dataplane, &primary);
	nexthop_put(PRIMARY, 5, 10, true);
	nexthop = nexthop_of(PRIMARY, &index, &group);
	assert_int_equal(index, next_index);
	assert_int_equal(((uint8_t *)&nexthop.dest)[5], 10);
}

static void nexthop_put_on(const char *server, uint32_t vlan, uint32_t mtu)
{
	struct dataplane_nexthop wanted = {
		.ifindex = 4,
		.vlan = vlan,
		.mtu = mtu,
		.source_mac = {2, 0, 0, 0, 0, 1},
		.dest_mac = {2, 0, 0, 0, 1, 7},
		.resolved = true,
	};
	struct netaddr parsed = address(server);

	assert_int_equal(dataplane_nexthop_put(rig.dataplane, &parsed, &wanted), 0);
}

static uint32_t server_vlan(uint32_t index, unsigned int slot)
{
	struct td_service value;

	assert_int_equal(map_read("service_table", &index, &value), 0);
	return value.server_vlan[slot];
}

/* Replies are told apart by the VLAN that they come from, so services have to name it as well. */
static void test_nexthop_when_vlan_or_mtu_change_then_services_name_them(void **state)
{
	struct dataplane_service web = service(VIP, 80, PRIMARY, STANDBY);
	uint32_t index, group, next_index, next_group, service_index;
	const uint32_t vlan = TD_VLAN_ONE | 100;
	struct td_nexthop nexthop;

	(void)state;
	need_bpf();
	open_dataplane();
	web.vlan = TD_VLAN_ONE | 7;
	service_index = put(&web, 0x55);
	nexthop_of(PRIMARY, &index, &group);
	assert_int_equal(group_read(group).vlan, web.vlan);
	assert_int_equal(server_vlan(service_index, 0), 0);

	nexthop_put_on(PRIMARY, vlan, 1400);
	nexthop = nexthop_of(PRIMARY, &index, &group);
	assert_int_equal(nexthop.vlan, vlan);
	assert_int_equal(nexthop.mtu, 1400);
	assert_int_equal(server_vlan(service_index, 0), vlan);
	assert_int_equal(server_vlan(service_index, 1), 0);

	nexthop_put_on(PRIMARY, vlan, 9000);
	nexthop = nexthop_of(PRIMARY, &next_index, &next_group);
	assert_int_equal(next_index, index);
	assert_int_equal(nexthop.mtu, 9000);
	nexthop_put_on(PRIMARY, 0, 0);
	nexthop = nexthop_of(PRIMARY, &next_index, &next_group);
	assert_int_not_equal(next_index, index);
	assert_int_equal(nexthop.mtu, UINT16_MAX);
	assert_int_equal(server_vlan(service_index, 0), 0);

	/* A VIP that moved to another VLAN is another service to packets. */
	nexthop_put_on(PRIMARY, vlan, 1400);
	web.vlan = 0;
	assert_int_equal(put(&web, 0x55), service_index);
	nexthop_of(PRIMARY, &index, &group);
	assert_int_equal(group_read(group).vlan, 0);
	close_dataplane();
	open_dataplane();
	nexthop_put_on(PRIMARY, vlan, 1500);
	nexthop_of(PRIMARY, &next_index, &next_group);
	assert_int_equal(next_index, index);
	assert_int_equal(server_vlan(service_index, 0), vlan);
}

static void test_interfaces_when_replaced_then_only_the_new_ones_are_there(void **state)
{
	const struct dataplane_interface both[] = {
		{.ifindex = 4, .send_ifindex = 4, .address4 = address("192.0.2.1")},
		{.ifindex = 9,
		 .send_ifindex = 4,
		 .vlan = TD_VLAN_ONE | 7,
		 .address6 = address("2001:db8::1")},
	};
	struct td_interface_key key = {.ifindex = 4};
	struct td_interface value;
	struct td_upper upper;
	uint32_t index = 9;

	(void)state;
	need_bpf();
	open_dataplane();
	assert_int_equal(dataplane_set_interfaces(rig.dataplane, both, 2), 0);
	assert_int_equal(map_read("interfaces", &key, &value), 0);
	assert_int_equal(value.addr4, inet_addr("192.0.2.1"));
	key.vlan = TD_VLAN_ONE | 7;
	assert_int_equal(map_read("interfaces", &key, &value), 0);
	assert_memory_equal(value.addr6, both[1].address6.bytes, 16);
	assert_int_equal(map_read("uppers", &index, &upper), 0);
	assert_int_equal(upper.ifindex, 4);
	assert_int_equal(upper.vlan, TD_VLAN_ONE | 7);

	assert_int_equal(dataplane_set_interfaces(rig.dataplane, both, 1), 0);
	assert_int_not_equal(map_read("interfaces", &key, &value), 0);
	assert_int_not_equal(map_read("uppers", &index, &upper), 0);
	key.vlan = 0;
	assert_int_equal(map_read("interfaces", &key, &value), 0);
}

static bool filter_has(const __u64 *filter, const struct netaddr *checked, const __be32 *mask)
{
	__be32 words[4];
	__u32 hash;

	memcpy(words, checked->bytes, sizeof(words));
	for (unsigned int i = 0; mask && i < 4; i++)
		words[i] &= mask[i];
	hash = td_address_hash(td_address_fold(words));
	return filter[td_filter_word(hash)] & td_filter_bit(hash);
}

static struct td_settings settings_read(void)
{
	struct td_settings settings;
	__u32 zero = 0;

	assert_int_equal(map_read("settings", &zero, &settings), 0);
	return settings;
}

static void test_local_addresses_when_replaced_then_old_ones_are_gone(void **state)
{
	struct netaddr first[] = {address("192.0.2.1"), address("2001:db8::1")};
	struct netaddr second[] = {address("2001:db8::1"), address("192.0.2.2")};
	struct td_local_key gone = {{inet_addr("192.0.2.1")}, 4};
	struct td_local_key there = {{inet_addr("192.0.2.2")}, 4};
	struct td_settings settings;
	__u32 value;

	(void)state;
	need_bpf();
	open_dataplane();
	assert_int_equal(dataplane_set_local_addresses(rig.dataplane, first, 2), 0);
	assert_int_equal(map_read("local_addresses", &gone, &value), 0);
	close_dataplane();
	open_dataplane();
	assert_int_equal(dataplane_set_local_addresses(rig.dataplane, second, 2), 0);
	assert_int_equal(map_read("local_addresses", &gone, &value), -ENOENT);
	assert_int_equal(map_read("local_addresses", &there, &value), 0);
	settings = settings_read();
	assert_true(filter_has(settings.local_filter, &second[0], NULL));
	assert_true(filter_has(settings.local_filter, &second[1], NULL));
	assert_false(filter_has(settings.local_filter, &first[0], NULL));
	assert_int_equal(
		dataplane_set_local_addresses(rig.dataplane, NULL, TD_MAX_LOCAL_ADDRESSES + 1),
		-ENOSPC);
}

static void test_routes_when_set_then_only_others_take_the_default(void **state)
{
	const struct dataplane_prefix four[] = {{address("10.0.0.0"), 8},
						{address("192.0.2.0"), 24}};
	const struct dataplane_prefix six[] = {{address("2001:db8:1::"), 48},
					       {address("2001:db8:2:3::"), 64}};
	struct netaddr own4 = address("10.9.8.7"), far4 = address("203.0.113.7");
	struct netaddr own6 = address("2001:db8:2:3:4::"), far6 = address("2001:db8:ffff::7");
	struct td_settings settings;
	__u32 generation;

	(void)state;
	need_bpf();
	open_dataplane();
	generation = settings_read().route_generation;
	assert_int_not_equal(generation, 0);
	/* Nothing is taken for granted before. */
	assert_true(filter_has(settings_read().route_filter4, &far4, NULL));

	assert_int_equal(dataplane_set_routes(rig.dataplane, AF_INET, four, 2, true), 0);
	assert_int_equal(dataplane_set_routes(rig.dataplane, AF_INET6, six, 2, true), 0);
	settings = settings_read();
	assert_int_not_equal(settings.route_generation, generation);
	assert_int_equal(settings.route_mask4, htonl(0xff000000));
	assert_int_equal(settings.route_mask6[1], htonl(0xffff0000));
	assert_int_equal(settings.route_mask6[2], 0);
	assert_true(filter_has(settings.route_filter4, &own4,
			       (__be32[4]){settings.route_mask4, 0, 0, 0}));
	assert_false(filter_has(settings.route_filter4, &far4,
				(__be32[4]){settings.route_mask4, 0, 0, 0}));
	assert_true(filter_has(settings.route_filter6, &own6, settings.route_mask6));
	assert_false(filter_has(settings.route_filter6, &far6, settings.route_mask6));

	assert_int_equal(dataplane_set_routes(rig.dataplane, AF_INET, NULL, 0, false), 0);
	settings = settings_read();
	assert_true(filter_has(settings.route_filter4, &far4, NULL));
	assert_false(filter_has(settings.route_filter6, &far6, settings.route_mask6));
	generation = settings.route_generation;
	dataplane_invalidate_routes(rig.dataplane);
	assert_int_not_equal(settings_read().route_generation, generation);
}

static void test_route_generation_when_it_wraps_then_is_never_zero(void **state)
{
	struct td_settings settings;
	__u32 zero = 0;

	(void)state;
	need_bpf();
	open_dataplane();
	settings = settings_read();
	settings.route_generation = UINT32_MAX;
	map_write("settings", &zero, &settings);
	dataplane_invalidate_routes(rig.dataplane);
	assert_int_equal(settings_read().route_generation, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, test_end)
		TEST(test_open_when_another_holds_the_folder_then_names_its_pid),
		TEST(test_open_when_the_abi_differs_then_touches_nothing),
		TEST(test_open_when_a_map_is_another_then_names_it),
		TEST(test_open_when_the_folder_is_no_bpffs_then_says_so),
		TEST(test_open_when_the_folder_has_other_pins_then_leaves_them),
		TEST(test_attach_then_native_where_the_driver_has_it),
		TEST(test_open_again_then_links_stay_and_programs_are_new),
		TEST(test_attach_when_another_program_is_there_then_leaves_it),
		TEST(test_attach_when_the_interface_was_made_anew_then_replaces_the_link),
		TEST(test_purge_then_nothing_is_left),
		TEST(test_nexthop_when_it_changes_then_the_element_or_the_group_does),
		TEST(test_nexthop_when_vlan_or_mtu_change_then_services_name_them),
		TEST(test_interfaces_when_replaced_then_only_the_new_ones_are_there),
		TEST(test_local_addresses_when_replaced_then_old_ones_are_gone),
		TEST(test_routes_when_set_then_only_others_take_the_default),
		TEST(test_route_generation_when_it_wraps_then_is_never_zero),
	};

	return cmocka_run_group_tests_name("dataplane_host", tests, rig_start, rig_end);
}
