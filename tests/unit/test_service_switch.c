/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the health of real servers on loopback to the state word in the maps, and to what status
 * says. */
#include <unistd.h>

#include "service_rig.h"
#include "tandem/select.h"

enum { DEADLINE_US = 10 * 1000 * 1000 };

#define WAIT_UNTIL(rig, condition)                                                                 \
	do {                                                                                       \
		uint64_t give_up_us = clock_monotonic_us() + DEADLINE_US;                          \
		while (!(condition)) {                                                             \
			if (clock_monotonic_us() > give_up_us)                                     \
				fail_msg("not within the deadline: %s", #condition);               \
			assert_true(sd_event_run((rig)->event, 100 * 1000) >= 0);                  \
		}                                                                                  \
	} while (0)

/* Listen on 127.0.0.1:*@port; 0 takes a free one and stores it. */
static int open_server(uint16_t *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1000), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

struct pair {
	struct load_balancer balancer;
	struct server_group group;
	struct listener listener;
	uint16_t ports[GROUP_SERVERS];
	int fds[GROUP_SERVERS];
};

/*
 * Loopback is refused by every use case, so the objects go into the store behind the service's
 * back, and a new service finds them there.
 */
static struct pair given_pair(struct rig *rig, enum none_healthy policy)
{
	struct pair pair = {.balancer = balancer_at("192.0.2.10")};

	pair.group = group_of(&pair.balancer, "one", "127.0.0.1", "127.0.0.1", 0);
	for (int slot = 0; slot < GROUP_SERVERS; slot++) {
		pair.fds[slot] = open_server(&pair.ports[slot]);
		pair.group.servers[slot].port = pair.ports[slot];
	}
	pair.listener = listener_of(&pair.group, PROTOCOL_TCP, 80);
	pair.listener.none_healthy = policy;
	pair.listener.running = true;
	pair.listener.check.interval_ms = 10;
	pair.listener.check.timeout_ms = 10;

	rig->service = service_free(rig->service);
	assert_int_equal(store_begin(rig->store), 0);
	assert_int_equal(store_load_balancer_insert(rig->store, &pair.balancer), 0);
	assert_int_equal(store_group_insert(rig->store, &pair.group), 0);
	assert_int_equal(store_listener_insert(rig->store, &pair.listener), 0);
	assert_int_equal(store_commit(rig->store), 0);
	assert_ok(rig, rig_start(rig));
	return pair;
}

static void close_servers(struct pair *pair)
{
	for (int slot = 0; slot < GROUP_SERVERS; slot++) {
		if (pair->fds[slot] >= 0)
			close(pair->fds[slot]);
		pair->fds[slot] = -1;
	}
}

static void kill_server(struct pair *pair, int slot)
{
	close(pair->fds[slot]);
	pair->fds[slot] = -1;
}

static void revive_server(struct pair *pair, int slot)
{
	pair->fds[slot] = open_server(&pair->ports[slot]);
}

static enum td_select target_of_packets(void)
{
	return td_select(fake.services->state);
}

static int copy_status(const struct service_listener_status *status, void *userdata)
{
	*(struct service_listener_status *)userdata = *status;
	return 1;
}

static struct service_listener_status read_status(struct rig *rig)
{
	struct service_listener_status status;

	assert_int_equal(service_status_walk(rig->service, "lb-192.0.2.10", copy_status, &status,
					     &rig->error),
			 1);
	return status;
}

static bool is_down(struct rig *rig, int slot)
{
	return read_status(rig).servers[slot].health.state == HEALTH_DOWN;
}

static bool both_are_up(struct rig *rig)
{
	struct service_listener_status status = read_status(rig);

	return status.servers[0].health.state == HEALTH_UP &&
	       status.servers[1].health.state == HEALTH_UP;
}

static void test_primary_when_it_dies_then_the_secondary_serves_until_it_is_back(void **state)
{
	struct rig *rig = *state;
	struct pair pair = given_pair(rig, NONE_HEALTHY_REJECT);
	struct service_listener_status status;

	WAIT_UNTIL(rig, both_are_up(rig));
	status = read_status(rig);
	assert_int_equal(target_of_packets(), TD_SELECT_PRIMARY);
	assert_string_equal(status.reason, "primary_healthy");
	assert_int_equal(status.switches, 0);

	kill_server(&pair, ROLE_MASTER);
	WAIT_UNTIL(rig, target_of_packets() == TD_SELECT_SECONDARY);
	status = read_status(rig);
	assert_true(status.state == fake.services->state);
	assert_string_equal(status.reason, "primary_down");
	assert_int_equal(status.switches, 1);
	assert_true(status.active_since > 0);
	assert_int_equal(status.servers[0].health.last_result, HEALTH_REFUSED);
	assert_true(status.servers[0].health.evidence[0]);

	revive_server(&pair, ROLE_MASTER);
	WAIT_UNTIL(rig, target_of_packets() == TD_SELECT_PRIMARY);
	assert_int_equal(read_status(rig).switches, 2);
	close_servers(&pair);
}

/* The secondary is probed all the time: it is not fallen back on when it is known to be dead. */
static void test_primary_when_it_dies_after_the_secondary_then_packets_are_rejected(void **state)
{
	struct rig *rig = *state;
	struct pair pair = given_pair(rig, NONE_HEALTHY_REJECT);

	kill_server(&pair, ROLE_SLAVE);
	WAIT_UNTIL(rig, is_down(rig, ROLE_SLAVE));
	assert_int_equal(target_of_packets(), TD_SELECT_PRIMARY);
	kill_server(&pair, ROLE_MASTER);
	WAIT_UNTIL(rig, target_of_packets() != TD_SELECT_PRIMARY);
	assert_int_equal(target_of_packets(), TD_SELECT_REJECT);
	assert_string_equal(read_status(rig).reason, "both_down");

	/* The listener can be deleted in this state, and nothing of it is left. */
	assert_ok(rig, service_listener_delete(rig->service, &pair.listener, &rig->error));
	assert_int_equal(fake_service_count(), 0);
	close_servers(&pair);
}

static void test_none_healthy_when_the_policy_is_last_then_the_last_server_is_kept(void **state)
{
	struct rig *rig = *state;
	struct pair pair = given_pair(rig, NONE_HEALTHY_LAST);

	kill_server(&pair, ROLE_MASTER);
	WAIT_UNTIL(rig, target_of_packets() == TD_SELECT_SECONDARY);
	kill_server(&pair, ROLE_SLAVE);
	WAIT_UNTIL(rig, is_down(rig, ROLE_SLAVE));
	assert_int_equal(target_of_packets(), TD_SELECT_SECONDARY);
	assert_string_equal(read_status(rig).reason, "last_active");
	close_servers(&pair);
}

static void test_agent_when_it_is_restarted_then_it_goes_on_from_the_last_verdicts(void **state)
{
	struct rig *rig = *state;
	struct pair pair = given_pair(rig, NONE_HEALTHY_REJECT);
	struct service_listener_status status;
	uint64_t word;

	kill_server(&pair, ROLE_MASTER);
	WAIT_UNTIL(rig, target_of_packets() == TD_SELECT_SECONDARY);
	WAIT_UNTIL(rig, read_status(rig).servers[1].health.state == HEALTH_UP);
	word = fake.services->state;

	rig_restart(rig);
	assert_true(fake.services->state == word);
	status = read_status(rig);
	assert_int_equal(status.servers[0].health.state, HEALTH_DOWN);
	assert_int_equal(status.servers[1].health.state, HEALTH_UP);
	assert_int_equal(status.active_since, 0);
	revive_server(&pair, ROLE_MASTER);
	WAIT_UNTIL(rig, target_of_packets() == TD_SELECT_PRIMARY);
	close_servers(&pair);
}

static void ignore_change(struct health_target *target, void *userdata)
{
	(void)target;
	(void)userdata;
}

static void test_listener_when_it_is_stopped_then_its_servers_are_not_probed(void **state)
{
	struct rig *rig = *state;
	struct pair pair = given_pair(rig, NONE_HEALTHY_REJECT);
	struct netaddr address = address_of("127.0.0.1");
	AUTO(health_target_free) struct health_target *witness = NULL;
	struct service_listener_status status;
	uint64_t probes;

	WAIT_UNTIL(rig, both_are_up(rig));
	assert_ok(rig, service_listener_stop(rig->service, &pair.listener, &rig->error));
	status = read_status(rig);
	assert_false(status.applied);
	assert_string_equal(status.reason, "stopped");
	assert_false(status.servers[0].checked);
	/* While another target of the same pace is probed ten times, that is all there is. */
	probes = health_probe_count(rig->health);
	assert_int_equal(health_target_new(rig->health, &address, pair.ports[0],
					   &pair.listener.check, HEALTH_UP, ignore_change, NULL,
					   &witness),
			 0);
	WAIT_UNTIL(rig, health_target_status(witness)->consecutive >= 10);
	assert_true(health_probe_count(rig->health) - probes <=
		    health_target_status(witness)->consecutive + 1);

	pair.listener = status.listener;
	assert_ok(rig, service_listener_start(rig->service, &pair.listener, &rig->error));
	WAIT_UNTIL(rig, both_are_up(rig));
	close_servers(&pair);
}

static void test_listener_when_checks_are_off_then_the_primary_serves_unchecked(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct server_group group = given_group(rig, &balancer, "one", "10.0.0.1", "10.0.0.2", 80);
	struct listener listener = listener_of(&group, PROTOCOL_TCP, 80);
	struct service_listener_status status;

	listener.check.enabled = false;
	assert_ok(rig, service_listener_create(rig->service, &listener, &rig->error));
	assert_ok(rig, service_listener_start(rig->service, &listener, &rig->error));
	assert_int_equal(target_of_packets(), TD_SELECT_PRIMARY);
	status = read_status(rig);
	assert_false(status.servers[0].checked);
	assert_string_equal(status.reason, "primary_healthy");
	assert_true(status.servers[0].nexthop_resolved);
	assert_int_equal(status.servers[1].counters.packets_in, 1000 * status.index + 1);
}

static void test_group_when_both_weights_are_0_then_packets_are_not_served(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct server_group group = group_of(&balancer, "one", "10.0.0.1", "10.0.0.2", 80);
	struct listener listener;

	group.servers[0].weight = 0;
	group.servers[1].weight = 0;
	assert_ok(rig, service_group_create(rig->service, &group, &rig->error));
	listener = listener_of(&group, PROTOCOL_TCP, 80);
	listener.none_healthy = NONE_HEALTHY_DROP;
	assert_ok(rig, service_listener_create(rig->service, &listener, &rig->error));
	assert_ok(rig, service_listener_start(rig->service, &listener, &rig->error));
	assert_int_equal(target_of_packets(), TD_SELECT_DROP);
	assert_true(read_status(rig).servers[0].checked);
}

/* The new server is given the benefit of the doubt, as every new one is, until its first probe. */
static void test_replace_when_the_primary_was_down_then_the_new_one_serves(void **state)
{
	struct rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct server server = given_server(rig, "i-a", "10.0.0.1");
	struct server_group group = given_group(rig, &balancer, "one", "i-a", "10.0.0.2", 80);
	struct service_listener_status status;

	given_running_listener(rig, &group, 80);
	fake.services->state = TD_SLOT_SECONDARY | TD_SELECT_REJECT << TD_STATE_NONE_SHIFT |
			       TD_STATE_UNHEALTHY(0) | TD_STATE_ELIGIBLE(1);
	rig_restart(rig);
	status = read_status(rig);
	assert_int_equal(target_of_packets(), TD_SELECT_SECONDARY);
	assert_int_equal(status.servers[0].health.state, HEALTH_DOWN);

	server.address = address_of("10.0.0.9");
	assert_ok(rig, service_server_register(rig->service, &server, true, &rig->error));
	status = read_status(rig);
	assert_int_equal(target_of_packets(), TD_SELECT_PRIMARY);
	assert_int_equal(status.servers[0].health.state, HEALTH_UNKNOWN);
	assert_int_equal(status.servers[1].health.state, HEALTH_UP);
	assert_int_equal(status.switches, 1);
	assert_string_equal(status.reason, "primary_unknown");
}

static void test_overview_when_read_then_it_has_all(void **state)
{
	struct rig *rig = *state;
	struct service_overview overview;

	assert_ok(rig, service_overview_read(rig->service, &overview, &rig->error));
	assert_true(overview.started > 0);
	assert_true(overview.forwarding4);
	assert_false(overview.forwarding6);
	assert_int_equal(overview.reasons[TD_FORWARD_TX].packets, 7);
	assert_int_equal(overview.interface_count, 1);
	assert_string_equal(overview.interfaces[0].name, "lo");
	assert_int_equal(overview.interfaces[0].send_errors.frames, overview.interfaces[0].ifindex);
	assert_int_equal(overview.usage_count, DATAPLANE_USAGE_MAX);
	assert_int_equal(overview.usage[5].used, 5);
	assert_refused(
		rig,
		service_status_walk(rig->service, "lb-none", copy_status, &overview, &rig->error),
		CODE_INVALID_LOAD_BALANCER, "lb-none");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_primary_when_it_dies_then_the_secondary_serves_until_it_is_back),
		TEST(test_primary_when_it_dies_after_the_secondary_then_packets_are_rejected),
		TEST(test_none_healthy_when_the_policy_is_last_then_the_last_server_is_kept),
		TEST(test_agent_when_it_is_restarted_then_it_goes_on_from_the_last_verdicts),
		TEST(test_listener_when_it_is_stopped_then_its_servers_are_not_probed),
		TEST(test_listener_when_checks_are_off_then_the_primary_serves_unchecked),
		TEST(test_group_when_both_weights_are_0_then_packets_are_not_served),
		TEST(test_replace_when_the_primary_was_down_then_the_new_one_serves),
		TEST(test_overview_when_read_then_it_has_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
