/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/health_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/codes.h"
#include "model/text.h"

static const char *const type_names[CHECK_TYPE_MAX] = {
	[CHECK_TCP] = "tcp",
	[CHECK_HTTP] = "http",
	[CHECK_UDP] = "udp",
};

static const char *const method_names[CHECK_METHOD_MAX] = {
	[CHECK_HEAD] = "head",
	[CHECK_GET] = "get",
};

/* The bit of a class of statuses is its first digit. */
enum { CLASS_FIRST = 2, CLASS_LAST = 5 };

const char *check_type_name(enum check_type type)
{
	return type_names[type];
}

int check_type_parse(const char *name, enum check_type *ret)
{
	int index = text_find(type_names, CHECK_TYPE_MAX, name);

	if (index < 0)
		return index;
	*ret = (enum check_type)index;
	return 0;
}

const char *check_method_name(enum check_method method)
{
	return method_names[method];
}

int check_method_parse(const char *name, enum check_method *ret)
{
	int index = text_find(method_names, CHECK_METHOD_MAX, name);

	if (index < 0)
		return index;
	*ret = (enum check_method)index;
	return 0;
}

/* The bit of "http_2xx" and so on at the start of @text, or 0. */
static unsigned int class_bit(const char *text, size_t length)
{
	char name[] = "http_0xx";

	for (int digit = CLASS_FIRST; digit <= CLASS_LAST; digit++) {
		name[strlen("http_")] = (char)('0' + digit);
		if (length == strlen(name) && strncasecmp(text, name, length) == 0)
			return 1U << digit;
	}
	return 0;
}

int http_codes_parse(const char *text, unsigned int *ret)
{
	unsigned int codes = 0;

	for (;;) {
		size_t length;
		unsigned int bit;

		text += strspn(text, " ");
		length = strcspn(text, ", ");
		bit = class_bit(text, length);
		if (!bit)
			return -EINVAL;
		codes |= bit;
		text += length;
		text += strspn(text, " ");
		if (!*text)
			break;
		if (*text++ != ',')
			return -EINVAL;
	}
	*ret = codes;
	return 0;
}

char *http_codes_format(unsigned int codes, char *buffer)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (int digit = CLASS_FIRST; digit <= CLASS_LAST; digit++) {
		if (codes & 1U << digit)
			used += (size_t)snprintf(buffer + used, HTTP_CODES_TEXT_MAX - used,
						 "%shttp_%dxx", used ? "," : "", digit);
	}
	return buffer;
}

uint32_t health_check_timeout_ms(const struct health_check *check)
{
	return check->timeout_ms < check->interval_ms ? check->timeout_ms : check->interval_ms;
}

void health_check_init(struct health_check *check, enum protocol protocol)
{
	bool is_udp = protocol == PROTOCOL_UDP;

	*check = (struct health_check){
		.enabled = true,
		.type = is_udp ? CHECK_UDP : CHECK_TCP,
		.interval_ms = is_udp ? 5000 : 2000,
		.timeout_ms = is_udp ? 10000 : 5000,
		.healthy_threshold = 3,
		.unhealthy_threshold = 3,
	};
}

static int check_ranges(const struct health_check *check, struct error *reterr)
{
	const struct {
		const char *field;
		uint32_t value, min, max;
	} ranges[] = {
		{"HealthCheckIntervalMs", check->interval_ms, 10, 50000},
		{"HealthCheckTimeoutMs", check->timeout_ms, 10, 300000},
		{"HealthyThreshold", check->healthy_threshold, 2, 10},
		{"UnhealthyThreshold", check->unhealthy_threshold, 2, 10},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		if (ranges[i].value < ranges[i].min || ranges[i].value > ranges[i].max)
			return error_set(reterr, CODE_INVALID_PARAMETER, ranges[i].field,
					 "%s %u is not within %u-%u", ranges[i].field,
					 ranges[i].value, ranges[i].min, ranges[i].max);
	}
	return 0;
}

/* What a check of another type would ignore is refused: who gave it believes that it is used. */
static int check_suits(const struct health_check *check, struct error *reterr)
{
	const struct {
		const char *field;
		bool is_given;
		enum check_type type;
	} parameters[] = {
		{"HealthCheckDomain", check->domain[0], CHECK_HTTP},
		{"HealthCheckURI", check->uri[0], CHECK_HTTP},
		{"HealthCheckHttpCode", check->http_codes, CHECK_HTTP},
		{"HealthCheckMethod", check->method != CHECK_HEAD, CHECK_HTTP},
		{"healthCheckReq", check->request[0], CHECK_UDP},
		{"healthCheckExp", check->expect[0], CHECK_UDP},
		{"HealthCheckAssumeUpOnSilence", check->assume_up_on_silence, CHECK_UDP},
	};

	for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
		if (parameters[i].is_given && parameters[i].type != check->type)
			return error_set(reterr, CODE_INVALID_PARAMETER, parameters[i].field,
					 "%s is for health checks of the type %s, not %s",
					 parameters[i].field, type_names[parameters[i].type],
					 type_names[check->type]);
	}
	return 0;
}

static int prepare_http(struct health_check *check, struct error *reterr)
{
	if (check->domain[0] && !text_is_word(check->domain, 1, 80, ".-", false))
		return error_set(reterr, CODE_INVALID_PARAMETER, "HealthCheckDomain",
				 "HealthCheckDomain must be $_ip or have 1 to 80 letters, digits, "
				 "and .-: %s",
				 check->domain);
	/* Whatever a path may hold, but nothing that could end the line it is sent in. */
	if (check->uri[0] && (check->uri[0] != '/' ||
			      !text_is_word(check->uri, 1, 80, "-/.%#&?=_~:,;@!$'()*+", false)))
		return error_set(reterr, CODE_INVALID_PARAMETER, "HealthCheckURI",
				 "HealthCheckURI must start with / and have 1 to 80 letters, "
				 "digits, and -/.%%#&?=_~:,;@!$'()*+: %s",
				 check->uri);
	if ((unsigned int)check->method >= CHECK_METHOD_MAX)
		return error_set(reterr, CODE_INVALID_PARAMETER, "HealthCheckMethod",
				 "HealthCheckMethod must be head or get");
	if (check->http_codes & ~(unsigned int)(HTTP_2XX | HTTP_3XX | HTTP_4XX | HTTP_5XX))
		return error_set(reterr, CODE_INVALID_PARAMETER, "HealthCheckHttpCode",
				 "HealthCheckHttpCode must be a list of http_2xx, http_3xx, "
				 "http_4xx and http_5xx");
	if (!check->http_codes)
		check->http_codes = HTTP_2XX;
	return 0;
}

static int check_payload(const char *field, const char *text, struct error *reterr)
{
	for (const char *at = text; *at; at++) {
		if (*at < ' ' || *at > '~')
			return error_set(reterr, CODE_INVALID_PARAMETER, field,
					 "%s must have only printable ASCII characters: %.200s",
					 field, text);
	}
	return 0;
}

static int check_udp(const struct health_check *check, struct error *reterr)
{
	const char *absent = !check->request[0]	 ? "healthCheckReq"
			     : !check->expect[0] ? "healthCheckExp"
						 : NULL;
	int r;

	if (check->enabled && absent && !check->assume_up_on_silence)
		return error_set(reterr, CODE_MISSING_PARAMETER, absent,
				 "%s is mandatory for a UDP health check, since without a reply a "
				 "dead server looks alive: give healthCheckReq and healthCheckExp, "
				 "or HealthCheckAssumeUpOnSilence=on, or HealthCheckType=tcp with "
				 "HealthCheckConnectPort, or HealthCheckSwitch=off",
				 absent);

	r = check_payload("healthCheckReq", check->request, reterr);
	if (r < 0)
		return r;
	return check_payload("healthCheckExp", check->expect, reterr);
}

int health_check_prepare(struct health_check *check, enum protocol protocol, struct error *reterr)
{
	int r;

	if ((unsigned int)check->type >= CHECK_TYPE_MAX)
		return error_set(reterr, CODE_INVALID_PARAMETER, "HealthCheckType",
				 "HealthCheckType must be tcp, http or udp");
	if (check->type == CHECK_UDP && protocol != PROTOCOL_UDP)
		return error_set(reterr, CODE_INVALID_PARAMETER, "HealthCheckType",
				 "HealthCheckType udp is for UDP listeners; a TCP listener's must "
				 "be tcp or http");

	r = check_ranges(check, reterr);
	if (r < 0)
		return r;

	r = check_suits(check, reterr);
	if (r < 0)
		return r;

	switch (check->type) {
	case CHECK_HTTP:
		if (strcmp(check->domain, "$_ip") == 0)
			check->domain[0] = '\0';
		return prepare_http(check, reterr);
	case CHECK_UDP:
		return check_udp(check, reterr);
	default:
		return 0;
	}
}
