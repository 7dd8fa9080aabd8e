/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/listener.h"

#include <errno.h>

#include "store/internal.h"

static const struct column columns[] = {
	COLUMN(COLUMN_TEXT, struct listener, load_balancer_id),
	COLUMN(COLUMN_NUMBER, struct listener, protocol),
	COLUMN(COLUMN_NUMBER, struct listener, port),
	COLUMN(COLUMN_BOOL, struct listener, running),
	COLUMN(COLUMN_TEXT, struct listener, group_id),
	COLUMN(COLUMN_NUMBER, struct listener, none_healthy),
	COLUMN(COLUMN_BOOL, struct listener, check.enabled),
	COLUMN(COLUMN_NUMBER, struct listener, check.type),
	COLUMN(COLUMN_NUMBER, struct listener, check.interval_ms),
	COLUMN(COLUMN_NUMBER, struct listener, check.timeout_ms),
	COLUMN(COLUMN_NUMBER, struct listener, check.healthy_threshold),
	COLUMN(COLUMN_NUMBER, struct listener, check.unhealthy_threshold),
	COLUMN(COLUMN_NUMBER, struct listener, check.connect_port),
	COLUMN(COLUMN_TEXT, struct listener, check.domain),
	COLUMN(COLUMN_TEXT, struct listener, check.uri),
	COLUMN(COLUMN_NUMBER, struct listener, check.http_codes),
	COLUMN(COLUMN_NUMBER, struct listener, check.method),
	COLUMN(COLUMN_TEXT, struct listener, check.request),
	COLUMN(COLUMN_TEXT, struct listener, check.expect),
	COLUMN(COLUMN_BOOL, struct listener, check.assume_up_on_silence),
	COLUMN(COLUMN_TEXT, struct listener, description),
	COLUMN(COLUMN_TIME, struct listener, create_time),
};
/* Where the columns of a read stand. */
enum { AT_SEQUENCE, AT_TAG_COUNT, AT_COLUMNS };

static int insert_row(struct store *store, const struct listener *listener)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = query_start(store, STATEMENT_LISTENER_INSERT, &query);
	if (r >= 0)
		r = row_bind(&query, 1, columns, ARRAY_SIZE(columns), listener);
	if (r >= 0)
		r = query_run(&query);
	return r == -EBUSY ? -ENOENT : r; /* the foreign key found no load balancer or group */
}

int store_listener_insert(struct store *store, const struct listener *listener)
{
	int r;

	r = change_start(store);
	if (r < 0)
		return r;
	r = insert_row(store, listener);
	if (r >= 0)
		r = tags_insert(store, STATEMENT_LISTENER_TAG_INSERT,
				sqlite3_last_insert_rowid(store->db), &listener->tags);
	return change_end(store, r);
}

static int start_by_key(struct store *store, enum statement which, const char *load_balancer_id,
			enum protocol protocol, uint16_t port, struct query *ret)
{
	int r;

	r = query_start(store, which, ret);
	if (r >= 0)
		r = query_bind_text(ret, 1, load_balancer_id);
	if (r >= 0)
		r = query_bind_integer(ret, 2, protocol);
	if (r >= 0)
		r = query_bind_integer(ret, 3, port);
	return r;
}

static int set_running(struct store *store, const char *load_balancer_id, enum protocol protocol,
		       uint16_t port, bool running)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = start_by_key(store, STATEMENT_LISTENER_SET_RUNNING, load_balancer_id, protocol, port,
			 &query);
	if (r >= 0)
		r = query_bind_integer(&query, 4, running);
	return r < 0 ? r : query_run(&query);
}

int store_listener_set_running(struct store *store, const char *load_balancer_id,
			       enum protocol protocol, uint16_t port, bool running)
{
	int r;

	r = change_start(store);
	if (r < 0)
		return r;
	r = set_running(store, load_balancer_id, protocol, port, running);
	return change_end(store, r == 0 ? -ENOENT : r);
}

static int delete_row(struct store *store, const char *load_balancer_id, enum protocol protocol,
		      uint16_t port)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = start_by_key(store, STATEMENT_LISTENER_DELETE, load_balancer_id, protocol, port,
			 &query);
	return r < 0 ? r : query_run(&query);
}

int store_listener_delete(struct store *store, const char *load_balancer_id, enum protocol protocol,
			  uint16_t port)
{
	int r;

	r = change_start(store);
	if (r < 0)
		return r;
	r = delete_row(store, load_balancer_id, protocol, port);
	return change_end(store, r == 0 ? -ENOENT : r);
}

static int read_listener(struct query *query, struct listener *ret)
{
	int r;

	*ret = (struct listener){0};
	r = row_read(query, AT_COLUMNS, columns, ARRAY_SIZE(columns), ret);
	if (r < 0 || !sqlite3_column_int(query->stmt, AT_TAG_COUNT))
		return r;
	return tags_read(query->store, STATEMENT_LISTENER_TAGS,
			 sqlite3_column_int64(query->stmt, AT_SEQUENCE), &ret->tags);
}

int store_listener_get(struct store *store, const char *load_balancer_id, enum protocol protocol,
		       uint16_t port, struct listener *ret)
{
	AUTO(query_end) struct query query = {0};
	struct listener listener;
	int r;

	r = start_by_key(store, STATEMENT_LISTENER_GET, load_balancer_id, protocol, port, &query);
	if (r >= 0)
		r = query_step(&query);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = read_listener(&query, &listener);
	if (r < 0)
		return r;
	*ret = listener;
	return 0;
}

static int start_walk(struct store *store, const char *load_balancer_id, const char *group_id,
		      struct query *ret)
{
	int r;

	if (group_id) {
		r = query_start(store, STATEMENT_LISTENER_WALK_BY_GROUP, ret);
		if (r >= 0)
			r = query_bind_text(ret, 1, group_id);
		/* A NULL text binds NULL: any load balancer. */
		return r < 0 ? r : query_bind_text(ret, 2, load_balancer_id);
	}
	if (load_balancer_id) {
		r = query_start(store, STATEMENT_LISTENER_WALK_BY_BALANCER, ret);
		return r < 0 ? r : query_bind_text(ret, 1, load_balancer_id);
	}
	return query_start(store, STATEMENT_LISTENER_WALK, ret);
}

int store_listener_walk(struct store *store, const char *load_balancer_id, const char *group_id,
			store_listener_visit visit, void *userdata)
{
	AUTO(query_end) struct query query = {0};
	struct listener listener;
	int r;

	r = start_walk(store, load_balancer_id, group_id, &query);
	if (r < 0)
		return r;
	while ((r = query_step(&query)) > 0) {
		r = read_listener(&query, &listener);
		if (r < 0)
			return r;
		store->visits++;
		r = visit(&listener, userdata);
		store->visits--;
		if (r)
			return r;
	}
	return r;
}
