/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

void complain(const char *format, ...)
{
	va_list args;

	fputs("tandemctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* What a person can do about a refusal, where the message alone may not say it. */
static const struct {
	const char *code;
	const char *advice;
} advices[] = {
	{"InvalidRegionId.NotFound",
	 "--region or TANDEM_REGION name the region; tandemctl status -j shows the agent's"},
	{"RspoolVipExist", "tandemctl listener list shows which listeners use the group"},
	{"InvalidLoadBalancerId.NotFound", "tandemctl lb list shows what there is"},
	{"TooManyListeners", "--protocol says which of them"},
	{"OperationDenied.DeleteProtectionIsOn", "it was created with DeleteProtection=on"},
};

static void complain_refusal(const json_t *answer, long http_status)
{
	const char *message = answer_text(answer, "Message");
	const char *code = answer_text(answer, "Code");

	if (!*message && !*code) {
		complain("the agent answered with HTTP status %ld and no reason", http_status);
		return;
	}
	complain("%s (%s)", message, code);
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++)
		if (!strcmp(advices[i].code, code))
			fprintf(stderr, "  %s\n", advices[i].advice);
}

static enum exit_status call(struct session *session, const char *action,
			     const struct params *params, long *ret_status, json_t **ret_answer)
{
	struct error error = {};

	if (client_call(session->client, action, params, ret_status, ret_answer, &error) < 0) {
		complain("%s", error.message);
		return STATUS_USAGE;
	}
	return *ret_status < 400 ? STATUS_OK : STATUS_REFUSED;
}

enum exit_status session_call(struct session *session, const char *action,
			      const struct params *params, json_t **ret_answer)
{
	json_auto_t *answer = NULL;
	long http_status = 0;
	enum exit_status status = call(session, action, params, &http_status, &answer);

	if (status == STATUS_REFUSED)
		complain_refusal(answer, http_status);
	if (status == STATUS_OK && ret_answer)
		*ret_answer = json_incref(answer);
	return status;
}

enum exit_status session_try(struct session *session, const char *action,
			     const struct params *params, json_t **ret_answer, char **ret_code)
{
	json_auto_t *answer = NULL;
	long http_status = 0;
	enum exit_status status = call(session, action, params, &http_status, &answer);

	if (status == STATUS_REFUSED)
		*ret_code = xstrdup(answer_text(answer, "Code"));
	if (status == STATUS_OK)
		*ret_answer = json_incref(answer);
	return status;
}

enum exit_status session_params(struct session *session, const struct invocation *invocation,
				struct params *params)
{
	struct error error = {};

	params_add(params, "RegionId", session->region);
	if (invocation_params(invocation, params, &error) < 0) {
		complain("%s", error.message);
		return STATUS_USAGE;
	}
	return STATUS_OK;
}

enum exit_status session_run(struct session *session, const struct invocation *invocation,
			     const char *action, json_t **ret_answer)
{
	AUTO_PARAMS params = {};
	enum exit_status status = session_params(session, invocation, &params);

	return status ? status : session_call(session, action, &params, ret_answer);
}

void session_print_json(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
}

void session_print_table(const struct session *session, const struct table *table)
{
	table_print(table, stdout, session->width, session->colour);
}

const char *answer_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_int_t answer_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

json_t *answer_list(const json_t *object, const char *plural, const char *singular)
{
	return json_object_get(json_object_get(object, plural), singular);
}

char *age_format(int64_t seconds, char *buffer)
{
	static const struct {
		int64_t size;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		int64_t part = i + 1 < ARRAY_SIZE(units) ? units[i + 1].size : 1;
		const char *part_name = i + 1 < ARRAY_SIZE(units) ? units[i + 1].name : "s";

		if (seconds < units[i].size)
			continue;
		snprintf(buffer, AGE_TEXT_MAX, "%jd%s%02jd%s", (intmax_t)(seconds / units[i].size),
			 units[i].name, (intmax_t)(seconds % units[i].size / part), part_name);
		return buffer;
	}
	snprintf(buffer, AGE_TEXT_MAX, "%jds", (intmax_t)(seconds < 0 ? 0 : seconds));
	return buffer;
}

char *age_since(const char *time, int64_t now_s, char *buffer)
{
	struct tm tm = {};
	const char *end = strptime(time, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (!end || *end) {
		snprintf(buffer, AGE_TEXT_MAX, "-");
		return buffer;
	}
	return age_format(now_s - timegm(&tm), buffer);
}

char *endpoint_format(const char *host, json_int_t port)
{
	bool colon = strchr(host, ':');

	return xasprintf("%s%s%s:%" JSON_INTEGER_FORMAT, colon ? "[" : "", host, colon ? "]" : "",
			 port);
}
