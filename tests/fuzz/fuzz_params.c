/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A query or form body into the bag: what is in there is UTF-8 with a name, once each, and is
 * found; what is refused says why. The first byte splits the rest in two, as a request has a query
 * and a body.
 */
/* sources: user/api/params.c user/model/text.c user/model/codes.c */
/* sources: user/base/error.c user/base/memory.c user/base/utf8.c */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/params.h"
#include "model/codes.h"
#include "model/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_taken(const struct params *params, size_t size)
{
	size_t total = 0;
	const char *name;

	for (size_t i = 0; (name = params_name_at(params, i)); i++) {
		const char *value = params_get(params, name);

		require(i < PARAMS_MAX);
		require(name[0] && text_length(name) > 0);
		require(value && text_length(value) >= 0);
		require(params_get_filled(params, name) == (value[0] ? value : NULL));
		for (size_t k = 0; k < i; k++)
			require(strcmp(params_name_at(params, k), name) != 0);
		total += strlen(name) + strlen(value);
	}
	require(total <= size);
}

static void check_refused(const struct error *error)
{
	require(error->code == CODE_MALFORMED_REQUEST || error->code == CODE_DUPLICATE_PARAMETER ||
		error->code == CODE_REQUEST_TOO_LARGE);
	require(error->message[0] && text_is_printable(error->message, 1, sizeof(error->message)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(params_free) struct params *params = params_new();
	const char *text = (const char *)data + 1;
	struct error error = {0};
	size_t query_size;
	int r;

	if (size == 0)
		return 0;
	query_size = data[0] < size - 1 ? data[0] : size - 1;
	r = params_decode(params, text, query_size, &error);
	if (r == 0)
		r = params_decode(params, text + query_size, size - 1 - query_size, &error);
	if (r == 0)
		check_taken(params, size);
	else
		check_refused(&error);
	return 0;
}
