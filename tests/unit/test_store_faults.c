/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <signal.h>
#include <sys/wait.h>

#include "sqlite_faults.h"
#include "store_fixture.h"

/*
 * The store with the n-th call below it failing, for every n: each change must have happened or
 * not, in the store that goes on and in the file that is opened anew.
 */

static int insert_balancer(struct store *store)
{
	struct load_balancer balancer = given_balancer(7);

	return store_load_balancer_insert(store, &balancer);
}

static int insert_group(struct store *store)
{
	struct server_group group = given_group(7, 1);

	return store_group_insert(store, &group);
}

static int insert_listener(struct store *store)
{
	struct listener listener = given_listener(1, 1, PROTOCOL_UDP, 53);

	return store_listener_insert(store, &listener);
}

static int set_running(struct store *store)
{
	return store_listener_set_running(store, "lb-1", PROTOCOL_TCP, LISTENER_PORT, true);
}

static int insert_server(struct store *store)
{
	struct server server = given_server(7);

	return store_server_insert(store, &server);
}

static int update_server(struct store *store)
{
	struct server server = given_server(1);

	server.type = SERVER_ENI;
	return store_server_update(store, &server);
}

static int delete_server(struct store *store)
{
	return store_server_delete(store, "i-1");
}

static int delete_listener(struct store *store)
{
	return store_listener_delete(store, "lb-1", PROTOCOL_TCP, LISTENER_PORT);
}

static int delete_group(struct store *store)
{
	return store_group_delete(store, "rsp-2");
}

static int delete_balancer(struct store *store)
{
	return store_load_balancer_delete(store, "lb-1");
}

/* Several changes in one transaction. */
static int replace_balancer(struct store *store)
{
	int r = delete_balancer(store);

	if (r >= 0)
		r = insert_balancer(store);
	return r < 0 ? r : update_server(store);
}

static const struct change {
	const char *name;
	int (*run)(struct store *store);
} changes[] = {
	{"insert load balancer", insert_balancer},
	{"insert group", insert_group},
	{"insert listener", insert_listener},
	{"set running", set_running},
	{"insert server", insert_server},
	{"update server", update_server},
	{"delete server", delete_server},
	{"delete listener", delete_listener},
	{"delete group", delete_group},
	{"delete load balancer", delete_balancer},
	{"replace load balancer", replace_balancer},
};

/* The file before each change, and the content before and after it. */
struct expectation {
	struct snapshot file;
	struct snapshot before;
	struct snapshot after;
};

static int transact(struct store *store, const struct change *change)
{
	int r = store_begin(store);

	if (r < 0)
		return r;
	r = change->run(store);
	if (r < 0) {
		store_rollback(store);
		return r;
	}
	return store_commit(store);
}

static struct snapshot content_of(const char *path)
{
	AUTO(store_free) struct store *store = given_store(path);

	return snapshot_take(store);
}

static void given_expectation(const struct folder *folder, const struct change *change,
			      struct expectation *ret)
{
	struct store *store;

	folder_empty(folder);
	store = given_store(folder->path);
	assert_int_equal(fill_store(store), 0);
	ret->before = snapshot_take(store);
	store_free(store);
	ret->file = file_read(folder->path);
	store = given_store(folder->path);
	assert_int_equal(transact(store, change), 0);
	ret->after = snapshot_take(store);
	store_free(store);
	assert_false(snapshot_equal(&ret->before, &ret->after));
}

static void expectation_clear(struct expectation *expectation)
{
	snapshot_clear(&expectation->file);
	snapshot_clear(&expectation->before);
	snapshot_clear(&expectation->after);
}

/* Run @change with the @nth call failing. Returns whether there was such a call. */
static bool run_with_fault(const struct folder *folder, const struct change *change,
			   const struct expectation *expectation, enum fault fault,
			   unsigned int nth)
{
	static const struct change probe = {"probe", insert_server};
	const struct snapshot *want;
	struct snapshot got;
	struct store *store;
	struct server server;
	bool fired;
	int r;

	folder_empty(folder);
	file_write(folder->path, &expectation->file);
	store = given_store(folder->path);
	arm(fault, nth);
	r = transact(store, change);
	fired = disarm();

	want = r < 0 ? &expectation->before : &expectation->after;
	got = snapshot_take(store);
	if (!snapshot_equal(&got, want))
		fail_msg("%s, fault %d at %u: answered %d, and the store differs", change->name,
			 fault, nth, r);
	snapshot_clear(&got);
	/* The store goes on: nothing of a failed change may come back with the next one. */
	if (store_server_get(store, "i-7", &server) == -ENOENT) {
		assert_int_equal(transact(store, &probe), 0);
		assert_int_equal(store_begin(store), 0);
		assert_int_equal(store_server_delete(store, "i-7"), 0);
		assert_int_equal(store_commit(store), 0);
	}
	store_free(store);
	got = content_of(folder->path);
	if (!snapshot_equal(&got, want))
		fail_msg("%s, fault %d at %u: answered %d, and the file differs", change->name,
			 fault, nth, r);
	snapshot_clear(&got);
	assert_true(fired || r == 0);
	return fired;
}

static void assert_all_or_nothing(const struct folder *folder, enum fault fault)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct expectation expectation;
		unsigned int nth = 1;

		given_expectation(folder, &changes[i], &expectation);
		while (run_with_fault(folder, &changes[i], &expectation, fault, nth))
			nth += fault == FAULT_MEMORY_STAYS ? 1 + nth / 8 : 1;
		assert_true(nth > 1); /* it does make such calls */
		expectation_clear(&expectation);
	}
}

static void test_change_when_a_write_fails_then_all_or_nothing(void **state)
{
	assert_all_or_nothing(*state, FAULT_WRITE);
}

static void test_change_when_the_disk_is_full_then_all_or_nothing(void **state)
{
	assert_all_or_nothing(*state, FAULT_FULL);
	assert_all_or_nothing(*state, FAULT_FULL_STAYS);
}

static void test_change_when_a_sync_fails_then_all_or_nothing(void **state)
{
	assert_all_or_nothing(*state, FAULT_SYNC);
}

static void test_change_when_memory_runs_out_then_all_or_nothing(void **state)
{
	assert_all_or_nothing(*state, FAULT_MEMORY);
	assert_all_or_nothing(*state, FAULT_MEMORY_STAYS);
}

/* A caller that goes on after a failure: what was answered with 0 is there if the commit says so.
 */
static bool commit_after_fault(const struct change *change, enum fault fault, unsigned int nth)
{
	static const struct change others[] = {{"first", insert_server}, {"last", insert_balancer}};
	AUTO(store_free) struct store *store = given_store(":memory:");
	AUTO(store_free) struct store *model = given_store(":memory:");
	struct snapshot got, want;
	int r, committed;
	bool fired, last_done;

	assert_int_equal(fill_store(store), 0);
	assert_int_equal(fill_store(model), 0);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(others[0].run(store), 0);
	arm(fault, nth);
	r = change->run(store);
	fired = disarm();
	last_done = others[1].run(store) == 0;
	committed = store_commit(store);
	if (committed == 0) {
		assert_int_equal(transact(model, &others[0]), 0);
		assert_true(r < 0 || transact(model, change) == 0);
		assert_true(!last_done || transact(model, &others[1]) == 0);
	}
	got = snapshot_take(store);
	want = snapshot_take(model);
	if (!snapshot_equal(&got, &want))
		fail_msg("%s, fault %d at %u: answers %d, commit %d, and the store differs",
			 change->name, fault, nth, r, committed);
	snapshot_clear(&got);
	snapshot_clear(&want);
	return fired;
}

static void test_commit_when_a_failure_was_overlooked_then_true_to_its_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		unsigned int nth = 1;

		if (changes[i].run == insert_server || changes[i].run == insert_balancer ||
		    changes[i].run == replace_balancer)
			continue; /* these are what happens before and after */
		while (commit_after_fault(&changes[i], FAULT_MEMORY, nth))
			nth++;
		for (nth = 1; commit_after_fault(&changes[i], FAULT_MEMORY_STAYS, nth);)
			nth += 1 + nth / 8;
	}
}

/* What one read yields, or its error. */
static int read_all(struct store *store)
{
	struct load_balancer balancer;
	struct server_group group;
	struct listener listener;
	struct store_counts counts;
	struct server server;
	int r;

	r = store_load_balancer_get(store, "lb-1", &balancer);
	if (r >= 0)
		r = store_load_balancer_get_by_address(store, &balancer.address, &balancer);
	if (r >= 0)
		r = store_group_get(store, "rsp-1", &group);
	if (r >= 0)
		r = store_listener_get(store, "lb-1", PROTOCOL_TCP, LISTENER_PORT, &listener);
	if (r >= 0)
		r = store_server_get(store, "i-1", &server);
	if (r >= 0)
		r = store_count(store, &counts);
	if (r >= 0 && (balancer.tags.count != 2 || group.server_count != GROUP_SERVERS ||
		       group.tags.count != 3 || listener.tags.count != 1))
		return -EBADMSG;
	return r;
}

static void test_read_when_memory_runs_out_then_enomem_and_never_half(void **state)
{
	struct folder *folder = *state;
	struct store *store = given_store(folder->path);
	unsigned int nth = 1;
	bool fired = true;

	assert_int_equal(fill_store(store), 0);
	while (fired) {
		int r;

		arm(FAULT_MEMORY, nth++);
		r = read_all(store);
		fired = disarm();
		/* SQLite does without some memory that only makes things faster. */
		if (r != 0 && (r != -ENOMEM || !fired))
			fail_msg("fault at %u: %d", nth - 1, r);
		assert_int_equal(read_all(store), 0);
	}
	store_free(store);
}

/* Open, with the n-th call failing, a file with @content (NULL: none). */
static void assert_open_survives(const struct folder *folder, enum fault fault,
				 const struct expectation *expectation)
{
	struct snapshot empty = {0}, got;
	unsigned int nth = 1;
	bool fired = true;

	while (fired) {
		struct store *store = NULL;
		bool created;
		int r;

		folder_empty(folder);
		if (expectation)
			file_write(folder->path, &expectation->file);
		arm(fault, nth);
		/* Thousands of allocations, all alike after the first ones. */
		nth += fault == FAULT_MEMORY || fault == FAULT_MEMORY_STAYS ? 1 + nth / 16 : 1;
		r = store_open(folder->path, &store, &created, NULL);
		fired = disarm();
		assert_true(r == 0 || (fired && !store));
		store_free(store);
		got = content_of(folder->path);
		if (!snapshot_equal(&got, expectation ? &expectation->before : &empty))
			fail_msg("open with fault %d before %u: %d, and the file differs", fault,
				 nth, r);
		snapshot_clear(&got);
	}
}

static void test_open_when_anything_fails_then_the_file_opens_afterwards(void **state)
{
	struct expectation expectation;

	given_expectation(*state, &changes[0], &expectation);
	for (int fault = FAULT_WRITE; fault < FAULT_KILL; fault++) {
		assert_open_survives(*state, (enum fault)fault, NULL);
		assert_open_survives(*state, (enum fault)fault, &expectation);
	}
	expectation_clear(&expectation);
}

/* Run @child in a process of its own; returns how it ended, as waitpid() tells it. */
static int run_child(int (*child)(const struct folder *, const struct change *),
		     const struct folder *folder, const struct change *change)
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(child(folder, change));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int open_and_change(const struct folder *folder, const struct change *change)
{
	struct store *store = NULL;
	bool created;

	/* The close writes, too: what is in the log goes into the file. */
	if (store_open(folder->path, &store, &created, NULL) < 0 || transact(store, change) < 0)
		return 1;
	store_free(store);
	return 0;
}

static void test_change_when_killed_at_any_write_then_all_or_nothing(void **state)
{
	struct folder *folder = *state;

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct expectation expectation;
		int status = -1;
		unsigned int nth;

		given_expectation(folder, &changes[i], &expectation);
		for (nth = 1; status != 0; nth++) {
			struct snapshot got;

			folder_empty(folder);
			file_write(folder->path, &expectation.file);
			arm(FAULT_KILL, nth);
			status = run_child(open_and_change, folder, &changes[i]);
			disarm();
			assert_true(status == 0 ||
				    (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
			got = content_of(folder->path);
			if (!snapshot_equal(&got, &expectation.after) &&
			    (status == 0 || !snapshot_equal(&got, &expectation.before)))
				fail_msg("%s, killed at %u: the file differs", changes[i].name,
					 nth);
			snapshot_clear(&got);
		}
		assert_true(nth > 3);
		expectation_clear(&expectation);
	}
}

static int create(const struct folder *folder, const struct change *change)
{
	struct store *store = NULL;
	bool created;

	(void)change;
	if (store_open(folder->path, &store, &created, NULL) < 0)
		return 1;
	store_free(store);
	return 0;
}

static void test_open_when_killed_at_any_write_then_opens_afterwards(void **state)
{
	struct folder *folder = *state;
	struct snapshot empty = {0};
	int status = -1;

	for (unsigned int nth = 1; status != 0; nth++) {
		struct snapshot got;

		folder_empty(folder);
		arm(FAULT_KILL, nth);
		status = run_child(create, folder, NULL);
		disarm();
		assert_true(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
		got = content_of(folder->path);
		assert_true(snapshot_equal(&got, &empty));
		snapshot_clear(&got);
	}
}

/* Commit one change, say so, then begin another and wait in the middle of it. */
static int commit_and_report(const struct folder *folder, int report)
{
	static const struct change committed = {"committed", insert_group};
	struct store *store = NULL;
	bool created;

	if (store_open(folder->path, &store, &created, NULL) < 0 ||
	    transact(store, &committed) < 0 || write(report, "c", 1) != 1)
		return 1;
	if (store_begin(store) < 0 || insert_server(store) < 0 || write(report, "b", 1) != 1)
		return 1;
	pause();
	return 1;
}

static void test_commit_when_reported_and_killed_then_it_is_there(void **state)
{
	struct folder *folder = *state;
	struct store *store = given_store(folder->path);
	struct server_group group;
	struct server server;
	int report[2], status;
	char said[2];
	pid_t pid;

	assert_int_equal(fill_store(store), 0);
	store_free(store);
	assert_int_equal(pipe(report), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(commit_and_report(folder, report[1]));
	close(report[1]);
	assert_int_equal(read(report[0], &said[0], 1), 1);
	assert_int_equal(read(report[0], &said[1], 1), 1);
	close(report[0]);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));

	store = given_store(folder->path);
	assert_int_equal(store_group_get(store, "rsp-7", &group), 0);
	assert_int_equal(store_server_get(store, "i-7", &server), -ENOENT);
	store_free(store);
}

static void test_commit_when_it_returns_then_the_log_is_on_the_disk(void **state)
{
	struct folder *folder = *state;
	struct store *store = given_store(folder->path);

	assert_int_equal(fill_store(store), 0);
	for (size_t i = 0; i < ARRAY_SIZE(changes) - 1; i++) {
		assert_int_equal(store_begin(store), 0);
		if (changes[i].run(store) < 0)
			fail_msg("%s", changes[i].name);
		faults.log_unsynced = true; /* so that a log that was not written shows, too */
		assert_int_equal(store_commit(store), 0);
		assert_false(faults.log_unsynced);
	}
	store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_change_when_a_write_fails_then_all_or_nothing),
		IN_FOLDER(test_change_when_the_disk_is_full_then_all_or_nothing),
		IN_FOLDER(test_change_when_a_sync_fails_then_all_or_nothing),
		IN_FOLDER(test_change_when_memory_runs_out_then_all_or_nothing),
		cmocka_unit_test(test_commit_when_a_failure_was_overlooked_then_true_to_its_answer),
		IN_FOLDER(test_read_when_memory_runs_out_then_enomem_and_never_half),
		IN_FOLDER(test_open_when_anything_fails_then_the_file_opens_afterwards),
		IN_FOLDER(test_change_when_killed_at_any_write_then_all_or_nothing),
		IN_FOLDER(test_open_when_killed_at_any_write_then_opens_afterwards),
		IN_FOLDER(test_commit_when_reported_and_killed_then_it_is_there),
		IN_FOLDER(test_commit_when_it_returns_then_the_log_is_on_the_disk),
	};

	return cmocka_run_group_tests_name("store_faults", tests, wrap_sqlite, NULL);
}
