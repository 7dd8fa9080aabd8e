// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <syslog.h>

#include "agent/config.h"

static struct config *parse_good(const char *text)
{
	struct config *config = NULL;
	struct error error = {0};

	if (config_parse(text, "test.json", &config, &error) < 0)
		fail_msg("%s", error.message);
	return config;
}

static void test_config_when_only_interfaces_then_defaults(void **state)
{
	AUTO(config_free)
	struct config *config = parse_good("{\"interfaces\": [\"eth0\", \"eth1\"]}");

	(void)state;
	assert_string_equal(config->interfaces[0], "eth0");
	assert_string_equal(config->interfaces[1], "eth1");
	assert_null(config->interfaces[2]);
	assert_string_equal(config->vip_interface, "eth0");
	assert_true(config->manage_vip);
	assert_string_equal(config->state_dir, "/var/lib/tandem");
	assert_string_equal(config->socket, "/run/tandem/tandem.sock");
	assert_string_equal(config->socket_group, "tandem");
	assert_string_equal(config->pin_dir, "/sys/fs/bpf/tandem");
	assert_string_equal(config->region_id, "local");
	assert_int_equal(config->log_level, LOG_INFO);
}

static void test_config_when_all_keys_then_taken(void **state)
{
	AUTO(config_free)
	struct config *config = parse_good(
		"{\"interfaces\": [\"a\"], \"vip_interface\": \"b\", \"manage_vip\": false,"
		" \"state_dir\": \"/s\", \"socket\": \"/t\", \"socket_group\": \"g\","
		" \"pin_dir\": \"/p\", \"region_id\": \"r-1\", \"log_level\": \"debug\"}");

	(void)state;
	assert_string_equal(config->vip_interface, "b");
	assert_false(config->manage_vip);
	assert_string_equal(config->state_dir, "/s");
	assert_string_equal(config->socket, "/t");
	assert_string_equal(config->socket_group, "g");
	assert_string_equal(config->pin_dir, "/p");
	assert_string_equal(config->region_id, "r-1");
	assert_int_equal(config->log_level, LOG_DEBUG);
}

struct bad {
	const char *text;
	const char *message; /* holds this */
};

static const struct bad bads[] = {
	{"", "test.json:1"},
	{"{", "test.json:1"},
	{"[]", "one JSON object"},
	{"{}", "interfaces is missing"},
	{"{\"interfaces\": []}", "interfaces is [], but must be a list"},
	{"{\"interfaces\": \"eth0\"}", "interfaces is \"eth0\", but must be a list"},
	{"{\"interfaces\": [\"eth0\", \"eth0\"]}", "interfaces is"},
	{"{\"interfaces\": [\"a/b\"]}", "interfaces is"},
	{"{\"interfaces\": [\"0123456789abcdef\"]}", "interfaces is"},
	{"{\"interfaces\": [1]}", "interfaces is"},
	{"{\"interfaces\": [\"a\"], \"manage_vips\": true}", "unknown key \"manage_vips\""},
	{"{\"interfaces\": [\"a\"], \"manage_vip\": \"yes\"}",
	 "manage_vip is \"yes\", but must be true or false"},
	{"{\"interfaces\": [\"a\"], \"state_dir\": \"lib\"}", "must be an absolute path"},
	{"{\"interfaces\": [\"a\"], \"log_level\": \"loud\"}", "log_level is \"loud\""},
	{"{\"interfaces\": [\"a\"], \"region_id\": \"\"}", "region_id is \"\""},
	{"{\"interfaces\": [\"a\"], \"socket\": null}", "socket is null"},
	{"{\"interfaces\": [\"a\"], \"interfaces\": [\"b\"]}", "duplicate"},
};

static void test_config_when_bad_then_refused_by_name(void **state)
{
	const struct bad *bad = *state;
	struct config *config = NULL;
	struct error error = {0};

	assert_true(config_parse(bad->text, "test.json", &config, &error) < 0);
	assert_null(config);
	assert_non_null(strstr(error.message, "test.json"));
	if (!strstr(error.message, bad->message))
		fail_msg("\"%s\" does not say \"%s\"", error.message, bad->message);
}

static void test_config_when_no_file_then_said(void **state)
{
	struct config *config = NULL;
	struct error error = {0};

	(void)state;
	assert_true(config_load("/nowhere/tandem.json", &config, &error) < 0);
	assert_non_null(strstr(error.message, "/nowhere/tandem.json"));
}

int main(void)
{
	struct CMUnitTest tests[3 + ARRAY_SIZE(bads)] = {
		cmocka_unit_test(test_config_when_only_interfaces_then_defaults),
		cmocka_unit_test(test_config_when_all_keys_then_taken),
		cmocka_unit_test(test_config_when_no_file_then_said),
	};

	for (size_t i = 0; i < ARRAY_SIZE(bads); i++)
		tests[3 + i] =
			(struct CMUnitTest){.name = bads[i].text,
					    .test_func = test_config_when_bad_then_refused_by_name,
					    .initial_state = (void *)&bads[i]};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
