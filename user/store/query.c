/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

/* Lists of columns, in the order of the column tables in load_balancer.c, group.c and so on. */
#define LOAD_BALANCER_COLUMNS                                                                      \
	"id, name, address, intranet, delete_protection, vpc_id, vswitch_id, master_zone_id, "     \
	"slave_zone_id, resource_group_id, spec, create_time"
#define LISTENER_COLUMNS                                                                           \
	"load_balancer_id, protocol, port, running, group_id, none_healthy, check_enabled, "       \
	"check_type, interval_ms, timeout_ms, healthy_threshold, unhealthy_threshold, "            \
	"connect_port, domain, uri, http_codes, method, request, expect, assume_up_on_silence, "   \
	"description, create_time"
#define SERVER_COLUMNS "id, type, address, zone, network, description, create_time"

/* What a read yields before the object's own columns: its row number and how many tags it has. */
#define LOAD_BALANCER_SELECT                                                                       \
	"SELECT sequence, (SELECT count(*) FROM load_balancer_tags WHERE owner = "                 \
	"sequence), " LOAD_BALANCER_COLUMNS " FROM load_balancers "
#define LISTENER_SELECT                                                                            \
	"SELECT sequence, (SELECT count(*) FROM listener_tags WHERE owner = "                      \
	"sequence), " LISTENER_COLUMNS " FROM listeners "
/* A row for each server of a group, in the order of roles; one with NULLs for a group without. */
#define GROUP_SELECT                                                                               \
	"SELECT sequence, (SELECT count(*) FROM group_tags t WHERE t.owner = sequence), id, "      \
	"load_balancer_id, name, create_time, role, server_id, server_ip, port, weight, type, "    \
	"description FROM server_groups LEFT JOIN group_servers s ON s.owner = sequence "
#define GROUP_ORDER "ORDER BY sequence, role"

#define TAG_INSERT(table) "INSERT INTO " table " (owner, position, key, value) VALUES (?, ?, ?, ?)"
#define TAG_SELECT(table) "SELECT key, value FROM " table " WHERE owner = ? ORDER BY position"
#define LISTENER_KEY	  "WHERE load_balancer_id = ?1 AND protocol = ?2 AND port = ?3"

static const char *const texts[] = {
	[STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_ROLLBACK] = "ROLLBACK",
	[STATEMENT_SAVEPOINT] = "SAVEPOINT change",
	[STATEMENT_SAVEPOINT_RELEASE] = "RELEASE change",
	[STATEMENT_SAVEPOINT_ROLLBACK] = "ROLLBACK TO change",
	[STATEMENT_COUNT] = "SELECT (SELECT count(*) FROM load_balancers), "
			    "(SELECT count(*) FROM server_groups), "
			    "(SELECT count(*) FROM listeners), (SELECT count(*) FROM servers)",

	[STATEMENT_LOAD_BALANCER_INSERT] = "INSERT INTO load_balancers (" LOAD_BALANCER_COLUMNS
					   ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[STATEMENT_LOAD_BALANCER_GET] = LOAD_BALANCER_SELECT "WHERE id = ?",
	[STATEMENT_LOAD_BALANCER_GET_BY_ADDRESS] = LOAD_BALANCER_SELECT "WHERE address = ?",
	[STATEMENT_LOAD_BALANCER_WALK] = LOAD_BALANCER_SELECT "ORDER BY sequence",
	[STATEMENT_LOAD_BALANCER_DELETE] = "DELETE FROM load_balancers WHERE id = ?",
	[STATEMENT_LOAD_BALANCER_TAG_INSERT] = TAG_INSERT("load_balancer_tags"),
	[STATEMENT_LOAD_BALANCER_TAGS] = TAG_SELECT("load_balancer_tags"),

	[STATEMENT_GROUP_INSERT] = "INSERT INTO server_groups "
				   "(id, load_balancer_id, name, create_time) VALUES (?, ?, ?, ?)",
	[STATEMENT_GROUP_SERVER_INSERT] =
		"INSERT INTO group_servers (owner, role, server_id, server_ip, port, weight, type, "
		"description) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	[STATEMENT_GROUP_GET] = GROUP_SELECT "WHERE id = ? " GROUP_ORDER,
	[STATEMENT_GROUP_WALK] = GROUP_SELECT GROUP_ORDER,
	[STATEMENT_GROUP_WALK_BY_BALANCER] = GROUP_SELECT "WHERE load_balancer_id = ? " GROUP_ORDER,
	[STATEMENT_GROUP_WALK_BY_SERVER] = GROUP_SELECT
	"WHERE sequence IN (SELECT owner FROM group_servers WHERE server_id = ?) " GROUP_ORDER,
	[STATEMENT_GROUP_DELETE] = "DELETE FROM server_groups WHERE id = ?",
	[STATEMENT_GROUP_TAG_INSERT] = TAG_INSERT("group_tags"),
	[STATEMENT_GROUP_TAGS] = TAG_SELECT("group_tags"),

	[STATEMENT_LISTENER_INSERT] = "INSERT INTO listeners (" LISTENER_COLUMNS
				      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
				      "?, ?, ?, ?, ?, ?)",
	[STATEMENT_LISTENER_GET] = LISTENER_SELECT LISTENER_KEY,
	[STATEMENT_LISTENER_WALK] = LISTENER_SELECT "ORDER BY sequence",
	[STATEMENT_LISTENER_WALK_BY_BALANCER] =
		LISTENER_SELECT "WHERE load_balancer_id = ? ORDER BY sequence",
	[STATEMENT_LISTENER_WALK_BY_GROUP] =
		LISTENER_SELECT "WHERE group_id = ?1 AND (?2 IS NULL OR load_balancer_id = ?2) "
				"ORDER BY sequence",
	[STATEMENT_LISTENER_SET_RUNNING] = "UPDATE listeners SET running = ?4 " LISTENER_KEY,
	[STATEMENT_LISTENER_DELETE] = "DELETE FROM listeners " LISTENER_KEY,
	[STATEMENT_LISTENER_TAG_INSERT] = TAG_INSERT("listener_tags"),
	[STATEMENT_LISTENER_TAGS] = TAG_SELECT("listener_tags"),

	[STATEMENT_SERVER_INSERT] =
		"INSERT INTO servers (" SERVER_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)",
	[STATEMENT_SERVER_GET] = "SELECT " SERVER_COLUMNS " FROM servers WHERE id = ?",
	[STATEMENT_SERVER_UPDATE] =
		"UPDATE servers SET type = ?2, address = ?3, zone = ?4, network = ?5, "
		"description = ?6 WHERE id = ?1",
	[STATEMENT_SERVER_DELETE] = "DELETE FROM servers WHERE id = ?",
	[STATEMENT_SERVER_WALK] = "SELECT " SERVER_COLUMNS " FROM servers ORDER BY sequence",
};
_Static_assert(ARRAY_SIZE(texts) == STATEMENT_MAX, "one text a statement");

static int constraint_errno(int result)
{
	switch (result) {
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_ROWID:
		return -EEXIST;
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return -EBUSY;
	default:
		return -EINVAL;
	}
}

int store_errno(int result)
{
	static const int errnos[] = {
		[SQLITE_PERM] = -EACCES,     [SQLITE_BUSY] = -EAGAIN,
		[SQLITE_LOCKED] = -EAGAIN,   [SQLITE_NOMEM] = -ENOMEM,
		[SQLITE_READONLY] = -EROFS,  [SQLITE_INTERRUPT] = -EINTR,
		[SQLITE_CORRUPT] = -EUCLEAN, [SQLITE_NOTADB] = -EUCLEAN,
		[SQLITE_FULL] = -ENOSPC,     [SQLITE_CANTOPEN] = -ENOENT,
		[SQLITE_TOOBIG] = -E2BIG,    [SQLITE_AUTH] = -EACCES,
	};
	size_t primary = (size_t)result & 0xff;

	if (result == SQLITE_OK)
		return 0;
	if (primary == SQLITE_CONSTRAINT)
		return constraint_errno(result);
	return primary < ARRAY_SIZE(errnos) && errnos[primary] ? errnos[primary] : -EIO;
}

static int prepare(struct store *store, enum statement which, sqlite3_stmt **ret)
{
	int rc = sqlite3_prepare_v3(store->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, ret,
				    NULL);

	return store_errno(rc);
}

int query_prepare_all(struct store *store)
{
	for (int i = 0; i < STATEMENT_MAX; i++) {
		int r = prepare(store, (enum statement)i, &store->statements[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

void query_finalize_all(struct store *store)
{
	for (int i = 0; i < STATEMENT_MAX; i++) {
		sqlite3_finalize(store->statements[i]);
		store->statements[i] = NULL;
	}
}

int query_start(struct store *store, enum statement which, struct query *ret)
{
	sqlite3_stmt *stmt = TAKE(store->statements[which]);

	if (!stmt) {
		int r = prepare(store, which, &stmt);

		if (r < 0)
			return r;
	}
	*ret = (struct query){.store = store, .which = which, .stmt = stmt};
	return 0;
}

void query_endp(struct query *query)
{
	struct store *store = query->store;

	if (!query->stmt)
		return;
	sqlite3_reset(query->stmt);
	sqlite3_clear_bindings(query->stmt);
	if (store->statements[query->which])
		sqlite3_finalize(query->stmt);
	else
		store->statements[query->which] = query->stmt;
	query->stmt = NULL;
}

int query_bind_text(struct query *query, int index, const char *text)
{
	return store_errno(sqlite3_bind_text(query->stmt, index, text, -1, SQLITE_STATIC));
}

int query_bind_integer(struct query *query, int index, int64_t value)
{
	return store_errno(sqlite3_bind_int64(query->stmt, index, value));
}

int query_bind_address(struct query *query, int index, const struct netaddr *addr)
{
	char text[NETADDR_TEXT_MAX];

	if (!netaddr_is_set(addr))
		return store_errno(sqlite3_bind_null(query->stmt, index));
	netaddr_format(addr, text);
	return store_errno(sqlite3_bind_text(query->stmt, index, text, -1, SQLITE_TRANSIENT));
}

int query_step(struct query *query)
{
	int rc = sqlite3_step(query->stmt);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : store_errno(rc);
}

int query_run(struct query *query)
{
	int r = query_step(query);

	return r < 0 ? r : sqlite3_changes(query->store->db);
}

int query_run_plain(struct store *store, enum statement which)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = query_start(store, which, &query);
	return r < 0 ? r : query_step(&query);
}
