/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_ERROR_H
#define TANDEM_ERROR_H

#include <stdarg.h>

/*
 * What went wrong, for a person. Functions whose caller may be one take a `struct error
 * *reterr`, which they fill only when they fail; NULL is allowed and means that nobody asks.
 * Values from outside end up in it, so what the functions below write is made printable UTF-8.
 */
struct error {
	int code;	   /* what kind: see model/codes.h; 0 is an internal error */
	char field[64];	   /* the parameter at fault; "" where there is none */
	char message[512]; /* names the value and what would be right */
};

/* Fill @reterr with @code, the @field at fault ("" or NULL: none) and a message. Returns -EINVAL.
 */
int error_set(struct error *reterr, int code, const char *field, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Fill @reterr with an internal error: "<what>: <strerror(-r)>". Keeps a message that stands there
 * already, as the text after "<what>: ", with its code and field. Returns @r, a negative errno.
 */
int error_errno(struct error *reterr, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
