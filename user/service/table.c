/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "service/table.h"

/* What uthash's macros unfold to is not ours to simplify. */
/* NOLINTBEGIN(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */

void service_table_add(struct table *table, struct table_node *node, const void *key, size_t size)
{
	HASH_ADD_KEYPTR(hh, table->head, key, size, node);
}

struct table_node *service_table_find(const struct table *table, const void *key, size_t size)
{
	struct table_node *node;

	HASH_FIND(hh, table->head, key, size, node);
	return node;
}

void service_table_remove(struct table *table, struct table_node *node)
{
	HASH_DELETE(hh, table->head, node);
}

/* NOLINTEND(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */

struct table_node *service_table_any(const struct table *table)
{
	return table->head;
}

size_t service_table_count(const struct table *table)
{
	return HASH_COUNT(table->head);
}
