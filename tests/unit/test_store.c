/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "store_fixture.h"

static void test_open_when_in_memory_then_created_and_empty(void **state)
{
	struct store_counts counts = {1, 1, 1, 1};
	AUTO(store_free) struct store *store = NULL;
	bool created = false;

	(void)state;
	assert_int_equal(store_open(":memory:", &store, &created, NULL), 0);
	assert_true(created);
	assert_int_equal(store_count(store, &counts), 0);
	assert_memory_equal(&counts, &(struct store_counts){0}, sizeof(counts));
	assert_null(store_free(NULL));
}

static void test_count_when_filled_then_counts_each_kind(void **state)
{
	struct store_counts counts;

	assert_int_equal(store_count(*state, &counts), 0);
	assert_int_equal(counts.load_balancers, 2);
	assert_int_equal(counts.groups, 3);
	assert_int_equal(counts.listeners, 2);
	assert_int_equal(counts.servers, 2);
}

static void test_load_balancer_when_inserted_then_read_back(void **state)
{
	struct load_balancer balancer = given_balancer(7), got;
	struct load_balancer full = given_balancer(8);

	full.address.family = AF_INET6;
	full.intranet = false;
	full.delete_protection = true;
	memset(full.name, 'n', sizeof(full.name) - 1);
	memset(full.vswitch_id, 'v', sizeof(full.vswitch_id) - 1);
	strcpy(full.master_zone_id, "zone-m");
	strcpy(full.slave_zone_id, "zone-s");
	strcpy(full.resource_group_id, "rg");
	given_tags(&full.tags, TAGS_MAX);

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_load_balancer_insert(*state, &balancer), 0);
	assert_int_equal(store_load_balancer_insert(*state, &full), 0);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_load_balancer_get(*state, "lb-7", &got), 0);
	assert_memory_equal(&got, &balancer, sizeof(got));
	assert_int_equal(store_load_balancer_get_by_address(*state, &full.address, &got), 0);
	assert_memory_equal(&got, &full, sizeof(got));
}

static void test_load_balancer_when_absent_then_enoent(void **state)
{
	struct load_balancer got, untouched;
	struct netaddr none = {0}, other = given_balancer(9).address;

	memset(&got, 'x', sizeof(got));
	untouched = got;
	assert_int_equal(store_load_balancer_get(*state, "lb-9", &got), -ENOENT);
	assert_int_equal(store_load_balancer_get_by_address(*state, &other, &got), -ENOENT);
	assert_int_equal(store_load_balancer_get_by_address(*state, &none, &got), -ENOENT);
	assert_memory_equal(&got, &untouched, sizeof(got));
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_load_balancer_delete(*state, "lb-9"), -ENOENT);
	store_rollback(*state);
}

static void test_load_balancer_when_id_or_address_is_taken_then_eexist(void **state)
{
	struct load_balancer same_id = given_balancer(1), same_address = given_balancer(3);

	same_id.address = given_balancer(3).address;
	same_address.address = given_balancer(1).address;
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_load_balancer_insert(*state, &same_id), -EEXIST);
	assert_int_equal(store_load_balancer_insert(*state, &same_address), -EEXIST);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_load_balancer_get(*state, "lb-3", &same_id), -ENOENT);
}

static void test_load_balancer_when_deleted_then_what_belongs_to_it_goes(void **state)
{
	struct load_balancer bare = given_balancer(2), got;
	struct server_group group = given_group(3, 2), got_group;
	struct listener listener = given_listener(2, 3, PROTOCOL_TCP, LISTENER_PORT), got_listener;
	struct store_counts counts;

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_load_balancer_delete(*state, "lb-2"), 0);
	assert_int_equal(store_count(*state, &counts), 0);
	assert_int_equal(counts.load_balancers, 1);
	assert_int_equal(counts.groups, 2);
	assert_int_equal(counts.listeners, 1);
	assert_int_equal(counts.servers, 2);

	/* Rows get their old numbers again: what had been left behind would show up. */
	bare.tags = (struct tags){0};
	group.tags = (struct tags){0};
	group.server_count = 0;
	memset(group.servers, 0, sizeof(group.servers));
	listener.tags = (struct tags){0};
	assert_int_equal(store_load_balancer_insert(*state, &bare), 0);
	assert_int_equal(store_group_insert(*state, &group), 0);
	assert_int_equal(store_listener_insert(*state, &listener), 0);
	assert_int_equal(store_load_balancer_get(*state, "lb-2", &got), 0);
	assert_memory_equal(&got, &bare, sizeof(got));
	assert_int_equal(store_group_get(*state, "rsp-3", &got_group), 0);
	assert_memory_equal(&got_group, &group, sizeof(got_group));
	assert_int_equal(
		store_listener_get(*state, "lb-2", PROTOCOL_TCP, LISTENER_PORT, &got_listener), 0);
	assert_memory_equal(&got_listener, &listener, sizeof(got_listener));
	assert_int_equal(store_commit(*state), 0);
}

static void test_group_when_inserted_then_read_back(void **state)
{
	struct server_group group = given_group(7, 1), empty = given_group(8, 1), got;

	given_tags(&group.tags, TAGS_MAX);
	group.servers[0].weight = 0;
	group.servers[1].port = 65535;
	empty.server_count = 0;
	memset(empty.servers, 0, sizeof(empty.servers));
	empty.tags = (struct tags){0};
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_group_insert(*state, &group), 0);
	assert_int_equal(store_group_insert(*state, &empty), 0);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_group_get(*state, "rsp-7", &got), 0);
	assert_memory_equal(&got, &group, sizeof(got));
	assert_int_equal(store_group_get(*state, "rsp-8", &got), 0);
	assert_memory_equal(&got, &empty, sizeof(got));
	assert_int_equal(store_group_get(*state, "rsp-9", &got), -ENOENT);
}

static void test_group_when_it_cannot_be_then_refused(void **state)
{
	struct server_group taken = given_group(1, 2), orphan = given_group(7, 9);
	struct server_group reversed = given_group(7, 1), crowded = given_group(7, 1);
	struct server_group port = given_group(7, 1), got;

	reversed.servers[0].role = ROLE_SLAVE;
	reversed.servers[1].role = ROLE_MASTER;
	crowded.server_count = GROUP_SERVERS + 1;
	port.servers[1].port = 0;
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_group_insert(*state, &taken), -EEXIST);
	assert_int_equal(store_group_insert(*state, &orphan), -ENOENT);
	assert_int_equal(store_group_insert(*state, &reversed), -EINVAL);
	assert_int_equal(store_group_insert(*state, &crowded), -EINVAL);
	assert_int_equal(store_group_insert(*state, &port), -EINVAL);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_group_get(*state, "rsp-7", &got), -ENOENT);
}

static void test_group_when_a_listener_uses_it_then_delete_is_ebusy(void **state)
{
	struct server_group got;

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_group_delete(*state, "rsp-1"), -EBUSY);
	assert_int_equal(store_group_get(*state, "rsp-1", &got), 0);
	assert_int_equal(got.tags.count, 3);
	assert_int_equal(store_listener_delete(*state, "lb-1", PROTOCOL_TCP, LISTENER_PORT), 0);
	assert_int_equal(store_group_delete(*state, "rsp-1"), 0);
	assert_int_equal(store_group_delete(*state, "rsp-1"), -ENOENT);
	assert_int_equal(store_commit(*state), 0);
}

static void test_listener_when_inserted_then_read_back(void **state)
{
	struct listener listener = given_listener(1, 2, PROTOCOL_UDP, LISTENER_PORT), got;

	memset(listener.check.request, 'r', sizeof(listener.check.request) - 1);
	memset(listener.check.expect, 'e', sizeof(listener.check.expect) - 1);
	listener.running = true;
	listener.check.type = CHECK_UDP;
	given_tags(&listener.tags, TAGS_MAX);
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_listener_insert(*state, &listener), 0);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_listener_get(*state, "lb-1", PROTOCOL_UDP, LISTENER_PORT, &got), 0);
	assert_memory_equal(&got, &listener, sizeof(got));
	assert_int_equal(store_listener_get(*state, "lb-1", PROTOCOL_UDP, 81, &got), -ENOENT);
	assert_int_equal(store_listener_get(*state, "lb-2", PROTOCOL_UDP, LISTENER_PORT, &got),
			 -ENOENT);
}

static void test_listener_when_it_cannot_be_then_refused(void **state)
{
	struct listener taken = given_listener(1, 2, PROTOCOL_TCP, LISTENER_PORT);
	struct listener no_balancer = given_listener(9, 1, PROTOCOL_TCP, 81);
	struct listener no_group = given_listener(1, 9, PROTOCOL_TCP, 81);
	struct listener foreign_group = given_listener(1, 3, PROTOCOL_TCP, 81);
	struct listener protocol = given_listener(1, 1, (enum protocol)1, 81);
	struct store_counts counts;

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_listener_insert(*state, &taken), -EEXIST);
	assert_int_equal(store_listener_insert(*state, &no_balancer), -ENOENT);
	assert_int_equal(store_listener_insert(*state, &no_group), -ENOENT);
	assert_int_equal(store_listener_insert(*state, &foreign_group), -ENOENT);
	assert_int_equal(store_listener_insert(*state, &protocol), -EINVAL);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_count(*state, &counts), 0);
	assert_int_equal(counts.listeners, 2);
}

static void test_listener_when_set_running_then_only_that_changes(void **state)
{
	struct listener before, after, other;

	assert_int_equal(store_listener_get(*state, "lb-1", PROTOCOL_TCP, LISTENER_PORT, &before),
			 0);
	assert_false(before.running);
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(
		store_listener_set_running(*state, "lb-1", PROTOCOL_TCP, LISTENER_PORT, true), 0);
	assert_int_equal(
		store_listener_set_running(*state, "lb-1", PROTOCOL_UDP, LISTENER_PORT, true),
		-ENOENT);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_listener_get(*state, "lb-1", PROTOCOL_TCP, LISTENER_PORT, &after),
			 0);
	before.running = true;
	assert_memory_equal(&after, &before, sizeof(after));
	assert_int_equal(store_listener_get(*state, "lb-2", PROTOCOL_TCP, LISTENER_PORT, &other),
			 0);
	assert_false(other.running);
}

static void test_listener_when_deleted_then_enoent(void **state)
{
	struct listener got;

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_listener_delete(*state, "lb-1", PROTOCOL_TCP, LISTENER_PORT), 0);
	assert_int_equal(store_listener_delete(*state, "lb-1", PROTOCOL_TCP, LISTENER_PORT),
			 -ENOENT);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_listener_get(*state, "lb-1", PROTOCOL_TCP, LISTENER_PORT, &got),
			 -ENOENT);
	assert_int_equal(store_listener_get(*state, "lb-2", PROTOCOL_TCP, LISTENER_PORT, &got), 0);
}

static void test_server_when_inserted_then_read_back(void **state)
{
	struct server server = given_server(7), got;

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_server_insert(*state, &server), 0);
	assert_int_equal(store_server_insert(*state, &server), -EEXIST);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_server_get(*state, "i-7", &got), 0);
	assert_memory_equal(&got, &server, sizeof(got));
	assert_int_equal(store_server_get(*state, "i-8", &got), -ENOENT);
}

static void test_server_when_updated_then_keeps_its_creation_time(void **state)
{
	struct server server = given_server(9), absent = given_server(7), got;

	strcpy(server.id, "i-1");
	server.type = SERVER_ENI;
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_server_update(*state, &server), 0);
	assert_int_equal(store_server_update(*state, &absent), -ENOENT);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_server_get(*state, "i-1", &got), 0);
	server.create_time = given_server(1).create_time;
	assert_memory_equal(&got, &server, sizeof(got));
}

static void test_server_when_deleted_then_groups_that_name_it_stay(void **state)
{
	struct server_group group;
	struct server got;

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_server_delete(*state, "i-1"), 0);
	assert_int_equal(store_server_delete(*state, "i-1"), -ENOENT);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_server_get(*state, "i-1", &got), -ENOENT);
	assert_int_equal(store_group_get(*state, "rsp-1", &group), 0);
	assert_string_equal(group.servers[0].server_id, "i-1");
}

static void test_change_when_outside_of_a_transaction_then_eperm(void **state)
{
	struct snapshot before = snapshot_take(*state), after;

	assert_changes_refused(*state, -EPERM);
	assert_int_equal(store_commit(*state), -EPERM);
	store_rollback(*state);
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_begin(*state), -EPERM);
	assert_int_equal(store_commit(*state), 0);
	assert_changes_refused(*state, -EPERM);
	after = snapshot_take(*state);
	assert_true(snapshot_equal(&before, &after));
	snapshot_clear(&before);
	snapshot_clear(&after);
}

static void test_transaction_when_rolled_back_then_nothing_changed(void **state)
{
	struct snapshot before = snapshot_take(*state), after;
	struct server_group group = given_group(7, 1);

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_group_insert(*state, &group), 0);
	assert_int_equal(store_load_balancer_delete(*state, "lb-2"), 0);
	assert_int_equal(store_server_delete(*state, "i-1"), 0);
	store_rollback(*state);
	after = snapshot_take(*state);
	assert_true(snapshot_equal(&before, &after));
	snapshot_clear(&before);
	snapshot_clear(&after);
}

static void test_change_when_its_last_step_fails_then_nothing_of_it_stays(void **state)
{
	struct server_group twice = given_group(7, 1), good = given_group(8, 1), got;
	struct store_counts counts;

	twice.tags.items[2] = twice.tags.items[0];
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_group_insert(*state, &good), 0);
	assert_int_equal(store_group_insert(*state, &twice), -EEXIST);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_group_get(*state, "rsp-8", &got), 0);
	assert_int_equal(store_group_get(*state, "rsp-7", &got), -ENOENT);
	assert_int_equal(store_count(*state, &counts), 0);
	assert_int_equal(counts.groups, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_when_in_memory_then_created_and_empty),
		ON_EMPTY(test_load_balancer_when_inserted_then_read_back),
		ON_FILLED(test_count_when_filled_then_counts_each_kind),
		ON_FILLED(test_load_balancer_when_absent_then_enoent),
		ON_FILLED(test_load_balancer_when_id_or_address_is_taken_then_eexist),
		ON_FILLED(test_load_balancer_when_deleted_then_what_belongs_to_it_goes),
		ON_FILLED(test_group_when_inserted_then_read_back),
		ON_FILLED(test_group_when_it_cannot_be_then_refused),
		ON_FILLED(test_group_when_a_listener_uses_it_then_delete_is_ebusy),
		ON_FILLED(test_listener_when_inserted_then_read_back),
		ON_FILLED(test_listener_when_it_cannot_be_then_refused),
		ON_FILLED(test_listener_when_set_running_then_only_that_changes),
		ON_FILLED(test_listener_when_deleted_then_enoent),
		ON_FILLED(test_server_when_inserted_then_read_back),
		ON_FILLED(test_server_when_updated_then_keeps_its_creation_time),
		ON_FILLED(test_server_when_deleted_then_groups_that_name_it_stay),
		ON_FILLED(test_change_when_outside_of_a_transaction_then_eperm),
		ON_FILLED(test_transaction_when_rolled_back_then_nothing_changed),
		ON_FILLED(test_change_when_its_last_step_fails_then_nothing_of_it_stays),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
