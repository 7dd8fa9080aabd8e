/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/load_balancer.h"

#include <errno.h>

#include "store/internal.h"

static const struct column columns[] = {
	COLUMN(COLUMN_TEXT, struct load_balancer, id),
	COLUMN(COLUMN_TEXT, struct load_balancer, name),
	COLUMN(COLUMN_ADDRESS, struct load_balancer, address),
	COLUMN(COLUMN_BOOL, struct load_balancer, intranet),
	COLUMN(COLUMN_BOOL, struct load_balancer, delete_protection),
	COLUMN(COLUMN_TEXT, struct load_balancer, vpc_id),
	COLUMN(COLUMN_TEXT, struct load_balancer, vswitch_id),
	COLUMN(COLUMN_TEXT, struct load_balancer, master_zone_id),
	COLUMN(COLUMN_TEXT, struct load_balancer, slave_zone_id),
	COLUMN(COLUMN_TEXT, struct load_balancer, resource_group_id),
	COLUMN(COLUMN_TEXT, struct load_balancer, spec),
	COLUMN(COLUMN_TIME, struct load_balancer, create_time),
};
/* Where the columns of a read stand. */
enum { AT_SEQUENCE, AT_TAG_COUNT, AT_COLUMNS };

static int insert_row(struct store *store, const struct load_balancer *balancer)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = query_start(store, STATEMENT_LOAD_BALANCER_INSERT, &query);
	if (r >= 0)
		r = row_bind(&query, 1, columns, ARRAY_SIZE(columns), balancer);
	return r < 0 ? r : query_run(&query);
}

int store_load_balancer_insert(struct store *store, const struct load_balancer *balancer)
{
	int r;

	r = change_start(store);
	if (r < 0)
		return r;
	r = insert_row(store, balancer);
	if (r >= 0)
		r = tags_insert(store, STATEMENT_LOAD_BALANCER_TAG_INSERT,
				sqlite3_last_insert_rowid(store->db), &balancer->tags);
	return change_end(store, r);
}

int store_load_balancer_delete(struct store *store, const char *id)
{
	return change_by_id(store, STATEMENT_LOAD_BALANCER_DELETE, id);
}

static int read_balancer(struct query *query, struct load_balancer *ret)
{
	int r;

	*ret = (struct load_balancer){0};
	r = row_read(query, AT_COLUMNS, columns, ARRAY_SIZE(columns), ret);
	if (r < 0 || !sqlite3_column_int(query->stmt, AT_TAG_COUNT))
		return r;
	return tags_read(query->store, STATEMENT_LOAD_BALANCER_TAGS,
			 sqlite3_column_int64(query->stmt, AT_SEQUENCE), &ret->tags);
}

static int read_one(struct query *query, struct load_balancer *ret)
{
	struct load_balancer balancer;
	int r;

	r = query_step(query);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = read_balancer(query, &balancer);
	if (r < 0)
		return r;
	*ret = balancer;
	return 0;
}

int store_load_balancer_get(struct store *store, const char *id, struct load_balancer *ret)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = query_start(store, STATEMENT_LOAD_BALANCER_GET, &query);
	if (r >= 0)
		r = query_bind_text(&query, 1, id);
	return r < 0 ? r : read_one(&query, ret);
}

int store_load_balancer_get_by_address(struct store *store, const struct netaddr *address,
				       struct load_balancer *ret)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = query_start(store, STATEMENT_LOAD_BALANCER_GET_BY_ADDRESS, &query);
	if (r >= 0)
		r = query_bind_address(&query, 1, address);
	return r < 0 ? r : read_one(&query, ret);
}

int store_load_balancer_walk(struct store *store, store_load_balancer_visit visit, void *userdata)
{
	AUTO(query_end) struct query query = {0};
	struct load_balancer balancer;
	int r;

	r = query_start(store, STATEMENT_LOAD_BALANCER_WALK, &query);
	if (r < 0)
		return r;
	while ((r = query_step(&query)) > 0) {
		r = read_balancer(&query, &balancer);
		if (r < 0)
			return r;
		store->visits++;
		r = visit(&balancer, userdata);
		store->visits--;
		if (r)
			return r;
	}
	return r;
}
