/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "model/codes.h"
#include "store/internal.h"
#include "store/schema.h"

/*
 * How long to wait for a lock. Nobody else should hold one, but a predecessor may just be closing,
 * and an operator may look into the file; once we run, the loop must not wait for either.
 */
enum { LOCK_WAIT_OPEN_MS = 2000, LOCK_WAIT_MS = 20 };

static int open_failed(struct store *store, const char *path, const char *what,
		       struct error *reterr)
{
	int rc = sqlite3_extended_errcode(store->db);
	int system_errno = sqlite3_system_errno(store->db);
	int r = store_errno(rc);

	if ((rc & 0xff) == SQLITE_CANTOPEN && system_errno)
		return error_errno(reterr, -system_errno, "open database %s", path);
	error_set(reterr, CODE_INTERNAL, NULL, "database %s: %s: %s", path, what,
		  sqlite3_errmsg(store->db));
	return r < 0 ? r : -EIO;
}

/*
 * Commits that are in the log are read, but must not go into the file before we know that it is
 * ours and sound: else a refusal would change it. A log that is empty, or was not there, goes on
 * close.
 */
static void keep_log_on_close(struct store *store, bool keep)
{
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, NULL);
}

static bool has_log(struct store *store)
{
	sqlite3_filename name = sqlite3_db_filename(store->db, "main");
	struct stat status;

	return name && name[0] && stat(sqlite3_filename_wal(name), &status) == 0 &&
	       status.st_size > 0;
}

static int open_file(struct store *store, const char *path, struct error *reterr)
{
	enum {
		FLAGS = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_EXRESCODE
	};

	if (!path[0]) {
		error_set(reterr, CODE_INTERNAL, NULL, "the path of the database is empty");
		return -EINVAL;
	}
	if (sqlite3_open_v2(path, &store->db, FLAGS, NULL) != SQLITE_OK)
		return open_failed(store, path, "open", reterr);
	if (sqlite3_db_readonly(store->db, "main")) {
		error_set(reterr, CODE_INTERNAL, NULL, "database %s may not be written", path);
		return -EROFS;
	}
	return 0;
}

static int switch_to_log(struct store *store, const char *path, struct error *reterr)
{
	sqlite3_stmt *stmt = NULL;
	const char *mode = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL) ==
		    SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		mode = (const char *)sqlite3_column_text(stmt, 0);
	if (!mode) {
		r = open_failed(store, path, "switch to the write-ahead log", reterr);
	} else if (strcmp(mode, "wal") != 0 && strcmp(mode, "memory") != 0) {
		/* SQLite stays with the journal, silently, where it cannot share memory. */
		error_set(reterr, CODE_INTERNAL, NULL,
			  "database %s: journal mode is %s, must be wal: the file system does not "
			  "serve",
			  path, mode);
		r = -EOPNOTSUPP;
	}
	sqlite3_finalize(stmt);
	return r;
}

/* Durability and foreign keys; read back, since SQLite ignores what it was built without. */
static int set_modes(struct store *store, const char *path, struct error *reterr)
{
	int foreign_keys = 0, synchronous = 0;

	if (sqlite3_exec(store->db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", NULL,
			 NULL, NULL) != SQLITE_OK ||
	    schema_integer(store->db, "PRAGMA synchronous", &synchronous) < 0 ||
	    schema_integer(store->db, "PRAGMA foreign_keys", &foreign_keys) < 0)
		return open_failed(store, path, "set modes", reterr);
	if (synchronous != 2 || foreign_keys != 1) {
		error_set(
			reterr, CODE_INTERNAL, NULL,
			"database %s: synchronous is %d, must be 2; foreign_keys is %d, must be 1",
			path, synchronous, foreign_keys);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int open_schema(struct store *store, const char *path, bool *ret_created,
		       struct error *reterr)
{
	int r;

	sqlite3_busy_timeout(store->db, LOCK_WAIT_OPEN_MS);
	keep_log_on_close(store, has_log(store));
	r = schema_migrate(store->db, path, schema_steps, schema_step_count, ret_created, reterr);
	if (r < 0)
		return r;
	r = switch_to_log(store, path, reterr);
	if (r < 0)
		return r;
	r = set_modes(store, path, reterr);
	if (r < 0)
		return r;
	if (query_prepare_all(store) < 0)
		return open_failed(store, path, "the schema is not what it should be", reterr);
	keep_log_on_close(store, false);
	sqlite3_busy_timeout(store->db, LOCK_WAIT_MS);
	return 0;
}

int store_open(const char *path, struct store **ret, bool *ret_created, struct error *reterr)
{
	AUTO(store_free) struct store *store = xcalloc(1, sizeof(*store));
	bool created;
	int r;

	r = open_file(store, path, reterr);
	if (r < 0)
		return r;
	r = open_schema(store, path, &created, reterr);
	if (r < 0)
		return r;
	*ret = TAKE(store);
	*ret_created = created;
	return 0;
}

struct store *store_free(struct store *store)
{
	if (!store)
		return NULL;
	store_rollback(store);
	query_finalize_all(store);
	sqlite3_close(store->db);
	free(store);
	return NULL;
}

int store_count(struct store *store, struct store_counts *ret)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = query_start(store, STATEMENT_COUNT, &query);
	if (r >= 0)
		r = query_step(&query);
	if (r <= 0)
		return r < 0 ? r : -EIO;
	*ret = (struct store_counts){
		.load_balancers = (size_t)sqlite3_column_int64(query.stmt, 0),
		.groups = (size_t)sqlite3_column_int64(query.stmt, 1),
		.listeners = (size_t)sqlite3_column_int64(query.stmt, 2),
		.servers = (size_t)sqlite3_column_int64(query.stmt, 3),
	};
	return 0;
}
