/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/command.h"

#include <string.h>

#include "base/memory.h"
#include "model/codes.h"

const struct command *command_find(const char *group, const char *verb)
{
	for (const struct command *command = commands; command->run; command++) {
		if (!verb && !command->group[0] && !strcmp(command->verb, group))
			return command;
		if (verb && !strcmp(command->group, group) && !strcmp(command->verb, verb))
			return command;
	}
	return NULL;
}

bool command_group_exists(const char *group)
{
	for (const struct command *command = commands; command->run; command++)
		if (command->group[0] && !strcmp(command->group, group))
			return true;
	return false;
}

/* The words that a command line is read from, with a place in them. */
struct cursor {
	char **words;
	size_t count;
	size_t next;
};

/* "--name", "--name=value" or "-n" names @option. */
static bool names_option(const char *word, const struct option *option)
{
	size_t length = strcspn(word, "=");

	if (word[1] != '-')
		return option->letter && word[1] == option->letter && !word[2];
	return length == strlen(option->name) + 2 && !memcmp(word + 2, option->name, length - 2);
}

static const struct option *find_option(const struct option *options, const char *word)
{
	for (; options && options->name; options++)
		if (names_option(word, options))
			return options;
	return NULL;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t length = strlen(text);

	for (const char *choice = choices; choice; choice = strchr(choice, '|')) {
		choice += *choice == '|';
		if (strcspn(choice, "|") == length && !memcmp(choice, text, length))
			return true;
	}
	return false;
}

/* Convert @text, or refuse it in the name of @what. @ret_value may be NULL: then it is only
 * checked. */
static int convert(value_convert function, const char *what, const char *text, char **ret_value,
		   struct error *reterr)
{
	AUTO(free_memory) char *value = NULL;
	struct error why = {};
	int r;

	r = function ? function(text, &value, &why) : 0;
	if (r < 0)
		return error_set(reterr, CODE_INVALID_PARAMETER, what, "%s: %s", what, why.message);
	if (ret_value)
		*ret_value = function ? TAKE(value) : xstrdup(text);
	return 0;
}

static int check_option_value(const struct option *option, const char *text, struct error *reterr)
{
	AUTO(free_memory) char *what = xasprintf("--%s", option->name);

	if (option->choices && !is_choice(option->choices, text))
		return error_set(reterr, CODE_INVALID_PARAMETER, what,
				 "%s: \"%s\" is not one of %s", what, text, option->choices);
	return convert(option->convert, what, text, NULL, reterr);
}

/* The value of the option at the cursor's last word: behind its "=", or the next word. */
static int take_value(struct cursor *cursor, const struct option *option, const char **ret,
		      struct error *reterr)
{
	const char *word = cursor->words[cursor->next - 1];
	const char *equals = word[1] == '-' ? strchr(word, '=') : NULL;

	if (!option->value) {
		if (equals)
			return error_set(reterr, CODE_INVALID_PARAMETER, option->name,
					 "--%s takes no value", option->name);
		*ret = NULL;
		return 0;
	}
	if (!equals && cursor->next == cursor->count)
		return error_set(reterr, CODE_MISSING_PARAMETER, option->name,
				 "--%s needs a value: --%s %s", option->name, option->name,
				 option->value);
	*ret = equals ? equals + 1 : cursor->words[cursor->next++];
	return check_option_value(option, *ret, reterr);
}

static void apply_global(struct invocation *invocation, const struct option *option,
			 const char *text)
{
	if (!strcmp(option->name, "help"))
		invocation->help = true;
	else if (!strcmp(option->name, "version"))
		invocation->version = true;
	else if (!strcmp(option->name, "json"))
		invocation->json = true;
	else if (!strcmp(option->name, "socket"))
		invocation->socket = text;
	else if (!strcmp(option->name, "region"))
		invocation->region = text;
}

static int parse_option(struct invocation *invocation, struct cursor *cursor, struct error *reterr)
{
	const char *word = cursor->words[cursor->next++];
	const struct command *command = invocation->command;
	const struct option *option = find_option(command ? command->options : NULL, word);
	bool global = !option;
	const char *text = NULL;
	int r;

	if (!option)
		option = find_option(global_options, word);
	if (!option)
		return error_set(reterr, CODE_INVALID_PARAMETER, word, "unknown option %.*s",
				 (int)strcspn(word, "="), word);
	r = take_value(cursor, option, &text, reterr);
	if (r < 0)
		return r;
	if (global) {
		apply_global(invocation, option, text);
		return 0;
	}
	if (!(option->flags & OPTION_REPEATED) && invocation_option(invocation, option->name))
		return error_set(reterr, CODE_DUPLICATE_PARAMETER, option->name,
				 "--%s is given twice", option->name);
	invocation->given = xreallocarray(invocation->given, invocation->given_count + 1,
					  sizeof(invocation->given[0]));
	invocation->given[invocation->given_count].option = option;
	invocation->given[invocation->given_count++].text = text;
	return 0;
}

static int take_command_word(struct invocation *invocation, const char *word, struct error *reterr)
{
	if (invocation->group) {
		invocation->command = command_find(invocation->group, word);
		if (!invocation->command)
			return error_set(reterr, CODE_INVALID_ACTION, "",
					 "unknown command \"%s %s\"", invocation->group, word);
		return 0;
	}
	invocation->command = command_find(word, NULL);
	if (!invocation->command && command_group_exists(word))
		invocation->group = word;
	else if (!invocation->command)
		return error_set(reterr, CODE_INVALID_ACTION, "", "unknown command \"%s\"", word);
	return 0;
}

static int take_argument(struct invocation *invocation, const char *word, struct error *reterr)
{
	const struct argument *argument = invocation->command->arguments;
	int r;

	for (size_t i = 0; argument && argument->name && i < invocation->word_count; i++)
		argument++;
	if (argument && argument->name) {
		r = convert(argument->convert, argument->name, word, NULL, reterr);
		if (r < 0)
			return r;
	} else if (!invocation->command->rest) {
		return error_set(reterr, CODE_INVALID_PARAMETER, "", "unexpected argument \"%s\"",
				 word);
	}
	invocation->words = xreallocarray(invocation->words, invocation->word_count + 1,
					  sizeof(invocation->words[0]));
	invocation->words[invocation->word_count++] = word;
	return 0;
}

static int check_complete(const struct invocation *invocation, struct error *reterr)
{
	const struct argument *argument = invocation->command->arguments;
	const struct option *option = invocation->command->options;

	for (size_t i = 0; argument && argument->name; argument++, i++)
		if (!argument->optional && i >= invocation->word_count)
			return error_set(reterr, CODE_MISSING_PARAMETER, argument->name,
					 "%s is missing", argument->name);
	for (; option && option->name; option++)
		if (option->flags & OPTION_REQUIRED && !invocation_option(invocation, option->name))
			return error_set(reterr, CODE_MISSING_PARAMETER, option->name,
					 "--%s %s is missing", option->name, option->value);
	return 0;
}

static int parse_words(struct invocation *invocation, struct cursor *cursor, struct error *reterr)
{
	bool options_end = false;
	int r = 0;

	while (!r && cursor->next < cursor->count) {
		const char *word = cursor->words[cursor->next];

		if (!options_end && word[0] == '-' && word[1]) {
			options_end = !strcmp(word, "--");
			if (options_end)
				cursor->next++;
			else
				r = parse_option(invocation, cursor, reterr);
			continue;
		}
		cursor->next++;
		if (invocation->command)
			r = take_argument(invocation, word, reterr);
		else
			r = take_command_word(invocation, word, reterr);
	}
	return r;
}

int invocation_parse(char **words, size_t count, struct invocation *ret, struct error *reterr)
{
	struct cursor cursor = {.words = words, .count = count};
	struct invocation invocation = {};
	int r;

	r = parse_words(&invocation, &cursor, reterr);
	if (!r && invocation.command && !invocation.help)
		r = check_complete(&invocation, reterr);
	if (r < 0) {
		/* Whose help to point to is known to the caller only by what is left of the
		 * command. */
		ret->command = invocation.command;
		ret->group = invocation.group;
		invocation_clear(&invocation);
		return r;
	}
	*ret = invocation;
	return 0;
}

void invocation_clear(struct invocation *invocation)
{
	free(invocation->words);
	free(invocation->given);
	*invocation = (struct invocation){};
}

const char *invocation_option_at(const struct invocation *invocation, const char *name,
				 size_t index)
{
	for (size_t i = 0; i < invocation->given_count; i++) {
		if (strcmp(invocation->given[i].option->name, name) != 0)
			continue;
		if (!index--)
			return invocation->given[i].text ? invocation->given[i].text : "";
	}
	return NULL;
}

const char *invocation_option(const struct invocation *invocation, const char *name)
{
	return invocation_option_at(invocation, name, 0);
}

const char *invocation_word(const struct invocation *invocation, size_t index)
{
	return index < invocation->word_count ? invocation->words[index] : NULL;
}

static int add_converted(struct params *params, const char *parameter, value_convert function,
			 const char *text, struct error *reterr)
{
	AUTO(free_memory) char *value = NULL;
	int r;

	r = convert(function, parameter, text, &value, reterr);
	if (!r)
		params_add(params, parameter, value);
	return r;
}

int invocation_params(const struct invocation *invocation, struct params *params,
		      struct error *reterr)
{
	const struct argument *argument = invocation->command->arguments;
	int r = 0;

	for (size_t i = 0; !r && argument && argument->name && i < invocation->word_count; i++) {
		if (argument->parameter)
			r = add_converted(params, argument->parameter, argument->convert,
					  invocation->words[i], reterr);
		argument++;
	}
	for (size_t i = 0; !r && i < invocation->given_count; i++) {
		const struct option *option = invocation->given[i].option;
		const char *text = invocation->given[i].text;

		if (option->parameter)
			r = add_converted(params, option->parameter, option->convert,
					  text ? text : "true", reterr);
	}
	return r;
}
