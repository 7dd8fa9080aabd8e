/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "store/internal.h"

static int64_t load_number(const void *field, size_t size)
{
	uint32_t u32;
	uint16_t u16;

	switch (size) {
	case sizeof(u32):
		memcpy(&u32, field, size);
		return u32;
	case sizeof(u16):
		memcpy(&u16, field, size);
		return u16;
	default:
		return *(const uint8_t *)field;
	}
}

static int store_number(void *field, size_t size, int64_t value)
{
	uint32_t u32 = (uint32_t)value;
	uint16_t u16 = (uint16_t)value;

	if (value < 0 || value >= (int64_t)1 << (8 * size))
		return -EUCLEAN;
	switch (size) {
	case sizeof(u32):
		memcpy(field, &u32, size);
		break;
	case sizeof(u16):
		memcpy(field, &u16, size);
		break;
	default:
		*(uint8_t *)field = (uint8_t)value;
	}
	return 0;
}

static int bind_field(struct query *query, int index, const struct column *column,
		      const void *field)
{
	switch (column->kind) {
	case COLUMN_TEXT:
		return query_bind_text(query, index, field);
	case COLUMN_NUMBER:
		return query_bind_integer(query, index, load_number(field, column->size));
	case COLUMN_BOOL:
		return query_bind_integer(query, index, *(const bool *)field);
	case COLUMN_TIME:
		return query_bind_integer(query, index, *(const int64_t *)field);
	case COLUMN_ADDRESS:
		return query_bind_address(query, index, field);
	}
	return -EINVAL;
}

int row_bind(struct query *query, int first, const struct column *columns, size_t count,
	     const void *object)
{
	for (size_t i = 0; i < count; i++) {
		const void *field = (const char *)object + columns[i].offset;
		int r = bind_field(query, first + (int)i, &columns[i], field);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The text of a column; no column that is read as text may be NULL. */
static int read_text(sqlite3_stmt *stmt, int index, const char **ret)
{
	const char *text = (const char *)sqlite3_column_text(stmt, index);

	if (!text)
		return sqlite3_column_type(stmt, index) == SQLITE_NULL ? -EUCLEAN : -ENOMEM;
	*ret = text;
	return 0;
}

static int read_address(sqlite3_stmt *stmt, int index, struct netaddr *ret)
{
	const char *text;
	int r;

	if (sqlite3_column_type(stmt, index) == SQLITE_NULL) {
		*ret = (struct netaddr){0};
		return 0;
	}
	r = read_text(stmt, index, &text);
	if (r < 0)
		return r;
	return netaddr_parse(text, ret) < 0 ? -EUCLEAN : 0;
}

static int read_field(sqlite3_stmt *stmt, int index, const struct column *column, void *field)
{
	int64_t value = sqlite3_column_int64(stmt, index);
	const char *text;
	int r;

	switch (column->kind) {
	case COLUMN_TEXT:
		r = read_text(stmt, index, &text);
		if (r < 0)
			return r;
		return string_copy(field, column->size, text) < 0 ? -EUCLEAN : 0;
	case COLUMN_NUMBER:
		return store_number(field, column->size, value);
	case COLUMN_BOOL:
		*(bool *)field = value != 0;
		return 0;
	case COLUMN_TIME:
		*(int64_t *)field = value;
		return 0;
	case COLUMN_ADDRESS:
		return read_address(stmt, index, field);
	}
	return -EINVAL;
}

int row_read(struct query *query, int first, const struct column *columns, size_t count,
	     void *object)
{
	for (size_t i = 0; i < count; i++) {
		void *field = (char *)object + columns[i].offset;
		int r = read_field(query->stmt, first + (int)i, &columns[i], field);

		if (r < 0)
			return r;
	}
	return 0;
}
