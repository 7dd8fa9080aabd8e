/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/table.h"

#include <stdarg.h>
#include <string.h>
#include <wchar.h>

#include "base/memory.h"

enum {
	GAP = 2,	  /* blanks between columns */
	ELASTIC_MIN = 12, /* an elastic column is not cut below this */
};
static const char cut_mark[] = "...";

struct cell {
	char *text;
	enum style style;
};

struct table {
	const struct column *columns;
	size_t column_count;
	struct cell *cells; /* row after row */
	size_t cell_count;
};

const char *style_start(enum style style)
{
	static const char *const starts[] = {[STYLE_PLAIN] = "",
					     [STYLE_BOLD] = "\033[1m",
					     [STYLE_GOOD] = "\033[32m",
					     [STYLE_BAD] = "\033[1;31m",
					     [STYLE_WARNING] = "\033[33m"};

	return starts[style];
}

struct table *table_new(const struct column *columns)
{
	struct table *table = xcalloc(1, sizeof(*table));

	table->columns = columns;
	while (columns[table->column_count].title)
		table->column_count++;
	return table;
}

struct table *table_free(struct table *table)
{
	if (!table)
		return NULL;
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
	return NULL;
}

/* Text from servers and other people must not steer the terminal. */
static void disarm(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void table_cell(struct table *table, enum style style, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	disarm(text);
	if (!*text) {
		free(text);
		text = xstrdup("-");
	}
	table->cells = xreallocarray(table->cells, table->cell_count + 1, sizeof(table->cells[0]));
	table->cells[table->cell_count++] = (struct cell){text, style};
}

/* The bytes of the character at @text and the terminal columns that it takes. A broken one is one
 * of each. */
static size_t next_character(const char *text, mbstate_t *state, unsigned int *ret_width)
{
	wchar_t character;
	size_t size = mbrtowc(&character, text, strlen(text), state);
	int width;

	if (size == (size_t)-1 || size == (size_t)-2 || !size) {
		*state = (mbstate_t){};
		*ret_width = 1;
		return 1;
	}
	width = wcwidth(character);
	*ret_width = width < 0 ? 1 : (unsigned int)width;
	return size;
}

static unsigned int text_width(const char *text)
{
	mbstate_t state = {};
	unsigned int width = 0;
	unsigned int step;

	while (*text) {
		text += next_character(text, &state, &step);
		width += step;
	}
	return width;
}

/* How many bytes of @text fit into @width columns. */
static size_t fitting_bytes(const char *text, unsigned int width)
{
	mbstate_t state = {};
	unsigned int used = 0;
	size_t bytes = 0;
	unsigned int step;

	while (text[bytes]) {
		size_t size = next_character(text + bytes, &state, &step);

		if (used + step > width)
			break;
		used += step;
		bytes += size;
	}
	return bytes;
}

static bool has_titles(const struct table *table)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i].title[0])
			return true;
	return false;
}

static bool is_last(const struct table *table, size_t column)
{
	return column + 1 >= table->column_count;
}

static void measure(const struct table *table, unsigned int *widths)
{
	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = text_width(table->columns[i].title);
	for (size_t i = 0, column = 0; i < table->cell_count; i++) {
		unsigned int width = text_width(table->cells[i].text);

		if (width > widths[column])
			widths[column] = width;
		column = is_last(table, column) ? 0 : column + 1;
	}
}

/* Take columns off the widest elastic column, one at a time, until the line fits or none can give.
 */
static void squeeze(const struct table *table, unsigned int *widths, unsigned int limit)
{
	size_t total = GAP * (table->column_count - 1);

	for (size_t i = 0; i < table->column_count; i++)
		total += widths[i];
	while (total > limit) {
		size_t widest = table->column_count;

		for (size_t i = 0; i < table->column_count; i++)
			if (table->columns[i].kind == COLUMN_ELASTIC && widths[i] > ELASTIC_MIN &&
			    (widest == table->column_count || widths[i] > widths[widest]))
				widest = i;
		if (widest == table->column_count)
			return;
		widths[widest]--;
		total--;
	}
}

/* One cell of @width columns. The last of a line has no blanks behind it. */
static void print_text(FILE *file, const struct cell *cell, unsigned int width,
		       enum column_kind kind, bool last, bool colour)
{
	unsigned int own = text_width(cell->text);
	bool cut = own > width;
	size_t bytes = strlen(cell->text);
	unsigned int fill;

	if (cut) {
		bytes = fitting_bytes(cell->text, width - (unsigned int)strlen(cut_mark));
		own = width;
	}
	fill = width - own;
	if (kind == COLUMN_NUMBER)
		fprintf(file, "%*s", (int)fill, "");
	if (colour && cell->style != STYLE_PLAIN)
		fputs(style_start(cell->style), file);
	fprintf(file, "%.*s%s", (int)bytes, cell->text, cut ? cut_mark : "");
	if (colour && cell->style != STYLE_PLAIN)
		fputs(STYLE_RESET, file);
	if (!last)
		fprintf(file, "%*s", (int)((kind == COLUMN_NUMBER ? 0 : fill) + GAP), "");
}

void table_print(const struct table *table, FILE *file, unsigned int width, bool colour)
{
	AUTO(free_memory) unsigned int *widths = xcalloc(table->column_count, sizeof(*widths));

	measure(table, widths);
	if (width)
		squeeze(table, widths, width);
	for (size_t i = 0; has_titles(table) && i < table->column_count; i++) {
		struct cell title = {(char *)table->columns[i].title, STYLE_BOLD};
		bool last = is_last(table, i);

		print_text(file, &title, widths[i], table->columns[i].kind, last, colour);
		if (last)
			fputc('\n', file);
	}
	for (size_t i = 0, column = 0; i < table->cell_count; i++) {
		bool last = is_last(table, column);

		print_text(file, &table->cells[i], widths[column], table->columns[column].kind,
			   last, colour);
		if (last)
			fputc('\n', file);
		column = last ? 0 : column + 1;
	}
}
