/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/netaddr.h"
#include "base/parse.h"
#include "base/utf8.h"

static void test_parse_integer_when_text_is_not_a_number_then_refuses(void **state)
{
	static const char *const texts[] = {
		"", "-", " 1", "1 ", "+1", "1.0", "0x10", "1e3", "abc", "--1", "\xd9\xa1",
	};
	int64_t value = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(parse_integer(texts[i], -100, 100, &value), -EINVAL);
	assert_int_equal(value, 42);
}

static void test_parse_integer_at_the_bounds_then_takes_them_and_no_more(void **state)
{
	int64_t value = 0;

	(void)state;
	assert_int_equal(parse_integer("-5", -5, 7, &value), 0);
	assert_int_equal(value, -5);
	assert_int_equal(parse_integer("007", -5, 7, &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(parse_integer("8", -5, 7, &value), -ERANGE);
	assert_int_equal(parse_integer("-6", -5, 7, &value), -ERANGE);
	assert_int_equal(parse_integer("9223372036854775807", 0, INT64_MAX, &value), 0);
	assert_true(value == INT64_MAX);
	assert_int_equal(parse_integer("9223372036854775808", 0, INT64_MAX, &value), -ERANGE);
	assert_int_equal(parse_integer("99999999999999999999999", 0, INT64_MAX, &value), -ERANGE);
}

static void test_parse_u16_when_beyond_16_bits_then_is_out_of_range(void **state)
{
	uint16_t value = 0;

	(void)state;
	assert_int_equal(parse_u16("65535", &value), 0);
	assert_int_equal(value, 65535);
	assert_int_equal(parse_u16("65536", &value), -ERANGE);
	assert_int_equal(parse_u16("-1", &value), -ERANGE);
}

static void test_parse_bool_in_either_case_then_reads_the_six_words(void **state)
{
	bool value = false;

	(void)state;
	assert_int_equal(parse_bool("TRUE", &value), 0);
	assert_true(value);
	assert_int_equal(parse_bool("off", &value), 0);
	assert_false(value);
	assert_int_equal(parse_bool("On", &value), 0);
	assert_true(value);
	assert_int_equal(parse_bool("0", &value), 0);
	assert_false(value);
	assert_int_equal(parse_bool("1", &value), 0);
	assert_true(value);
	assert_int_equal(parse_bool("False", &value), 0);
	assert_false(value);
	assert_int_equal(parse_bool("yes", &value), -EINVAL);
	assert_int_equal(parse_bool("", &value), -EINVAL);
	assert_int_equal(parse_bool("true ", &value), -EINVAL);
}

static struct netaddr addr(const char *text)
{
	struct netaddr parsed;

	assert_int_equal(netaddr_parse(text, &parsed), 0);
	return parsed;
}

static void test_netaddr_when_parsed_and_formatted_then_is_canonical(void **state)
{
	static const char *const pairs[][2] = {
		{"10.0.0.1", "10.0.0.1"},
		{"2001:DB8:0:0::1", "2001:db8::1"},
		{"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
	};
	char text[NETADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct netaddr parsed = addr(pairs[i][0]);

		assert_string_equal(netaddr_format(&parsed, text), pairs[i][1]);
	}
	assert_string_equal(netaddr_format(&(struct netaddr){0}, text), "none");
}

static void test_netaddr_parse_when_no_literal_then_refuses(void **state)
{
	static const char *const texts[] = {
		"",	    "10.0.0",	 "10.0.0.256", "10.0.0.1/24", "fe80::1%eth0",
		" 1.2.3.4", "localhost", "1.2.3.4 ",   "::1::",	      "010.0.0.1",
	};
	struct netaddr parsed;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(netaddr_parse(texts[i], &parsed), -EINVAL);
}

static void assert_endpoint(const char *text, const char *address, uint16_t port)
{
	const struct netaddr untouched = addr("192.0.2.99");
	struct netaddr parsed = untouched, wanted;
	uint16_t parsed_port = 7;

	if (!address) {
		assert_int_equal(netaddr_parse_endpoint(text, &parsed, &parsed_port), -EINVAL);
		assert_true(netaddr_equal(&parsed, &untouched));
		assert_int_equal(parsed_port, 7);
		return;
	}
	wanted = addr(address);
	assert_int_equal(netaddr_parse_endpoint(text, &parsed, &parsed_port), 0);
	assert_true(netaddr_equal(&parsed, &wanted));
	assert_int_equal(parsed_port, port);
}

static void test_netaddr_parse_endpoint_when_brackets_or_not_then_reads_both_parts(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		":80",
		"192.0.2.7:",
		"192.0.2.7:0",
		"192.0.2.7:65536",
		"192.0.2.7:8x",
		"[192.0.2.7]:80",
		"[2001:db8::7",
		"2001:db8::7]:80",
		"[2001:db8::7]80",
		"[]:80",
		"[2001:db8::7]:",
		"192.0.2.7:1:2",
		"1234567890123456789012345678901234567890123456789012345678901234567890:1",
	};

	(void)state;
	assert_endpoint("192.0.2.7", "192.0.2.7", 0);
	assert_endpoint("192.0.2.7:51000", "192.0.2.7", 51000);
	assert_endpoint("2001:db8::7", "2001:db8::7", 0);
	assert_endpoint("[2001:db8::7]", "2001:db8::7", 0);
	assert_endpoint("[2001:db8::7]:1", "2001:db8::7", 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_endpoint(bad[i], NULL, 0);
}

static void test_netaddr_when_compared_then_family_and_bytes_count(void **state)
{
	struct netaddr a = addr("10.0.0.1"), b = addr("10.0.0.1"), c = addr("10.0.0.2");
	struct netaddr d = addr("a00:1::");

	(void)state;
	assert_true(netaddr_equal(&a, &b));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_false(netaddr_equal(&a, &c));
	assert_memory_equal(a.bytes, d.bytes, 4);
	assert_false(netaddr_equal(&a, &d));
	assert_int_equal(netaddr_size(&a), 4);
	assert_int_equal(netaddr_size(&d), 16);
	assert_int_equal(netaddr_size(&(struct netaddr){0}), 0);
	assert_false(netaddr_is_set(&(struct netaddr){0}));
}

static void test_netaddr_is_usable_when_no_unicast_then_is_false(void **state)
{
	static const char *const usable[] = {
		"10.0.0.1",	   "1.0.0.0",	  "223.255.255.255", "169.254.1.1",
		"255.255.255.254", "2001:db8::1", "fd00::1",	     "64:ff9b::1.2.3.4",
	};
	static const char *const unusable[] = {
		"0.0.0.0",
		"127.0.0.1",
		"127.255.255.255",
		"224.0.0.1",
		"239.255.255.255",
		"255.255.255.255",
		"::",
		"::1",
		"ff02::1",
		"fe80::1",
		"febf::1",
		"::ffff:10.0.0.1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(usable); i++) {
		struct netaddr parsed = addr(usable[i]);

		assert_true(netaddr_is_usable(&parsed));
	}
	for (size_t i = 0; i < ARRAY_SIZE(unusable); i++) {
		struct netaddr parsed = addr(unusable[i]);

		assert_false(netaddr_is_usable(&parsed));
	}
	assert_false(netaddr_is_usable(&(struct netaddr){0}));
}

static void test_netaddr_to_sockaddr_of_either_family_then_fills_it(void **state)
{
	struct netaddr four = addr("10.0.0.1"), six = addr("2001:db8::1");
	struct sockaddr_storage storage;
	const struct sockaddr_in *in4 = (const void *)&storage;
	const struct sockaddr_in6 *in6 = (const void *)&storage;

	(void)state;
	assert_int_equal(netaddr_to_sockaddr(&four, 80, &storage), sizeof(*in4));
	assert_int_equal(in4->sin_family, AF_INET);
	assert_int_equal(ntohs(in4->sin_port), 80);
	assert_int_equal(ntohl(in4->sin_addr.s_addr), 0x0a000001);

	assert_int_equal(netaddr_to_sockaddr(&six, 443, &storage), sizeof(*in6));
	assert_int_equal(in6->sin6_family, AF_INET6);
	assert_int_equal(ntohs(in6->sin6_port), 443);
	assert_memory_equal(&in6->sin6_addr, six.bytes, 16);
	assert_int_equal(in6->sin6_scope_id, 0);
}

static void test_error_set_when_nobody_asks_then_only_returns(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, 3, "Port", "no %d", 1), -EINVAL);
	assert_int_equal(error_errno(NULL, -EIO, "read"), -EIO);
}

static void test_error_set_with_odd_bytes_then_message_is_printable(void **state)
{
	struct error error = {0};
	char longest[600];

	(void)state;
	assert_int_equal(error_set(&error, 7, NULL, "bad \x1b[31m\n\xff value \xc3\xa4"), -EINVAL);
	assert_int_equal(error.code, 7);
	assert_string_equal(error.field, "");
	assert_string_equal(error.message, "bad ?[31m?? value \xc3\xa4");

	/* The cut falls into the middle of a character. */
	memset(longest, 'x', 510);
	memcpy(longest + 510, "\xc3\xa4\xc3\xa4", 5);
	error_set(&error, 7, "Port", "%s", longest);
	assert_string_equal(error.field, "Port");
	assert_int_equal(strlen(error.message), 511);
	assert_string_equal(error.message + 509, "x?");
}

static void test_error_errno_when_message_stands_then_keeps_it_with_its_code(void **state)
{
	struct error error = {0};

	(void)state;
	assert_int_equal(error_errno(&error, -ENOENT, "open %s", "x"), -ENOENT);
	assert_int_equal(error.code, 0);
	assert_string_equal(error.message, "open x: No such file or directory");

	error_set(&error, 9, "Port", "taken");
	assert_int_equal(error_errno(&error, -EINVAL, "create"), -EINVAL);
	assert_int_equal(error.code, 9);
	assert_string_equal(error.field, "Port");
	assert_string_equal(error.message, "create: taken");
}

static void test_string_copy_when_too_long_then_leaves_buffer(void **state)
{
	char buffer[4] = "old";

	(void)state;
	assert_int_equal(string_copy(buffer, sizeof(buffer), "four"), -ENOSPC);
	assert_string_equal(buffer, "old");
	assert_int_equal(string_copy(buffer, sizeof(buffer), "new"), 0);
	assert_string_equal(buffer, "new");
}

static void test_memory_when_size_is_zero_then_is_not_null(void **state)
{
	AUTO(free_memory) void *none = xcalloc(0, 8);
	AUTO(free_memory) int *many = xreallocarray(NULL, 3, sizeof(int));
	AUTO(free_memory) char *copy = xstrdup("text");
	AUTO(free_memory) char *made = xasprintf("%s-%d", "lb", 7);
	AUTO(free_memory) char *moved = TAKE(copy);

	(void)state;
	assert_non_null(none);
	many[2] = 3;
	assert_int_equal(many[2], 3);
	assert_null(copy);
	assert_string_equal(moved, "text");
	assert_string_equal(made, "lb-7");
}

static void test_clock_format_at_any_time_then_fits(void **state)
{
	char text[CLOCK_TEXT_MAX];

	(void)state;
	assert_string_equal(clock_format(0, text), "1970-01-01T00:00:00Z");
	assert_string_equal(clock_format(1772424927, text), "2026-03-02T04:15:27Z");
	assert_string_equal(clock_format(INT64_MAX, text), "9999-12-31T23:59:59Z");
	assert_string_equal(clock_format(-1, text), "1970-01-01T00:00:00Z");
	assert_true(clock_wall_s() > 1772424927);
}

static void test_clock_monotonic_when_read_twice_then_does_not_go_back(void **state)
{
	uint64_t first = clock_monotonic_us();

	(void)state;
	assert_true(first > 0);
	assert_true(clock_monotonic_us() >= first);
}

static void test_utf8_decode_when_not_utf8_then_refuses(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xc3",
		"\xc3(",
		"\xc0\xaf",
		"\xe0\x80\xaf",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80\x80",
		"\xff",
		"\xe2\x82",
		"\xf0\x9f\x98",
	};
	static const struct {
		const char *text;
		int length;
		uint32_t character;
	} good[] = {
		{"a", 1, 'a'},
		{"\xc2\x80", 2, 0x80},
		{"\xe2\x82\xac", 3, 0x20ac},
		{"\xf0\x9f\x98\x80", 4, 0x1f600},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
	};
	uint32_t character;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(utf8_decode(bad[i], &character), -EILSEQ);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(utf8_decode(good[i].text, &character), good[i].length);
		assert_int_equal(character, good[i].character);
	}
}

/* Run @write with stderr in a file; returns what it wrote. */
static char *capture_stderr(void (*write)(void), bool as_journal)
{
	char path[] = "/tmp/test_base.XXXXXX", stream[64];
	int saved = dup(STDERR_FILENO), fd = mkstemp(path);
	char *text = xcalloc(4096, 1);
	struct stat status;

	assert_true(saved >= 0 && fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino + (as_journal ? 0 : 1));
	setenv("JOURNAL_STREAM", stream, 1);
	fflush(stderr);
	dup2(fd, STDERR_FILENO);
	write();
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	assert_true(pread(fd, text, 4095, 0) >= 0);
	close(saved);
	close(fd);
	unlink(path);
	return text;
}

static void write_lines(void)
{
	log_set_level(LOG_NOTICE);
	log_notice("started name=%s", "a\nb");
	log_info("not shown");
	log_error_errno(-EPERM, "attach if=%s", "eth0");
	log_set_level(LOG_INFO);
}

static void test_log_when_stderr_is_the_journal_then_lines_have_priorities(void **state)
{
	AUTO(free_memory) char *text = capture_stderr(write_lines, true);

	(void)state;
	assert_string_equal(text, "<5>started name=a?b\n"
				  "<3>attach if=eth0: Operation not permitted\n");
}

static void test_log_when_stderr_is_a_file_then_lines_have_times(void **state)
{
	AUTO(free_memory) char *text = capture_stderr(write_lines, false);

	(void)state;
	assert_int_equal(text[4], '-');
	assert_string_equal(strchr(text, ' '), strstr(text, " started name=a?b\n"));
	assert_null(strstr(text, "not shown"));
	assert_null(strstr(text, "<3>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_integer_when_text_is_not_a_number_then_refuses),
		cmocka_unit_test(test_parse_integer_at_the_bounds_then_takes_them_and_no_more),
		cmocka_unit_test(test_parse_u16_when_beyond_16_bits_then_is_out_of_range),
		cmocka_unit_test(test_parse_bool_in_either_case_then_reads_the_six_words),
		cmocka_unit_test(test_netaddr_when_parsed_and_formatted_then_is_canonical),
		cmocka_unit_test(test_netaddr_parse_when_no_literal_then_refuses),
		cmocka_unit_test(
			test_netaddr_parse_endpoint_when_brackets_or_not_then_reads_both_parts),
		cmocka_unit_test(test_netaddr_when_compared_then_family_and_bytes_count),
		cmocka_unit_test(test_netaddr_is_usable_when_no_unicast_then_is_false),
		cmocka_unit_test(test_netaddr_to_sockaddr_of_either_family_then_fills_it),
		cmocka_unit_test(test_error_set_when_nobody_asks_then_only_returns),
		cmocka_unit_test(test_error_set_with_odd_bytes_then_message_is_printable),
		cmocka_unit_test(test_error_errno_when_message_stands_then_keeps_it_with_its_code),
		cmocka_unit_test(test_string_copy_when_too_long_then_leaves_buffer),
		cmocka_unit_test(test_memory_when_size_is_zero_then_is_not_null),
		cmocka_unit_test(test_clock_format_at_any_time_then_fits),
		cmocka_unit_test(test_clock_monotonic_when_read_twice_then_does_not_go_back),
		cmocka_unit_test(test_utf8_decode_when_not_utf8_then_refuses),
		cmocka_unit_test(test_log_when_stderr_is_the_journal_then_lines_have_priorities),
		cmocka_unit_test(test_log_when_stderr_is_a_file_then_lines_have_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
