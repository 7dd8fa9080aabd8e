/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_LIMITS_H
#define TANDEM_LIMITS_H

/* Sizes of text fields, terminator included. Text is UTF-8: a character takes up to four bytes. */
enum {
	ID_SIZE = 64 + 1,
	NAME_SIZE = 80 * 4 + 1,	       /* 1-80 characters */
	DESCRIPTION_SIZE = 256 * 4 + 1 /* 1-256 characters */
};

enum {
	GROUP_SERVERS = 2, /* a primary/secondary group has two servers, or none yet */
	TAGS_MAX = 20,
	MODEL_LOAD_BALANCERS_MAX = 16384,
	MODEL_GROUPS_MAX = 32768,
	MODEL_SERVERS_MAX = 32768
};

#endif
