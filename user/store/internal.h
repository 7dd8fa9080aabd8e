/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_STORE_INTERNAL_H
#define TANDEM_STORE_INTERNAL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/tag.h"
#include "store/store.h"

/* What the files of the store share, and nobody else includes. */

/* One a SQL text; the texts stand in query.c. */
enum statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_SAVEPOINT,
	STATEMENT_SAVEPOINT_RELEASE,
	STATEMENT_SAVEPOINT_ROLLBACK,
	STATEMENT_COUNT,
	STATEMENT_LOAD_BALANCER_INSERT,
	STATEMENT_LOAD_BALANCER_GET,
	STATEMENT_LOAD_BALANCER_GET_BY_ADDRESS,
	STATEMENT_LOAD_BALANCER_WALK,
	STATEMENT_LOAD_BALANCER_DELETE,
	STATEMENT_LOAD_BALANCER_TAG_INSERT,
	STATEMENT_LOAD_BALANCER_TAGS,
	STATEMENT_GROUP_INSERT,
	STATEMENT_GROUP_SERVER_INSERT,
	STATEMENT_GROUP_GET,
	STATEMENT_GROUP_WALK,
	STATEMENT_GROUP_WALK_BY_BALANCER,
	STATEMENT_GROUP_WALK_BY_SERVER,
	STATEMENT_GROUP_DELETE,
	STATEMENT_GROUP_TAG_INSERT,
	STATEMENT_GROUP_TAGS,
	STATEMENT_LISTENER_INSERT,
	STATEMENT_LISTENER_GET,
	STATEMENT_LISTENER_WALK,
	STATEMENT_LISTENER_WALK_BY_BALANCER,
	STATEMENT_LISTENER_WALK_BY_GROUP,
	STATEMENT_LISTENER_SET_RUNNING,
	STATEMENT_LISTENER_DELETE,
	STATEMENT_LISTENER_TAG_INSERT,
	STATEMENT_LISTENER_TAGS,
	STATEMENT_SERVER_INSERT,
	STATEMENT_SERVER_GET,
	STATEMENT_SERVER_UPDATE,
	STATEMENT_SERVER_DELETE,
	STATEMENT_SERVER_WALK,
	STATEMENT_MAX
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_MAX]; /* prepared and idle; NULL while a query has it */
	bool in_transaction;			 /* between store_begin() and its end */
	bool spoilt;				 /* the transaction must not be committed */
	unsigned int visits; /* visitors running: nothing may change meanwhile */
};

/* The negative errno for a result code of SQLite; -EBUSY for a broken foreign key. */
int store_errno(int result);

/*
 * A statement in use: AUTO(query_end) struct query query = {0}. A walk within the visitor of the
 * same walk finds the prepared statement taken and gets one of its own.
 */
struct query {
	struct store *store;
	enum statement which;
	sqlite3_stmt *stmt;
};

CHECKED int query_start(struct store *store, enum statement which, struct query *ret);
/* Text must live until the query ends. */
CHECKED int query_bind_text(struct query *query, int index, const char *text);
CHECKED int query_bind_integer(struct query *query, int index, int64_t value);
CHECKED int query_bind_address(struct query *query, int index, const struct netaddr *addr);
/* 1 with a row, 0 at the end, or a negative errno. */
CHECKED int query_step(struct query *query);
/* Run a statement that yields no row. Returns how many rows it changed, or a negative errno. */
CHECKED int query_run(struct query *query);
/* Start, run and end a statement without parameters. Returns 0 or a negative errno. */
CHECKED int query_run_plain(struct store *store, enum statement which);
void query_endp(struct query *query);

/* Prepare every statement: it shows at the start whether the schema is what we expect. */
CHECKED int query_prepare_all(struct store *store);
void query_finalize_all(struct store *store);

/*
 * Brackets around the statements of one change, so that all or none of them take place.
 * change_end() takes the result so far, undoes the change where that is negative, and returns it.
 */
CHECKED int change_start(struct store *store);
CHECKED int change_end(struct store *store, int r);
/* Run a whole change that names its object by the id in parameter 1; -ENOENT where it meets no row.
 */
CHECKED int change_by_id(struct store *store, enum statement which, const char *id);

/* How a field of a model struct lies in a column. */
enum column_kind {
	COLUMN_TEXT,	/* char array */
	COLUMN_NUMBER,	/* unsigned integer of 1, 2 or 4 bytes, enums among them */
	COLUMN_BOOL,	/* 0 or 1 */
	COLUMN_TIME,	/* int64_t */
	COLUMN_ADDRESS, /* struct netaddr as text; NULL is "none" */
};

struct column {
	enum column_kind kind;
	size_t offset;
	size_t size;
};

#define COLUMN(kind_, type, member)                                                                \
	{                                                                                          \
		.kind = (kind_), .offset = offsetof(type, member),                                 \
		.size = sizeof(((type *)NULL)->member)                                             \
	}

/* Bind the fields of @object to the parameters from @first on, in the order of @columns. */
CHECKED int row_bind(struct query *query, int first, const struct column *columns, size_t count,
		     const void *object);
/* Read the columns from @first on into the fields of @object; -EUCLEAN where one cannot be right.
 */
CHECKED int row_read(struct query *query, int first, const struct column *columns, size_t count,
		     void *object);

/* The tags of the object with row number @owner. */
CHECKED int tags_insert(struct store *store, enum statement which, int64_t owner,
			const struct tags *tags);
CHECKED int tags_read(struct store *store, enum statement which, int64_t owner, struct tags *ret);

#endif
