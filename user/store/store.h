/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_STORE_H
#define TANDEM_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/netaddr.h"
#include "model/listener.h"
#include "model/load_balancer.h"
#include "model/server.h"
#include "model/server_group.h"

/*
 * The durable objects: what the operator wants, and nothing that was observed. One SQLite file in
 * WAL mode with synchronous=FULL: what store_commit() returned for survives kill -9 and power loss.
 * Foreign keys and UNIQUE constraints decide what is allowed; there is no check-then-act. One
 * thread. Every function returns 0 or a negative errno: -ENOENT (no such object), -EEXIST (it is
 * there already, or its unique field is taken), -EBUSY (another object refers to it), -EINVAL (a
 * value that the model would refuse), -EAGAIN (another process is writing), -EUCLEAN (the file is
 * damaged), -EIO, -ENOSPC and others (the database fails). Changes need a transaction: outside of
 * one they are -EPERM. Each change takes place as a whole or not at all; after one that failed the
 * transaction goes on with the others, or, where the database failed, is lost: then further changes
 * and the commit are -EIO.
 */
struct store;

/*
 * Open or create the database at @path (":memory:" for tests); its folder must exist. Migrates an
 * older schema (PRAGMA user_version), refuses a newer one. A file that is no database or is corrupt
 * is refused and left as it is, as is another program's database. @ret_created tells a new, empty
 * database from an old one.
 */
CHECKED int store_open(const char *path, struct store **ret, bool *ret_created,
		       struct error *reterr);
/* NULL is fine; returns NULL. Rolls back an open transaction. */
struct store *store_free(struct store *store);
DEFINE_AUTO(struct store, store_free)

/* -EPERM in a transaction or a visitor. */
CHECKED int store_begin(struct store *store);
/* Where it fails, the transaction is rolled back. */
CHECKED int store_commit(struct store *store);
/* Nothing happens where no transaction is open. */
void store_rollback(struct store *store);

/* A VIP is unique: -EEXIST where the id or the address is taken. */
CHECKED int store_load_balancer_insert(struct store *store, const struct load_balancer *balancer);
CHECKED int store_load_balancer_get(struct store *store, const char *id, struct load_balancer *ret);
CHECKED int store_load_balancer_get_by_address(struct store *store, const struct netaddr *address,
					       struct load_balancer *ret);
/* Deletes its groups, listeners and tags with it. */
CHECKED int store_load_balancer_delete(struct store *store, const char *id);

/* Servers: Master first. -EEXIST where the id is taken, -ENOENT where there is no such balancer. */
CHECKED int store_group_insert(struct store *store, const struct server_group *group);
CHECKED int store_group_get(struct store *store, const char *id, struct server_group *ret);
/* -EBUSY while a listener uses the group. */
CHECKED int store_group_delete(struct store *store, const char *id);

/*
 * Unique by (load balancer, protocol, port): -EEXIST. -ENOENT where the load balancer does not
 * exist or has no such group.
 */
CHECKED int store_listener_insert(struct store *store, const struct listener *listener);
CHECKED int store_listener_get(struct store *store, const char *load_balancer_id,
			       enum protocol protocol, uint16_t port, struct listener *ret);
CHECKED int store_listener_set_running(struct store *store, const char *load_balancer_id,
				       enum protocol protocol, uint16_t port, bool running);
CHECKED int store_listener_delete(struct store *store, const char *load_balancer_id,
				  enum protocol protocol, uint16_t port);

/* Unique by id: -EEXIST. Groups may name servers that are not here, so a delete is never -EBUSY. */
CHECKED int store_server_insert(struct store *store, const struct server *server);
CHECKED int store_server_get(struct store *store, const char *id, struct server *ret);
/* Replaces everything but the id and the creation time. */
CHECKED int store_server_update(struct store *store, const struct server *server);
CHECKED int store_server_delete(struct store *store, const char *id);

/*
 * Walks in the order of insertion. The visitor borrows its argument for the call; it may read from
 * the store, also by another walk, but not change it (-EPERM). A value other than 0 from it ends
 * the walk and is returned. NULL for an id argument means all.
 */
typedef int (*store_load_balancer_visit)(const struct load_balancer *balancer, void *userdata);
typedef int (*store_group_visit)(const struct server_group *group, void *userdata);
typedef int (*store_listener_visit)(const struct listener *listener, void *userdata);
typedef int (*store_server_visit)(const struct server *server, void *userdata);
CHECKED int store_load_balancer_walk(struct store *store, store_load_balancer_visit visit,
				     void *userdata);
CHECKED int store_group_walk(struct store *store, const char *load_balancer_id,
			     store_group_visit visit, void *userdata);
/* Both filters hold where both are given. */
CHECKED int store_listener_walk(struct store *store, const char *load_balancer_id,
				const char *group_id, store_listener_visit visit, void *userdata);
CHECKED int store_server_walk(struct store *store, store_server_visit visit, void *userdata);
/* The groups that have @server_id as a backend server. */
CHECKED int store_group_walk_by_server(struct store *store, const char *server_id,
				       store_group_visit visit, void *userdata);

struct store_counts {
	size_t load_balancers;
	size_t groups;
	size_t listeners;
	size_t servers;
};
CHECKED int store_count(struct store *store, struct store_counts *ret);

#endif
