/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tandemctl: what people type, made into calls of the API on the agent's unix socket. The table in
 * commands.c says what there is.
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/parse.h"
#include "cli/handlers.h"
#include "cli/help.h"
#include "cli/session.h"

#define SOCKET_DEFAULT "/run/tandem/tandem.sock"
#define REGION_DEFAULT "local"

static const char *first_of(const char *option, const char *variable, const char *otherwise)
{
	const char *text = getenv(variable);

	if (option)
		return option;
	return text && *text ? text : otherwise;
}

static unsigned int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint16_t width;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (columns && !parse_u16(columns, &width))
		return width;
	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? size.ws_col : 0;
}

/* https://no-color.org: set and not empty means none. */
static bool terminal_has_colour(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (!no_color || !*no_color) && term &&
	       strcmp(term, "dumb") != 0;
}

static enum exit_status run(const struct invocation *invocation)
{
	AUTO(client_free) struct client *client = NULL;
	struct error error = {};
	struct session session = {
		.region = first_of(invocation->region, "TANDEM_REGION", REGION_DEFAULT),
		.json = invocation->json,
		.colour = terminal_has_colour(),
		.width = terminal_width(),
	};
	const char *socket = first_of(invocation->socket, "TANDEM_SOCKET", SOCKET_DEFAULT);

	if (client_new(socket, &client, &error) < 0) {
		complain("%s", error.message);
		return STATUS_USAGE;
	}
	session.client = client;
	return invocation->command->run(&session, invocation);
}

static enum exit_status refuse_line(const struct invocation *invocation, const char *message)
{
	const struct command *command = invocation->command;
	const char *group = command ? command->group : invocation->group;
	const char *verb = command ? command->verb : "";

	complain("%s", message);
	fprintf(stderr, "  tandemctl %s%s%s%s--help tells what is right\n", group ? group : "",
		group && *group ? " " : "", verb, *verb ? " " : "");
	return STATUS_USAGE;
}

static enum exit_status dispatch(char **words, size_t count)
{
	__attribute__((cleanup(invocation_clear))) struct invocation invocation = {};
	struct error error = {};

	if (invocation_parse(words, count, &invocation, &error) < 0)
		return refuse_line(&invocation, error.message);
	if (invocation.version) {
		puts("tandemctl " TANDEM_VERSION);
		return STATUS_OK;
	}
	if (invocation.help || !invocation.command) {
		help_print(invocation.help ? stdout : stderr, invocation.command, invocation.group);
		return invocation.help ? STATUS_OK : STATUS_USAGE;
	}
	return run(&invocation);
}

int main(int argc, char **argv)
{
	enum exit_status status = STATUS_OK;

	setlocale(LC_CTYPE, "");
	if (argc > 1 && !strcmp(argv[1], "--complete"))
		help_complete(stdout, argv + 2, (size_t)argc - 2);
	else
		status = dispatch(argv + 1, argc > 1 ? (size_t)argc - 1 : 0);
	if (fflush(stdout) || ferror(stdout)) {
		complain("write the output: %s", strerror(errno));
		return status == STATUS_OK ? STATUS_REFUSED : (int)status;
	}
	return (int)status;
}
