/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_API_ACTIONS_H
#define TANDEM_API_ACTIONS_H

#include <stddef.h>

#include <jansson.h>

#include "api/fields.h"
#include "api/params.h"
#include "base/cleanup.h"
#include "base/error.h"

struct service;

/* What a handler works with. All borrowed for the call. */
struct call {
	struct service *service;
	const char *region_id;
	const struct params *params;
};

enum { ACTION_NEEDS_REGION = 1 << 0 }; /* RegionId is required, not only checked */

/*
 * One action of the API. The handler gets the request struct as the layout's table has filled it,
 * and adds what it has to say to @answer, where the RequestId is already. 0 or a negative errno
 * with @reterr.
 */
struct action {
	const char *name;
	unsigned int flags;
	const struct request_layout *layout;
	int (*handle)(const struct call *call, void *request, json_t *answer, struct error *reterr);
};

/* The table of actions; for tests and for look-up. */
extern const struct action actions[];
extern const size_t actions_count;

/*
 * Do what @call->params ask for: the action of that name, or an error that says why not.
 * @ret_action, where the name is known, is set whatever comes of it.
 */
CHECKED int actions_run(const struct call *call, json_t *answer, const struct action **ret_action,
			struct error *reterr);

#endif
