/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "store_fixture.h"

/* What a visitor saw: the last characters of the ids, or the ports, in order. */
struct seen {
	char text[64];
	struct store *store;
};

static void see(struct seen *seen, const char *id)
{
	size_t length = strlen(seen->text);

	snprintf(seen->text + length, sizeof(seen->text) - length, "%s ", id);
}

static int see_balancer(const struct load_balancer *balancer, void *userdata)
{
	see(userdata, balancer->id);
	return 0;
}

static int see_group(const struct server_group *group, void *userdata)
{
	see(userdata, group->id);
	return strcmp(group->id, "rsp-5") ? 0 : 42;
}

static int see_listener(const struct listener *listener, void *userdata)
{
	char text[ID_SIZE + 16];

	snprintf(text, sizeof(text), "%s:%u", listener->load_balancer_id, listener->port);
	see(userdata, text);
	return 0;
}

static int see_server(const struct server *server, void *userdata)
{
	see(userdata, server->id);
	return 0;
}

static void test_walk_when_the_clock_went_back_then_in_the_order_of_insertion(void **state)
{
	struct load_balancer balancer = given_balancer(0);
	struct server server = given_server(0);
	struct server_group group = given_group(0, 1);
	struct seen seen = {0};

	balancer.create_time = server.create_time = group.create_time = 1;
	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_load_balancer_insert(*state, &balancer), 0);
	assert_int_equal(store_server_insert(*state, &server), 0);
	assert_int_equal(store_group_insert(*state, &group), 0);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_load_balancer_walk(*state, see_balancer, &seen), 0);
	assert_int_equal(store_server_walk(*state, see_server, &seen), 0);
	assert_int_equal(store_group_walk(*state, NULL, see_group, &seen), 0);
	assert_string_equal(seen.text, "lb-1 lb-2 lb-0 i-1 i-2 i-0 rsp-1 rsp-2 rsp-3 rsp-0 ");
}

static void test_group_walk_when_filtered_then_only_those(void **state)
{
	struct seen balancer = {0}, none = {0}, server = {0};

	assert_int_equal(store_group_walk(*state, "lb-1", see_group, &balancer), 0);
	assert_string_equal(balancer.text, "rsp-1 rsp-2 ");
	assert_int_equal(store_group_walk(*state, "lb-9", see_group, &none), 0);
	assert_string_equal(none.text, "");
	/* i-2 is the Slave of rsp-1 and the Master of rsp-2. */
	assert_int_equal(store_group_walk_by_server(*state, "i-2", see_group, &server), 0);
	assert_string_equal(server.text, "rsp-1 rsp-2 ");
	assert_int_equal(store_group_walk_by_server(*state, "i-9", see_group, &none), 0);
	assert_string_equal(none.text, "");
}

static void test_listener_walk_when_filtered_then_only_those(void **state)
{
	struct listener more = given_listener(1, 2, PROTOCOL_TCP, 8);
	struct seen all = {0}, balancer = {0}, group = {0}, both = {0}, none = {0};

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_listener_insert(*state, &more), 0);
	assert_int_equal(store_commit(*state), 0);
	assert_int_equal(store_listener_walk(*state, NULL, NULL, see_listener, &all), 0);
	assert_string_equal(all.text, "lb-1:80 lb-2:80 lb-1:8 ");
	assert_int_equal(store_listener_walk(*state, "lb-1", NULL, see_listener, &balancer), 0);
	assert_string_equal(balancer.text, "lb-1:80 lb-1:8 ");
	assert_int_equal(store_listener_walk(*state, NULL, "rsp-2", see_listener, &group), 0);
	assert_string_equal(group.text, "lb-1:8 ");
	assert_int_equal(store_listener_walk(*state, "lb-2", "rsp-3", see_listener, &both), 0);
	assert_string_equal(both.text, "lb-2:80 ");
	assert_int_equal(store_listener_walk(*state, "lb-2", "rsp-2", see_listener, &none), 0);
	assert_string_equal(none.text, "");
}

static void test_walk_when_the_visitor_ends_it_then_its_value_is_returned(void **state)
{
	struct seen seen = {0};

	assert_int_equal(store_begin(*state), 0);
	for (unsigned int n = 4; n <= 6; n++) {
		struct server_group group = given_group(n, 1);

		assert_int_equal(store_group_insert(*state, &group), 0);
	}
	assert_int_equal(store_group_walk(*state, NULL, see_group, &seen), 42);
	assert_string_equal(seen.text, "rsp-1 rsp-2 rsp-3 rsp-4 rsp-5 ");
	/* The walk that ended early holds nothing back. */
	assert_int_equal(store_commit(*state), 0);
}

static int walk_again(const struct server_group *group, void *userdata)
{
	struct seen *seen = userdata;
	struct server_group same;

	see(seen, group->id);
	assert_int_equal(store_group_get(seen->store, group->id, &same), 0);
	assert_memory_equal(&same, group, sizeof(same));
	return store_group_walk(seen->store, group->load_balancer_id, see_group, seen);
}

static void test_walk_when_within_the_same_walk_then_both_are_complete(void **state)
{
	struct seen seen = {.store = *state};

	assert_int_equal(store_group_walk(*state, "lb-1", walk_again, &seen), 0);
	assert_string_equal(seen.text, "rsp-1 rsp-1 rsp-2 rsp-2 rsp-1 rsp-2 ");
}

static int change_in_visit(const struct server *server, void *userdata)
{
	(void)server;
	assert_changes_refused(userdata, -EPERM);
	assert_int_equal(store_begin(userdata), -EPERM);
	assert_int_equal(store_commit(userdata), -EPERM);
	return 0;
}

static void test_change_when_in_a_visitor_then_eperm(void **state)
{
	struct snapshot before = snapshot_take(*state), after;

	assert_int_equal(store_begin(*state), 0);
	assert_int_equal(store_server_walk(*state, change_in_visit, *state), 0);
	assert_int_equal(store_server_delete(*state, "i-1"), 0);
	store_rollback(*state);
	after = snapshot_take(*state);
	assert_true(snapshot_equal(&before, &after));
	snapshot_clear(&before);
	snapshot_clear(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_FILLED(test_walk_when_the_clock_went_back_then_in_the_order_of_insertion),
		ON_FILLED(test_group_walk_when_filtered_then_only_those),
		ON_FILLED(test_listener_walk_when_filtered_then_only_those),
		ON_FILLED(test_walk_when_the_visitor_ends_it_then_its_value_is_returned),
		ON_FILLED(test_walk_when_within_the_same_walk_then_both_are_complete),
		ON_FILLED(test_change_when_in_a_visitor_then_eperm),
	};

	return cmocka_run_group_tests_name("store_walk", tests, NULL, NULL);
}
