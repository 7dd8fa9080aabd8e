/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLI_INTERRUPT_H
#define TANDEM_CLI_INTERRUPT_H

#include <stdbool.h>

#include "base/cleanup.h"

/*
 * SIGINT and SIGTERM as a descriptor, for commands that go on until then; they end the process no
 * more. Returns the descriptor, the caller's, or -errno.
 */
CHECKED int interrupt_open(void);

/* Wait for @timeout_ms; true where a signal came before. */
bool interrupt_wait(int fd, int timeout_ms);

#endif
