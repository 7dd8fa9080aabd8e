/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <sqlite3.h>
#include <sys/stat.h>

#include "store/schema.h"
#include "store_fixture.h"

/* Run @sql on the file by SQLite alone, as an operator or another program would. */
static void given_sql(const char *path, const char *sql)
{
	char *message = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int read_integer(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	int value = -1;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(schema_integer(db, sql, &value), 0);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return value;
}

static void given_filled_file(const char *path)
{
	AUTO(store_free) struct store *store = given_store(path);

	assert_int_equal(fill_store(store), 0);
}

/* The file is refused with @want and a message that has @text in it; no byte of it changes. */
static void assert_refused(const struct folder *folder, int want, const char *text)
{
	struct snapshot before = file_read(folder->path), after;
	struct store *store = (struct store *)folder;
	struct error error = {0};
	bool created = true;

	assert_int_equal(store_open(folder->path, &store, &created, &error), want);
	assert_ptr_equal(store, folder);
	assert_true(created);
	if (!strstr(error.message, text))
		fail_msg("\"%s\" lacks \"%s\"", error.message, text);
	after = file_read(folder->path);
	assert_true(snapshot_equal(&before, &after));
	snapshot_clear(&before);
	snapshot_clear(&after);
}

static void test_open_when_again_then_all_is_there(void **state)
{
	struct folder *folder = *state;
	struct snapshot before, after;
	struct store *store = NULL;
	bool created = false;

	assert_int_equal(store_open(folder->path, &store, &created, NULL), 0);
	assert_true(created);
	assert_int_equal(fill_store(store), 0);
	before = snapshot_take(store);
	store = store_free(store);
	assert_int_equal(store_open(folder->path, &store, &created, NULL), 0);
	assert_false(created);
	after = snapshot_take(store);
	assert_true(snapshot_equal(&before, &after));
	store_free(store);
	snapshot_clear(&before);
	snapshot_clear(&after);
	assert_int_equal(folder_empty(folder), 1);
}

static void test_free_when_in_a_transaction_then_rolled_back(void **state)
{
	struct folder *folder = *state;
	struct server server = given_server(1);
	struct store *store = given_store(folder->path);

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_server_insert(store, &server), 0);
	store_free(store);
	store = given_store(folder->path);
	assert_int_equal(store_server_get(store, "i-1", &server), -ENOENT);
	store_free(store);
}

static void test_open_when_no_folder_then_enoent(void **state)
{
	struct folder elsewhere = *(struct folder *)*state;

	snprintf(elsewhere.path, sizeof(elsewhere.path), "%s/tandem.db/none", elsewhere.name);
	given_sql(((struct folder *)*state)->path, "CREATE TABLE t (x)");
	assert_refused(&elsewhere, -ENOTDIR, elsewhere.path);
	snprintf(elsewhere.path, sizeof(elsewhere.path), "%s/none/tandem.db", elsewhere.name);
	assert_refused(&elsewhere, -ENOENT, "No such file or directory");
	snprintf(elsewhere.path, sizeof(elsewhere.path), "%s", elsewhere.name);
	assert_refused(&elsewhere, -EISDIR, elsewhere.name);
	elsewhere.path[0] = '\0';
	assert_refused(&elsewhere, -EINVAL, "empty");
}

static void test_open_when_not_a_database_then_refused(void **state)
{
	struct folder *folder = *state;
	char text[5000] = "SQLite format 2 but not really";
	struct snapshot content = {text, sizeof(text)};

	file_write(folder->path, &content);
	assert_refused(folder, -EUCLEAN, "not a database");
	content.size = 10;
	file_write(folder->path, &content);
	assert_refused(folder, -EUCLEAN, "not a database");
	assert_int_equal(folder_empty(folder), 1);
}

static void test_open_when_of_another_program_then_refused(void **state)
{
	struct folder *folder = *state;

	given_sql(folder->path, "CREATE TABLE notes (text)");
	assert_refused(folder, -EUCLEAN, "another program");
	given_sql(folder->path, "PRAGMA application_id = 1; PRAGMA journal_mode = WAL");
	assert_refused(folder, -EUCLEAN, "another program");
	assert_int_equal(folder_empty(folder), 1);
}

static void test_open_when_empty_file_then_created(void **state)
{
	struct folder *folder = *state;
	AUTO(store_free) struct store *store = NULL;
	bool created = false;

	file_write(folder->path, &(struct snapshot){"", 0});
	assert_int_equal(store_open(folder->path, &store, &created, NULL), 0);
	assert_true(created);
}

static void test_open_when_newer_then_refused(void **state)
{
	struct folder *folder = *state;
	char sql[64];

	given_filled_file(folder->path);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu", schema_step_count + 1);
	given_sql(folder->path, sql);
	assert_refused(folder, -EPROTONOSUPPORT, "use a newer tandem");
	assert_int_equal(folder_empty(folder), 1);
}

/* Commits that another program left in its log must stay there. */
static void assert_refused_with_log(const struct folder *folder, const char *sql, int want)
{
	struct snapshot log, after;
	sqlite3 *db = NULL;
	char path[128];

	assert_int_equal(sqlite3_open(folder->path, &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	snprintf(path, sizeof(path), "%s-wal", folder->path);
	log = file_read(path);
	assert_true(log.size > 0);
	assert_refused(folder, want, folder->path);
	after = file_read(path);
	assert_true(snapshot_equal(&log, &after));
	snapshot_clear(&log);
	snapshot_clear(&after);
}

static void test_open_when_refused_with_a_log_then_both_files_stay(void **state)
{
	struct folder *folder = *state;

	given_filled_file(folder->path);
	assert_refused_with_log(folder, "PRAGMA user_version = 1000", -EPROTONOSUPPORT);
	folder_empty(folder);
	assert_refused_with_log(folder, "PRAGMA journal_mode = WAL; CREATE TABLE notes (text)",
				-EUCLEAN);
}

static void test_open_when_truncated_then_refused(void **state)
{
	struct folder *folder = *state;
	struct stat status;

	given_filled_file(folder->path);
	assert_int_equal(stat(folder->path, &status), 0);
	assert_int_equal(truncate(folder->path, status.st_size / 2), 0);
	assert_refused(folder, -EUCLEAN, folder->path);
	assert_int_equal(folder_empty(folder), 1);
}

static void test_open_when_any_page_is_damaged_then_refused(void **state)
{
	enum { PAGE = 4096 };
	struct folder *folder = *state;
	struct snapshot good, bad;

	given_filled_file(folder->path);
	good = file_read(folder->path);
	assert_true(good.size > 10 * PAGE);
	for (size_t page = 0; page < good.size / PAGE; page++) {
		bad = file_read(folder->path);
		memset(bad.bytes + page * PAGE + (page ? 0 : 100), 0x5a, 64);
		file_write(folder->path, &bad);
		assert_refused(folder, -EUCLEAN, folder->path);
		snapshot_clear(&bad);
		file_write(folder->path, &good);
	}
	snapshot_clear(&good);
	store_free(given_store(folder->path));
}

static void test_open_when_edited_against_the_rules_then_refused(void **state)
{
	static const char *const edits[] = {
		"PRAGMA ignore_check_constraints = ON; UPDATE group_servers SET weight = 101",
		"PRAGMA ignore_check_constraints = ON; UPDATE listeners SET protocol = 1",
		"DELETE FROM load_balancers WHERE id = 'lb-1'",
		"DROP TABLE listener_tags",
		"ALTER TABLE servers RENAME COLUMN zone TO area",
	};
	struct folder *folder = *state;
	struct snapshot good;

	given_filled_file(folder->path);
	good = file_read(folder->path);
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		struct snapshot before, after;
		struct store *store = NULL;
		bool created;

		file_write(folder->path, &good);
		given_sql(folder->path, edits[i]);
		before = file_read(folder->path);
		if (store_open(folder->path, &store, &created, NULL) >= 0)
			fail_msg("accepted after: %s", edits[i]);
		after = file_read(folder->path);
		assert_true(snapshot_equal(&before, &after));
		snapshot_clear(&before);
		snapshot_clear(&after);
	}
	snapshot_clear(&good);
}

/* Text that is too long or no address passes the schema, and is found when it is read. */
static void test_read_when_a_value_is_no_value_of_the_model_then_euclean(void **state)
{
	struct folder *folder = *state;
	struct server server;
	struct store *store;
	struct server_group group;

	given_filled_file(folder->path);
	given_sql(folder->path, "UPDATE servers SET address = '10.0.0' WHERE id = 'i-1';"
				"UPDATE servers SET zone = printf('%065d', 1) WHERE id = 'i-2';"
				"WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n "
				"WHERE i < 30) INSERT INTO group_tags SELECT 1, i, i, '' FROM n");
	store = given_store(folder->path);
	assert_int_equal(store_server_get(store, "i-1", &server), -EUCLEAN);
	assert_int_equal(store_server_get(store, "i-2", &server), -EUCLEAN);
	assert_int_equal(store_server_walk(store, snapshot_server, stderr), -EUCLEAN);
	assert_int_equal(store_group_get(store, "rsp-1", &group), -EUCLEAN);
	assert_int_equal(store_group_get(store, "rsp-2", &group), 0);
	store_free(store);
}

static void test_begin_when_another_process_writes_then_eagain(void **state)
{
	struct folder *folder = *state;
	struct store *store = given_store(folder->path);
	struct server server = given_server(1);
	sqlite3 *other = NULL;

	assert_int_equal(sqlite3_open(folder->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(store_begin(store), -EAGAIN);
	assert_int_equal(store_server_get(store, "i-1", &server), -ENOENT);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_server_insert(store, &server), 0);
	assert_int_equal(store_commit(store), 0);
	store_free(store);
}

/* Bring the file to the end of @steps; returns what schema_migrate() does. */
static int migrate(const char *path, const char *const *steps, size_t count, bool *ret_created)
{
	struct error error = {0};
	sqlite3 *db = NULL;
	int r;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	r = schema_migrate(db, path, steps, count, ret_created, &error);
	assert_true(r >= 0 || strstr(error.message, path));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return r;
}

static void test_migrate_when_older_then_data_stays(void **state)
{
	const char *steps[] = {
		schema_steps[0],
		"ALTER TABLE servers ADD COLUMN rack TEXT NOT NULL DEFAULT 'none'",
		"CREATE TABLE racks (id TEXT PRIMARY KEY) STRICT; INSERT INTO racks VALUES "
		"('none')",
	};
	struct folder *folder = *state;
	bool created = true;

	given_filled_file(folder->path);
	assert_int_equal(migrate(folder->path, steps, 3, &created), 0);
	assert_false(created);
	assert_int_equal(read_integer(folder->path, "PRAGMA user_version"), 3);
	assert_int_equal(
		read_integer(folder->path, "SELECT count(*) FROM servers WHERE rack = 'none'"), 2);
	assert_int_equal(read_integer(folder->path, "SELECT count(*) FROM racks"), 1);
	/* Once is enough. */
	assert_int_equal(migrate(folder->path, steps, 3, &created), 0);
	assert_int_equal(read_integer(folder->path, "SELECT count(*) FROM racks"), 1);
	assert_int_equal(migrate(folder->path, steps, 2, &created), -EPROTONOSUPPORT);
}

static void test_migrate_when_a_step_fails_then_as_before(void **state)
{
	const char *bad_sql[] = {schema_steps[0], "DELETE FROM listeners",
				 "INSERT INTO nowhere VALUES (1)"};
	const char *bad_reference[] = {schema_steps[0], "DELETE FROM load_balancers"};
	struct folder *folder = *state;
	struct snapshot before, after;
	bool created = true;

	given_filled_file(folder->path);
	before = file_read(folder->path);
	assert_int_equal(migrate(folder->path, bad_sql, 3, &created), -EIO);
	assert_int_equal(migrate(folder->path, bad_reference, 2, &created), -EUCLEAN);
	assert_true(created);
	after = file_read(folder->path);
	assert_true(snapshot_equal(&before, &after));
	snapshot_clear(&before);
	snapshot_clear(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_open_when_again_then_all_is_there),
		IN_FOLDER(test_free_when_in_a_transaction_then_rolled_back),
		IN_FOLDER(test_open_when_no_folder_then_enoent),
		IN_FOLDER(test_open_when_not_a_database_then_refused),
		IN_FOLDER(test_open_when_of_another_program_then_refused),
		IN_FOLDER(test_open_when_empty_file_then_created),
		IN_FOLDER(test_open_when_newer_then_refused),
		IN_FOLDER(test_open_when_refused_with_a_log_then_both_files_stay),
		IN_FOLDER(test_open_when_truncated_then_refused),
		IN_FOLDER(test_open_when_any_page_is_damaged_then_refused),
		IN_FOLDER(test_open_when_edited_against_the_rules_then_refused),
		IN_FOLDER(test_read_when_a_value_is_no_value_of_the_model_then_euclean),
		IN_FOLDER(test_begin_when_another_process_writes_then_eagain),
		IN_FOLDER(test_migrate_when_older_then_data_stays),
		IN_FOLDER(test_migrate_when_a_step_fails_then_as_before),
	};

	return cmocka_run_group_tests_name("store_file", tests, NULL, NULL);
}
