/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the use cases refuse since other objects are what they are; and that it leaves nothing
 * behind. */
#include "service_rig.h"

static int create_balancer(struct rig *rig, const char *address)
{
	struct load_balancer balancer = balancer_at(address);

	snprintf(balancer.id, sizeof(balancer.id), "lb-new");
	return service_load_balancer_create(rig->service, &balancer, &rig->error);
}

static int create_group(struct rig *rig, const struct load_balancer *balancer, const char *master,
			const char *slave, uint16_t port)
{
	struct server_group group = group_of(balancer, "new", master, slave, port);

	return service_group_create(rig->service, &group, &rig->error);
}

/* As above, with the master's ServerIp given and its kind. */
static int create_group_at(struct rig *rig, const struct load_balancer *balancer,
			   const char *master, enum server_type type, const char *address)
{
	struct server_group group = group_of(balancer, "new", master, "10.0.9.9", 80);

	group.servers[0].server_ip = address_of(address);
	group.servers[0].type = type;
	return service_group_create(rig->service, &group, &rig->error);
}

static int create_listener(struct rig *rig, const char *balancer_id, const char *group_id,
			   uint16_t port)
{
	struct listener listener;

	listener_init(&listener, PROTOCOL_TCP);
	snprintf(listener.load_balancer_id, sizeof(listener.load_balancer_id), "%s", balancer_id);
	snprintf(listener.group_id, sizeof(listener.group_id), "%s", group_id);
	listener.port = port;
	return service_listener_create(rig->service, &listener, &rig->error);
}

static int register_server(struct rig *rig, const char *id, const char *address, bool replace)
{
	struct server server = server_at(id, address);

	return service_server_register(rig->service, &server, replace, &rig->error);
}

static void test_balancer_when_the_vip_is_taken_then_refused(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct netaddr own = address_of("192.0.2.1");

	given_server(rig, "i-a", "10.0.0.1");
	given_group(rig, &balancer, "one", "i-a", "10.0.0.2", 80);
	fake_address(&own)->host = true;

	assert_refused(rig, create_balancer(rig, "192.0.2.10"), CODE_ADDRESS_IN_USE,
		       "lb-192.0.2.10");
	assert_refused(rig, create_balancer(rig, "192.0.2.1"), CODE_ADDRESS_IN_USE,
		       "the host has the address 192.0.2.1");
	assert_refused(rig, create_balancer(rig, "10.0.0.1"), CODE_SERVER_IS_VIP, "rsp-one");
	assert_refused(rig, create_balancer(rig, "10.0.0.2"), CODE_SERVER_IS_VIP, "rsp-one");
	given_server(rig, "i-free", "10.0.0.3");
	assert_refused(rig, create_balancer(rig, "10.0.0.3"), CODE_SERVER_IS_VIP, "i-free");
}

static void test_balancer_when_unknown_or_protected_then_refused(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = balancer_at("192.0.2.10");

	balancer.delete_protection = true;
	assert_ok(rig, service_load_balancer_create(rig->service, &balancer, &rig->error));
	assert_refused(rig, service_load_balancer_delete(rig->service, balancer.id, &rig->error),
		       CODE_DELETE_PROTECTION, "DeleteProtection is enabled");
	assert_refused(rig, service_load_balancer_delete(rig->service, "lb-none", &rig->error),
		       CODE_INVALID_LOAD_BALANCER, "lb-none");
	assert_refused(rig,
		       service_load_balancer_get(rig->service, "lb-none", &balancer, &rig->error),
		       CODE_INVALID_LOAD_BALANCER, "does not exist");
}

static void test_group_when_a_server_cannot_serve_then_refused(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct netaddr own = address_of("192.0.2.1");

	given_balancer(rig, "192.0.2.20");
	given_server(rig, "i-a", "10.0.0.1");
	fake_address(&own)->host = true;

	assert_refused(rig, create_group(rig, &balancer, "i-none", "10.0.0.2", 80),
		       CODE_INVALID_SERVER_ID, "tandemctl server add i-none");
	assert_refused(rig, create_group(rig, &balancer, "2001:db8::1", "10.0.0.2", 80),
		       CODE_ADDRESS_FAMILY, "192.0.2.10");
	assert_refused(rig, create_group(rig, &balancer, "192.0.2.10", "10.0.0.2", 80),
		       CODE_SERVER_IS_VIP, "lb-192.0.2.10");
	assert_refused(rig, create_group(rig, &balancer, "10.0.0.2", "192.0.2.20", 80),
		       CODE_SERVER_IS_VIP, "lb-192.0.2.20");
	assert_refused(rig, create_group(rig, &balancer, "192.0.2.1", "10.0.0.2", 80),
		       CODE_INVALID_PARAMETER, "gateway's own");
	assert_refused(rig, create_group(rig, &balancer, "127.0.0.1", "10.0.0.2", 80),
		       CODE_INVALID_PARAMETER, "127.0.0.1");
	assert_refused(rig, create_group(rig, &balancer, "i-a", "10.0.0.1", 80),
		       CODE_BACKEND_SERVERS_SAME, "10.0.0.1");
	balancer = balancer_at("192.0.2.30");
	assert_refused(rig, create_group(rig, &balancer, "i-a", "10.0.0.2", 80),
		       CODE_INVALID_LOAD_BALANCER, "lb-192.0.2.30");
}

static void test_group_when_server_ip_contradicts_the_inventory_then_refused(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");

	given_server(rig, "i-a", "10.0.0.1");
	given_server(rig, "i-b", "10.0.0.2");

	assert_refused(rig, create_group_at(rig, &balancer, "i-a", SERVER_ECS, "10.0.0.9"),
		       CODE_INVALID_PARAMETER, "stands for 10.0.0.1");
	assert_refused(rig, create_group_at(rig, &balancer, "10.0.0.7", SERVER_ECS, "10.0.0.9"),
		       CODE_INVALID_PARAMETER, "stands for 10.0.0.7");
	assert_refused(rig, create_group_at(rig, &balancer, "eni-x", SERVER_ENI, "10.0.0.2"),
		       CODE_TUNNEL_NAME_CONFLICT, "i-b");
	assert_refused(rig, create_group_at(rig, &balancer, "i-a", SERVER_ENI, "10.0.0.2"),
		       CODE_TUNNEL_NAME_CONFLICT, "i-b");
	assert_ok(rig, create_group_at(rig, &balancer, "i-a", SERVER_ECS, "10.0.0.1"));
	/* The other way round: the group was first. */
	assert_refused(rig, register_server(rig, "i-a", "10.0.0.5", true), CODE_INVALID_PARAMETER,
		       "10.0.0.1");
}

static void test_group_when_an_eni_has_more_addresses_then_accepted(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");

	given_server(rig, "eni-a", "10.0.0.1");
	assert_ok(rig, create_group_at(rig, &balancer, "eni-a", SERVER_ENI, "10.0.0.8"));
}

static void test_group_when_network_or_zone_differ_then_refused(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = balancer_at("192.0.2.10");
	struct server server = server_at("i-a", "10.0.0.1");

	strcpy(balancer.vpc_id, "vpc-1");
	strcpy(balancer.master_zone_id, "zone-a");
	strcpy(balancer.slave_zone_id, "zone-b");
	assert_ok(rig, service_load_balancer_create(rig->service, &balancer, &rig->error));
	strcpy(server.network, "vpc-2");
	strcpy(server.zone, "zone-b");
	assert_ok(rig, service_server_register(rig->service, &server, false, &rig->error));

	assert_refused(rig, create_group(rig, &balancer, "i-a", "10.0.0.2", 80),
		       CODE_NETWORK_CONFLICT, "vpc-2");
	strcpy(server.network, "vpc-1");
	strcpy(server.zone, "zone-c");
	assert_ok(rig, service_server_register(rig->service, &server, true, &rig->error));
	assert_refused(rig, create_group(rig, &balancer, "i-a", "10.0.0.2", 80),
		       CODE_MISMATCHED_ZONE, "zone-c");
	strcpy(server.zone, "zone-b");
	assert_ok(rig, service_server_register(rig->service, &server, true, &rig->error));
	assert_ok(rig, create_group(rig, &balancer, "i-a", "10.0.0.2", 80));
	/* And not afterwards either. */
	strcpy(server.network, "vpc-2");
	assert_refused(rig, service_server_register(rig->service, &server, true, &rig->error),
		       CODE_NETWORK_CONFLICT, "vpc-2");
}

static void test_group_when_unknown_or_in_use_then_refused(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct server_group group = given_group(rig, &balancer, "one", "10.0.0.1", "10.0.0.2", 80);

	given_listener(rig, &group, 80);
	assert_refused(rig, service_group_delete(rig->service, "rsp-one", &rig->error),
		       CODE_GROUP_IN_USE, "there are vips associating with this vServer group.");
	assert_refused(rig, service_group_delete(rig->service, "rsp-none", &rig->error),
		       CODE_INVALID_PARAMETER_NOT_FOUND, "The specified parameter is not valid.");
	assert_refused(rig, service_group_get(rig->service, "rsp-none", &group, &rig->error),
		       CODE_INVALID_PARAMETER_NOT_FOUND,
		       "The specified MasterSlaveGroupId does not exist.");
}

static void test_listener_when_it_cannot_be_then_refused(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct load_balancer other = given_balancer(rig, "192.0.2.20");
	struct server_group empty = {.id = "rsp-empty", .load_balancer_id = "lb-192.0.2.10"};
	struct server_group group = given_group(rig, &balancer, "one", "10.0.0.1", "10.0.0.2", 80);

	given_listener(rig, &group, 80);
	given_group(rig, &balancer, "half", "10.0.0.3", "10.0.0.1", 80);
	given_group(rig, &balancer, "free", "10.0.0.4", "10.0.0.5", 80);
	given_group(rig, &other, "other", "10.0.0.6", "10.0.0.7", 80);
	assert_ok(rig, service_group_create(rig->service, &empty, &rig->error));

	assert_refused(rig, create_listener(rig, "lb-none", "rsp-free", 81),
		       CODE_INVALID_LOAD_BALANCER, "lb-none");
	assert_refused(rig, create_listener(rig, "lb-192.0.2.10", "rsp-none", 81),
		       CODE_INVALID_PARAMETER_NOT_FOUND,
		       "The specified MasterSlaveGroupId does not exist.");
	assert_refused(rig, create_listener(rig, "lb-192.0.2.10", "rsp-other", 81),
		       CODE_INVALID_PARAMETER_NOT_FOUND,
		       "The specified MasterSlaveGroupId does not exist.");
	assert_refused(rig, create_listener(rig, "lb-192.0.2.10", "rsp-empty", 81),
		       CODE_GROUP_EMPTY, "rsp-empty");
	assert_refused(rig, create_listener(rig, "lb-192.0.2.10", "rsp-free", 80),
		       CODE_LISTENER_EXISTS, "80");
	assert_refused(rig, create_listener(rig, "lb-192.0.2.10", "rsp-half", 81),
		       CODE_ENDPOINT_IN_USE, "lb-192.0.2.10/tcp/80");
	assert_ok(rig, create_listener(rig, "lb-192.0.2.10", "rsp-free", 81));
}

static void test_listener_when_both_protocols_have_the_port_then_it_must_be_named(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct server_group group = given_group(rig, &balancer, "one", "10.0.0.1", "10.0.0.2", 80);
	struct listener listener = listener_of(&group, PROTOCOL_UDP, 80), found;
	struct service *service = rig->service;

	/* TCP and UDP may share a group: the way back differs by protocol. */
	assert_ok(rig, service_listener_create(service, &listener, &rig->error));
	assert_ok(rig, service_listener_find(service, balancer.id, 0, 80, &found, &rig->error));
	assert_int_equal(found.protocol, PROTOCOL_UDP);
	given_listener(rig, &group, 80);
	assert_refused(rig, service_listener_find(service, balancer.id, 0, 80, &found, &rig->error),
		       CODE_TOO_MANY_LISTENERS, "ListenerProtocol");
	assert_ok(rig, service_listener_find(service, balancer.id, PROTOCOL_TCP, 80, &found,
					     &rig->error));
	assert_int_equal(found.protocol, PROTOCOL_TCP);
	assert_refused(rig, service_listener_find(service, balancer.id, 0, 81, &found, &rig->error),
		       CODE_INVALID_PARAMETER_NOT_FOUND, "The specified resource does not exist.");
	assert_refused(rig, service_listener_find(service, "lb-none", 0, 80, &found, &rig->error),
		       CODE_INVALID_LOAD_BALANCER, "lb-none");
}

static void test_server_when_it_cannot_be_then_refused(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct server server = given_server(rig, "i-a", "10.0.0.1");

	given_group(rig, &balancer, "one", "i-a", "10.0.0.2", 80);
	assert_refused(rig, register_server(rig, "i-a", "10.0.0.3", false), CODE_SERVER_EXISTS,
		       "10.0.0.1");
	assert_refused(rig, register_server(rig, "i-b", "192.0.2.10", false), CODE_SERVER_IS_VIP,
		       "lb-192.0.2.10");
	assert_refused(rig, service_server_deregister(rig->service, "i-a", &rig->error),
		       CODE_SERVER_IN_USE, "rsp-one");
	assert_refused(rig, service_server_deregister(rig->service, "i-none", &rig->error),
		       CODE_INVALID_SERVER_ID, "i-none");
	assert_refused(rig, service_server_get(rig->service, "i-none", &server, &rig->error),
		       CODE_INVALID_SERVER_ID, "i-none");
}

static void test_replace_when_a_listener_cannot_follow_then_none_does(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct server_group group;
	char *before, *after;

	given_server(rig, "i-a", "10.0.0.1");
	group = given_group(rig, &balancer, "one", "i-a", "10.0.0.2", 80);
	given_running_listener(rig, &group, 80);
	group = given_group(rig, &balancer, "two", "10.0.0.3", "i-a", 81);
	given_running_listener(rig, &group, 81);
	group = given_group(rig, &balancer, "other", "10.0.0.4", "10.0.0.5", 81);
	given_listener(rig, &group, 83);

	before = fake_dump();
	assert_refused(rig, register_server(rig, "i-a", "10.0.0.4", true), CODE_ENDPOINT_IN_USE,
		       "lb-192.0.2.10/tcp/83");
	assert_refused(rig, register_server(rig, "i-a", "2001:db8::1", true), CODE_ADDRESS_FAMILY,
		       "2001:db8::1");
	assert_refused(rig, register_server(rig, "i-a", "192.0.2.10", true), CODE_SERVER_IS_VIP,
		       "192.0.2.10");
	assert_refused(rig, register_server(rig, "i-a", "10.0.0.3", true),
		       CODE_BACKEND_SERVERS_SAME, "10.0.0.3");
	after = fake_dump();
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void test_replace_when_only_the_description_changes_then_maps_are_left_alone(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct server server = server_at("i-a", "10.0.0.1"), found;
	struct server_group group;

	server.create_time = 1000;
	assert_ok(rig, service_server_register(rig->service, &server, false, &rig->error));
	group = given_group(rig, &balancer, "one", "i-a", "10.0.0.2", 80);
	given_running_listener(rig, &group, 80);

	server = server_at("i-a", "10.0.0.1");
	strcpy(server.description, "in the other room");
	assert_ok(rig, service_server_register(rig->service, &server, true, &rig->error));
	assert_int_equal(server.create_time, 1000);
	assert_ok(rig, service_server_get(rig->service, "i-a", &found, &rig->error));
	assert_string_equal(found.description, "in the other room");
	assert_int_equal(fake.services->puts, 1);
}

static void test_refusals_when_there_were_1000_then_the_next_request_is_served(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");

	for (int i = 0; i < 1000; i++) {
		assert_true(create_balancer(rig, "192.0.2.10") < 0);
		assert_true(create_group(rig, &balancer, "i-none", "10.0.0.2", 80) < 0);
	}
	assert_ok(rig, create_balancer(rig, "192.0.2.20"));
	assert_ok(rig, create_group(rig, &balancer, "10.0.0.1", "10.0.0.2", 80));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_balancer_when_the_vip_is_taken_then_refused),
		TEST(test_balancer_when_unknown_or_protected_then_refused),
		TEST(test_group_when_a_server_cannot_serve_then_refused),
		TEST(test_group_when_server_ip_contradicts_the_inventory_then_refused),
		TEST(test_group_when_an_eni_has_more_addresses_then_accepted),
		TEST(test_group_when_network_or_zone_differ_then_refused),
		TEST(test_group_when_unknown_or_in_use_then_refused),
		TEST(test_listener_when_it_cannot_be_then_refused),
		TEST(test_listener_when_both_protocols_have_the_port_then_it_must_be_named),
		TEST(test_server_when_it_cannot_be_then_refused),
		TEST(test_replace_when_a_listener_cannot_follow_then_none_does),
		TEST(test_replace_when_only_the_description_changes_then_maps_are_left_alone),
		TEST(test_refusals_when_there_were_1000_then_the_next_request_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
