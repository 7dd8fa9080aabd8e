/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "store/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/codes.h"
#include "model/listener.h"
#include "model/server.h"
#include "model/server_group.h"
#include "store/internal.h"

/* "tndm" */
enum { APPLICATION_ID = 0x746e646d };

/*
 * Every object has a row number, "sequence", that grows as objects are created: walks follow it,
 * and the rows that belong to an object refer to it. Among objects, references are by id, as in the
 * API. The foreign key from listeners to (id, load_balancer_id) keeps a listener from using the
 * group of another load balancer. Enums are stored by value, so their values must stay as they are:
 */
_Static_assert(SERVER_ECS == 0 && SERVER_ENI == 1 && SERVER_ECI == 2, "stored");
_Static_assert(ROLE_MASTER == 0 && ROLE_SLAVE == 1, "stored");
_Static_assert(PROTOCOL_TCP == 6 && PROTOCOL_UDP == 17, "stored");
_Static_assert(NONE_HEALTHY_REJECT == 0 && NONE_HEALTHY_DROP == 1 && NONE_HEALTHY_LAST == 2,
	       "stored");
_Static_assert(CHECK_TCP == 0 && CHECK_HTTP == 1 && CHECK_UDP == 2, "stored");
_Static_assert(CHECK_HEAD == 0 && CHECK_GET == 1, "stored");
_Static_assert(HTTP_2XX == 4 && HTTP_3XX == 8 && HTTP_4XX == 16 && HTTP_5XX == 32, "stored");

#define TAGS_TABLE(name, owner)                                                                    \
	"CREATE TABLE " name " ("                                                                  \
	"	owner INTEGER NOT NULL REFERENCES " owner " (sequence) ON DELETE CASCADE,"         \
	"	position INTEGER NOT NULL,"                                                              \
	"	key TEXT NOT NULL,"                                                                      \
	"	value TEXT NOT NULL,"                                                                    \
	"	PRIMARY KEY (owner, key)"                                                                \
	") STRICT, WITHOUT ROWID;"

static const char first_schema[] =
	"CREATE TABLE servers ("
	"	sequence INTEGER PRIMARY KEY,"
	"	id TEXT NOT NULL UNIQUE,"
	"	type INTEGER NOT NULL CHECK (type BETWEEN 0 AND 2)," /* ecs, eni, eci */
	"	address TEXT NOT NULL,"
	"	zone TEXT NOT NULL,"
	"	network TEXT NOT NULL,"
	"	description TEXT NOT NULL,"
	"	create_time INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE load_balancers ("
	"	sequence INTEGER PRIMARY KEY,"
	"	id TEXT NOT NULL UNIQUE,"
	"	name TEXT NOT NULL,"
	"	address TEXT NOT NULL UNIQUE,"
	"	intranet INTEGER NOT NULL CHECK (intranet IN (0, 1)),"
	"	delete_protection INTEGER NOT NULL CHECK (delete_protection IN (0, 1)),"
	"	vpc_id TEXT NOT NULL,"
	"	vswitch_id TEXT NOT NULL,"
	"	master_zone_id TEXT NOT NULL,"
	"	slave_zone_id TEXT NOT NULL,"
	"	resource_group_id TEXT NOT NULL,"
	"	spec TEXT NOT NULL,"
	"	create_time INTEGER NOT NULL"
	") STRICT;"
	/* clang-format off */
	TAGS_TABLE("load_balancer_tags", "load_balancers")
	/* clang-format on */

	"CREATE TABLE server_groups ("
	"	sequence INTEGER PRIMARY KEY,"
	"	id TEXT NOT NULL UNIQUE,"
	"	load_balancer_id TEXT NOT NULL REFERENCES load_balancers (id) ON DELETE CASCADE,"
	"	name TEXT NOT NULL,"
	"	create_time INTEGER NOT NULL,"
	"	UNIQUE (id, load_balancer_id)"
	") STRICT;"
	"CREATE INDEX server_groups_by_balancer ON server_groups (load_balancer_id);"
	"CREATE TABLE group_servers ("
	"	owner INTEGER NOT NULL REFERENCES server_groups (sequence) ON DELETE CASCADE,"
	"	role INTEGER NOT NULL CHECK (role IN (0, 1))," /* Master, Slave */
	"	server_id TEXT NOT NULL,"
	"	server_ip TEXT,"
	"	port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),"
	"	weight INTEGER NOT NULL CHECK (weight BETWEEN 0 AND 100),"
	"	type INTEGER NOT NULL CHECK (type BETWEEN 0 AND 2)," /* ecs, eni, eci */
	"	description TEXT NOT NULL,"
	"	PRIMARY KEY (owner, role)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX group_servers_by_server ON group_servers (server_id);"
	/* clang-format off */
	TAGS_TABLE("group_tags", "server_groups")
	/* clang-format on */

	"CREATE TABLE listeners ("
	"	sequence INTEGER PRIMARY KEY,"
	"	load_balancer_id TEXT NOT NULL REFERENCES load_balancers (id) ON DELETE CASCADE,"
	"	protocol INTEGER NOT NULL CHECK (protocol IN (6, 17)),"
	"	port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),"
	"	running INTEGER NOT NULL CHECK (running IN (0, 1)),"
	"	group_id TEXT NOT NULL,"
	"	none_healthy INTEGER NOT NULL CHECK (none_healthy BETWEEN 0 AND 2)," /* reject,
											drop, last
										      */
	"	check_enabled INTEGER NOT NULL CHECK (check_enabled IN (0, 1)),"
	"	check_type INTEGER NOT NULL CHECK (check_type BETWEEN 0 AND 2)," /* tcp, http, udp
										  */
	"	interval_ms INTEGER NOT NULL CHECK (interval_ms > 0),"
	"	timeout_ms INTEGER NOT NULL CHECK (timeout_ms > 0),"
	"	healthy_threshold INTEGER NOT NULL CHECK (healthy_threshold BETWEEN 1 AND 255),"
	"	unhealthy_threshold INTEGER NOT NULL CHECK (unhealthy_threshold BETWEEN 1 AND 255),"
	"	connect_port INTEGER NOT NULL CHECK (connect_port BETWEEN 0 AND 65535),"
	"	domain TEXT NOT NULL,"
	"	uri TEXT NOT NULL,"
	"	http_codes INTEGER NOT NULL CHECK (http_codes BETWEEN 0 AND 60),"
	"	method INTEGER NOT NULL CHECK (method IN (0, 1))," /* head, get */
	"	request TEXT NOT NULL,"
	"	expect TEXT NOT NULL,"
	"	assume_up_on_silence INTEGER NOT NULL CHECK (assume_up_on_silence IN (0, 1)),"
	"	description TEXT NOT NULL,"
	"	create_time INTEGER NOT NULL,"
	"	UNIQUE (load_balancer_id, protocol, port),"
	"	FOREIGN KEY (group_id, load_balancer_id) REFERENCES server_groups (id, "
	"load_balancer_id)"
	") STRICT;"
	"CREATE INDEX listeners_by_group ON listeners (group_id);"
	/* clang-format off */
	TAGS_TABLE("listener_tags", "listeners");
/* clang-format on */

const char *const schema_steps[] = {first_schema};
const size_t schema_step_count = ARRAY_SIZE(schema_steps);

static int refuse(struct error *reterr, int r, const char *path, const char *why)
{
	error_set(reterr, CODE_INTERNAL, NULL, "database %s %s", path, why);
	return r;
}

/* What a person needs to know of the last failure on @db. */
static int refuse_sqlite(sqlite3 *db, const char *path, const char *what, struct error *reterr)
{
	int r = store_errno(sqlite3_extended_errcode(db));

	error_set(reterr, CODE_INTERNAL, NULL, "database %s: %s: %s", path, what,
		  sqlite3_errmsg(db));
	return r < 0 ? r : -EIO;
}

int schema_integer(sqlite3 *db, const char *sql, int *ret)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0 : store_errno(rc == SQLITE_DONE ? SQLITE_ERROR : rc);
}

/* Run a check that yields "ok", or nothing, where all is well. */
static int check_rows(sqlite3 *db, const char *path, const char *sql, struct error *reterr)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	int r = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);

		if (!text || strcmp(text, "ok") != 0) {
			error_set(reterr, CODE_INTERNAL, NULL, "database %s is damaged: %s: %s",
				  path, sql, text ? text : "(null)");
			r = -EUCLEAN;
		}
	} else if (rc != SQLITE_DONE) {
		r = refuse_sqlite(db, path, sql, reterr);
	}
	sqlite3_finalize(stmt);
	return r;
}

static int apply_steps(sqlite3 *db, const char *path, const char *const *steps, size_t from,
		       size_t count, struct error *reterr)
{
	char pragmas[96];
	int r;

	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return refuse_sqlite(db, path, "begin the migration", reterr);
	for (size_t i = from; i < count; i++) {
		if (sqlite3_exec(db, steps[i], NULL, NULL, NULL) != SQLITE_OK)
			return refuse_sqlite(db, path, "migrate the schema", reterr);
	}
	r = check_rows(db, path, "PRAGMA foreign_key_check", reterr);
	if (r < 0)
		return r;
	snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %zu",
		 APPLICATION_ID, count);
	if (sqlite3_exec(db, pragmas, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		return refuse_sqlite(db, path, "commit the migration", reterr);
	return 0;
}

/* Decide by content whether the database is ours; an empty one is. */
static int check_content(sqlite3 *db, const char *path, size_t count, int *ret_version,
			 struct error *reterr)
{
	int application_id = 0, version = 0, objects = 0, r;

	r = schema_integer(db, "PRAGMA application_id", &application_id);
	if (r >= 0)
		r = schema_integer(db, "PRAGMA user_version", &version);
	if (r >= 0)
		r = schema_integer(db, "SELECT count(*) FROM sqlite_schema", &objects);
	if (r < 0)
		return refuse_sqlite(db, path, "read the schema", reterr);

	if (application_id != APPLICATION_ID && (application_id || version || objects))
		return refuse(reterr, -EUCLEAN, path, "belongs to another program");
	if (version < 0 || (size_t)version > count) {
		error_set(reterr, CODE_INTERNAL, NULL,
			  "database %s has schema version %d, this program knows up to %zu: "
			  "use a newer tandem",
			  path, version, count);
		return -EPROTONOSUPPORT;
	}
	*ret_version = version;
	return 0;
}

int schema_migrate(sqlite3 *db, const char *path, const char *const *steps, size_t count,
		   bool *ret_created, struct error *reterr)
{
	int version = 0, r;

	r = check_content(db, path, count, &version, reterr);
	if (r < 0)
		return r;

	/*
	 * Reads every page, holds every row against NOT NULL, CHECK and the declared types, and
	 * every reference against its object, so that the rest of the store may trust what it
	 * reads. 10,000 groups with 20,000 servers and 30,000 tags take 14 ms here, so size is no
	 * reason to leave it out.
	 */
	r = version ? check_rows(db, path, "PRAGMA quick_check(1)", reterr) : 0;
	if (r >= 0 && version)
		r = check_rows(db, path, "PRAGMA foreign_key_check", reterr);
	if (r < 0)
		return r;

	if ((size_t)version < count) {
		r = apply_steps(db, path, steps, (size_t)version, count, reterr);
		if (r < 0) {
			sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
			return r;
		}
	}
	*ret_created = version == 0;
	return 0;
}
