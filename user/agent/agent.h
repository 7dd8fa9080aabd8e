/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_AGENT_H
#define TANDEM_AGENT_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"

struct config;

/* Build all parts and run until SIGTERM or SIGINT. The data plane goes on afterwards. */
CHECKED int agent_run(const struct config *config, struct error *reterr);

/*
 * Take down what an agent of this configuration put on the host: links, programs, maps, VIPs, the
 * socket; with @erase also the database. Says on stdout what it did. -EBUSY while an agent runs.
 */
CHECKED int agent_purge(const struct config *config, bool erase, struct error *reterr);

/* The part of it that is in the kernel; the caller holds the state folder. @tell: the VIPs, on
 * stdout. */
CHECKED int agent_take_down(const struct config *config, bool tell, struct error *reterr);

/* Delete the database with its side files; not there is success. */
CHECKED int agent_database_erase(const struct config *config, struct error *reterr);

/* Hold the state folder, which is created 0700 where it is missing; -EBUSY names who holds it.
 * @ret_fd holds it until it is closed. */
CHECKED int agent_lock(const struct config *config, int *ret_fd, struct error *reterr);

#endif
