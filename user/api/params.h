/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_API_PARAMS_H
#define TANDEM_API_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

/*
 * The parameters of one request: decoded name/value pairs, in the order in which they came. Each
 * name is there once. Names match without regard to the case of their first letter, since some SDKs
 * raise it (HealthCheckInterval for healthCheckInterval). All text is valid UTF-8 without NUL.
 */
struct params;

/* More than any action has, so that looking up is cheap whatever is sent. */
enum { PARAMS_MAX = 512 };

struct params *params_new(void);
/* NULL is fine; returns NULL. */
struct params *params_free(struct params *params);
DEFINE_AUTO(struct params, params_free)

/*
 * Decode @size bytes of "name=value&..." as a query or a form body has them (%XX, and + for a
 * blank) and add them. Empty pieces ("a=1&&b=2") are nothing; a name without "=" has the value "".
 * Refused with -EINVAL: a broken %XX, NUL, or no UTF-8 (MalformedRequest), a name that is there
 * already (DuplicateParameter), more than PARAMS_MAX (RequestTooLarge). The bytes come from outside
 * and may be anything.
 */
CHECKED int params_decode(struct params *params, const char *bytes, size_t size,
			  struct error *reterr);

/* The value of @name, or NULL where it is not given. Borrowed. */
const char *params_get(const struct params *params, const char *name);

/* The same, but an empty value counts as not given. */
const char *params_get_filled(const struct params *params, const char *name);

/* For walks: the @index-th pair, or NULL past the end. Borrowed. */
const char *params_name_at(const struct params *params, size_t index);

#endif
