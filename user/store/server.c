/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/server.h"

#include <errno.h>

#include "store/internal.h"

static const struct column columns[] = {
	COLUMN(COLUMN_TEXT, struct server, id),
	COLUMN(COLUMN_NUMBER, struct server, type),
	COLUMN(COLUMN_ADDRESS, struct server, address),
	COLUMN(COLUMN_TEXT, struct server, zone),
	COLUMN(COLUMN_TEXT, struct server, network),
	COLUMN(COLUMN_TEXT, struct server, description),
	COLUMN(COLUMN_TIME, struct server, create_time),
};
/* An update leaves the last one, the creation time, as it is. */
enum { UPDATE_COLUMNS = ARRAY_SIZE(columns) - 1 };

static int write_server(struct store *store, enum statement which, size_t count,
			const struct server *server)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = query_start(store, which, &query);
	if (r >= 0)
		r = row_bind(&query, 1, columns, count, server);
	return r < 0 ? r : query_run(&query);
}

int store_server_insert(struct store *store, const struct server *server)
{
	int r;

	r = change_start(store);
	if (r < 0)
		return r;
	r = write_server(store, STATEMENT_SERVER_INSERT, ARRAY_SIZE(columns), server);
	return change_end(store, r);
}

int store_server_update(struct store *store, const struct server *server)
{
	int r;

	r = change_start(store);
	if (r < 0)
		return r;
	r = write_server(store, STATEMENT_SERVER_UPDATE, UPDATE_COLUMNS, server);
	return change_end(store, r == 0 ? -ENOENT : r);
}

int store_server_delete(struct store *store, const char *id)
{
	return change_by_id(store, STATEMENT_SERVER_DELETE, id);
}

static int read_server(struct query *query, struct server *ret)
{
	*ret = (struct server){0};
	return row_read(query, 0, columns, ARRAY_SIZE(columns), ret);
}

int store_server_get(struct store *store, const char *id, struct server *ret)
{
	AUTO(query_end) struct query query = {0};
	struct server server;
	int r;

	r = query_start(store, STATEMENT_SERVER_GET, &query);
	if (r >= 0)
		r = query_bind_text(&query, 1, id);
	if (r >= 0)
		r = query_step(&query);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = read_server(&query, &server);
	if (r < 0)
		return r;
	*ret = server;
	return 0;
}

int store_server_walk(struct store *store, store_server_visit visit, void *userdata)
{
	AUTO(query_end) struct query query = {0};
	struct server server;
	int r;

	r = query_start(store, STATEMENT_SERVER_WALK, &query);
	if (r < 0)
		return r;
	while ((r = query_step(&query)) > 0) {
		r = read_server(&query, &server);
		if (r < 0)
			return r;
		store->visits++;
		r = visit(&server, userdata);
		store->visits--;
		if (r)
			return r;
	}
	return r;
}
