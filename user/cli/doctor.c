/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/handlers.h"
#include "cli/session.h"

enum severity_rank { RANK_GOOD, RANK_NOTE, RANK_WARNING, RANK_ERROR, RANK_MAX };

static const struct {
	const char *name;
	enum style style;
} severities[RANK_MAX] = {
	[RANK_GOOD] = {"good", STYLE_GOOD},
	[RANK_NOTE] = {"note", STYLE_PLAIN},
	[RANK_WARNING] = {"warning", STYLE_WARNING},
	[RANK_ERROR] = {"error", STYLE_BAD},
};

/* What a younger agent says that this program does not know is no good news. */
static enum severity_rank rank_of(const json_t *check)
{
	const char *name = answer_text(check, "Severity");

	for (unsigned int i = 0; i < ARRAY_SIZE(severities); i++) {
		if (!strcmp(severities[i].name, name))
			return i;
	}
	return RANK_ERROR;
}

/* "warning  lro           eth0: large receive offload is on", and below it the remedy. */
static void print_check(const struct session *session, const json_t *check)
{
	enum style style = severities[rank_of(check)].style;
	bool coloured = session->colour && style != STYLE_PLAIN;
	const char *remedy = answer_text(check, "Remedy");

	printf("%s%-7s%s  %-12s  %s: %s\n", coloured ? style_start(style) : "",
	       answer_text(check, "Severity"), coloured ? STYLE_RESET : "",
	       answer_text(check, "Name"), answer_text(check, "Subject"),
	       answer_text(check, "Found"));
	if (remedy[0])
		printf("%-7s  %-12s  -> %s\n", "", "", remedy);
}

static void count_checks(const json_t *checks, size_t *ret_counts)
{
	const json_t *item;
	size_t i;

	json_array_foreach (checks, i, item) {
		ret_counts[rank_of(item)]++;
	}
}

static void print_checks(const struct session *session, const json_t *checks, const size_t *counts)
{
	const json_t *item;
	size_t i;

	json_array_foreach (checks, i, item) {
		print_check(session, item);
	}
	if (counts[RANK_ERROR] + counts[RANK_WARNING] == 0)
		puts("nothing is wrong");
	else
		printf("%zu errors, %zu warnings\n", counts[RANK_ERROR], counts[RANK_WARNING]);
}

enum exit_status run_doctor(struct session *session, const struct invocation *invocation)
{
	json_auto_t *answer = NULL;
	enum exit_status status = session_run(session, invocation, "DescribeDoctor", &answer);
	const json_t *checks = answer_list(answer, "Checks", "Check");
	size_t counts[RANK_MAX] = {0};

	if (status)
		return status;
	count_checks(checks, counts);
	if (session->json)
		session_print_json(answer);
	else
		print_checks(session, checks, counts);
	return counts[RANK_ERROR] + counts[RANK_WARNING] ? STATUS_REFUSED : STATUS_OK;
}
