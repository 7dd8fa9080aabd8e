/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>

#include "store/internal.h"

static const struct column tag_columns[] = {
	COLUMN(COLUMN_TEXT, struct tag, key),
	COLUMN(COLUMN_TEXT, struct tag, value),
};

static int insert_tag(struct store *store, enum statement which, int64_t owner, size_t position,
		      const struct tag *tag)
{
	AUTO(query_end) struct query query = {0};
	int r;

	r = query_start(store, which, &query);
	if (r >= 0)
		r = query_bind_integer(&query, 1, owner);
	if (r >= 0)
		r = query_bind_integer(&query, 2, (int64_t)position);
	if (r >= 0)
		r = row_bind(&query, 3, tag_columns, ARRAY_SIZE(tag_columns), tag);
	if (r >= 0)
		r = query_run(&query);
	return r < 0 ? r : 0;
}

int tags_insert(struct store *store, enum statement which, int64_t owner, const struct tags *tags)
{
	if (tags->count > TAGS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < tags->count; i++) {
		int r = insert_tag(store, which, owner, i, &tags->items[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

int tags_read(struct store *store, enum statement which, int64_t owner, struct tags *ret)
{
	AUTO(query_end) struct query query = {0};
	size_t count = 0;
	int r;

	r = query_start(store, which, &query);
	if (r >= 0)
		r = query_bind_integer(&query, 1, owner);
	while (r >= 0) {
		r = query_step(&query);
		if (r <= 0)
			break;
		if (count == TAGS_MAX)
			return -EUCLEAN;
		r = row_read(&query, 0, tag_columns, ARRAY_SIZE(tag_columns), &ret->items[count++]);
	}
	if (r < 0)
		return r;
	ret->count = count;
	return 0;
}
