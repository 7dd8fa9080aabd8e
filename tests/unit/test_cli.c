/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/trace.h"
#include "cli/values.h"

#define WORDS(...)                                                                                 \
	(char *[])                                                                                 \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define PARSE(invocation, error, ...)                                                              \
	invocation_parse(WORDS(__VA_ARGS__), sizeof(WORDS(__VA_ARGS__)) / sizeof(char *),          \
			 invocation, error)

static void assert_duration(const char *text, const char *expected)
{
	AUTO(free_memory) char *value = NULL;
	struct error error = {};

	if (!expected) {
		assert_int_not_equal(value_duration(text, &value, &error), 0);
		assert_non_null(strstr(error.message, text));
		return;
	}
	assert_int_equal(value_duration(text, &value, &error), 0);
	assert_string_equal(value, expected);
}

static void test_duration_with_unit_is_read_into_milliseconds(void **state)
{
	(void)state;
	assert_duration("10ms", "10");
	assert_duration("2s", "2000");
	assert_duration("1m", "60000");
	assert_duration("0s", "0");
	assert_duration("4294967s", "4294967000");
}

static void test_duration_that_may_mean_anything_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "2",
					  "s",
					  "2 s",
					  "-2s",
					  "+2s",
					  "1.5s",
					  "2sec",
					  "2s2",
					  "4294968s",
					  "99999999999999999999s"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_duration(bad[i], NULL);
}

static void test_client_when_given_is_an_address_with_or_without_port(void **state)
{
	static const char *const good[] = {"192.0.2.7", "192.0.2.7:51000", "2001:db8::7",
					   "[2001:db8::7]:51000"};
	static const char *const bad[] = {"192.0.2.7:0", "192.0.2.7:", "[192.0.2.7]:1", "host:1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		AUTO(free_memory) char *value = NULL;

		assert_int_equal(value_client(good[i], &value, NULL), 0);
		assert_string_equal(value, good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error error = {};
		char *value = NULL;

		assert_int_not_equal(value_client(bad[i], &value, &error), 0);
		assert_non_null(strstr(error.message, bad[i]));
	}
}

/* One row an event of DescribeTrace and its line. */
static const struct {
	const char *event, *line;
} trace_rows[] = {
	{"{\"Time\": \"2026-11-25T02:15:27.000042Z\", \"Interface\": \"eth0\", \"Length\": 74,"
	 " \"Source\": \"192.0.2.7\", \"SourcePort\": 51000, \"Destination\": \"198.51.100.10\","
	 " \"DestinationPort\": 80, \"Protocol\": \"tcp\", \"TcpFlags\": \"SYN\","
	 " \"Stages\": {\"Found\": \"Listener\", \"Service\": 3, \"Server\": \"Slave\","
	 "  \"State\": \"0x0000000100000021\", \"Active\": \"Slave\", \"NextHop\": 5},"
	 " \"EgressInterface\": \"eth1\", \"Out\": {\"Length\": 78, \"Vlan\": \"200\","
	 "  \"DestinationMac\": \"02:00:00:00:00:02\", \"Source\": \"192.0.2.7\","
	 "  \"SourcePort\": 51000, \"Destination\": \"10.0.0.2\", \"DestinationPort\": 8080,"
	 "  \"Protocol\": \"tcp\", \"TcpFlags\": \"SYN\"},"
	 " \"Action\": \"redirect\", \"Reason\": \"forward_redirect\"}",
	 "02:15:27.000042 eth0 192.0.2.7:51000 > 198.51.100.10:80 tcp SYN 74 bytes"
	 " | toward service 3: secondary, state 0x0000000100000021 (active: secondary), next hop 5"
	 " | 192.0.2.7:51000 > 10.0.0.2:8080 tcp SYN vlan 200 78 bytes by eth1 to"
	 " 02:00:00:00:00:02 | forward_redirect\n"},
	{"{\"Time\": \"2026-11-25T02:15:27.000042Z\", \"Interface\": \"eth0\", \"Length\": 74,"
	 " \"Source\": \"2001:db8::11\", \"SourcePort\": 8080, \"Destination\": \"2001:db8::7\","
	 " \"DestinationPort\": 51000, \"Protocol\": \"udp\","
	 " \"Stages\": {\"Found\": \"Server\", \"Service\": 3, \"Server\": \"Master\"},"
	 " \"EgressInterface\": \"\", \"Action\": \"drop\", \"Reason\": \"drop_no_route\"}",
	 "02:15:27.000042 eth0 [2001:db8::11]:8080 > [2001:db8::7]:51000 udp 74 bytes"
	 " | from service 3's primary | drop_no_route\n"},
	{"{\"Time\": \"2026-11-25T02:15:27.000042Z\", \"Interface\": \"eth0\", \"Length\": 98,"
	 " \"Source\": \"192.0.2.7\", \"Destination\": \"198.51.100.10\", \"Protocol\": \"icmp\","
	 " \"IcmpType\": 8, \"IcmpCode\": 0, \"Fragment\": true, \"Stages\": {},"
	 " \"EgressInterface\": \"\", \"Action\": \"pass\", \"Reason\": \"pass_not_ours\"}",
	 "02:15:27.000042 eth0 192.0.2.7 > 198.51.100.10 icmp type 8 code 0 fragment 98 bytes"
	 " | no listener, no server | pass_not_ours\n"},
	{"{\"Time\": \"2026-11-25T02:15:27.000042Z\", \"Interface\": \"eth0\", \"Length\": 60,"
	 " \"DestinationMac\": \"ff:ff:ff:ff:ff:ff\", \"Stages\": {},"
	 " \"EgressInterface\": \"\", \"Action\": \"pass\", \"Reason\": \"pass_not_ip\"}",
	 "02:15:27.000042 eth0 to ff:ff:ff:ff:ff:ff 60 bytes | no listener, no server"
	 " | pass_not_ip\n"},
};

static void test_trace_event_when_printed_names_every_stage(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(trace_rows); i++) {
		json_auto_t *event = json_loads(trace_rows[i].event, 0, NULL);
		AUTO(free_memory) char *text = NULL;
		size_t size;
		FILE *file = open_memstream(&text, &size);

		assert_non_null(event);
		trace_print_event(file, event, false);
		fclose(file);
		assert_string_equal(text, trace_rows[i].line);
	}
}

static void test_http_codes_when_short_or_long_are_the_apis(void **state)
{
	AUTO(free_memory) char *value = NULL;
	AUTO(free_memory) char *none = NULL;

	(void)state;
	assert_int_equal(value_http_codes("2xx,http_3xx", &value, NULL), 0);
	assert_string_equal(value, "http_2xx,http_3xx");
	assert_int_not_equal(value_http_codes("2xx,,3xx", &none, NULL), 0);
	assert_int_not_equal(value_http_codes("200", &none, NULL), 0);
}

/* One row a server specification: @id NULL is a refusal whose message has @why in it. */
static const struct spec_row {
	const char *text;
	const char *id;
	unsigned int port;
	unsigned int weight;
	const char *ip;
	const char *why;
} spec_rows[] = {
	{"i-web1:8080", "i-web1", 8080, 100, "none", NULL},
	{"i-web1", "i-web1", 0, 100, "none", NULL},
	{"192.0.2.1:80,weight=0", "192.0.2.1", 80, 0, "none", NULL},
	{"[2001:db8::1]:443", "2001:db8::1", 443, 100, "none", NULL},
	{"[2001:db8::1]", "2001:db8::1", 0, 100, "none", NULL},
	{"eni-a:1,type=eni,server-ip=2001:db8::2,weight=7", "eni-a", 1, 7, "2001:db8::2", NULL},
	{"2001:db8::1", NULL, 0, 0, NULL, "needs brackets"},
	{"[2001:db8::1", NULL, 0, 0, NULL, "not closed"},
	{"[2001:db8::1]80", NULL, 0, 0, NULL, "not closed"},
	{"[192.0.2.1]:80", NULL, 0, 0, NULL, "no IPv6 address"},
	{"[]:80", NULL, 0, 0, NULL, "no IPv6 address"},
	{"i-web1:0", NULL, 0, 0, NULL, "port"},
	{"i-web1:", NULL, 0, 0, NULL, "port"},
	{"i-web1:65536", NULL, 0, 0, NULL, "port"},
	{":80", NULL, 0, 0, NULL, "server is missing"},
	{"", NULL, 0, 0, NULL, "server is missing"},
	{"i-a:80,weight=101", NULL, 0, 0, NULL, "weight"},
	{"i-a:80,weight=1,weight=1", NULL, 0, 0, NULL, "twice"},
	{"i-a:80,wait=1", NULL, 0, 0, NULL, "unknown key"},
	{"i-a:80,weight", NULL, 0, 0, NULL, "KEY=VALUE"},
	{"i-a:80,", NULL, 0, 0, NULL, "KEY=VALUE"},
	{"i-a:80,type=vm", NULL, 0, 0, NULL, "ecs, eni or eci"},
	{"i-a:80,server-ip=host", NULL, 0, 0, NULL, "server-ip"},
};

static void test_server_spec_when_read_gives_its_parts_or_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(spec_rows); i++) {
		const struct spec_row *row = &spec_rows[i];
		struct backend_server server = {};
		char address[NETADDR_TEXT_MAX];
		struct error error = {};
		int r = server_spec_parse(row->text, ROLE_SLAVE, &server, &error);

		if (!row->id) {
			if (!r || !strstr(error.message, row->why))
				fail_msg("%s: %s", row->text, r ? error.message : "accepted");
			continue;
		}
		if (r < 0)
			fail_msg("%s: %s", row->text, error.message);
		assert_string_equal(server.server_id, row->id);
		assert_int_equal(server.port, row->port);
		assert_int_equal(server.weight, row->weight);
		assert_int_equal(server.role, ROLE_SLAVE);
		assert_string_equal(netaddr_format(&server.server_ip, address), row->ip);
	}
}

static void test_server_spec_when_made_json_has_the_apis_names(void **state)
{
	AUTO(free_memory) char *text = NULL;
	struct backend_server server;
	json_auto_t *json = NULL;

	(void)state;
	assert_int_equal(
		server_spec_parse("i-a:80,server-ip=192.0.2.1", ROLE_MASTER, &server, NULL), 0);
	json = server_spec_json(&server);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text,
			    "{\"ServerId\":\"i-a\",\"Port\":80,\"Weight\":100,\"Type\":\"ecs\","
			    "\"ServerType\":\"Master\",\"ServerIp\":\"192.0.2.1\"}");
}

static void test_line_when_options_stand_anywhere_is_understood(void **state)
{
	AUTO_PARAMS params = {};
	struct invocation invocation = {};
	struct error error = {};

	(void)state;
	assert_int_equal(PARSE(&invocation, &error, "--region=eu", "server", "-j", "add", "i-a",
			       "--type", "eni", "192.0.2.1", "--replace", "--socket", "/tmp/s"),
			 0);
	assert_ptr_equal(invocation.command, command_find("server", "add"));
	assert_true(invocation.json);
	assert_string_equal(invocation.region, "eu");
	assert_string_equal(invocation.socket, "/tmp/s");
	assert_int_equal(invocation_params(&invocation, &params, &error), 0);
	assert_string_equal(params_get(&params, "ServerId"), "i-a");
	assert_string_equal(params_get(&params, "ServerIp"), "192.0.2.1");
	assert_string_equal(params_get(&params, "Type"), "eni");
	assert_string_equal(params_get(&params, "Replace"), "true");
	assert_int_equal(params.count, 4);
	invocation_clear(&invocation);
}

static void test_line_when_options_end_takes_dashes_as_words(void **state)
{
	struct invocation invocation = {};

	(void)state;
	assert_int_equal(PARSE(&invocation, NULL, "server", "del", "--", "--json"), 0);
	assert_string_equal(invocation_word(&invocation, 0), "--json");
	assert_false(invocation.json);
	invocation_clear(&invocation);
}

static void assert_line_refused(char **words, size_t count, const char *why)
{
	struct invocation invocation = {};
	struct error error = {};

	if (!invocation_parse(words, count, &invocation, &error))
		fail_msg("accepted, without \"%s\"", why);
	if (!strstr(error.message, why))
		fail_msg("\"%s\" does not say \"%s\"", error.message, why);
	invocation_clear(&invocation);
}

#define REFUSED(why, ...)                                                                          \
	assert_line_refused(WORDS(__VA_ARGS__), sizeof(WORDS(__VA_ARGS__)) / sizeof(char *), why)

static void test_line_when_wrong_is_refused_by_name(void **state)
{
	(void)state;
	REFUSED("\"frob\"", "frob");
	REFUSED("\"lb frob\"", "lb", "frob");
	REFUSED("--frob", "lb", "list", "--frob=1");
	REFUSED("--type", "--type", "ecs", "server", "list");
	REFUSED("\"more\"", "lb", "show", "lb-1", "more");
	REFUSED("LB is missing", "lb", "show");
	REFUSED("--address VIP is missing", "lb", "create", "--name", "a");
	REFUSED("--address needs a value", "lb", "create", "--address");
	REFUSED("--name is given twice", "lb", "create", "--address", "192.0.2.1", "--name", "a",
		"--name=b");
	REFUSED("--replace takes no value", "server", "add", "--replace=1");
	REFUSED("tcp|udp", "listener", "start", "--protocol", "tc");
	REFUSED("\"70000\"", "listener", "start", "--port", "70000");
	REFUSED("\"2\" is not a duration", "listener", "create", "--interval", "2");
}

static void test_help_when_asked_needs_nothing_else(void **state)
{
	struct invocation invocation = {};

	(void)state;
	assert_int_equal(PARSE(&invocation, NULL, "listener", "create", "--help"), 0);
	assert_true(invocation.help);
	invocation_clear(&invocation);
}

static void test_table_of_commands_is_well_formed(void **state)
{
	(void)state;
	for (const struct command *command = commands; command->run; command++) {
		const char *group = command->group[0] ? command->group : command->verb;
		const char *verb = command->group[0] ? command->verb : NULL;

		assert_ptr_equal(command_find(group, verb), command);
		assert_non_null(command->summary);
		for (const struct option *option = command->options; option && option->name;
		     option++) {
			assert_non_null(option->help);
			/* What needs a value to be checked has one. */
			assert_true(option->value || (!option->choices && !option->convert));
			/* A command's option hides no global one. */
			for (const struct option *global = global_options; global->name; global++)
				assert_string_not_equal(option->name, global->name);
		}
	}
}

static char *completed(char **words, size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	help_complete(file, words, count);
	fclose(file);
	return text;
}

static void test_completion_follows_the_table(void **state)
{
	AUTO(free_memory) char *first = completed(WORDS(""), 1);
	AUTO(free_memory) char *verbs = completed(WORDS("--socket", "status", "group", ""), 4);
	AUTO(free_memory) char *options = completed(WORDS("lb", "create", "--"), 3);
	AUTO(free_memory)
	char *choices = completed(WORDS("listener", "create", "--none-healthy", ""), 4);

	(void)state;
	assert_non_null(strstr(first, "listener\n"));
	assert_non_null(strstr(first, "status\n"));
	assert_null(strstr(first, "create\n"));
	assert_memory_equal(verbs, "create\nlist\nshow\ndelete\n", 24);
	assert_non_null(strstr(options, "--address\n"));
	assert_non_null(strstr(options, "--json\n"));
	assert_string_equal(choices, "reject\ndrop\nlast\n");
}

static const struct column columns[] = {
	{"NAME", COLUMN_TEXT}, {"N", COLUMN_NUMBER}, {"WHY", COLUMN_ELASTIC}, {}};

/* @cells are rows of three. The caller frees what is returned. */
static char *printed(const char *const *cells, size_t count, unsigned int width, bool colour)
{
	AUTO(table_free) struct table *table = table_new(columns);
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	for (size_t i = 0; i < count; i++)
		table_cell(table, i % 3 ? STYLE_PLAIN : STYLE_GOOD, "%s", cells[i]);
	table_print(table, file, width, colour);
	fclose(file);
	return text;
}

static void test_table_when_printed_is_as_wide_as_its_cells(void **state)
{
	static const char *const cells[] = {"a", "1", "up", "longer", "1000", ""};
	AUTO(free_memory) char *text = printed(cells, ARRAY_SIZE(cells), 0, false);

	(void)state;
	assert_string_equal(text, "NAME       N  WHY\n"
				  "a          1  up\n"
				  "longer  1000  -\n");
}

static void test_table_when_the_terminal_is_narrow_cuts_elastic_cells(void **state)
{
	static const char *const cells[] = {"name", "1", "connect: Connection refused"};
	AUTO(free_memory) char *text = printed(cells, ARRAY_SIZE(cells), 24, false);
	AUTO(free_memory) char *tiny = printed(cells, ARRAY_SIZE(cells), 1, false);

	(void)state;
	assert_string_equal(text, "NAME  N  WHY\nname  1  connect: Con...\n");
	/* Below its least width a column stays readable; the terminal wraps the line. */
	assert_string_equal(tiny, "NAME  N  WHY\nname  1  connect: ...\n");
}

static void test_table_when_cells_hold_control_characters_disarms_them(void **state)
{
	static const char *const cells[] = {"a\033[2J", "1", "b\nc\x7f"};
	AUTO(free_memory) char *text = printed(cells, ARRAY_SIZE(cells), 0, false);
	AUTO(free_memory) char *coloured = printed(cells, ARRAY_SIZE(cells), 0, true);

	(void)state;
	assert_non_null(strstr(text, "a?[2J  1  b?c?\n"));
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(coloured, "\033[32ma?[2J\033[0m"));
}

static void test_age_is_shown_in_its_two_largest_units(void **state)
{
	char age[AGE_TEXT_MAX];

	(void)state;
	assert_string_equal(age_format(12, age), "12s");
	assert_string_equal(age_format(192, age), "3m12s");
	assert_string_equal(age_format(4 * 3600 + 5 * 60 + 59, age), "4h05m");
	assert_string_equal(age_format(9 * 86400 + 3 * 3600, age), "9d03h");
	assert_string_equal(age_format(-1, age), "0s");
	assert_string_equal(age_since("1970-01-01T00:01:00Z", 75, age), "15s");
	assert_string_equal(age_since("", 75, age), "-");
}

static void test_tags_are_numbered_from_one(void **state)
{
	AUTO_PARAMS params = {};

	(void)state;
	params_add_tag(&params, "a", "1");
	params_add_tag(&params, "b", "");
	assert_string_equal(params_get(&params, "Tag.1.Key"), "a");
	assert_string_equal(params_get(&params, "Tag.2.Key"), "b");
	assert_string_equal(params_get(&params, "Tag.2.Value"), "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration_with_unit_is_read_into_milliseconds),
		cmocka_unit_test(test_duration_that_may_mean_anything_is_refused),
		cmocka_unit_test(test_client_when_given_is_an_address_with_or_without_port),
		cmocka_unit_test(test_trace_event_when_printed_names_every_stage),
		cmocka_unit_test(test_http_codes_when_short_or_long_are_the_apis),
		cmocka_unit_test(test_server_spec_when_read_gives_its_parts_or_a_reason),
		cmocka_unit_test(test_server_spec_when_made_json_has_the_apis_names),
		cmocka_unit_test(test_line_when_options_stand_anywhere_is_understood),
		cmocka_unit_test(test_line_when_options_end_takes_dashes_as_words),
		cmocka_unit_test(test_line_when_wrong_is_refused_by_name),
		cmocka_unit_test(test_help_when_asked_needs_nothing_else),
		cmocka_unit_test(test_table_of_commands_is_well_formed),
		cmocka_unit_test(test_completion_follows_the_table),
		cmocka_unit_test(test_table_when_printed_is_as_wide_as_its_cells),
		cmocka_unit_test(test_table_when_the_terminal_is_narrow_cuts_elastic_cells),
		cmocka_unit_test(test_table_when_cells_hold_control_characters_disarms_them),
		cmocka_unit_test(test_age_is_shown_in_its_two_largest_units),
		cmocka_unit_test(test_tags_are_numbered_from_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
