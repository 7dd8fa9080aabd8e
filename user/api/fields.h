/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_API_FIELDS_H
#define TANDEM_API_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "api/params.h"
#include "base/cleanup.h"
#include "base/error.h"

/*
 * Tables that say which parameters an action has and where in its request struct each goes. A
 * parameter that is absent, or empty, leaves its member as it was: what init() put there is the
 * default.
 */
enum field_kind {
	FIELD_TEXT,	/* char[size]: a copy */
	FIELD_BORROWED, /* const char *: the text in the bag */
	FIELD_INTEGER,	/* an unsigned or signed integer of size bytes, within min..max */
	FIELD_BOOL,	/* bool: true or false */
	FIELD_SWITCH,	/* bool: on or off */
	FIELD_PARSED,	/* what parse() makes of it */
	FIELD_TAGS,	/* struct tags: Tag.N.Key and Tag.N.Value; name is "Tag" */
	FIELD_FIXED,	/* no member: refused by name unless it is one of the words in expected */
};

enum { FIELD_REQUIRED = 1 << 0 };

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset, size;
	unsigned int flags;
	int64_t min, max;
	int (*parse)(const char *text, void *ret); /* 0 or a negative errno */
	const char *
		expected; /* PARSED: what would be right, for people. FIXED: words, blank between */
};

/* A request struct with its table. */
struct request_layout {
	const struct field *fields;
	size_t count;
	size_t size;		     /* of the request struct */
	void (*init)(void *request); /* puts defaults into the zeroed struct; NULL: zero is all */
};

#define FIELD_AT(struct_, member)                                                                  \
	.offset = offsetof(struct_, member), .size = sizeof(((struct_ *)0)->member)
#define REQUEST_LAYOUT(struct_, fields_, init_)                                                    \
	{                                                                                          \
		.fields = (fields_), .count = ARRAY_SIZE(fields_), .size = sizeof(struct_),        \
		.init = (init_)                                                                    \
	}

/*
 * Read @params into @request by @layout. A required parameter that is missing is MissingParameter,
 * a value that is none of what it must be InvalidParameter, one that asks for what tandem does not
 * do UnsupportedParameter; -EINVAL each time. Parameters that the table does not have are left
 * alone.
 */
CHECKED int fields_read(const struct request_layout *layout, const struct params *params,
			void *request, struct error *reterr);

/* MissingParameter, as the API words it. */
int fields_missing(const char *name, struct error *reterr);

/* For FIELD_PARSED. */
CHECKED int fields_parse_address(const char *text, void *ret); /* struct netaddr */

#endif
