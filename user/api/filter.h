/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_API_FILTER_H
#define TANDEM_API_FILTER_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "model/tag.h"

/* What a list action is asked to leave out. @wanted NULL, or empty tags: everything matches. */
bool filter_equals(const char *wanted, const char *value);
bool filter_list_has(const char *wanted, const char *value); /* @wanted is a comma list */

/* All of @wanted are among @tags; a wanted tag without a value matches whatever value its key has.
 */
bool filter_tags(const struct tags *wanted, const struct tags *tags);

/* A comma list has at most 10 elements: InvalidParameter otherwise. NULL is fine. */
CHECKED int filter_list_check(const char *list, const char *name, struct error *reterr);

#endif
