/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/server_group.h"

#include <errno.h>

#include "store/internal.h"

static const struct column columns[] = {
	COLUMN(COLUMN_TEXT, struct server_group, id),
	COLUMN(COLUMN_TEXT, struct server_group, load_balancer_id),
	COLUMN(COLUMN_TEXT, struct server_group, name),
	COLUMN(COLUMN_TIME, struct server_group, create_time),
};
static const struct column server_columns[] = {
	COLUMN(COLUMN_NUMBER, struct backend_server, role),
	COLUMN(COLUMN_TEXT, struct backend_server, server_id),
	COLUMN(COLUMN_ADDRESS, struct backend_server, server_ip),
	COLUMN(COLUMN_NUMBER, struct backend_server, port),
	COLUMN(COLUMN_NUMBER, struct backend_server, weight),
	COLUMN(COLUMN_NUMBER, struct backend_server, type),
	COLUMN(COLUMN_TEXT, struct backend_server, description),
};
/* Where the columns of a read stand. */
enum { AT_SEQUENCE, AT_TAG_COUNT, AT_COLUMNS, AT_SERVER = AT_COLUMNS + (int)ARRAY_SIZE(columns) };

static int insert_row(struct store *store, const struct server_group *group)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = query_start(store, STATEMENT_GROUP_INSERT, &query);
	if (r >= 0)
		r = row_bind(&query, 1, columns, ARRAY_SIZE(columns), group);
	if (r >= 0)
		r = query_run(&query);
	return r == -EBUSY ? -ENOENT : r; /* the foreign key found no load balancer */
}

static int insert_server(struct store *store, int64_t owner, const struct backend_server *server)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = query_start(store, STATEMENT_GROUP_SERVER_INSERT, &query);
	if (r >= 0)
		r = query_bind_integer(&query, 1, owner);
	if (r >= 0)
		r = row_bind(&query, 2, server_columns, ARRAY_SIZE(server_columns), server);
	return r < 0 ? r : query_run(&query);
}

static int insert_group(struct store *store, const struct server_group *group)
{
	int64_t owner;
	int r;

	r = insert_row(store, group);
	if (r < 0)
		return r;
	owner = sqlite3_last_insert_rowid(store->db);
	for (unsigned int i = 0; i < group->server_count; i++) {
		r = insert_server(store, owner, &group->servers[i]);
		if (r < 0)
			return r;
	}
	return tags_insert(store, STATEMENT_GROUP_TAG_INSERT, owner, &group->tags);
}

int store_group_insert(struct store *store, const struct server_group *group)
{
	int r;

	if (group->server_count > GROUP_SERVERS)
		return -EINVAL;
	for (unsigned int i = 0; i < group->server_count; i++) {
		if (group->servers[i].role != i)
			return -EINVAL; /* reads give the Master first: what is read must be what
					   was written */
	}
	r = change_start(store);
	if (r < 0)
		return r;
	return change_end(store, insert_group(store, group));
}

int store_group_delete(struct store *store, const char *id)
{
	return change_by_id(store, STATEMENT_GROUP_DELETE, id);
}

/*
 * Read a group whose first row @query stands on, and step to the first row of the next one. Returns
 * 1 where there is one, 0 at the end, or a negative errno.
 */
static int read_group(struct query *query, struct server_group *ret)
{
	int64_t sequence = sqlite3_column_int64(query->stmt, AT_SEQUENCE);
	int tag_count = sqlite3_column_int(query->stmt, AT_TAG_COUNT);
	int r, more;

	*ret = (struct server_group){0};
	r = row_read(query, AT_COLUMNS, columns, ARRAY_SIZE(columns), ret);
	if (r < 0)
		return r;
	do {
		if (sqlite3_column_type(query->stmt, AT_SERVER) != SQLITE_NULL) {
			/* The primary key is (owner, role), with two roles: never more rows than
			 * room. */
			r = row_read(query, AT_SERVER, server_columns, ARRAY_SIZE(server_columns),
				     &ret->servers[ret->server_count++]);
			if (r < 0)
				return r;
		}
		more = query_step(query);
	} while (more > 0 && sqlite3_column_int64(query->stmt, AT_SEQUENCE) == sequence);
	if (more < 0 || !tag_count)
		return more;
	r = tags_read(query->store, STATEMENT_GROUP_TAGS, sequence, &ret->tags);
	return r < 0 ? r : more;
}

int store_group_get(struct store *store, const char *id, struct server_group *ret)
{
	AUTO(query_end) struct query query = {0};
	struct server_group group;
	int r;

	r = query_start(store, STATEMENT_GROUP_GET, &query);
	if (r >= 0)
		r = query_bind_text(&query, 1, id);
	if (r >= 0)
		r = query_step(&query);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = read_group(&query, &group);
	if (r < 0)
		return r;
	*ret = group;
	return 0;
}

static int walk(struct store *store, enum statement which, const char *id, store_group_visit visit,
		void *userdata)
{
	AUTO(query_end) struct query query = {0};
	struct server_group group;
	int r;

	r = query_start(store, which, &query);
	if (r >= 0 && id)
		r = query_bind_text(&query, 1, id);
	if (r >= 0)
		r = query_step(&query);
	while (r > 0) {
		int answer;

		r = read_group(&query, &group);
		if (r < 0)
			return r;
		store->visits++;
		answer = visit(&group, userdata);
		store->visits--;
		if (answer)
			return answer;
	}
	return r;
}

int store_group_walk(struct store *store, const char *load_balancer_id, store_group_visit visit,
		     void *userdata)
{
	return walk(store,
		    load_balancer_id ? STATEMENT_GROUP_WALK_BY_BALANCER : STATEMENT_GROUP_WALK,
		    load_balancer_id, visit, userdata);
}

int store_group_walk_by_server(struct store *store, const char *server_id, store_group_visit visit,
			       void *userdata)
{
	return walk(store, STATEMENT_GROUP_WALK_BY_SERVER, server_id, visit, userdata);
}
