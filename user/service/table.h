/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_SERVICE_TABLE_H
#define TANDEM_SERVICE_TABLE_H

#include <stddef.h>
#include <stdlib.h>

/* As base/memory.h does. */
#define uthash_fatal(message) abort() /* NOLINT(readability-identifier-naming) */
#include <uthash.h>

/*
 * A hash table of things that have a struct table_node as their first member, so that a node is
 * cast to what it is in. The table borrows them and their keys, which are compared as bytes and
 * must not change while they are in it. All zero is an empty table. Out of memory aborts.
 */
struct table_node {
	UT_hash_handle hh;
};

struct table {
	struct table_node *head;
};

/* @key is not in the table yet. */
void service_table_add(struct table *table, struct table_node *node, const void *key, size_t size);
/* NULL where it is not there. */
struct table_node *service_table_find(const struct table *table, const void *key, size_t size);
void service_table_remove(struct table *table, struct table_node *node);
/* Some node, or NULL where there is none: to take all out one by one. */
struct table_node *service_table_any(const struct table *table);
size_t service_table_count(const struct table *table);

#endif
