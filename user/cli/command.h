/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLI_COMMAND_H
#define TANDEM_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/params.h"
#include "cli/values.h"

/* What tandemctl exits with. */
enum exit_status {
	STATUS_OK,
	STATUS_REFUSED, /* the agent refused, or the answer says no */
	STATUS_USAGE	/* wrong arguments, or no connection to the agent */
};

struct invocation;
struct session;

/* A word that is not an option. Lists end with a name of NULL. */
struct argument {
	const char *name;      /* as in the help: "ID" */
	const char *parameter; /* the API's; NULL: the command reads it itself */
	value_convert convert; /* NULL: any text */
	bool optional;
};

enum option_flag { OPTION_REQUIRED = 1 << 0, OPTION_REPEATED = 1 << 1 };

/* Lists end with a name of NULL. */
struct option {
	const char *name;      /* without the dashes */
	char letter;	       /* -j is short for --json; 0: none */
	const char *value;     /* as in the help: "ADDRESS"; NULL: a flag */
	const char *parameter; /* the API's; a flag is sent as "true"; NULL: the command reads it
				  itself */
	value_convert convert; /* NULL: any text */
	const char *choices;   /* "tcp|udp": the texts that are allowed; NULL: any */
	unsigned int flags;
	const char *help;
};

/* One command; the table of them drives dispatch, help and completion. Lists end with a run of
 * NULL. */
struct command {
	const char *group; /* "server"; "" where the command is one word */
	const char *verb;  /* "add" */
	const struct argument *arguments;
	const struct option *options;
	const char *rest; /* what any number of further words are: "KEY=VALUE"; NULL: none are
			     allowed */
	const char *summary;
	const char *details; /* further lines of its help, or NULL */
	enum exit_status (*run)(struct session *session, const struct invocation *invocation);
};

extern const struct command commands[];
/* The options that stand anywhere: --socket, --region, --json, --help, --version. */
extern const struct option global_options[];

/* What a command line asks for. Zeroed memory is empty; free with invocation_clear(). */
struct invocation {
	const struct command *command; /* NULL where the line names none */
	const char *group;	       /* the first word, where it names a group of commands */
	bool help;
	bool json;
	bool version;
	const char *socket; /* borrowed from the command line, as all texts; NULL: not given */
	const char *region;
	const char **words; /* arguments and the rest, in order */
	size_t word_count;
	struct {
		const struct option *option;
		const char *text; /* NULL for a flag */
	} * given;
	size_t given_count;
};

/*
 * Read a command line (@words without the program's name). Options may stand anywhere; "--" ends
 * them. Unknown commands and options, options without a value or given twice, missing and
 * superfluous arguments, and values that are not allowed are refused with a message that names
 * them; @ret then holds only the command or group, as far as it was understood. With --help nothing
 * is missing. A command's own options stand after it.
 */
CHECKED int invocation_parse(char **words, size_t count, struct invocation *ret,
			     struct error *reterr);
void invocation_clear(struct invocation *invocation);

/* The first value of --@name, converted to nothing: as given. NULL where it is not given; "" for a
 * flag. */
const char *invocation_option(const struct invocation *invocation, const char *name);
/* The @index-th value of --@name, or NULL. */
const char *invocation_option_at(const struct invocation *invocation, const char *name,
				 size_t index);
/* The argument at @index, or NULL. */
const char *invocation_word(const struct invocation *invocation, size_t index);

/* Append what the arguments and options say to the API's parameters. Values were checked by
 * invocation_parse(). */
CHECKED int invocation_params(const struct invocation *invocation, struct params *params,
			      struct error *reterr);

/* The command of these words, or NULL; @verb may be NULL. */
const struct command *command_find(const char *group, const char *verb);
/* Whether a command has @group as its first of two words. */
bool command_group_exists(const char *group);

#endif
