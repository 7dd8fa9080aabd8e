/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_LENIENT_JSON_H
#define TANDEM_LENIENT_JSON_H

#include <jansson.h>

#include "base/cleanup.h"

/* Texts of more bytes are refused unread. */
enum { LENIENT_JSON_MAX = 65536 };

/*
 * Read @text as JSON in which strings may also stand in single quotes, as clients write that print
 * a list instead of encoding it. An apostrophe inside of double quotes is an apostrophe, and the
 * other way round; a backslash takes the quote of either kind its meaning. Duplicate keys are
 * refused. The caller owns what is returned. NULL where the text is not such JSON, with the reason
 * in @reterr.
 */
json_t *lenient_json_load(const char *text, json_error_t *reterr);

static inline void json_releasep(json_t **json)
{
	json_decref(*json);
}

#endif
