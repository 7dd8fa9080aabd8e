/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services in the maps, as somebody else reads them from bpffs. */
#include "dataplane_rig.h"

#include "dataplane_snapshot.h"

#define VIP	"192.0.2.10"
#define PRIMARY "198.51.100.11"
#define STANDBY "198.51.100.12"
#define OTHER	"198.51.100.13"

static void map_freeze(const char *map)
{
	AUTO(close_fd) int fd = pin_open(map);

	assert_int_equal(bpf_map_freeze(fd), 0);
}

static int endpoint_read4(const char *server, uint16_t port, struct td_endpoint *ret)
{
	struct td_service_key4 key = {.port = htons(port), .proto = IPPROTO_TCP};

	inet_pton(AF_INET, server, &key.addr);
	return map_read("endpoints4", &key, ret);
}

static bool port_is_served(uint16_t port)
{
	struct td_ports ports;
	__u32 zero = 0;

	assert_int_equal(map_read("ports", &zero, &ports), 0);
	return ports.services[port / 64] >> (port % 64) & 1;
}

static bool port_is_endpoint(uint16_t port)
{
	struct td_ports ports;
	__u32 zero = 0;

	assert_int_equal(map_read("ports", &zero, &ports), 0);
	return ports.endpoints[port / 64] >> (port % 64) & 1;
}

static void test_put_when_new_then_the_maps_hold_all_of_it(void **state)
{
	struct dataplane_service wanted = service(VIP, 80, PRIMARY, STANDBY);
	struct td_service_ref ref, vip_only;
	struct td_endpoint endpoint;
	struct td_service row;
	struct td_group group;
	__u64 word;
	uint32_t index;

	(void)state;
	need_bpf();
	open_dataplane();
	assert_false(dataplane_was_adopted(rig.dataplane));
	index = put(&wanted, 0x1234);

	assert_int_equal(gate_read4(VIP, 80, IPPROTO_TCP, &ref), 0);
	assert_int_equal(ref.service, index);
	assert_int_equal(gate_read4(VIP, 0, 0, &vip_only), 0);
	assert_int_equal(vip_only.service, TD_VIP_ONLY);
	assert_int_equal(map_read("service_table", &index, &row), 0);
	assert_int_equal(row.vip[0], inet_addr(VIP));
	assert_int_equal(row.port, htons(80));
	assert_int_equal(row.proto, IPPROTO_TCP);
	assert_int_equal(row.family, 4);
	assert_int_equal(row.group, ref.group);
	group = group_read(ref.group);
	assert_int_equal(group.service, index);
	assert_int_equal(group.servers[0].addr[0], inet_addr(PRIMARY));
	assert_int_equal(group.servers[1].addr[0], inet_addr(STANDBY));
	assert_int_equal(group.servers[1].port, htons(8000));
	assert_int_not_equal(group.servers[0].nexthop, group.servers[1].nexthop);
	assert_int_equal(endpoint_read4(STANDBY, 8000, &endpoint), 0);
	assert_int_equal(endpoint.service, index);
	assert_int_equal(endpoint.slot, 1);
	assert_int_equal(map_read("group_state", &ref.group, &word), 0);
	assert_int_equal(word, 0x1234);
	assert_true(port_is_served(80) && port_is_endpoint(8000));
	assert_false(port_is_served(8000) || port_is_endpoint(80));
}

static void test_put_when_ipv6_then_the_keys_are_whole(void **state)
{
	struct dataplane_service wanted =
		service("2001:db8::10", 53, "2001:db8:2::1", "2001:db8:2::2");
	struct td_service_key6 key = {.port = htons(8000), .proto = IPPROTO_UDP};
	struct td_endpoint endpoint;
	struct td_service row;
	uint32_t index;

	(void)state;
	need_bpf();
	open_dataplane();
	wanted.protocol = IPPROTO_UDP;
	index = put(&wanted, 0);
	inet_pton(AF_INET6, "2001:db8:2::1", key.addr);
	assert_int_equal(map_read("endpoints6", &key, &endpoint), 0);
	assert_int_equal(endpoint.service, index);
	inet_pton(AF_INET6, "2001:db8::10", key.addr);
	assert_int_equal(map_read("service_table", &index, &row), 0);
	assert_int_equal(row.family, 6);
	assert_memory_equal(row.vip, key.addr, 16);
}

static void test_put_when_the_same_is_there_then_only_the_state_changes(void **state)
{
	struct dataplane_service wanted = service(VIP, 80, PRIMARY, STANDBY);
	struct snapshot before;
	struct td_service_ref ref;
	uint32_t index;
	__u64 word;

	(void)state;
	need_bpf();
	open_dataplane();
	index = put(&wanted, 1);
	before = snapshot_take();
	assert_int_equal(put(&wanted, 2), index);
	assert_unchanged(before);
	gate_read4(VIP, 80, IPPROTO_TCP, &ref);
	assert_int_equal(map_read("group_state", &ref.group, &word), 0);
	assert_int_equal(word, 2);
}

static void test_put_when_servers_differ_then_switches_to_a_fresh_group(void **state)
{
	struct dataplane_service old = service(VIP, 80, PRIMARY, STANDBY);
	struct dataplane_service new = service(VIP, 80, STANDBY, OTHER);
	struct td_service_ref before, after;
	struct td_endpoint endpoint;
	struct td_service row;
	uint32_t index;
	__u64 word;

	(void)state;
	need_bpf();
	open_dataplane();
	index = put(&old, 1);
	gate_read4(VIP, 80, IPPROTO_TCP, &before);
	assert_int_equal(put(&new, 0x105), index);
	gate_read4(VIP, 80, IPPROTO_TCP, &after);
	assert_int_equal(after.service, index);
	assert_int_not_equal(after.group, before.group);
	/* Who has read the old one still finds it whole. */
	assert_int_equal(group_read(before.group).servers[0].addr[0], inet_addr(PRIMARY));
	assert_int_equal(group_read(after.group).servers[0].addr[0], inet_addr(STANDBY));
	assert_int_equal(map_read("group_state", &after.group, &word), 0);
	assert_int_equal(word, 0x105);
	map_read("service_table", &index, &row);
	assert_int_equal(row.group, after.group);
	assert_int_equal(endpoint_read4(PRIMARY, 8000, &endpoint), -ENOENT);
	assert_int_equal(endpoint_read4(STANDBY, 8000, &endpoint), 0);
	assert_int_equal(endpoint.slot, 0);
	assert_int_equal(endpoint_read4(OTHER, 8000, &endpoint), 0);
	assert_int_equal(endpoint.slot, 1);
}

static void test_put_when_an_endpoint_is_taken_then_names_its_service(void **state)
{
	struct dataplane_service first = service(VIP, 80, PRIMARY, STANDBY);
	struct dataplane_service second = service(VIP, 81, OTHER, STANDBY);
	struct dataplane_service twice = service(VIP, 82, OTHER, OTHER);
	struct dataplane_service mixed = service(VIP, 83, OTHER, "2001:db8::1");
	struct snapshot before;
	uint32_t index = 77;

	(void)state;
	need_bpf();
	open_dataplane();
	put(&first, 0);
	before = snapshot_take();
	assert_int_equal(put_result(&second, 0, &index), -EEXIST);
	assert_non_null(strstr(rig.error.message, STANDBY " port 8000/tcp"));
	assert_non_null(strstr(rig.error.message, VIP " port 80/tcp"));
	assert_int_equal(put_result(&twice, 0, &index), -EINVAL);
	assert_int_equal(put_result(&mixed, 0, &index), -EINVAL);
	assert_int_equal(index, 77);
	assert_unchanged(before);
}

static struct dataplane_service numbered(uint32_t n)
{
	struct dataplane_service made = service(VIP, 1 + n, PRIMARY, STANDBY);
	__be32 primary = htonl(0x0a000000 + 2 * n), secondary = htonl(0x0a000001 + 2 * n);

	memcpy(made.servers[0].address.bytes, &primary, 4);
	memcpy(made.servers[1].address.bytes, &secondary, 4);
	return made;
}

static void test_put_when_a_map_is_full_then_nothing_changes(void **state)
{
	struct dataplane_service wanted, six;
	struct dataplane_usage usage[DATAPLANE_USAGE_MAX];
	struct snapshot before;
	uint32_t index = 77;

	(void)state;
	need_bpf();
	open_dataplane();
	/* One element is the VIP's own. */
	for (uint32_t n = 0; n < TD_MAX_SERVICES - 1; n++) {
		wanted = numbered(n);
		put(&wanted, 0);
	}
	assert_quick_is_whole(true);
	before = snapshot_take();
	wanted = numbered(TD_MAX_SERVICES);
	assert_int_equal(put_result(&wanted, 0, &index), -ENOSPC);
	assert_non_null(strstr(rig.error.message, "services4 is full: 16384 of 16384"));
	assert_unchanged(before);

	six = service("2001:db8::10", 80, "2001:db8:2::1", "2001:db8:2::2");
	put(&six, 0);
	before = snapshot_take();
	six = service("2001:db8::10", 81, "2001:db8:2::3", "2001:db8:2::4");
	assert_int_equal(put_result(&six, 0, &index), -ENOSPC);
	assert_non_null(strstr(rig.error.message, "service_table is full"));
	assert_unchanged(before);
	/* A replacement wants room for the new endpoints beside the old ones: there is just enough.
	 */
	wanted = service(VIP, 1, OTHER, "198.51.100.14");
	put(&wanted, 0);
	assert_int_equal(dataplane_usage_read(rig.dataplane, usage), DATAPLANE_USAGE_MAX);
	assert_quick_is_whole(true);
	assert_string_equal(usage[0].map, "services4");
	assert_int_equal(usage[0].used, TD_MAX_SERVICES);
	assert_int_equal(usage[0].max, TD_MAX_SERVICES);

	/* The indices come back when services go, whether their entries had a slot or not. */
	for (uint32_t i = 0; i < TD_MAX_SERVICES; i++) {
		dataplane_service_remove(rig.dataplane, i);
		if (i == TD_MAX_SERVICES / 2)
			assert_quick_is_whole(true);
	}
	assert_quick_is_whole(false);
	dataplane_usage_read(rig.dataplane, usage);
	for (unsigned int i = 0; i < DATAPLANE_USAGE_MAX; i++)
		assert_int_equal(usage[i].used, 0);
}

static void test_put_when_the_kernel_refuses_then_nothing_changes(void **state)
{
	struct dataplane_service old = service(VIP, 80, PRIMARY, STANDBY);
	struct dataplane_service new = service(VIP, 80, STANDBY, OTHER);
	struct dataplane_service more = service(VIP, 81, OTHER, "198.51.100.14");
	struct snapshot before;
	uint32_t index = 77;

	(void)state;
	need_bpf();
	open_dataplane();
	put(&old, 1);
	before = snapshot_take();
	/* A frozen map takes no writes any more: the last step of a replacement fails. */
	map_freeze("services4");
	assert_int_equal(put_result(&new, 2, &index), -EPERM);
	assert_unchanged(before);
	before = snapshot_take();
	assert_int_equal(put_result(&more, 2, &index), -EPERM);
	assert_unchanged(before);
	before = snapshot_take();
	map_freeze("endpoints4");
	assert_int_equal(put_result(&new, 2, &index), -EPERM);
	assert_int_equal(put_result(&more, 2, &index), -EPERM);
	assert_unchanged(before);
	assert_int_equal(index, 77);
}

static void test_remove_then_nothing_is_left_of_it(void **state)
{
	struct dataplane_service first = service(VIP, 80, PRIMARY, STANDBY);
	struct dataplane_service second = service(VIP, 81, OTHER, "198.51.100.14");
	struct td_service_ref ref;
	struct snapshot empty, one;
	uint32_t index, again;

	(void)state;
	need_bpf();
	open_dataplane();
	empty = snapshot_take();
	put(&first, 0);
	one = snapshot_take();
	index = put(&second, 0);
	dataplane_service_remove(rig.dataplane, index);
	assert_unchanged(one);
	/* A packet on its way may still hold the index. */
	again = put(&second, 0);
	assert_int_not_equal(again, index);
	dataplane_service_remove(rig.dataplane, again);
	assert_int_equal(gate_read4(VIP, 0, 0, &ref), 0);
	assert_int_equal(dataplane_service_find(rig.dataplane, &first, &index, &(__u64){0}), 0);
	dataplane_service_remove(rig.dataplane, index);
	assert_unchanged(empty);
}

static void test_state_store_then_the_map_has_it(void **state)
{
	struct dataplane_service wanted = service(VIP, 80, PRIMARY, STANDBY);
	struct td_service_ref ref;
	uint32_t index;
	__u64 word;

	(void)state;
	need_bpf();
	open_dataplane();
	index = put(&wanted, 0);
	gate_read4(VIP, 80, IPPROTO_TCP, &ref);
	dataplane_state_store(rig.dataplane, index, 0xfeedfacecafef00dULL);
	assert_int_equal(map_read("group_state", &ref.group, &word), 0);
	assert_true(word == 0xfeedfacecafef00dULL);
	assert_true(dataplane_state_load(rig.dataplane, index) == word);
}

static void test_open_again_then_services_keep_index_and_state(void **state)
{
	struct dataplane_service first = service(VIP, 80, PRIMARY, STANDBY);
	struct dataplane_service second = service(VIP, 81, OTHER, "198.51.100.14");
	struct dataplane_service other_server = service(VIP, 80, OTHER, STANDBY);
	__u64 word = TD_STATE_ELIGIBLE(0) | TD_STATE_UNHEALTHY(1), found;
	struct snapshot before;
	uint32_t index, adopted;
	__u32 map;

	(void)state;
	need_bpf();
	open_dataplane();
	put(&second, 0);
	dataplane_service_remove(rig.dataplane, 0);
	put(&second, 7);
	index = put(&first, word);
	map = map_id("services4");
	before = snapshot_take();
	close_dataplane();
	assert_unchanged(before);
	before = snapshot_take();

	open_dataplane();
	assert_true(dataplane_was_adopted(rig.dataplane));
	assert_int_equal(dataplane_adopted_services(rig.dataplane), 2);
	assert_int_equal(map_id("services4"), map);
	assert_unchanged(before);
	assert_int_equal(dataplane_service_find(rig.dataplane, &first, &adopted, &found), 0);
	assert_int_equal(adopted, index);
	assert_int_equal(found, word);
	/* What was known of another server says nothing of this one. */
	assert_int_equal(dataplane_service_find(rig.dataplane, &other_server, &adopted, &found), 0);
	assert_int_equal(found, TD_STATE_UNHEALTHY(1));
	assert_int_equal(put(&first, word), index);
	assert_int_equal(dataplane_service_sweep(rig.dataplane), 1);
	assert_int_equal(dataplane_service_find(rig.dataplane, &second, &adopted, &found), -ENOENT);
	assert_int_equal(dataplane_service_sweep(rig.dataplane), 0);
}

static void test_open_again_when_the_agent_was_killed_halfway_then_mends(void **state)
{
	struct dataplane_service wanted = service(VIP, 80, PRIMARY, STANDBY);
	struct td_service_key4 vip_key = {.addr = inet_addr(VIP)};
	struct td_service_key4 lost = {inet_addr(OTHER), htons(9), IPPROTO_TCP, 0};
	struct td_service_key4 endpoint_key = {inet_addr(PRIMARY), htons(8000), IPPROTO_TCP, 0};
	struct td_service_ref ref = {.service = 9, .group = 9};
	struct td_endpoint endpoint = {.service = 9, .slot = 1};
	struct td_service row = {.family = 4, .group = 5};
	struct td_ports ports = {.services = {[5] = 0xff}};
	struct td_quick4 quick = {.keys = {0x0206090a0b0c0d0eULL}, .overflow = 3}, none = {0};
	__u32 zero = 0, five = 5;
	struct snapshot before;
	AUTO(close_fd) int fd = -1;

	(void)state;
	need_bpf();
	open_dataplane();
	put(&wanted, 0);
	before = snapshot_take();
	close_dataplane();

	fd = pin_open("services4");
	assert_int_equal(bpf_map_delete_elem(fd, &vip_key), 0);
	map_write("services4", &lost, &ref);
	map_write("endpoints4", &lost, &endpoint);
	map_write("endpoints4", &endpoint_key, &endpoint);
	map_write("service_table", &five, &row);
	map_write("ports", &zero, &ports);
	/* Slots that are lost, wrong, and of nobody; a count that is off. */
	for (uint32_t i = 0; i < TD_QUICK_BUCKETS; i++)
		map_write("quick4", &i, i % 2 ? &quick : &none);

	open_dataplane();
	assert_int_equal(dataplane_adopted_services(rig.dataplane), 1);
	assert_unchanged(before);
}

static void test_counters_when_an_index_is_used_again_then_start_from_zero(void **state)
{
	int cpus = libbpf_num_possible_cpus();
	AUTO(free_memory) struct td_counters *values = calloc(cpus, sizeof(*values));
	struct dataplane_service wanted = service(VIP, 80, PRIMARY, STANDBY);
	struct td_counters sum;
	uint32_t index, element;

	(void)state;
	need_bpf();
	open_dataplane();
	index = put(&wanted, 0);
	element = 2 * index + 1;
	for (int i = 0; i < cpus; i++) {
		values[i].packets_in = 10;
		values[i].refused = 1;
	}
	map_write("counters", &element, values);
	assert_int_equal(dataplane_counters_read(rig.dataplane, index, 1, &sum), 0);
	assert_int_equal(sum.packets_in, 10 * cpus);
	assert_int_equal(sum.refused, cpus);
	assert_int_equal(sum.packets_out, 0);

	dataplane_service_remove(rig.dataplane, index);
	for (uint32_t i = 1; i < TD_MAX_SERVICES; i++) {
		assert_int_equal(put(&wanted, 0), i);
		dataplane_service_remove(rig.dataplane, i);
	}
	assert_int_equal(put(&wanted, 0), index);
	assert_int_equal(dataplane_counters_read(rig.dataplane, index, 1, &sum), 0);
	assert_int_equal(sum.packets_in, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, test_end)
		TEST(test_put_when_new_then_the_maps_hold_all_of_it),
		TEST(test_put_when_ipv6_then_the_keys_are_whole),
		TEST(test_put_when_the_same_is_there_then_only_the_state_changes),
		TEST(test_put_when_servers_differ_then_switches_to_a_fresh_group),
		TEST(test_put_when_an_endpoint_is_taken_then_names_its_service),
		TEST(test_put_when_a_map_is_full_then_nothing_changes),
		TEST(test_put_when_the_kernel_refuses_then_nothing_changes),
		TEST(test_remove_then_nothing_is_left_of_it),
		TEST(test_state_store_then_the_map_has_it),
		TEST(test_open_again_then_services_keep_index_and_state),
		TEST(test_open_again_when_the_agent_was_killed_halfway_then_mends),
		TEST(test_counters_when_an_index_is_used_again_then_start_from_zero),
	};

	return cmocka_run_group_tests_name("dataplane", tests, rig_start, rig_end);
}
