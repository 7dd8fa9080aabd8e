/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The use cases are all or nothing: each call below them is made to fail in turn. */
#include "service_rig.h"

/* One gateway with most kinds of object: a running pair of listeners and one that is stopped. */
static void given_everything(struct rig *rig)
{
	struct load_balancer balancer;
	struct server_group group;

	balancer = given_balancer(rig, "192.0.2.10");
	given_server(rig, "i-a", "10.0.0.1");
	given_server(rig, "i-b", "10.0.0.2");
	given_server(rig, "i-spare", "10.0.0.8");
	group = given_group(rig, &balancer, "one", "i-a", "i-b", 80);
	given_running_listener(rig, &group, 80);
	group = given_group(rig, &balancer, "two", "i-b", "i-a", 81);
	given_running_listener(rig, &group, 81);
	group = given_group(rig, &balancer, "three", "i-a", "10.0.0.3", 82);
	given_listener(rig, &group, 82);
	given_group(rig, &balancer, "idle", "10.0.0.4", "10.0.0.5", 90);
}

static struct listener the_listener(struct rig *rig, uint16_t port)
{
	struct listener listener;

	assert_ok(rig, service_listener_find(rig->service, "lb-192.0.2.10", 0, port, &listener,
					     &rig->error));
	return listener;
}

static int create_balancer(struct rig *rig)
{
	struct load_balancer balancer = balancer_at("192.0.2.20");

	balancer.create_time = 1;
	return service_load_balancer_create(rig->service, &balancer, &rig->error);
}

static int delete_balancer(struct rig *rig)
{
	return service_load_balancer_delete(rig->service, "lb-192.0.2.10", &rig->error);
}

static int create_group(struct rig *rig)
{
	struct load_balancer balancer = balancer_at("192.0.2.10");
	struct server_group group = group_of(&balancer, "new", "10.0.0.6", "i-b", 85);

	return service_group_create(rig->service, &group, &rig->error);
}

static int delete_group(struct rig *rig)
{
	return service_group_delete(rig->service, "rsp-idle", &rig->error);
}

static int create_listener(struct rig *rig)
{
	struct load_balancer balancer = balancer_at("192.0.2.10");
	struct server_group group = group_of(&balancer, "idle", "", "", 0);
	struct listener listener = listener_of(&group, PROTOCOL_UDP, 90);

	snprintf(listener.description, sizeof(listener.description), "new-listener");
	return service_listener_create(rig->service, &listener, &rig->error);
}

static int start_listener(struct rig *rig)
{
	struct listener listener = the_listener(rig, 82);

	return service_listener_start(rig->service, &listener, &rig->error);
}

static int stop_listener(struct rig *rig)
{
	struct listener listener = the_listener(rig, 80);

	return service_listener_stop(rig->service, &listener, &rig->error);
}

static int delete_listener(struct rig *rig)
{
	struct listener listener = the_listener(rig, 81);

	return service_listener_delete(rig->service, &listener, &rig->error);
}

static int register_server(struct rig *rig)
{
	struct server server = server_at("i-new", "10.0.0.7");

	return service_server_register(rig->service, &server, false, &rig->error);
}

static int replace_server(struct rig *rig)
{
	struct server server = server_at("i-a", "10.0.0.9");

	return service_server_register(rig->service, &server, true, &rig->error);
}

static int deregister_server(struct rig *rig)
{
	return service_server_deregister(rig->service, "i-spare", &rig->error);
}

struct use {
	int (*act)(struct rig *rig);
	unsigned int steps;  /* that can fail: at least so many have to be tried */
	const char *appears; /* in the state afterwards, and not before */
	const char *goes;    /* the other way round */
};

/*
 * Fail each step in turn: nothing may differ. Then let it succeed. A step after the commit (the
 * announcement of a VIP) may fail and the change stays.
 */
static void check_use(struct rig *rig, const struct use *use)
{
	char *before, *after;
	unsigned int n;
	int r;

	given_everything(rig);
	before = fake_dump();
	assert_null(use->appears ? strstr(before, use->appears) : NULL);
	assert_non_null(strstr(before, use->goes ? use->goes : ""));
	for (n = 1;; n++) {
		memset(&rig->error, 0, sizeof(rig->error));
		fake_fail_at(n);
		r = use->act(rig);
		if (r >= 0)
			break;
		assert_true(fake_has_failed());
		assert_true(rig->error.message[0]);
		after = fake_dump();
		assert_string_equal(before, after);
		free(after);
	}
	assert_int_equal(r, 0);
	assert_true(n > use->steps);
	fake_fail_at(0);

	after = fake_dump();
	assert_non_null(strstr(after, use->appears ? use->appears : ""));
	assert_null(use->goes ? strstr(after, use->goes) : NULL);
	/* What memory has of it must be what a new agent reads from the store. */
	rig_restart(rig);
	free(before);
	before = fake_dump();
	assert_string_equal(before, after);
	free(before);
	free(after);
}

#define TEST_USE(name, ...)                                                                        \
	static void test_##name##_when_a_step_fails_then_nothing_differs(void **state)             \
	{                                                                                          \
		check_use(*state, &(struct use){name, __VA_ARGS__});                               \
	}

TEST_USE(create_balancer, 3, "address 192.0.2.20 tracks=0 nexthop=0 vip=1", NULL)
TEST_USE(delete_balancer, 2, NULL, "192.0.2.10")
TEST_USE(create_group, 3, "rsp-new", NULL)
TEST_USE(delete_group, 1, NULL, "rsp-idle")
TEST_USE(create_listener, 1, "new-listener", NULL)
TEST_USE(start_listener, 4, "service 192.0.2.10:82/6", NULL)
TEST_USE(stop_listener, 1, NULL, "service 192.0.2.10:80/6")
TEST_USE(delete_listener, 1, NULL, "service 192.0.2.10:81/6")
TEST_USE(register_server, 2, "i-new", NULL)
TEST_USE(replace_server, 6, "address 10.0.0.9 tracks=1 nexthop=1", "address 10.0.0.1 ")
TEST_USE(deregister_server, 1, NULL, "i-spare")

static void test_agent_start_when_a_step_fails_then_the_maps_go_on(void **state)
{
	struct rig *rig = *state;
	char *before, *after;
	unsigned int n = 0;
	int r;

	given_everything(rig);
	before = fake_dump();
	do {
		rig->service = service_free(rig->service);
		fake_restart();
		fake_fail_at(++n);
		r = rig_start(rig);
		if (r < 0)
			assert_true(rig->error.message[0]);
		fake_fail_at(0);
		assert_int_equal(fake_service_count(), 2);
		assert_true(fake_address(&(struct netaddr){AF_INET, {10, 0, 0, 1}})->nexthop);
	} while (r < 0);
	assert_true(n > 8);
	after = fake_dump();
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void test_start_when_started_already_then_success_without_a_change(void **state)
{
	struct rig *rig = *state;
	struct listener listener;

	given_everything(rig);
	listener = the_listener(rig, 80);
	assert_true(listener.running);
	fake_fail_at(1);
	assert_ok(rig, service_listener_start(rig->service, &listener, &rig->error));
	listener = the_listener(rig, 82);
	assert_false(listener.running);
	assert_ok(rig, service_listener_stop(rig->service, &listener, &rig->error));
	assert_int_equal(fake.calls, 0);
}

static void test_everything_deleted_then_nothing_is_left(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer;
	struct server_group group;

	given_everything(rig);
	assert_int_equal(delete_balancer(rig), 0);
	assert_true(fake_is_empty());
	/* What they occupied is free again: endpoints for another listener, addresses for VIPs. */
	balancer = given_balancer(rig, "192.0.2.50");
	group = given_group(rig, &balancer, "again", "i-a", "i-b", 80);
	given_running_listener(rig, &group, 80);
	assert_ok(rig, service_load_balancer_delete(rig->service, balancer.id, &rig->error));
	assert_ok(rig, service_server_deregister(rig->service, "i-a", &rig->error));
	given_balancer(rig, "10.0.0.1");
	given_balancer(rig, "10.0.0.3");
	given_balancer(rig, "10.0.0.4");
}

static void test_replace_when_listeners_run_then_their_packets_follow(void **state)
{
	struct rig *rig = *state;
	struct netaddr address = address_of("10.0.0.9");
	struct server_group group;
	struct load_balancer balancer = balancer_at("192.0.2.10");

	given_everything(rig);
	assert_int_equal(replace_server(rig), 0);
	assert_int_equal(fake_count_at("10.0.0.9", ROLE_MASTER), 1);
	assert_int_equal(fake_count_at("10.0.0.9", ROLE_SLAVE), 1);
	assert_int_equal(fake_count_at("10.0.0.1", ROLE_MASTER), 0);
	assert_int_equal(fake_count_at("10.0.0.1", ROLE_SLAVE), 0);
	/* The stopped one starts at the new address, and the old one is free. */
	assert_int_equal(start_listener(rig), 0);
	assert_int_equal(fake_address(&address)->tracks, 1);
	group = given_group(rig, &balancer, "old", "10.0.0.1", "10.0.0.6", 80);
	given_running_listener(rig, &group, 83);
	assert_int_equal(fake_service_count(), 4);
}

static void test_replace_when_done_then_the_old_address_can_be_a_vip(void **state)
{
	struct rig *rig = *state;

	given_everything(rig);
	assert_int_equal(replace_server(rig), 0);
	given_balancer(rig, "10.0.0.1");
}

static void test_agent_start_when_maps_have_more_then_it_is_removed(void **state)
{
	struct rig *rig = *state;
	struct dataplane_service stale;

	given_everything(rig);
	memset(&stale, 0, sizeof(stale));
	stale.vip = address_of("192.0.2.99");
	stale.port = 9;
	stale.protocol = IPPROTO_TCP;
	fake_add_service(&stale, 900, 5);
	rig_restart(rig);
	assert_null(fake_find(&stale));
	assert_int_equal(fake_service_count(), 2);
}

/* A service that the store no longer has holds an endpoint of one that it has. */
static void test_agent_start_when_a_stale_service_is_in_the_way_then_it_gives_way(void **state)
{
	struct rig *rig = *state;
	struct dataplane_service stale;
	struct listener listener;

	given_everything(rig);
	listener = the_listener(rig, 80);
	assert_ok(rig, service_listener_stop(rig->service, &listener, &rig->error));
	rig->service = service_free(rig->service);
	fake_restart();
	assert_int_equal(store_begin(rig->store), 0);
	assert_int_equal(store_listener_set_running(rig->store, listener.load_balancer_id,
						    PROTOCOL_TCP, 80, true),
			 0);
	assert_int_equal(store_commit(rig->store), 0);
	memset(&stale, 0, sizeof(stale));
	stale.vip = address_of("192.0.2.99");
	stale.port = 9;
	stale.protocol = IPPROTO_TCP;
	stale.servers[0] = (struct dataplane_server){address_of("10.0.0.1"), 80};
	fake_add_service(&stale, 900, 5);

	assert_ok(rig, rig_start(rig));
	assert_null(fake_find(&stale));
	stale.vip = address_of("192.0.2.10");
	stale.port = 80;
	assert_non_null(fake_find(&stale));
}

static void test_agent_start_when_the_store_is_new_beside_services_then_refused(void **state)
{
	struct rig *rig = *state;
	struct service_options options;
	struct service *service = NULL;

	given_everything(rig);
	options = rig->options;
	options.store_is_new = true;
	assert_int_equal(service_new(rig->event, &options, &service, &rig->error), -ESTALE);
	assert_non_null(strstr(rig->error.message, "restore the database"));
	assert_non_null(strstr(rig->error.message, "--purge"));
	assert_int_equal(fake_service_count(), 2);
}

static void test_vip_when_others_manage_it_then_it_is_left_alone(void **state)
{
	struct rig *rig = *state;
	struct netaddr vip = address_of("192.0.2.10");
	struct load_balancer balancer = balancer_at("192.0.2.10");
	struct error *error = &rig->error;

	service_free(rig->service);
	rig->options.manage_vip = false;
	assert_ok(rig, service_new(rig->event, &rig->options, &rig->service, error));
	fake_address(&vip)->host = true;
	assert_ok(rig, service_load_balancer_create(rig->service, &balancer, error));
	assert_ok(rig, service_load_balancer_delete(rig->service, balancer.id, error));
	assert_false(fake_address(&vip)->vip);
	assert_true(fake_address(&vip)->host);
	assert_int_equal(fake_address(&vip)->announced, 0);
}

static void test_vip_when_managed_then_announced_at_creation_and_at_each_start(void **state)
{
	struct rig *rig = *state;
	struct netaddr vip = address_of("2001:db8::10");

	given_balancer(rig, "2001:db8::10");
	assert_int_equal(fake_address(&vip)->announced, 1);
	fake_address(&vip)->vip = false; /* the host was started anew */
	rig_restart(rig);
	assert_true(fake_address(&vip)->vip);
	assert_int_equal(fake_address(&vip)->announced, 1);
}

static void test_vip_when_it_leaves_the_host_then_put_back(void **state)
{
	struct rig *rig = *state;
	struct netaddr vip = address_of("192.0.2.10");

	given_everything(rig);
	fake_address(&vip)->vip = false;
	fake_address(&vip)->announced = 0;
	service_on_addresses(rig->service);
	assert_true(fake_address(&vip)->vip);
	assert_int_equal(fake_address(&vip)->announced, 1);
	service_on_addresses(rig->service);
	assert_int_equal(fake_address(&vip)->announced, 1);
}

static void test_host_events_when_told_then_the_maps_follow(void **state)
{
	struct rig *rig = *state;
	struct netaddr server = address_of("10.0.0.1");
	struct net_nexthop nexthop = {.ifindex = 3, .resolved = false};

	given_everything(rig);
	assert_true(fake_address(&server)->resolved);
	service_on_nexthop(rig->service, &server, &nexthop);
	assert_false(fake_address(&server)->resolved);
	server = address_of("10.9.9.9"); /* nobody's */
	service_on_nexthop(rig->service, &server, &nexthop);
	assert_false(fake_address(&server)->nexthop);

	service_on_addresses(rig->service);
	assert_int_equal(fake.local_count, 1);
	service_on_unresolved(rig->service, 2, &server);
	assert_int_equal(fake.resolves, 1);

	service_on_routes(rig->service);
	assert_int_equal(fake.route_count, 1);
	assert_true(fake.route_uniform);
	/* Routes that cannot be read (after the interfaces): nothing is taken for granted. */
	fake_fail_at(4);
	service_on_routes(rig->service);
	assert_int_equal(fake.route_count, 0);
	assert_false(fake.route_uniform);

	/* Before the service is built. */
	service_on_nexthop(NULL, &server, &nexthop);
	service_on_addresses(NULL);
	service_on_routes(NULL);
	service_on_unresolved(NULL, 2, &server);
}

static void test_start_when_a_map_is_full_then_refused_as_a_limit(void **state)
{
	struct rig *rig = *state;
	char *before, *after;

	given_everything(rig);
	fake.max_services = 2;
	before = fake_dump();
	assert_refused(rig, start_listener(rig), CODE_LIMIT, "full");
	after = fake_dump();
	assert_string_equal(before, after);
	free(before);
	free(after);
}

enum { MANY = 10000 };

static void store_many(struct rig *rig)
{
	struct load_balancer balancer = balancer_at("192.0.2.10");
	char name[32], master[32], slave[32];

	assert_int_equal(store_begin(rig->store), 0);
	assert_int_equal(store_load_balancer_insert(rig->store, &balancer), 0);
	for (unsigned int i = 0; i < MANY; i++) {
		struct server_group group;
		struct listener listener;

		snprintf(name, sizeof(name), "%u", i);
		snprintf(master, sizeof(master), "10.1.%u.%u", i / 256, i % 256);
		snprintf(slave, sizeof(slave), "10.2.%u.%u", i / 256, i % 256);
		group = group_of(&balancer, name, master, slave, 80);
		assert_int_equal(store_group_insert(rig->store, &group), 0);
		listener = listener_of(&group, PROTOCOL_TCP, i + 1);
		listener.running = true;
		assert_int_equal(store_listener_insert(rig->store, &listener), 0);
	}
	assert_int_equal(store_commit(rig->store), 0);
}

static void test_agent_start_when_there_are_10000_groups_then_it_takes_under_5_s(void **state)
{
	struct rig *rig = *state;
	uint64_t began_us;

	rig->service = service_free(rig->service);
	store_many(rig);
	began_us = clock_monotonic_us();
	assert_ok(rig, rig_start(rig));
	assert_true(clock_monotonic_us() - began_us < 5 * 1000 * 1000);
	assert_int_equal(fake_service_count(), MANY);
}

#define TEST(name)     cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
#define USE_TEST(name) TEST(test_##name##_when_a_step_fails_then_nothing_differs)

int main(void)
{
	const struct CMUnitTest tests[] = {
		USE_TEST(create_balancer),
		USE_TEST(delete_balancer),
		USE_TEST(create_group),
		USE_TEST(delete_group),
		USE_TEST(create_listener),
		USE_TEST(start_listener),
		USE_TEST(stop_listener),
		USE_TEST(delete_listener),
		USE_TEST(register_server),
		USE_TEST(replace_server),
		USE_TEST(deregister_server),
		TEST(test_agent_start_when_a_step_fails_then_the_maps_go_on),
		TEST(test_start_when_started_already_then_success_without_a_change),
		TEST(test_everything_deleted_then_nothing_is_left),
		TEST(test_replace_when_listeners_run_then_their_packets_follow),
		TEST(test_replace_when_done_then_the_old_address_can_be_a_vip),
		TEST(test_agent_start_when_maps_have_more_then_it_is_removed),
		TEST(test_agent_start_when_a_stale_service_is_in_the_way_then_it_gives_way),
		TEST(test_agent_start_when_the_store_is_new_beside_services_then_refused),
		TEST(test_vip_when_others_manage_it_then_it_is_left_alone),
		TEST(test_vip_when_managed_then_announced_at_creation_and_at_each_start),
		TEST(test_vip_when_it_leaves_the_host_then_put_back),
		TEST(test_host_events_when_told_then_the_maps_follow),
		TEST(test_start_when_a_map_is_full_then_refused_as_a_limit),
		TEST(test_agent_start_when_there_are_10000_groups_then_it_takes_under_5_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
