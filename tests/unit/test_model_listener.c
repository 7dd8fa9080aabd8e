/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "model/codes.h"
#include "model/listener.h"

/* Set an array of characters to a text that fits. */
#define SET(array, text) assert_int_equal(string_copy(array, sizeof(array), text), 0)

static void assert_error(const struct error *error, enum code code, const char *field)
{
	if (error->code != (int)code || strcmp(error->field, field) != 0)
		print_error("got %s, field %s: %s\n", code_name(error->code), error->field,
			    error->message);
	assert_int_equal(error->code, code);
	assert_string_equal(error->field, field);
	assert_true(error->message[0]);
}

static struct listener some_listener(enum protocol protocol)
{
	struct listener listener;

	listener_init(&listener, protocol);
	SET(listener.load_balancer_id, "lb-1");
	SET(listener.group_id, "rsp-1");
	listener.port = 80;
	if (protocol == PROTOCOL_UDP) {
		SET(listener.check.request, "ping");
		SET(listener.check.expect, "pong");
	}
	return listener;
}

static struct listener some_http_listener(void)
{
	struct listener listener = some_listener(PROTOCOL_TCP);

	listener.check.type = CHECK_HTTP;
	return listener;
}

static void assert_refused(struct listener listener, enum code code, const char *field)
{
	struct error error = {0};

	assert_int_equal(listener_prepare(&listener, &error), -EINVAL);
	assert_error(&error, code, field);
	assert_int_equal(listener.create_time, 0);
}

static void assert_good(struct listener listener)
{
	struct error error = {0};

	if (listener_prepare(&listener, &error) < 0)
		fail_msg("%s %s: %s", code_name(error.code), error.field, error.message);
}

static void test_listener_init_for_each_protocol_then_has_the_apis_defaults(void **state)
{
	struct listener tcp, udp;

	(void)state;
	listener_init(&tcp, PROTOCOL_TCP);
	assert_true(tcp.check.enabled);
	assert_int_equal(tcp.check.type, CHECK_TCP);
	assert_int_equal(tcp.check.interval_ms, 2000);
	assert_int_equal(tcp.check.timeout_ms, 5000);
	assert_int_equal(tcp.check.healthy_threshold, 3);
	assert_int_equal(tcp.check.unhealthy_threshold, 3);
	assert_int_equal(tcp.none_healthy, NONE_HEALTHY_REJECT);
	assert_false(tcp.running);

	listener_init(&udp, PROTOCOL_UDP);
	assert_int_equal(udp.protocol, PROTOCOL_UDP);
	assert_int_equal(udp.check.type, CHECK_UDP);
	assert_int_equal(udp.check.interval_ms, 5000);
	assert_int_equal(udp.check.timeout_ms, 10000);
	assert_false(udp.check.assume_up_on_silence);
}

static void test_listener_prepare_when_good_then_sets_the_time_once(void **state)
{
	struct listener listener = some_listener(PROTOCOL_TCP), before;

	(void)state;
	assert_int_equal(listener_prepare(&listener, NULL), 0);
	assert_true(listener.create_time > 0);
	listener.create_time = 7;
	before = listener;
	assert_int_equal(listener_prepare(&listener, NULL), 0);
	assert_memory_equal(&listener, &before, sizeof(before));
	assert_good(some_listener(PROTOCOL_UDP));
}

static void test_listener_prepare_with_a_bad_field_then_names_it(void **state)
{
	struct listener listener = some_listener(PROTOCOL_TCP);

	(void)state;
	listener.load_balancer_id[0] = '\0';
	assert_refused(listener, CODE_MISSING_PARAMETER, "LoadBalancerId");

	listener = some_listener(PROTOCOL_TCP);
	listener.group_id[0] = '\0';
	assert_refused(listener, CODE_MISSING_PARAMETER, "MasterSlaveServerGroupId");

	listener = some_listener(PROTOCOL_TCP);
	listener.port = 0;
	assert_refused(listener, CODE_INVALID_PARAMETER, "ListenerPort");

	listener = some_listener(PROTOCOL_TCP);
	listener.protocol = (enum protocol)1;
	assert_refused(listener, CODE_INVALID_PARAMETER, "ListenerProtocol");

	listener = some_listener(PROTOCOL_TCP);
	listener.none_healthy = NONE_HEALTHY_MAX;
	assert_refused(listener, CODE_INVALID_PARAMETER, "NoneHealthy");

	listener = some_listener(PROTOCOL_TCP);
	SET(listener.description, "a b");
	assert_refused(listener, CODE_INVALID_PARAMETER, "Description");

	listener = some_listener(PROTOCOL_TCP);
	memset(listener.description, 'a', 257);
	assert_refused(listener, CODE_INVALID_PARAMETER, "Description");
	listener.description[256] = '\0';
	assert_good(listener);
}

static void test_listener_prepare_at_the_bounds_then_takes_them_and_no_more(void **state)
{
	static const struct {
		size_t offset, size;
		uint32_t min, max;
		const char *field;
	} rows[] = {
		{offsetof(struct health_check, interval_ms), 4, 10, 50000, "HealthCheckIntervalMs"},
		{offsetof(struct health_check, timeout_ms), 4, 10, 300000, "HealthCheckTimeoutMs"},
		{offsetof(struct health_check, healthy_threshold), 1, 2, 10, "HealthyThreshold"},
		{offsetof(struct health_check, unhealthy_threshold), 1, 2, 10,
		 "UnhealthyThreshold"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint32_t values[] = {rows[i].min - 1, rows[i].min, rows[i].max,
					   rows[i].max + 1};

		for (int k = 0; k < 4; k++) {
			struct listener listener = some_listener(PROTOCOL_TCP);
			void *to = (char *)&listener.check + rows[i].offset;

			if (rows[i].size == 1)
				*(uint8_t *)to = (uint8_t)values[k];
			else
				*(uint32_t *)to = values[k];
			if (k == 1 || k == 2)
				assert_good(listener);
			else
				assert_refused(listener, CODE_INVALID_PARAMETER, rows[i].field);
		}
	}
}

static void test_check_timeout_beyond_the_interval_then_probes_end_with_it(void **state)
{
	struct listener listener = some_listener(PROTOCOL_TCP);

	(void)state;
	assert_int_equal(listener_prepare(&listener, NULL), 0);
	assert_int_equal(listener.check.timeout_ms, 5000);
	assert_int_equal(health_check_timeout_ms(&listener.check), 2000);
	listener.check.timeout_ms = 30;
	assert_int_equal(health_check_timeout_ms(&listener.check), 30);
}

static void
test_listener_prepare_when_a_parameter_does_not_suit_the_type_then_names_it(void **state)
{
	struct listener tcp = some_listener(PROTOCOL_TCP), udp = some_listener(PROTOCOL_UDP);
	struct listener listener;

	(void)state;
	listener = tcp;
	listener.check.type = CHECK_UDP;
	assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckType");
	listener.check.type = CHECK_TYPE_MAX;
	assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckType");

	listener = tcp;
	SET(listener.check.uri, "/x");
	assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckURI");
	listener = tcp;
	SET(listener.check.domain, "a.example");
	assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckDomain");
	listener = tcp;
	listener.check.http_codes = HTTP_2XX;
	assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckHttpCode");
	listener = tcp;
	listener.check.method = CHECK_GET;
	assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckMethod");
	listener = tcp;
	SET(listener.check.request, "x");
	assert_refused(listener, CODE_INVALID_PARAMETER, "healthCheckReq");
	listener = tcp;
	SET(listener.check.expect, "x");
	assert_refused(listener, CODE_INVALID_PARAMETER, "healthCheckExp");
	listener = tcp;
	listener.check.assume_up_on_silence = true;
	assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckAssumeUpOnSilence");

	listener = some_http_listener();
	SET(listener.check.expect, "x");
	assert_refused(listener, CODE_INVALID_PARAMETER, "healthCheckExp");
	listener = udp;
	SET(listener.check.uri, "/x");
	assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckURI");
	listener = udp;
	listener.check.type = CHECK_TCP;
	assert_refused(listener, CODE_INVALID_PARAMETER, "healthCheckReq");
}

static void
test_listener_prepare_of_udp_without_a_reply_to_expect_then_names_the_ways_out(void **state)
{
	struct listener good = some_listener(PROTOCOL_UDP), listener = good;
	struct error error = {0};

	(void)state;
	listener.check.expect[0] = '\0';
	assert_refused(listener, CODE_MISSING_PARAMETER, "healthCheckExp");
	listener = good;
	listener.check.request[0] = '\0';
	assert_refused(listener, CODE_MISSING_PARAMETER, "healthCheckReq");
	listener.check.expect[0] = '\0';
	assert_int_equal(listener_prepare(&listener, &error), -EINVAL);
	assert_non_null(strstr(error.message, "HealthCheckAssumeUpOnSilence=on"));
	assert_non_null(strstr(error.message, "HealthCheckSwitch=off"));
	assert_non_null(strstr(error.message, "HealthCheckType=tcp"));
	assert_non_null(strstr(error.message, "HealthCheckConnectPort"));

	listener.check.assume_up_on_silence = true;
	assert_good(listener);
	listener.check.assume_up_on_silence = false;
	listener.check.enabled = false;
	assert_good(listener);
	listener.check.enabled = true;
	listener.check.type = CHECK_TCP;
	assert_good(listener);
	listener.check.type = CHECK_HTTP;
	assert_good(listener);
}

static void test_listener_prepare_of_udp_with_odd_payload_then_refuses(void **state)
{
	struct listener listener = some_listener(PROTOCOL_UDP);

	(void)state;
	SET(listener.check.request, "a\nb");
	assert_refused(listener, CODE_INVALID_PARAMETER, "healthCheckReq");
	SET(listener.check.request, "\xc3\xa4");
	assert_refused(listener, CODE_INVALID_PARAMETER, "healthCheckReq");

	listener = some_listener(PROTOCOL_UDP);
	SET(listener.check.expect, "\x7f");
	assert_refused(listener, CODE_INVALID_PARAMETER, "healthCheckExp");

	listener = some_listener(PROTOCOL_UDP);
	memset(listener.check.request, '~', sizeof(listener.check.request) - 1);
	assert_good(listener);
}

static void test_listener_prepare_of_http_then_fills_in_and_checks_the_parts(void **state)
{
	static const char *const good_uris[] = {"", "/", "/a-b/c.html?x=1&y=%20#z", "/~u_1"};
	static const char *const bad_uris[] = {"x", "//\n", "/a b", "/\xc3\xa4", "/\r\nHost: x"};
	static const char *const bad_domains[] = {"a b", "a/b", "a:80", "$_ipx", "a\r"};
	struct listener listener = some_http_listener();

	(void)state;
	SET(listener.check.domain, "$_ip");
	assert_int_equal(listener_prepare(&listener, NULL), 0);
	assert_int_equal(listener.check.http_codes, HTTP_2XX);
	assert_string_equal(listener.check.domain, "");

	for (size_t i = 0; i < ARRAY_SIZE(good_uris); i++) {
		listener = some_http_listener();
		SET(listener.check.uri, good_uris[i]);
		SET(listener.check.domain, "www.example-1.com");
		assert_good(listener);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_uris); i++) {
		listener = some_http_listener();
		SET(listener.check.uri, bad_uris[i]);
		assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckURI");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_domains); i++) {
		listener = some_http_listener();
		SET(listener.check.domain, bad_domains[i]);
		assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckDomain");
	}

	listener = some_http_listener();
	listener.check.http_codes = 1 << 6;
	assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckHttpCode");
	listener = some_http_listener();
	listener.check.method = CHECK_METHOD_MAX;
	assert_refused(listener, CODE_INVALID_PARAMETER, "HealthCheckMethod");
	listener = some_http_listener();
	listener.check.http_codes = HTTP_3XX | HTTP_5XX;
	listener.check.method = CHECK_GET;
	assert_good(listener);
}

static void test_http_codes_in_any_order_then_are_read_and_written(void **state)
{
	static const char *const bad[] = {
		"",
		",",
		"http_2xx,",
		",http_2xx",
		"http_1xx",
		"http_6xx",
		"2xx",
		"http_2xx http_3xx",
		"http_2xxx",
		"http_2x",
		"http_2xx,,http_3xx",
		" ",
	};
	char text[HTTP_CODES_TEXT_MAX];
	unsigned int codes = 0;

	(void)state;
	assert_int_equal(http_codes_parse("http_4xx, HTTP_2xx ,http_4xx", &codes), 0);
	assert_int_equal(codes, HTTP_2XX | HTTP_4XX);
	assert_string_equal(http_codes_format(codes, text), "http_2xx,http_4xx");
	assert_string_equal(http_codes_format(0, text), "");
	assert_string_equal(http_codes_format(HTTP_2XX | HTTP_3XX | HTTP_4XX | HTTP_5XX, text),
			    "http_2xx,http_3xx,http_4xx,http_5xx");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(http_codes_parse(bad[i], &codes), -EINVAL);
	assert_int_equal(codes, HTTP_2XX | HTTP_4XX);
}

static void test_names_of_enums_then_are_read_back_in_any_case(void **state)
{
	enum protocol protocol = PROTOCOL_TCP;
	enum none_healthy policy = NONE_HEALTHY_REJECT;
	enum check_type type = CHECK_TCP;
	enum check_method method = CHECK_HEAD;

	(void)state;
	assert_int_equal(protocol_parse("UDP", &protocol), 0);
	assert_int_equal(protocol, PROTOCOL_UDP);
	assert_string_equal(protocol_name(PROTOCOL_TCP), "tcp");
	assert_string_equal(protocol_name(PROTOCOL_UDP), "udp");
	assert_int_equal(protocol_parse("sctp", &protocol), -EINVAL);
	assert_int_equal(protocol_parse(NULL, &protocol), -EINVAL);

	assert_int_equal(none_healthy_parse("Last", &policy), 0);
	assert_int_equal(policy, NONE_HEALTHY_LAST);
	assert_string_equal(none_healthy_name(NONE_HEALTHY_DROP), "drop");
	assert_int_equal(none_healthy_parse("", &policy), -EINVAL);

	assert_int_equal(check_type_parse("Http", &type), 0);
	assert_int_equal(type, CHECK_HTTP);
	assert_string_equal(check_type_name(CHECK_UDP), "udp");
	assert_int_equal(check_type_parse("https", &type), -EINVAL);

	assert_int_equal(check_method_parse("GET", &method), 0);
	assert_int_equal(method, CHECK_GET);
	assert_string_equal(check_method_name(CHECK_HEAD), "head");
	assert_int_equal(check_method_parse("post", &method), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listener_init_for_each_protocol_then_has_the_apis_defaults),
		cmocka_unit_test(test_listener_prepare_when_good_then_sets_the_time_once),
		cmocka_unit_test(test_listener_prepare_with_a_bad_field_then_names_it),
		cmocka_unit_test(test_listener_prepare_at_the_bounds_then_takes_them_and_no_more),
		cmocka_unit_test(test_check_timeout_beyond_the_interval_then_probes_end_with_it),
		cmocka_unit_test(
			test_listener_prepare_when_a_parameter_does_not_suit_the_type_then_names_it),
		cmocka_unit_test(
			test_listener_prepare_of_udp_without_a_reply_to_expect_then_names_the_ways_out),
		cmocka_unit_test(test_listener_prepare_of_udp_with_odd_payload_then_refuses),
		cmocka_unit_test(test_listener_prepare_of_http_then_fills_in_and_checks_the_parts),
		cmocka_unit_test(test_http_codes_in_any_order_then_are_read_and_written),
		cmocka_unit_test(test_names_of_enums_then_are_read_back_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
