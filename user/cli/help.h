/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLI_HELP_H
#define TANDEM_CLI_HELP_H

#include <stdio.h>

#include "cli/command.h"

/* The help of @command; where it is NULL that of the commands of @group; where that is NULL too, of
 * all. */
void help_print(FILE *file, const struct command *command, const char *group);

/*
 * Print what may stand in the place of the last of @words, one candidate a line, for completion by
 * a shell. Asks nobody, so that it is quick.
 */
void help_complete(FILE *file, char **words, size_t count);

#endif
