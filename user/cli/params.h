/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLI_PARAMS_H
#define TANDEM_CLI_PARAMS_H

#include <stddef.h>

#include "base/cleanup.h"

/* The parameters of one API call, in the order in which they were added. Zeroed memory is an empty
 * list. */
struct params {
	size_t count;
	struct param {
		char *name;
		char *value;
	} * items;
};

/* Copies both texts. */
void params_add(struct params *params, const char *name, const char *value);
/* The first value of @name, or NULL. Borrowed. */
const char *params_get(const struct params *params, const char *name);
/* Append Tag.<n>.Key and Tag.<n>.Value, where n follows the tags that are there. */
void params_add_tag(struct params *params, const char *key, const char *value);
/* Frees what @params holds and leaves it empty. */
void params_clear(struct params *params);

/* AUTO_PARAMS params = {}: emptied at the end of the scope. */
#define AUTO_PARAMS __attribute__((cleanup(params_clear))) struct params

#endif
