/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The HTTP side of the API: requests as bytes, the socket in the file system, clients that behave
 * badly. */
#include "api_rig.h"

#define POST_FORM "POST / HTTP/1.1\r\nHost: a\r\n" FORM
#define FORM	  "Content-Type: application/x-www-form-urlencoded\r\n"

/* The API still works for others. */
static void assert_serves(struct api_rig *rig)
{
	AUTO_REPLY struct reply reply = rig_done(rig, "DescribeServers", "");

	assert_non_null(list_at(reply.body, "Servers", "Server"));
}

static void assert_text_done(struct api_rig *rig, const char *text)
{
	AUTO_REPLY struct reply reply = rig_exchange_text(rig, text);

	if (reply.status != 200)
		fail_msg("%s: %u", text, reply.status);
	assert_non_null(strcasestr(reply.head, "content-type: application/json;charset=utf-8"));
	assert_int_equal(strlen(text_at(reply.body, "RequestId")), 36);
	assert_non_null(list_at(reply.body, "Servers", "Server"));
}

static void test_request_when_in_any_form_of_the_sdks_then_answered(void **state)
{
	struct api_rig *rig = *state;

	assert_text_done(rig,
			 "GET /?Action=DescribeServers&RegionId=local HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_text_done(rig, "GET ?Action=DescribeServers HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_text_done(rig, "GET /?Action=DescribeServers HTTP/1.0\r\n\r\n");
	assert_text_done(rig,
			 "POST /?Action=DescribeServers&Version=2014-05-15&Format=JSON&"
			 "SignatureType=&Timestamp=2026-01-01T00%3A00%3A00Z HTTP/1.1\r\nHost: a\r\n"
			 "Content-Length: 0\r\n\r\n");
	assert_text_done(rig, "POST / HTTP/1.1\r\nHost: a\r\n" FORM
			      "Content-Length: 22\r\n\r\nAction=DescribeServers");
	/* Common parameters in the query, the others in a chunked body. */
	assert_text_done(rig, "POST /?Action=DescribeServers HTTP/1.1\r\nHost: a\r\n" FORM
			      "Transfer-Encoding: chunked\r\n\r\n"
			      "9\r\nRegionId=\r\n5\r\nlocal\r\n0\r\n\r\n");
}

static void test_request_when_no_action_fits_then_documented_code(void **state)
{
	static const struct {
		const char *text;
		unsigned int status;
		const char *code, *message;
	} rows[] = {
		{"GET /?Action=Nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404, "InvalidAction.NotFound",
		 "Specified api is not found, please check your url and method"},
		{"GET /?Action=describeservers HTTP/1.1\r\nHost: a\r\n\r\n", 404,
		 "InvalidAction.NotFound", "describeservers"},
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "MissingParameter",
		 "Action is mandatory for this action."},
		{"GET /v1?Action=DescribeServers HTTP/1.1\r\nHost: a\r\n\r\n", 404,
		 "InvalidAction.NotFound", "/v1"},
		{"PUT /?Action=DescribeServers HTTP/1.1\r\nHost: a\r\n\r\n", 400,
		 "UnsupportedHTTPMethod", "PUT"},
		{"DELETE /?Action=DescribeServers HTTP/1.1\r\nHost: a\r\n\r\n", 400,
		 "UnsupportedHTTPMethod", "DELETE"},
		{"GET /?Action=DescribeServers&Format=XML HTTP/1.1\r\nHost: a\r\n\r\n", 400,
		 "UnsupportedParameter", "Format XML is not supported"},
		{"GET /?Action=DescribeServers&Version=2015-01-01 HTTP/1.1\r\nHost: a\r\n\r\n", 400,
		 "InvalidVersion", "2014-05-15"},
		{"GET /?Action=DescribeServers&RegionId=cn-hangzhou HTTP/1.1\r\nHost: a\r\n\r\n",
		 404, "InvalidRegionId.NotFound", "does not exist: cn-hangzhou"},
		{"GET /?Action=DescribeLoadBalancers HTTP/1.1\r\nHost: a\r\n\r\n", 400,
		 "MissingParameter", "RegionId is mandatory for this action."},
		{"GET /?Action=DescribeServers&x=%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400,
		 "MalformedRequest", "hexadecimal"},
		{"GET /?Action=DescribeServers&x=%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400,
		 "MalformedRequest", "NUL"},
		{"GET /?Action=DescribeServers&x=%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400,
		 "MalformedRequest", "UTF-8"},
		{"GET /?Action=DescribeServers&action=x HTTP/1.1\r\nHost: a\r\n\r\n", 400,
		 "DuplicateParameter", "action"},
		{"POST /?Action=DescribeServers HTTP/1.1\r\nHost: a\r\n" FORM
		 "Content-Length: 22\r\n\r\nAction=DescribeServers",
		 400, "DuplicateParameter", "Action"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
		 "Content-Length: 2\r\n\r\n{}",
		 400, "MalformedRequest", "not application/json"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: "
		 "application/x-www-form-urlencodedx\r\n"
		 "Content-Length: 2\r\n\r\na=",
		 400, "MalformedRequest", "Content-Type"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na=", 400,
		 "MalformedRequest", "absent"},
	};
	struct api_rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_REPLY struct reply reply = rig_exchange_text(rig, rows[i].text);

		assert_error(&reply, rows[i].status, rows[i].code, rows[i].message);
		assert_string_equal(text_at(reply.body, "HostId"), "a");
	}
}

static void test_error_when_the_host_is_no_text_then_still_json(void **state)
{
	struct api_rig *rig = *state;
	AUTO_REPLY struct reply odd =
		rig_exchange_text(rig, "GET / HTTP/1.1\r\nHost: \xff\"x\r\n\r\n");
	AUTO_REPLY struct reply none = rig_exchange_text(rig, "GET / HTTP/1.0\r\n\r\n");

	assert_error(&odd, 400, "MissingParameter", "");
	assert_string_equal(text_at(odd.body, "HostId"), "?\"x");
	assert_error(&none, 400, "MissingParameter", "");
	assert_string_equal(text_at(none.body, "HostId"), "tandem");
}

static void test_request_when_it_is_not_http_then_refused_without_harm(void **state)
{
	static const char *const texts[] = {
		"hello\r\n\r\n",
		"GET\r\n\r\n",
		"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
		(POST_FORM "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
		(POST_FORM "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
		(POST_FORM "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "2\r\nxx\r\n0\r\n\r\n"),
	};
	struct api_rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int fd = rig_connect(rig);
		struct inbox inbox = {0};

		rig_send(rig, fd, texts[i], strlen(texts[i]));
		{
			AUTO_REPLY struct reply reply = rig_receive(rig, fd, &inbox);

			if (reply.status != 0 && reply.status < 400)
				fail_msg("%s: %u", texts[i], reply.status);
		}
		/* Nothing of it is taken for a next request. */
		while (!inbox.closed)
			assert_int_equal(rig_receive(rig, fd, &inbox).status, 0);
		free(inbox.bytes);
		close(fd);
		assert_serves(rig);
	}
}

static char *long_text(const char *head, size_t size, const char *tail)
{
	char *text = xcalloc(strlen(head) + size + strlen(tail) + 1, 1);

	strcpy(text, head);
	memset(text + strlen(head), 'x', size);
	strcat(text, tail);
	return text;
}

static void test_client_when_it_says_nothing_sensible_then_others_are_served(void **state)
{
	static const char *const texts[] = {"\r\n\r\n", "\x16\x03\x01\x02\x01\x01\xfc\x03", "GET"};
	struct api_rig *rig = *state;
	int fds[ARRAY_SIZE(texts)];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		fds[i] = rig_connect(rig);
		rig_send(rig, fds[i], texts[i], strlen(texts[i]));
		shutdown(fds[i], SHUT_WR);
		assert_serves(rig);
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		close(fds[i]);
	assert_serves(rig);
}

static void test_body_when_at_the_limit_then_taken_and_beyond_refused(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\n" FORM
				   "Content-Length: %d\r\n\r\nAction=DescribeServers&Unknown=";
	enum { LIMIT = 256 * 1024, FIXED = sizeof("Action=DescribeServers&Unknown=") - 1 };
	struct api_rig *rig = *state;

	for (int extra = 0; extra <= 1; extra++) {
		AUTO(free_memory) char *start = xasprintf(head, LIMIT + extra);
		AUTO(free_memory) char *text = long_text(start, LIMIT + extra - FIXED, "");
		AUTO_REPLY struct reply reply = rig_exchange_text(rig, text);

		if (extra)
			assert_error(&reply, 413, "RequestTooLarge", "262144 bytes");
		else
			assert_int_equal(reply.status, 200);
	}
}

static void test_body_when_chunked_and_too_large_then_refused(void **state)
{
	AUTO(free_memory)
	char *text = long_text("POST /?Action=DescribeServers HTTP/1.1\r\nHost: a\r\n" FORM
			       "Transfer-Encoding: chunked\r\n\r\n80000\r\n",
			       0x80000, "\r\n0\r\n\r\n");
	struct api_rig *rig = *state;
	AUTO_REPLY struct reply reply = rig_exchange_text(rig, text);

	assert_error(&reply, 413, "RequestTooLarge", "262144 bytes");
	assert_serves(rig);
}

static void test_body_when_endless_then_the_connection_is_closed(void **state)
{
	AUTO(free_memory)
	char *text = long_text("POST /?Action=DescribeServers HTTP/1.1\r\nHost: a\r\n" FORM
			       "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n",
			       5 << 20, "");
	struct api_rig *rig = *state;
	AUTO_REPLY struct reply reply = rig_exchange_text(rig, text);

	assert_int_equal(reply.status, 0);
	assert_serves(rig);
}

static void test_body_when_announced_as_huge_then_refused_before_it_is_sent(void **state)
{
	struct api_rig *rig = *state;
	AUTO_REPLY struct reply reply = rig_exchange_text(
		rig, "POST / HTTP/1.1\r\nHost: a\r\n" FORM "Expect: 100-continue\r\n"
		     "Content-Length: 1000000000000\r\n\r\n");

	assert_error(&reply, 413, "RequestTooLarge", "262144 bytes");
}

static void test_headers_when_too_large_then_refused_without_harm(void **state)
{
	AUTO(free_memory)
	char *query = long_text("GET /?Action=DescribeServers&x=", 1 << 20,
				" HTTP/1.1\r\nHost: a\r\n\r\n");
	AUTO(free_memory)
	char *header = long_text("GET / HTTP/1.1\r\nHost: a\r\nX: ", 1 << 20, "\r\n\r\n");
	const char *const texts[] = {query, header};
	struct api_rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO_REPLY struct reply reply = rig_exchange_text(rig, texts[i]);

		assert_true(reply.status == 0 || reply.status >= 400);
		assert_serves(rig);
	}
}

static void test_query_when_long_as_a_full_request_then_taken(void **state)
{
	/* 20 tags of the longest, a percent sign for each byte. */
	AUTO(free_memory)
	char *text = long_text("GET /?Action=DescribeServers&Unknown=", 60000,
			       " HTTP/1.1\r\nHost: a\r\n\r\n");

	assert_text_done(*state, text);
}

static void test_connection_when_pipelined_then_each_is_answered_in_order(void **state)
{
	static const char text[] = "GET /?Action=DescribeServers HTTP/1.1\r\nHost: a\r\n\r\n"
				   "GET /?Action=Nothing HTTP/1.1\r\nHost: a\r\n\r\n"
				   "POST / HTTP/1.1\r\nHost: a\r\n" FORM
				   "Content-Length: 22\r\n\r\nAction=DescribeServers"
				   "GET /?Action=DescribeStatus HTTP/1.1\r\nHost: a\r\n\r\n";
	static const unsigned int statuses[] = {200, 404, 200, 200};
	struct api_rig *rig = *state;
	struct inbox inbox = {0};
	int fd = rig_connect(rig);

	rig_send(rig, fd, text, strlen(text));
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		AUTO_REPLY struct reply reply = rig_receive(rig, fd, &inbox);

		assert_int_equal(reply.status, statuses[i]);
	}
	free(inbox.bytes);
	close(fd);
}

static void test_client_when_it_sends_byte_by_byte_then_others_are_served_meanwhile(void **state)
{
	static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\n" FORM
				   "Content-Length: 22\r\n\r\nAction=DescribeServers";
	struct api_rig *rig = *state;
	struct inbox inbox = {0};
	int fd = rig_connect(rig);

	for (size_t i = 0; i < strlen(text); i++) {
		rig_send(rig, fd, text + i, 1);
		if (i % 16 == 0)
			assert_serves(rig);
	}
	{
		AUTO_REPLY struct reply reply = rig_receive(rig, fd, &inbox);

		assert_int_equal(reply.status, 200);
	}
	free(inbox.bytes);
	close(fd);
}

static void test_client_when_it_breaks_off_anywhere_then_others_are_served(void **state)
{
	static const char text[] = "POST /?Action=DescribeServers HTTP/1.1\r\nHost: a\r\n" FORM
				   "Content-Length: 9\r\n\r\nUnknown=1";
	struct api_rig *rig = *state;

	for (size_t size = 0; size <= strlen(text); size += 5) {
		int fd = rig_connect(rig);

		rig_send(rig, fd, text, size);
		close(fd);
		rig_turn(rig);
	}
	assert_serves(rig);
}

static void test_clients_when_they_are_many_then_the_next_is_served_once_one_leaves(void **state)
{
	enum { CLIENTS = 128 };
	struct api_rig *rig = *state;
	int fds[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = rig_connect(rig);
		rig_turn(rig);
	}
	for (int i = 0; i < CLIENTS; i++) {
		close(fds[i]);
		if (i % 32 == 0)
			assert_serves(rig);
	}
}

static mode_t mode_of(const char *path)
{
	struct stat info;

	assert_int_equal(lstat(path, &info), 0);
	return info.st_mode & 07777;
}

static void test_socket_when_served_then_it_is_for_the_group_and_goes_with_the_api(void **state)
{
	struct api_rig *rig = *state;

	assert_int_equal(mode_of(rig->socket), 0660);
	rig->api = api_free(rig->api);
	assert_int_equal(access(rig->socket, F_OK), -1);
}

static void test_socket_when_the_group_is_missing_then_it_is_for_the_owner(void **state)
{
	struct api_rig *rig = *state;
	struct api_options options = {rig->socket, "no-such-group-here", "local"};
	struct error error = {0};

	rig->api = api_free(rig->api);
	assert_int_equal(
		api_new(rig->service->event, rig->service->service, &options, &rig->api, &error),
		0);
	assert_int_equal(mode_of(rig->socket), 0600);
	assert_serves(rig);
}

static void test_socket_when_somebody_listens_then_it_is_left_alone(void **state)
{
	struct api_rig *rig = *state;
	struct api *first = rig->api;
	struct error error = {0};

	assert_int_equal(api_rig_start(rig, &error), -EADDRINUSE);
	assert_non_null(strstr(error.message, rig->socket));
	assert_ptr_equal(rig->api, first);
	assert_serves(rig);
}

static void test_socket_when_stale_then_it_is_replaced(void **state)
{
	struct api_rig *rig = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct error error = {0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	rig->api = api_free(rig->api);
	strcpy(address.sun_path, rig->socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	if (api_rig_start(rig, &error) < 0)
		fail_msg("%s", error.message);
	assert_serves(rig);
}

static void test_socket_when_the_path_is_a_file_then_it_is_left_alone(void **state)
{
	struct api_rig *rig = *state;
	struct error error = {0};
	int fd;

	rig->api = api_free(rig->api);
	fd = open(rig->socket, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(api_rig_start(rig, &error), -EEXIST);
	assert_int_equal(access(rig->socket, F_OK), 0);
}

static void test_socket_when_the_folder_is_missing_then_refused(void **state)
{
	struct api_rig *rig = *state;
	struct api_options options = {"/tmp/tandem-no-such-folder/socket", "root", "local"};
	struct error error = {0};
	struct api *api = NULL;

	assert_int_equal(
		api_new(rig->service->event, rig->service->service, &options, &api, &error),
		-ENOENT);
	assert_null(api);
	assert_non_null(strstr(error.message, options.socket_path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_rig_setup, api_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_request_when_in_any_form_of_the_sdks_then_answered),
		TEST(test_request_when_no_action_fits_then_documented_code),
		TEST(test_error_when_the_host_is_no_text_then_still_json),
		TEST(test_request_when_it_is_not_http_then_refused_without_harm),
		TEST(test_client_when_it_says_nothing_sensible_then_others_are_served),
		TEST(test_body_when_at_the_limit_then_taken_and_beyond_refused),
		TEST(test_body_when_chunked_and_too_large_then_refused),
		TEST(test_body_when_endless_then_the_connection_is_closed),
		TEST(test_body_when_announced_as_huge_then_refused_before_it_is_sent),
		TEST(test_headers_when_too_large_then_refused_without_harm),
		TEST(test_query_when_long_as_a_full_request_then_taken),
		TEST(test_connection_when_pipelined_then_each_is_answered_in_order),
		TEST(test_client_when_it_sends_byte_by_byte_then_others_are_served_meanwhile),
		TEST(test_client_when_it_breaks_off_anywhere_then_others_are_served),
		TEST(test_clients_when_they_are_many_then_the_next_is_served_once_one_leaves),
		TEST(test_socket_when_served_then_it_is_for_the_group_and_goes_with_the_api),
		TEST(test_socket_when_the_group_is_missing_then_it_is_for_the_owner),
		TEST(test_socket_when_somebody_listens_then_it_is_left_alone),
		TEST(test_socket_when_stale_then_it_is_replaced),
		TEST(test_socket_when_the_path_is_a_file_then_it_is_left_alone),
		TEST(test_socket_when_the_folder_is_missing_then_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
