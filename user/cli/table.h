/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLI_TABLE_H
#define TANDEM_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"

/* A table of text for people: columns as wide as their cells, two blanks apart. */
struct table;

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER, /* aligned to the right */
	COLUMN_ELASTIC /* text that may be cut where the line is too long */
};

/* Columns end with a title of NULL. A table whose titles are all "" has no title line. */
struct column {
	const char *title;
	enum column_kind kind;
};

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_GOOD, STYLE_BAD, STYLE_WARNING };

/* @columns is borrowed for the table's life. */
struct table *table_new(const struct column *columns);
/* NULL is fine; returns NULL. */
struct table *table_free(struct table *table);
DEFINE_AUTO(struct table, table_free)

/* Append the next cell, row by row. Control characters become "?", an empty text "-". */
void table_cell(struct table *table, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Lines are cut to @width columns, 0 is without limit. Escape sequences only where @colour. */
void table_print(const struct table *table, FILE *file, unsigned int width, bool colour);

/* How a terminal is told to change to @style; "" for STYLE_PLAIN. STYLE_RESET ends it. */
const char *style_start(enum style style);
#define STYLE_RESET "\033[0m"

#endif
