/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/help.h"

#include <string.h>

#include "base/memory.h"
#include "cli/handlers.h"
#include "cli/session.h"

static const struct column two_columns[] = {{"", COLUMN_TEXT}, {"", COLUMN_TEXT}, {}};

static void print_options(FILE *file, const struct option *options)
{
	AUTO(table_free) struct table *table = table_new(two_columns);

	for (; options && options->name; options++) {
		if (options->letter)
			table_cell(table, STYLE_PLAIN, "  -%c, --%s", options->letter,
				   options->name);
		else
			table_cell(table, STYLE_PLAIN, "  --%s%s%s", options->name,
				   options->value ? " " : "", options->value ? options->value : "");
		if (options->choices)
			table_cell(table, STYLE_PLAIN, "%s: %s", options->choices, options->help);
		else
			table_cell(table, STYLE_PLAIN, "%s", options->help);
	}
	table_print(table, file, 0, false);
}

/* "server add ID ADDRESS [--type TYPE]..." in one word: required options are spelt out, the others
 * not. */
static char *usage_text(const struct command *command)
{
	const struct argument *argument = command->arguments;
	const struct option *option = command->options;
	bool more = false;
	char *text =
		xasprintf("%s%s%s", command->group, command->group[0] ? " " : "", command->verb);
	char *longer;

	for (; argument && argument->name; argument++) {
		longer = xasprintf(argument->optional ? "%s [%s]" : "%s %s", text, argument->name);
		free(text);
		text = longer;
	}
	for (; option && option->name; option++) {
		if (!(option->flags & OPTION_REQUIRED)) {
			more = true;
			continue;
		}
		longer = xasprintf("%s --%s %s", text, option->name, option->value);
		free(text);
		text = longer;
	}
	longer = xasprintf("%s%s%s%s", text, command->rest ? " " : "",
			   command->rest ? command->rest : "", more ? " [OPTION]..." : "");
	free(text);
	return longer;
}

static void print_command(FILE *file, const struct command *command)
{
	AUTO(free_memory) char *usage = usage_text(command);

	fprintf(file, "Usage: tandemctl %s\n\n%s\n", usage, command->summary);
	if (command->details)
		fprintf(file, "\n%s", command->details);
	if (command->options) {
		fputs("\nOptions:\n", file);
		print_options(file, command->options);
	}
	fputs("\nOptions of every command:\n", file);
	print_options(file, global_options);
}

void help_print(FILE *file, const struct command *command, const char *group)
{
	AUTO(table_free) struct table *table = NULL;

	if (command) {
		print_command(file, command);
		return;
	}
	table = table_new(two_columns);
	for (const struct command *row = commands; row->run; row++) {
		if (group && strcmp(row->group, group) != 0)
			continue;
		table_cell(table, STYLE_PLAIN, "  %s%s%s", row->group, row->group[0] ? " " : "",
			   row->verb);
		table_cell(table, STYLE_PLAIN, "%s", row->summary);
	}
	fprintf(file, "Usage: tandemctl [OPTION]... %s%s[ARGUMENT]...\n\nCommands:\n",
		group ? group : "COMMAND", group ? " COMMAND " : " ");
	table_print(table, file, 0, false);
	fputs("\nOptions:\n", file);
	print_options(file, global_options);
	fputs("\ntandemctl COMMAND --help tells about a command, tandemctl(1) about all.\n", file);
}

enum exit_status run_help(struct session *session, const struct invocation *invocation)
{
	const char *first = invocation_word(invocation, 0);
	const char *second = invocation_word(invocation, 1);
	const struct command *command = first ? command_find(first, second) : NULL;
	bool is_group = first && !second && command_group_exists(first);

	(void)session;
	if (invocation_word(invocation, 2) || (first && !command && !is_group)) {
		complain("no such command: \"%s%s%s\"", first, second ? " " : "",
			 second ? second : "");
		return STATUS_USAGE;
	}
	help_print(stdout, command, is_group ? first : NULL);
	return STATUS_OK;
}

static void complete_options(FILE *file, const struct option *options)
{
	for (; options && options->name; options++)
		fprintf(file, "--%s\n", options->name);
}

static const struct option *option_named(const struct option *options, const char *word)
{
	for (; options && options->name; options++)
		if (!strncmp(word, "--", 2) && !strcmp(word + 2, options->name))
			return options;
	return NULL;
}

/* The first words of commands, or the second ones where @group is the first. */
static void complete_command_words(FILE *file, const char *group)
{
	const char *last = "";

	for (const struct command *row = commands; row->run; row++) {
		if (group ? !strcmp(row->group, group) : !row->group[0])
			fprintf(file, "%s\n", row->verb);
		else if (!group && strcmp(row->group, last) != 0)
			fprintf(file, "%s\n", row->group);
		last = row->group;
	}
}

static void complete_choices(FILE *file, const char *choices)
{
	for (const char *choice = choices; choice && *choice;) {
		size_t length = strcspn(choice, "|");

		fprintf(file, "%.*s\n", (int)length, choice);
		choice += length + (choice[length] == '|');
	}
}

/* What the words before the one that is completed say. */
struct context {
	const struct command *command;
	const char *group;
	const struct option *pending; /* wants a value */
};

static void read_word(struct context *context, const char *word)
{
	const struct option *option = NULL;
	bool is_value = context->pending;

	context->pending = NULL;
	if (is_value)
		return;
	if (word[0] == '-') {
		option = option_named(context->command ? context->command->options : NULL, word);
		option = option ? option : option_named(global_options, word);
		context->pending = option && option->value ? option : NULL;
		return;
	}
	if (context->command)
		return;
	context->command =
		context->group ? command_find(context->group, word) : command_find(word, NULL);
	if (!context->command && command_group_exists(word))
		context->group = word;
}

void help_complete(FILE *file, char **words, size_t count)
{
	struct context context = {};

	for (size_t i = 0; i + 1 < count; i++)
		read_word(&context, words[i]);
	if (context.pending) {
		complete_choices(file, context.pending->choices);
		return;
	}
	if (context.command)
		complete_options(file, context.command->options);
	else
		complete_command_words(file, context.group);
	complete_options(file, global_options);
}
