/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "base/memory.h"
#include "cli/handlers.h"
#include "cli/session.h"

static enum exit_status read_pairs(const struct invocation *invocation, struct params *params)
{
	for (size_t i = 1; i < invocation->word_count; i++) {
		const char *word = invocation->words[i];
		size_t length = strcspn(word, "=");
		AUTO(free_memory) char *key = xasprintf("%.*s", (int)length, word);

		if (!length || !word[length]) {
			complain("\"%s\" is not KEY=VALUE", word);
			return STATUS_USAGE;
		}
		params_add(params, key, word + length + 1);
	}
	return STATUS_OK;
}

enum exit_status run_api(struct session *session, const struct invocation *invocation)
{
	AUTO_PARAMS params = {};
	json_auto_t *answer = NULL;
	struct error error = {};
	long http_status;

	if (read_pairs(invocation, &params))
		return STATUS_USAGE;
	if (!params_get(&params, "RegionId"))
		params_add(&params, "RegionId", session->region);
	if (client_call(session->client, invocation_word(invocation, 0), &params, &http_status,
			&answer, &error) < 0) {
		complain("%s", error.message);
		return STATUS_USAGE;
	}
	session_print_json(answer);
	return http_status < 400 ? STATUS_OK : STATUS_REFUSED;
}
