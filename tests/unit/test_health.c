/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counting, cadence, and what the agent's own troubles must not do to a server's state. */
#include "health_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* Keep the loop from running, as a stopped or starved agent. */
static void block_us(uint64_t duration_us)
{
	uint64_t end_us = clock_monotonic_us() + duration_us;

	while (clock_monotonic_us() < end_us)
		;
}

static struct health_check scripted_check(uint8_t healthy, uint8_t unhealthy)
{
	struct health_check check = check_of(CHECK_UDP, 10, healthy);

	/* A wrong reply fails at once, so that no timing decides what a letter counts. */
	check.interval_ms = 10;
	check.unhealthy_threshold = unhealthy;
	string_copy(check.expect, sizeof(check.expect), "good");
	return check;
}

/* What changed at which probe: "up@3 down@7 ". */
struct history {
	const struct server *server;
	char text[128];
};

static void write_history(struct health_target *target, void *userdata)
{
	struct history *history = userdata;
	size_t used = strlen(history->text);

	snprintf(history->text + used, sizeof(history->text) - used, "%s@%u ",
		 health_state_name(health_target_status(target)->state), history->server->requests);
}

struct counting_row {
	enum health_state initial;
	uint8_t healthy, unhealthy;
	const char *script; /* a letter a probe */
	const char *history;
};

static const struct counting_row counting_rows[] = {
	/* The first result decides where nothing is known. */
	{HEALTH_UNKNOWN, 3, 3, "ggg", "up@1 "},
	{HEALTH_UNKNOWN, 3, 3, "bbgggbg", "down@1 up@5 "},
	/* From a known state it takes the threshold, also for the first results. */
	{HEALTH_UP, 3, 3, "bbbb", "down@3 "},
	{HEALTH_DOWN, 2, 3, "gg", "up@2 "},
	{HEALTH_UP, 3, 3, "ggggg", ""},
	{HEALTH_DOWN, 3, 3, "bbbbb", ""},
	/* Misses that are not in a row never add up, nor do isolated good ones. */
	{HEALTH_UP, 3, 2, "bgbgbgbgbgbgbgbgbgbgbgbg", ""},
	{HEALTH_UP, 3, 3, "bbgbbgbbgbbgbbgbbgbbgbbg", ""},
	{HEALTH_DOWN, 3, 3, "ggbggbggbggbggbggbggb", ""},
	{HEALTH_UP, 2, 3, "gbbbgbggbbgbbbgg", "down@4 up@8 down@14 up@16 "},
	{HEALTH_UP, 1, 1, "bgbg", "down@1 up@2 down@3 up@4 "},
};

static void test_counting_when_results_come_then_only_rows_of_them_decide(void **state)
{
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(counting_rows); i++) {
		const struct counting_row *row = &counting_rows[i];
		struct health_check check = scripted_check(row->healthy, row->unhealthy);
		AUTO(free_memory) char *script = xasprintf("%s.", row->script);
		struct health_target *target = NULL;
		struct server server = {0};
		struct history history = {.server = &server};

		server_start_udp(rig, &server, script);
		assert_int_equal(health_target_new(rig->health, &server.address, server.port,
						   &check, row->initial, write_history, &history,
						   &target),
				 0);
		WAIT_UNTIL(rig, server.requests > strlen(row->script));
		assert_string_equal(history.text, row->history);
		health_target_free(target);
		server_stop(&server);
	}
}

static unsigned int count_slots(const uint64_t *arrivals_us, unsigned int i, uint64_t interval_us)
{
	return (unsigned int)((arrivals_us[i] - arrivals_us[i - 1] + interval_us / 2) /
			      interval_us);
}

/* Probes may be late here and there, but the most punctual ones stay where they were on the grid.
 */
static bool keeps_cadence(struct rig *rig, const char *script)
{
	enum { N = 100, INTERVAL_US = 10000, TOLERANCE_US = 1000 };
	struct health_check check = scripted_check(3, 3);
	int64_t least_us[2] = {INT64_MAX, INT64_MAX};
	struct server server = {0};
	struct health_target *target;
	unsigned int changes = 0, slots = 0;

	server_start_udp(rig, &server, script);
	target = given_target(rig, &server, &check, HEALTH_UP, &changes);
	WAIT_UNTIL(rig, server.requests >= N);
	health_target_free(target);
	server_stop(&server);

	for (unsigned int i = 1; i < N; i++) {
		int64_t *least = &least_us[i >= N / 2];
		int64_t late;

		slots += count_slots(server.arrivals_us, i, INTERVAL_US);
		late = (int64_t)(server.arrivals_us[i] - server.arrivals_us[0]) -
		       (int64_t)slots * INTERVAL_US;
		*least = late < *least ? late : *least;
	}
	return llabs(least_us[1] - least_us[0]) < TOLERANCE_US && slots >= N - 2 &&
	       slots <= N * 4 / 3;
}

/* A busy machine may spoil a run or two; drift spoils all. */
static void expect_cadence(struct rig *rig, const char *script)
{
	for (unsigned int run = 0; run < 5; run++) {
		if (keeps_cadence(rig, script))
			return;
	}
	fail_msg("probes do not keep to their interval");
}

static void test_cadence_when_interval_is_10_ms_then_does_not_drift(void **state)
{
	expect_cadence(*state, "g");
}

static void test_cadence_when_every_probe_times_out_then_does_not_drift(void **state)
{
	expect_cadence(*state, ".");
}

static void test_cadence_when_loop_was_blocked_then_skips_and_never_bursts(void **state)
{
	struct health_check check = scripted_check(3, 3);
	struct server server = {0};
	struct rig *rig = *state;
	unsigned int changes = 0, before, slots;
	uint64_t blocked_us;

	server_start_udp(rig, &server, "g");
	given_target(rig, &server, &check, HEALTH_UP, &changes);
	WAIT_UNTIL(rig, server.requests >= 3);
	blocked_us = clock_monotonic_us();
	block_us(200000);
	before = server.requests;
	WAIT_UNTIL(rig, server.requests >= before + 10);

	/* Ten probes after it take about nine intervals more, not none. */
	slots = (unsigned int)((clock_monotonic_us() - blocked_us - 200000) / 10000);
	assert_true(slots >= 8);
	assert_int_equal(changes, 0);
	server_stop(&server);
}

static void test_deadline_when_agent_is_late_then_what_arrived_counts(void **state)
{
	struct health_check check = check_of(CHECK_TCP, 20, 1);
	struct server server = {0};
	struct rig *rig = *state;
	const struct health_status *status;
	unsigned int changes = 0;

	server_start_tcp(rig, &server, "127.0.0.1");
	status = health_target_status(given_target(rig, &server, &check, HEALTH_UP, &changes));
	WAIT_UNTIL(rig, health_probe_count(rig->health) == 1);
	block_us(100000);
	WAIT_UNTIL(rig, status->last_probe_us);
	assert_int_equal(status->last_result, HEALTH_OK);
	assert_int_equal(health_probe_count(rig->health), 1);
	server_stop(&server);
}

static void test_deadline_when_agent_was_stopped_then_silence_is_discarded_once(void **state)
{
	struct health_check check = check_of(CHECK_UDP, 20, 1);
	struct server server = {0};
	struct rig *rig = *state;
	const struct health_status *status;
	unsigned int changes = 0;

	server_start_udp(rig, &server, ".");
	status = health_target_status(given_target(rig, &server, &check, HEALTH_UP, &changes));
	WAIT_UNTIL(rig, health_probe_count(rig->health) == 1);
	block_us(100000);
	WAIT_UNTIL(rig, health_probe_count(rig->health) == 2);
	assert_int_equal(status->last_probe_us, 0);
	assert_int_equal(status->state, HEALTH_UP);

	/* An agent that is always late finds a dead server nevertheless. */
	block_us(100000);
	WAIT_UNTIL(rig, changes == 1);
	assert_int_equal(status->state, HEALTH_DOWN);
	assert_int_equal(status->last_result, HEALTH_TIMEOUT);
	assert_int_equal(health_probe_count(rig->health), 2);
	server_stop(&server);
}

/* The server accepted in time; that the request is not out yet is not its fault. */
static void test_deadline_when_agent_was_late_to_go_on_then_server_gets_its_time(void **state)
{
	static const char *const pieces[] = {"HTTP/1.1 200 OK\r\n\r\n", NULL};
	struct health_check check = check_of(CHECK_HTTP, 100, 1);
	struct server server = {.pieces = pieces};
	struct rig *rig = *state;
	const struct health_status *status;
	unsigned int changes = 0;

	server_start_tcp(rig, &server, "127.0.0.1");
	status = health_target_status(given_target(rig, &server, &check, HEALTH_UP, &changes));
	WAIT_UNTIL(rig, health_probe_count(rig->health) == 1);
	block_us(150000);
	WAIT_UNTIL(rig, status->last_probe_us);
	assert_int_equal(status->last_result, HEALTH_OK);
	assert_int_equal(health_probe_count(rig->health), 1);
	server_stop(&server);
}

struct swap {
	struct rig *rig;
	const struct server *server;
	struct health_target *victim, *heir;
	unsigned int changes;
};

static void free_another_and_make_one(struct health_target *target, void *userdata)
{
	struct health_check check = check_of(CHECK_TCP, 10, 2);
	struct swap *swap = userdata;

	(void)target;
	swap->victim = health_target_free(swap->victim);
	swap->heir = given_target(swap->rig, swap->server, &check, HEALTH_UNKNOWN, &swap->changes);
}

static void test_change_when_callback_frees_another_target_then_others_go_on(void **state)
{
	struct health_check check = check_of(CHECK_TCP, 10, 2);
	struct server server = {0};
	struct rig *rig = *state;
	struct swap swap = {.rig = rig, .server = &server};
	struct health_target *target = NULL;
	unsigned int changes = 0;

	server_start_tcp(rig, &server, "127.0.0.1");
	swap.victim = given_target(rig, &server, &check, HEALTH_UP, &changes);
	assert_int_equal(health_target_new(rig->health, &server.address, server.port, &check,
					   HEALTH_UNKNOWN, free_another_and_make_one, &swap,
					   &target),
			 0);
	WAIT_UNTIL(rig, swap.changes == 1);
	assert_null(swap.victim);
	assert_int_equal(health_target_status(swap.heir)->state, HEALTH_UP);
	assert_int_equal(health_target_status(target)->state, HEALTH_UP);
	assert_int_equal(changes, 0);
	server_stop(&server);
}

/* Send stderr to a file in memory from now on; returns it and, as @ret, the one to restore. */
static int capture_stderr(int *ret)
{
	int file = memfd_create("stderr", MFD_CLOEXEC);

	assert_true(file >= 0);
	fflush(stderr);
	*ret = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_true(dup2(file, STDERR_FILENO) >= 0);
	return file;
}

static unsigned int count_lines_with(int file, const char *word)
{
	char text[4096];
	ssize_t size = pread(file, text, sizeof(text) - 1, 0);
	unsigned int count = 0;

	assert_true(size >= 0);
	text[size] = '\0';
	for (char *at = text; (at = strstr(at, word)); at++)
		count++;
	return count;
}

static void test_local_error_when_no_socket_is_left_then_counts_for_nothing(void **state)
{
	struct health_check check = check_of(CHECK_TCP, 10, 1);
	struct server server = {0};
	struct rig *rig = *state;
	const struct health_status *status;
	unsigned int changes = 0;
	struct rlimit limit, old;
	int saved, log, next;
	uint64_t probes;

	server_start_tcp(rig, &server, "127.0.0.1");
	status = health_target_status(given_target(rig, &server, &check, HEALTH_UP, &changes));
	log = capture_stderr(&saved);
	next = fcntl(log, F_DUPFD, 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);

	WAIT_UNTIL(rig, status->last_result == HEALTH_LOCAL_ERROR);
	probes = health_probe_count(rig->health);
	WAIT_UNTIL(rig, health_probe_count(rig->health) >= probes + 5);
	assert_int_equal(status->state, HEALTH_UP);
	assert_int_equal(changes, 0);
	assert_string_equal(status->evidence, "socket: Too many open files");
	assert_int_equal(count_lines_with(log, "hampered"), 1);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	WAIT_UNTIL(rig, status->last_result == HEALTH_OK);
	assert_int_equal(changes, 0);
	assert_int_equal(count_lines_with(log, "unhampered"), 1);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	close(log);
	server_stop(&server);
}

static void test_new_when_targets_are_many_then_first_probes_are_soon_and_spread(void **state)
{
	struct health_check check = scripted_check(3, 3);
	struct server server = {0};
	struct rig *rig = *state;
	uint64_t start_us = clock_monotonic_us();
	unsigned int changes = 0, n = 100;

	check.interval_ms = check.timeout_ms = 50000;
	server_start_udp(rig, &server, "g");
	for (unsigned int i = 0; i < n; i++)
		given_target(rig, &server, &check, HEALTH_UNKNOWN, &changes);
	WAIT_UNTIL(rig, changes == n);
	assert_int_equal(server.requests, n);
	assert_true(server.arrivals_us[n - 1] - server.arrivals_us[0] > 50000);
	assert_true(server.arrivals_us[n - 1] - start_us < 1000000);
	server_stop(&server);
}

static void test_new_when_check_makes_no_sense_then_refused(void **state)
{
	struct health_check good = check_of(CHECK_TCP, 20, 2), check;
	struct netaddr address = {.family = AF_INET, .bytes = {127, 0, 0, 1}}, none = {0};
	struct health_target *target = NULL;
	struct rig *rig = *state;

#define EXPECT_REFUSED(address, port)                                                              \
	assert_int_equal(health_target_new(rig->health, address, port, &check, HEALTH_UP,          \
					   count_change, NULL, &target),                           \
			 -EINVAL)
	check = good;
	check.enabled = false;
	EXPECT_REFUSED(&address, 80);
	check = good;
	check.timeout_ms = 21;
	EXPECT_REFUSED(&address, 80);
	check = good;
	check.interval_ms = check.timeout_ms = 0;
	EXPECT_REFUSED(&address, 80);
	check = good;
	EXPECT_REFUSED(&none, 80);
	EXPECT_REFUSED(&address, 0);
	assert_null(target);
}

static void test_names_when_asked_then_are_those_of_the_api(void **state)
{
	(void)state;
	assert_string_equal(health_state_name(HEALTH_UNKNOWN), "unknown");
	assert_string_equal(health_state_name(HEALTH_UP), "up");
	assert_string_equal(health_state_name(HEALTH_DOWN), "down");
	assert_string_equal(health_result_name(HEALTH_NONE), "none");
	assert_string_equal(health_result_name(HEALTH_LOCAL_ERROR), "local_error");
}

int main(void)
{
#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_counting_when_results_come_then_only_rows_of_them_decide),
		RIG_TEST(test_cadence_when_interval_is_10_ms_then_does_not_drift),
		RIG_TEST(test_cadence_when_every_probe_times_out_then_does_not_drift),
		RIG_TEST(test_cadence_when_loop_was_blocked_then_skips_and_never_bursts),
		RIG_TEST(test_deadline_when_agent_is_late_then_what_arrived_counts),
		RIG_TEST(test_deadline_when_agent_was_stopped_then_silence_is_discarded_once),
		RIG_TEST(test_deadline_when_agent_was_late_to_go_on_then_server_gets_its_time),
		RIG_TEST(test_change_when_callback_frees_another_target_then_others_go_on),
		RIG_TEST(test_local_error_when_no_socket_is_left_then_counts_for_nothing),
		RIG_TEST(test_new_when_targets_are_many_then_first_probes_are_soon_and_spread),
		RIG_TEST(test_new_when_check_makes_no_sense_then_refused),
		RIG_TEST(test_names_when_asked_then_are_those_of_the_api),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
