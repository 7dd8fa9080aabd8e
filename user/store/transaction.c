/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>

#include "store/internal.h"

/*
 * Whether the transaction can no longer be committed: SQLite ends one by itself where it runs out
 * of disk, memory or luck (nothing of it is left then), or half a change could not be undone.
 */
static bool is_lost(struct store *store)
{
	return store->spoilt || sqlite3_get_autocommit(store->db);
}

/* End what SQLite has open. Where that fails, the next store_begin() tries again. */
static int roll_back(struct store *store)
{
	int r = 0;

	if (!sqlite3_get_autocommit(store->db))
		r = query_run_plain(store, STATEMENT_ROLLBACK);
	store->spoilt = r < 0;
	return r;
}

int store_begin(struct store *store)
{
	int r;

	if (store->in_transaction || store->visits)
		return -EPERM;
	r = roll_back(store);
	if (r >= 0)
		r = query_run_plain(store, STATEMENT_BEGIN);
	if (r < 0)
		return r;
	store->in_transaction = true;
	return 0;
}

int store_commit(struct store *store)
{
	int r;

	if (!store->in_transaction || store->visits)
		return -EPERM;
	r = is_lost(store) ? -EIO : query_run_plain(store, STATEMENT_COMMIT);
	store->in_transaction = false;
	if (r < 0) {
		(void)roll_back(store);
		return r;
	}
	return 0;
}

void store_rollback(struct store *store)
{
	if (!store->in_transaction)
		return;
	store->in_transaction = false;
	(void)roll_back(store);
}

int change_start(struct store *store)
{
	if (!store->in_transaction || store->visits)
		return -EPERM;
	if (is_lost(store))
		return -EIO;
	return query_run_plain(store, STATEMENT_SAVEPOINT);
}

int change_end(struct store *store, int r)
{
	int end = 0;

	if (is_lost(store))
		return r < 0 ? r : -EIO;
	if (r < 0)
		end = query_run_plain(store, STATEMENT_SAVEPOINT_ROLLBACK);
	if (end >= 0)
		end = query_run_plain(store, STATEMENT_SAVEPOINT_RELEASE);
	if (end < 0)
		store->spoilt = true; /* what is half done must not be committed */
	if (r < 0)
		return r;
	return end;
}

static int run_by_id(struct store *store, enum statement which, const char *id)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = query_start(store, which, &query);
	if (r >= 0)
		r = query_bind_text(&query, 1, id);
	return r < 0 ? r : query_run(&query);
}

int change_by_id(struct store *store, enum statement which, const char *id)
{
	int r;

	r = change_start(store);
	if (r < 0)
		return r;
	r = run_by_id(store, which, id);
	return change_end(store, r == 0 ? -ENOENT : r);
}
