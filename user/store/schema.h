/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_STORE_SCHEMA_H
#define TANDEM_STORE_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

/* Steps from an empty database to today's schema; step n leads to PRAGMA user_version n + 1. */
extern const char *const schema_steps[];
extern const size_t schema_step_count;

/*
 * Bring @db to the schema that @steps lead to: in one transaction, or not at all. Refuses a
 * database that is corrupt, not ours, or newer than @steps. Foreign keys must be off, so that a
 * step can rebuild a table; they are checked before the commit. @ret_created: the database was
 * empty.
 */
CHECKED int schema_migrate(sqlite3 *db, const char *path, const char *const *steps, size_t count,
			   bool *ret_created, struct error *reterr);

/* The integer that @sql yields, such as a PRAGMA. Returns 0 or a negative errno. */
CHECKED int schema_integer(sqlite3 *db, const char *sql, int *ret);

#endif
