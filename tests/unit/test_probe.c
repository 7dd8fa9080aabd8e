/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What each kind of probe sends, what it makes of the answer, and how it leaves the server. */
#include "health_rig.h"

/* Run @target until a probe has ended; the evidence must start with @evidence. */
static void expect_result(struct rig *rig, struct health_target *target, enum health_result result,
			  const char *evidence)
{
	const struct health_status *status = health_target_status(target);

	WAIT_UNTIL(rig, status->last_probe_us);
	assert_string_equal(health_result_name(status->last_result), health_result_name(result));
	if (strncmp(status->evidence, evidence, strlen(evidence)) != 0)
		assert_string_equal(status->evidence, evidence);
	assert_int_equal(status->state, result == HEALTH_OK ? HEALTH_UP : HEALTH_DOWN);
}

static void test_tcp_when_server_listens_then_up_and_closed_in_order(void **state)
{
	struct health_check check = check_of(CHECK_TCP, 20, 2);
	struct server server = {.greeting = "220 mail.example ESMTP\r\n"};
	struct rig *rig = *state;
	struct health_target *target;
	unsigned int changes = 0;

	server_start_tcp(rig, &server, "127.0.0.1");
	target = given_target(rig, &server, &check, HEALTH_UNKNOWN, &changes);
	expect_result(rig, target, HEALTH_OK, "connected in ");
	WAIT_UNTIL(rig, server.ends >= 5);
	assert_int_equal(server.resets, 0);
	assert_int_equal(changes, 1);
	server_stop(&server);
}

static void test_tcp_when_server_resets_after_handshake_then_stays_up(void **state)
{
	struct health_check check = check_of(CHECK_TCP, 10, 1);
	struct server server = {.abort_accepted = true};
	struct rig *rig = *state;
	unsigned int changes = 0;

	server_start_tcp(rig, &server, "127.0.0.1");
	given_target(rig, &server, &check, HEALTH_UP, &changes);
	WAIT_UNTIL(rig, server.requests >= 20);
	assert_int_equal(changes, 0);
	server_stop(&server);
}

static void test_tcp_when_port_is_closed_then_refused(void **state)
{
	struct health_check check = check_of(CHECK_TCP, 20, 1);
	struct server server = {0};
	struct rig *rig = *state;
	unsigned int changes = 0;

	server_bind(&server, "127.0.0.1", SOCK_STREAM, 0);
	expect_result(rig, given_target(rig, &server, &check, HEALTH_UNKNOWN, &changes),
		      HEALTH_REFUSED, "connect: Connection refused");
	close(server.fd);
}

static void test_tcp_when_connect_port_is_set_then_probes_that(void **state)
{
	struct health_check check = check_of(CHECK_TCP, 20, 1);
	struct server server = {0}, other = {0};
	struct rig *rig = *state;
	unsigned int changes = 0;

	server_bind(&server, "127.0.0.1", SOCK_STREAM, 0);
	server_start_tcp(rig, &other, "127.0.0.1");
	check.connect_port = other.port;
	expect_result(rig, given_target(rig, &server, &check, HEALTH_UNKNOWN, &changes), HEALTH_OK,
		      "connected in ");
	close(server.fd);
	server_stop(&other);
}

/* A backlog that is full drops SYNs: nothing at all comes back. */
static void test_tcp_when_server_is_silent_then_timeout(void **state)
{
	struct health_check check = check_of(CHECK_TCP, 40, 1);
	struct server server = {0};
	struct sockaddr_storage address;
	struct rig *rig = *state;
	unsigned int changes = 0;
	socklen_t length;
	int fillers[4];

	server_bind(&server, "127.0.0.1", SOCK_STREAM, 0);
	assert_int_equal(listen(server.fd, 0), 0);
	length = netaddr_to_sockaddr(&server.address, server.port, &address);
	for (size_t i = 0; i < ARRAY_SIZE(fillers); i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(fillers[i], (struct sockaddr *)&address, length);
	}
	expect_result(rig, given_target(rig, &server, &check, HEALTH_UNKNOWN, &changes),
		      HEALTH_TIMEOUT, "connect: no answer in 40 ms");
	for (size_t i = 0; i < ARRAY_SIZE(fillers); i++)
		close(fillers[i]);
	close(server.fd);
}

/* No TCP connection can be routed to a group address: the kernel says so at once. */
static void test_tcp_when_kernel_has_no_route_then_unreachable(void **state)
{
	struct health_check check = check_of(CHECK_TCP, 20, 2);
	struct server server = {.port = 80};
	struct rig *rig = *state;
	struct health_target *target;
	unsigned int changes = 0;

	assert_int_equal(netaddr_parse("224.0.0.1", &server.address), 0);
	target = given_target(rig, &server, &check, HEALTH_UP, &changes);
	WAIT_UNTIL(rig, changes == 1);
	assert_int_equal(health_target_status(target)->last_result, HEALTH_UNREACHABLE);
	assert_int_equal(health_target_status(target)->state, HEALTH_DOWN);
	assert_int_equal(health_target_status(target)->consecutive, 2);
}

static char long_reason[700], long_body[40000];

struct http_row {
	const char *pieces[16];
	unsigned int codes;
	enum health_result result;
	const char *evidence;
};

static const struct http_row http_rows[] = {
	{{"HTTP/1.1 200 OK\r\n\r\n"}, HTTP_2XX, HEALTH_OK, "HTTP 200 in "},
	{{"H", "TTP/1", ".0 20", "4", "\r", "\n"}, HTTP_2XX, HEALTH_OK, "HTTP 204 in "},
	{{"HTTP/1.1 200 OK\r\n\r\n", long_body}, HTTP_2XX, HEALTH_OK, "HTTP 200 in "},
	{{"HTTP/1.1 302 Found\r\n\r\n"}, HTTP_2XX | HTTP_3XX, HEALTH_OK, "HTTP 302 in "},
	{{"HTTP/1.1 302 Found\r\n\r\n"}, HTTP_2XX | HTTP_4XX, HEALTH_BAD_STATUS, "HTTP 302"},
	{{"HTTP/1.1 503 Busy\r\n\r\n"}, HTTP_2XX, HEALTH_BAD_STATUS, "HTTP 503"},
	{{"HTTP/1.1 100 Continue\r\n"}, HTTP_2XX, HEALTH_BAD_STATUS, "HTTP 100"},
	{{"SSH-2.0-OpenSSH_9.2\r\n"}, HTTP_2XX, HEALTH_BAD_REPLY, "the reply is not HTTP"},
	{{"HTTP/2 200\r\n"}, HTTP_2XX, HEALTH_BAD_REPLY, "the reply is not HTTP"},
	{{"HTTP/1.1 200 ", long_reason}, HTTP_2XX, HEALTH_BAD_REPLY, "the reply is not HTTP"},
	{{NULL}, HTTP_2XX, HEALTH_RESET, "closed before the status line"},
	{{"HTTP/1.1 20"}, HTTP_2XX, HEALTH_RESET, "closed before the status line"},
};

static void test_http_when_server_replies_then_status_line_decides(void **state)
{
	struct rig *rig = *state;

	memset(long_reason, 'x', sizeof(long_reason) - 1);
	memset(long_body, 'x', sizeof(long_body) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(http_rows); i++) {
		const struct http_row *row = &http_rows[i];
		struct health_check check = check_of(CHECK_HTTP, 1000, 2);
		struct server server = {.pieces = row->pieces};
		struct health_target *target;
		unsigned int changes = 0;

		check.http_codes = row->codes;
		server_start_tcp(rig, &server, "127.0.0.1");
		target = given_target(rig, &server, &check, HEALTH_UNKNOWN, &changes);
		expect_result(rig, target, row->result, row->evidence);
		assert_int_equal(server.requests, 1);
		WAIT_UNTIL(rig, server.ends + server.resets == 1);
		if (row->result == HEALTH_OK || row->result == HEALTH_BAD_STATUS)
			assert_int_equal(server.resets + server.cuts, 0);
		health_target_free(target);
		server_stop(&server);
	}
}

static void test_http_when_server_never_replies_then_timeout(void **state)
{
	struct health_check check = check_of(CHECK_HTTP, 40, 2);
	struct server server = {0};
	struct rig *rig = *state;
	unsigned int changes = 0;

	server_start_tcp(rig, &server, "127.0.0.1");
	expect_result(rig, given_target(rig, &server, &check, HEALTH_UNKNOWN, &changes),
		      HEALTH_TIMEOUT, "HTTP status: no answer in 40 ms");
	server_stop(&server);
}

/* The request to a server on @address, whose line and Host must be these ("%u" is its port). */
static void expect_request(struct rig *rig, const char *address, const struct health_check *check,
			   const char *line, const char *host)
{
	static const char *const pieces[] = {"HTTP/1.1 200 OK\r\n\r\n", NULL};
	AUTO(free_memory) char *want = NULL;
	struct server server = {.pieces = pieces};
	struct health_target *target;
	unsigned int changes = 0;

	server_start_tcp(rig, &server, address);
	want = xasprintf("%s\r\nHost: %s:%u\r\n", line, host, server.port);
	target = given_target(rig, &server, check, HEALTH_UNKNOWN, &changes);
	WAIT_UNTIL(rig, server.requests == 1);
	assert_memory_equal(server.head, want, strlen(want));
	assert_non_null(strstr(server.head, "\r\nConnection: close\r\n"));
	health_target_free(target);
	server_stop(&server);
}

static void test_http_when_sent_then_line_and_host_are_as_asked(void **state)
{
	struct health_check check = check_of(CHECK_HTTP, 1000, 2);
	struct rig *rig = *state;

	expect_request(rig, "127.0.0.1", &check, "HEAD / HTTP/1.1", "127.0.0.1");
	expect_request(rig, "::1", &check, "HEAD / HTTP/1.1", "[::1]");
	check.method = CHECK_GET;
	string_copy(check.uri, sizeof(check.uri), "/up?a=1");
	string_copy(check.domain, sizeof(check.domain), "www.example.org");
	expect_request(rig, "::1", &check, "GET /up?a=1 HTTP/1.1", "www.example.org");
}

struct udp_row {
	const char *script, *expect;
	enum health_result result;
	const char *evidence;
};

static const struct udp_row udp_rows[] = {
	{"g", "good", HEALTH_OK, "reply in "},
	{"g", "go", HEALTH_OK, "reply in "},
	{"b", "", HEALTH_OK, "reply in "},
	{"b", "good", HEALTH_BAD_REPLY, "the reply (3 bytes) does not start as expected"},
	{"b", "bad!", HEALTH_BAD_REPLY, "the reply (3 bytes) does not start as expected"},
	{".", "", HEALTH_TIMEOUT, "reply: no answer in 200 ms"},
};

static void test_udp_when_server_replies_then_its_start_decides(void **state)
{
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(udp_rows); i++) {
		struct health_check check = check_of(CHECK_UDP, 200, 2);
		struct server server = {0};
		struct health_target *target;
		unsigned int changes = 0;

		string_copy(check.request, sizeof(check.request), "are you there");
		string_copy(check.expect, sizeof(check.expect), udp_rows[i].expect);
		server_start_udp(rig, &server, udp_rows[i].script);
		target = given_target(rig, &server, &check, HEALTH_UNKNOWN, &changes);
		expect_result(rig, target, udp_rows[i].result, udp_rows[i].evidence);
		assert_string_equal(server.head, "are you there");
		health_target_free(target);
		server_stop(&server);
	}
}

static void expect_udp_refused(struct rig *rig, const char *address)
{
	struct health_check check = check_of(CHECK_UDP, 5000, 3);
	struct server server = {0};
	struct health_target *target;
	unsigned int changes = 0;

	server_bind(&server, address, SOCK_DGRAM, 0);
	close(server.fd);
	target = given_target(rig, &server, &check, HEALTH_UNKNOWN, &changes);
	expect_result(rig, target, HEALTH_REFUSED, "reply: Connection refused");
	assert_true(health_target_status(target)->last_duration_us < 4000000);
	health_target_free(target);
}

static void test_udp_when_port_is_closed_then_refused_at_once(void **state)
{
	expect_udp_refused(*state, "127.0.0.1");
	expect_udp_refused(*state, "::1");
}

static void test_udp_when_silence_is_good_then_up(void **state)
{
	struct health_check check = check_of(CHECK_UDP, 20, 2);
	struct server server = {0};
	struct rig *rig = *state;
	unsigned int changes = 0;

	check.assume_up_on_silence = true;
	server_start_udp(rig, &server, ".");
	expect_result(rig, given_target(rig, &server, &check, HEALTH_UNKNOWN, &changes), HEALTH_OK,
		      "silent and not denied in ");
	server_stop(&server);
}

/*
 * Hosts limit their ICMP errors, so a closed port is silent most of the time. On loopback they
 * do not: a bound socket that nobody reads stands for the silence between two refusals.
 */
static void test_udp_when_refused_lately_then_silence_is_not_good(void **state)
{
	struct health_check check = check_of(CHECK_UDP, 20, 2);
	struct server server = {0};
	struct rig *rig = *state;
	const struct health_status *status;
	uint64_t refused_us, probes;
	unsigned int changes = 0;

	check.assume_up_on_silence = true;
	server_bind(&server, "127.0.0.1", SOCK_DGRAM, 0);
	close(server.fd);
	status = health_target_status(given_target(rig, &server, &check, HEALTH_UP, &changes));
	WAIT_UNTIL(rig, changes == 1);
	assert_int_equal(status->state, HEALTH_DOWN);

	WAIT_UNTIL(rig, status->consecutive >= 5);
	refused_us = status->last_probe_us;
	server_bind(&server, "127.0.0.1", SOCK_DGRAM, server.port);
	probes = health_probe_count(rig->health);
	WAIT_UNTIL(rig, health_probe_count(rig->health) > probes + 10);
	assert_int_equal(status->state, HEALTH_DOWN);
	assert_int_equal(status->last_result, HEALTH_REFUSED);
	WAIT_UNTIL(rig, changes == 2);
	assert_int_equal(status->state, HEALTH_UP);
	assert_true(status->state_since_us - refused_us > 1900000);
	close(server.fd);
}

int main(void)
{
#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_tcp_when_server_listens_then_up_and_closed_in_order),
		RIG_TEST(test_tcp_when_server_resets_after_handshake_then_stays_up),
		RIG_TEST(test_tcp_when_port_is_closed_then_refused),
		RIG_TEST(test_tcp_when_connect_port_is_set_then_probes_that),
		RIG_TEST(test_tcp_when_server_is_silent_then_timeout),
		RIG_TEST(test_tcp_when_kernel_has_no_route_then_unreachable),
		RIG_TEST(test_http_when_server_replies_then_status_line_decides),
		RIG_TEST(test_http_when_server_never_replies_then_timeout),
		RIG_TEST(test_http_when_sent_then_line_and_host_are_as_asked),
		RIG_TEST(test_udp_when_server_replies_then_its_start_decides),
		RIG_TEST(test_udp_when_port_is_closed_then_refused_at_once),
		RIG_TEST(test_udp_when_silence_is_good_then_up),
		RIG_TEST(test_udp_when_refused_lately_then_silence_is_not_good),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
