/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLI_TRACE_H
#define TANDEM_CLI_TRACE_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* One event of DescribeTrace on a line: how the packet came, what was found and picked, how it
 * left, and the verdict. */
void trace_print_event(FILE *file, const json_t *event, bool colour);

#endif
