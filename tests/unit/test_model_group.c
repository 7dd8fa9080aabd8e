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
#include "model/lenient_json.h"
#include "model/server_group.h"

#define MASTER "{\"ServerId\":\"i-a\",\"Port\":\"82\",\"ServerType\":\"Master\"}"
#define SLAVE  "{\"ServerId\":\"i-b\",\"Port\":84,\"ServerType\":\"Slave\"}"

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

static void parse_good(const char *text, struct server_group *group)
{
	struct error error = {0};

	if (server_group_parse_servers(text, group, &error) < 0)
		fail_msg("%s: %s %s: %s", text, code_name(error.code), error.field, error.message);
	assert_int_equal(group->server_count, 2);
	assert_int_equal(group->servers[0].role, ROLE_MASTER);
	assert_int_equal(group->servers[1].role, ROLE_SLAVE);
}

/* The first server is as @keys say, the second is good; the refusal is of server 1. */
static void assert_server_refused(const char *keys, enum code code, const char *key)
{
	AUTO(free_memory) char *text = xasprintf("[{%s},%s]", keys, SLAVE);
	struct server_group group = {.id = "rsp-1"}, before = group;
	struct error error = {0};
	char field[64];

	snprintf(field, sizeof(field), "MasterSlaveBackendServers.1.%s", key);
	assert_int_equal(server_group_parse_servers(text, &group, &error), -EINVAL);
	assert_error(&error, code, field);
	assert_memory_equal(&group, &before, sizeof(group));
}

static void assert_list_refused(const char *text, enum code code)
{
	struct server_group group = {.id = "rsp-1"}, before = group;
	struct error error = {0};

	assert_int_equal(server_group_parse_servers(text, &group, &error), -EINVAL);
	assert_error(&error, code, "MasterSlaveBackendServers");
	assert_memory_equal(&group, &before, sizeof(group));
}

static void test_parse_servers_with_every_key_then_keeps_all(void **state)
{
	struct server_group group = {0};
	char text[NETADDR_TEXT_MAX];

	(void)state;
	parse_good("[{\"ServerId\":\"eni-b\",\"Port\":84,\"Weight\":0,\"Type\":\"eni\","
		   "\"ServerIp\":\"2001:db8::2\",\"ServerType\":\"Slave\","
		   "\"Description\":\"\xe5\xa4\x87-/._9\"},"
		   "{\"ServerId\":\"i-a\",\"Port\":\"82\",\"Weight\":\"100\",\"Type\":\"ecs\","
		   "\"ServerType\":\"Master\",\"Description\":\"first\"}]",
		   &group);
	assert_string_equal(group.servers[0].server_id, "i-a");
	assert_int_equal(group.servers[0].port, 82);
	assert_int_equal(group.servers[0].weight, 100);
	assert_int_equal(group.servers[0].type, SERVER_ECS);
	assert_false(netaddr_is_set(&group.servers[0].server_ip));
	assert_string_equal(group.servers[0].description, "first");
	assert_string_equal(group.servers[1].server_id, "eni-b");
	assert_int_equal(group.servers[1].port, 84);
	assert_int_equal(group.servers[1].weight, 0);
	assert_int_equal(group.servers[1].type, SERVER_ENI);
	assert_string_equal(netaddr_format(&group.servers[1].server_ip, text), "2001:db8::2");
	assert_string_equal(group.servers[1].description, "\xe5\xa4\x87-/._9");
}

static void test_parse_servers_with_the_least_then_takes_the_defaults(void **state)
{
	struct server_group group = {0};

	(void)state;
	parse_good("[{\"ServerId\":\"i-a\",\"Port\":1},"
		   "{\"ServerId\":\"i-a\",\"Port\":65535,\"ServerType\":\"Slave\"}]",
		   &group);
	assert_int_equal(group.servers[0].port, 1);
	assert_int_equal(group.servers[0].weight, 100);
	assert_int_equal(group.servers[0].type, SERVER_ECS);
	assert_string_equal(group.servers[0].description, "");
	assert_int_equal(group.servers[1].port, 65535);
}

static void test_parse_servers_in_terraforms_shape_then_reads_it(void **state)
{
	struct server_group group = {0};

	(void)state;
	parse_good("[{'ServerId':'i-a','Port':'100','Weight':'0', 'Type': 'ecs', "
		   "'ServerType': 'Slave', 'IsBackup':'0'},"
		   "{'ServerId':'i-b','Port':'100','Weight':'100', 'Type': 'eni', "
		   "'ServerType': '', 'IsBackup':'1'}]",
		   &group);
	assert_string_equal(group.servers[0].server_id, "i-b");
	assert_int_equal(group.servers[0].type, SERVER_ENI);
	assert_string_equal(group.servers[1].server_id, "i-a");
	assert_int_equal(group.servers[1].port, 100);
	assert_int_equal(group.servers[1].weight, 0);
}

static void test_parse_servers_with_odd_but_clear_json_then_reads_it(void **state)
{
	static const char *const lists[] = {
		/* blanks anywhere */
		" \t\r\n[ { 'ServerId' : 'i-a' , 'Port' : 82 } ,\n{ 'ServerId':'i-b', 'Port' : "
		"'84' "
		",'ServerType':'Slave' } ] \n",
		/* keys and words in other cases */
		"[{\"serverid\":\"i-a\",\"PORT\":82,\"servertype\":\"master\",\"type\":\"ECS\"},"
		"{\"serverId\":\"i-b\",\"port\":84,\"ServerType\":\"SLAVE\"}]",
		/* null and empty stand for absent */
		"[{'ServerId':'i-a','Port':82,'Weight':'','Type':null,'ServerType':null,"
		"'ServerIp':'','Description':''}," SLAVE "]",
		/* both quotes in one text, each inside the other */
		"[{'ServerId':\"i-a\",'Port':82,\"x\":\"it's\",'y':'say \"hi\"'}," SLAVE "]",
		/* escapes */
		"[{'ServerId':'i\\u002da','Port':82,'x':'it\\'s \\\\','y':\"\\\"'\\\\\"}," SLAVE
		"]",
		/* unknown keys with anything in them */
		"[{'ServerId':'i-a','Port':82,'x':[{'y':[1.5,true,null]}],'z':{}}," SLAVE "]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct server_group group = {0};

		parse_good(lists[i], &group);
		assert_string_equal(group.servers[0].server_id, "i-a");
		assert_int_equal(group.servers[0].port, 82);
		assert_int_equal(group.servers[0].weight, 100);
		assert_int_equal(group.servers[0].type, SERVER_ECS);
		assert_string_equal(group.servers[1].server_id, "i-b");
		assert_int_equal(group.servers[1].port, 84);
	}
}

static void test_parse_servers_when_not_a_list_of_objects_then_is_malformed(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"null",
		"{}",
		"1",
		"'a'",
		"[",
		"[]]",
		"[" MASTER "," SLAVE,
		"[" MASTER "," SLAVE ",]",
		"[" MASTER "," SLAVE "] x",
		"[" MASTER ",1]",
		"[null," SLAVE "]",
		"[[]," SLAVE "]",
		"[{'ServerId':'i-a','Port':82,}," SLAVE "]",
		"[{'ServerId':'i-a' 'Port':82}," SLAVE "]",
		"[{ServerId:'i-a','Port':82}," SLAVE "]",
		"[{'ServerId':'it's','Port':82}," SLAVE "]",
		"[{'ServerId':'i-a\xff','Port':82}," SLAVE "]",
		"[{'ServerId':'i-a\\u0000','Port':82}," SLAVE "]",
		"[{'ServerId':'i-a','Port':99999999999999999999}," SLAVE "]",
		"[{'ServerId':'i-a','Port':82,'Port':82}," SLAVE "]",
		"[{'x':'",
		"[{'x':'\\",
		"[{'x':\"\\'",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_list_refused(texts[i], CODE_BACKEND_SERVERS_MALFORMED);
}

static void test_parse_servers_when_too_long_or_deep_then_is_malformed(void **state)
{
	AUTO(free_memory) char *text = xcalloc(LENIENT_JSON_MAX + 2, 1);

	(void)state;
	memset(text, '[', LENIENT_JSON_MAX);
	assert_list_refused(text, CODE_BACKEND_SERVERS_MALFORMED);
	memset(text, ' ', LENIENT_JSON_MAX + 1);
	memcpy(text, "[" MASTER "," SLAVE "]", strlen("[" MASTER "," SLAVE "]"));
	assert_list_refused(text, CODE_BACKEND_SERVERS_MALFORMED);
	text[LENIENT_JSON_MAX] = '\0';
	parse_good(text, &(struct server_group){0});
}

static void test_parse_servers_when_not_two_then_says_so(void **state)
{
	struct server_group group = {0};
	struct error error = {0};

	(void)state;
	assert_list_refused("[]", CODE_BACKEND_SERVERS_NUM);
	assert_list_refused("[" MASTER "]", CODE_BACKEND_SERVERS_NUM);
	assert_list_refused("[" MASTER "," SLAVE "," SLAVE "]", CODE_BACKEND_SERVERS_NUM);
	/* The number is told before what is wrong with each. */
	assert_list_refused("[1]", CODE_BACKEND_SERVERS_NUM);
	assert_int_equal(server_group_parse_servers("[1,2,3]", &group, &error), -EINVAL);
	assert_non_null(strstr(error.message, "3"));
}

static void test_parse_servers_with_bad_ids_then_refuses(void **state)
{
	AUTO(free_memory) char *longest = xcalloc(66, 1);
	AUTO(free_memory) char *keys = NULL;

	(void)state;
	assert_server_refused("'Port':1", CODE_BACKEND_SERVER_ID_EMPTY, "ServerId");
	assert_server_refused("'ServerId':'','Port':1", CODE_BACKEND_SERVER_ID_EMPTY, "ServerId");
	assert_server_refused("'ServerId':'  ','Port':1", CODE_BACKEND_SERVER_ID_EMPTY, "ServerId");
	assert_server_refused("'ServerId':null,'Port':1", CODE_BACKEND_SERVER_ID_EMPTY, "ServerId");
	assert_server_refused("'ServerId':'i a','Port':1", CODE_INVALID_SERVER_ID, "ServerId");
	assert_server_refused("'ServerId':'i/a','Port':1", CODE_INVALID_SERVER_ID, "ServerId");
	assert_server_refused("'ServerId':'x:1','Port':1", CODE_INVALID_SERVER_ID, "ServerId");
	assert_server_refused("'ServerId':5,'Port':1", CODE_BACKEND_SERVERS_MALFORMED, "ServerId");
	assert_server_refused("'ServerId':['i-a'],'Port':1", CODE_BACKEND_SERVERS_MALFORMED,
			      "ServerId");
	memset(longest, 'a', 65);
	keys = xasprintf("'ServerId':'%s','Port':1", longest);
	assert_server_refused(keys, CODE_INVALID_SERVER_ID, "ServerId");
}

static void test_parse_servers_with_addresses_as_ids_then_takes_them(void **state)
{
	struct server_group group = {0};

	(void)state;
	parse_good("[{'ServerId':'10.0.1.1','Port':80},"
		   "{'ServerId':'2001:db8::1','Port':80,'ServerType':'Slave'}]",
		   &group);
	assert_string_equal(group.servers[0].server_id, "10.0.1.1");
	assert_string_equal(group.servers[1].server_id, "2001:db8::1");
}

static void test_parse_servers_with_bad_ports_then_refuses(void **state)
{
	static const char *const ports[] = {"0",     "'0'",   "65536", "'65536'", "-1",
					    "'80 '", "'+80'", "80.0",  "'http'",  "true",
					    "[80]",  "{}",    "'8e1'", "'0x50'"};
	AUTO(free_memory) char *keys = NULL;

	(void)state;
	assert_server_refused("'ServerId':'i-a'", CODE_BACKEND_SERVER_PORT_EMPTY, "Port");
	assert_server_refused("'ServerId':'i-a','Port':''", CODE_BACKEND_SERVER_PORT_EMPTY, "Port");
	assert_server_refused("'ServerId':'i-a','Port':null", CODE_BACKEND_SERVER_PORT_EMPTY,
			      "Port");
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		free(TAKE(keys));
		keys = xasprintf("'ServerId':'i-a','Port':%s", ports[i]);
		assert_server_refused(keys, CODE_REAL_SERVER_PORT, "Port");
	}
}

static void test_parse_servers_with_bad_weights_then_refuses(void **state)
{
	static const char *const weights[] = {"-1",    "101",  "'101'", "'-1'", "'high'",
					      "100.5", "true", "[1]",	"256",	"'356'"};
	AUTO(free_memory) char *keys = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(weights); i++) {
		free(TAKE(keys));
		keys = xasprintf("'ServerId':'i-a','Port':80,'Weight':%s", weights[i]);
		assert_server_refused(keys, CODE_INVALID_WEIGHT, "Weight");
	}
}

static void test_parse_servers_with_bad_types_then_refuses(void **state)
{
	(void)state;
	assert_server_refused("'ServerId':'i-a','Port':80,'Type':'vm'", CODE_INVALID_SERVER_TYPE,
			      "Type");
	assert_server_refused("'ServerId':'i-a','Port':80,'Type':1", CODE_BACKEND_SERVERS_MALFORMED,
			      "Type");
	assert_server_refused("'ServerId':'i-a','Port':80,'ServerType':'Primary'",
			      CODE_INVALID_SERVER_TYPE, "ServerType");
	assert_server_refused("'ServerId':'i-a','Port':80,'ServerType':false",
			      CODE_BACKEND_SERVERS_MALFORMED, "ServerType");
}

static void test_parse_servers_with_bad_addresses_then_refuses(void **state)
{
	static const char *const addresses[] = {"10.0.0",    "10.0.0.1/24",	"fe80::1",
						"127.0.0.1", "::ffff:10.0.0.1", "web"};
	AUTO(free_memory) char *keys = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		free(TAKE(keys));
		keys = xasprintf("'ServerId':'i-a','Port':80,'ServerIp':'%s'", addresses[i]);
		assert_server_refused(keys, CODE_INVALID_PARAMETER, "ServerIp");
	}
	assert_server_refused("'ServerId':'i-a','Port':80,'ServerIp':10",
			      CODE_BACKEND_SERVERS_MALFORMED, "ServerIp");
}

/* A list whose first server has a description of @count times @piece. */
static char *list_with_description(const char *piece, unsigned int count)
{
	size_t size = strlen(piece);
	AUTO(free_memory) char *description = xcalloc(count * size + 1, 1);

	for (unsigned int i = 0; i < count; i++)
		snprintf(description + i * size, size + 1, "%s", piece);
	return xasprintf("[{'ServerId':'i-a','Port':80,'Description':'%s'}," SLAVE "]",
			 description);
}

static void test_parse_servers_with_descriptions_then_counts_characters(void **state)
{
	static const char *const pieces[] = {"a", "\xe4\xb8\xbb", "\xf0\x9f\x98\x80"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		AUTO(free_memory) char *longest = list_with_description(pieces[i], 80);
		AUTO(free_memory) char *longer = list_with_description(pieces[i], 81);
		struct server_group group = {0};
		struct error error = {0};

		parse_good(longest, &group);
		assert_int_equal(strlen(group.servers[0].description), 80 * strlen(pieces[i]));
		assert_int_equal(server_group_parse_servers(longer, &group, &error), -EINVAL);
		assert_error(&error, CODE_INVALID_PARAMETER,
			     "MasterSlaveBackendServers.1.Description");
	}
	assert_server_refused("'ServerId':'i-a','Port':80,'Description':'a b'",
			      CODE_INVALID_PARAMETER, "Description");
	assert_server_refused("'ServerId':'i-a','Port':80,'Description':'a\\nb'",
			      CODE_INVALID_PARAMETER, "Description");
	assert_server_refused("'ServerId':'i-a','Port':80,'Description':7",
			      CODE_BACKEND_SERVERS_MALFORMED, "Description");
}

static void test_parse_servers_with_a_key_in_two_cases_then_refuses(void **state)
{
	(void)state;
	assert_server_refused("'ServerId':'i-a','Port':80,'port':81",
			      CODE_BACKEND_SERVERS_MALFORMED, "Port");
	assert_server_refused("'ServerId':'i-a','serverid':null,'Port':80",
			      CODE_BACKEND_SERVERS_MALFORMED, "ServerId");
}

static void test_parse_servers_when_the_second_is_bad_then_names_the_second(void **state)
{
	struct server_group group = {0};
	struct error error = {0};

	(void)state;
	assert_int_equal(server_group_parse_servers("[" MASTER ",{'ServerId':'i-b','Port':70000}]",
						    &group, &error),
			 -EINVAL);
	assert_error(&error, CODE_REAL_SERVER_PORT, "MasterSlaveBackendServers.2.Port");
	assert_non_null(strstr(error.message, "1-65535"));
	assert_non_null(strstr(error.message, "70000"));
}

static void test_parse_servers_when_duplicate_then_refuses_by_id_address_and_port(void **state)
{
	struct server_group group = {0};

	(void)state;
	assert_list_refused("[{'ServerId':'i-a','Port':80},"
			    "{'ServerId':'i-a','Port':'80','ServerType':'Slave'}]",
			    CODE_BACKEND_SERVERS_SAME);
	/* Two of one kind: the same server twice is what is told. */
	assert_list_refused("[{'ServerId':'i-a','Port':80},{'ServerId':'i-a','Port':'80'}]",
			    CODE_BACKEND_SERVERS_SAME);
	assert_list_refused("[{'ServerId':'i-a','Port':80,'ServerIp':'2001:db8::1'},"
			    "{'ServerId':'i-a','Port':80,'ServerIp':'2001:DB8:0::1',"
			    "'ServerType':'Slave'}]",
			    CODE_BACKEND_SERVERS_SAME);
	parse_good("[{'ServerId':'eni-a','Port':80,'ServerIp':'10.0.0.1'},"
		   "{'ServerId':'eni-a','Port':80,'ServerIp':'10.0.0.2','ServerType':'Slave'}]",
		   &group);
	parse_good("[{'ServerId':'i-a','Port':80},"
		   "{'ServerId':'i-a','Port':81,'ServerType':'Slave'}]",
		   &group);
}

static void test_parse_servers_when_roles_are_not_one_each_then_refuses(void **state)
{
	static const char *const roles[][2] = {
		{"Master", "Master"}, {"Slave", "Slave"}, {"", ""}, {"", "Master"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		AUTO(free_memory)
		char *text = xasprintf("[{'ServerId':'i-a','Port':80,'ServerType':'%s'},"
				       "{'ServerId':'i-b','Port':80,'ServerType':'%s'}]",
				       roles[i][0], roles[i][1]);
		struct server_group group = {0};
		struct error error = {0};

		assert_int_equal(server_group_parse_servers(text, &group, &error), -EINVAL);
		assert_error(&error, CODE_BACKEND_SERVERS_ROLES,
			     "MasterSlaveBackendServers.2.ServerType");
	}
}

static void test_group_prepare_without_servers_then_is_an_empty_group(void **state)
{
	struct server_group group = {.load_balancer_id = "lb-1"};

	(void)state;
	assert_int_equal(server_group_prepare(&group, NULL), 0);
	assert_int_equal(group.server_count, 0);
	assert_memory_equal(group.id, "rsp-", 4);
	assert_non_null(strstr(group.name, group.id));
	assert_true(group.create_time > 0);
}

static void test_group_prepare_when_all_is_given_then_changes_nothing(void **state)
{
	struct server_group group = {
		.id = "rsp-mine", .load_balancer_id = "lb-1", .create_time = 7};
	struct server_group before;

	(void)state;
	SET(group.name, "\xe4\xb8\xbb and spare");
	parse_good("[" SLAVE "," MASTER "]", &group);
	before = group;
	assert_int_equal(server_group_prepare(&group, NULL), 0);
	assert_memory_equal(&group, &before, sizeof(group));
}

static void test_group_prepare_when_slave_stands_first_then_puts_master_first(void **state)
{
	struct server_group group = {.load_balancer_id = "lb-1"};
	struct backend_server slave;

	(void)state;
	parse_good("[" MASTER "," SLAVE "]", &group);
	slave = group.servers[1];
	group.servers[1] = group.servers[0];
	group.servers[0] = slave;
	assert_int_equal(server_group_prepare(&group, NULL), 0);
	assert_string_equal(group.servers[0].server_id, "i-a");
	assert_string_equal(group.servers[1].server_id, "i-b");
}

static void test_group_prepare_with_a_bad_field_then_names_it(void **state)
{
	struct server_group good = {.load_balancer_id = "lb-1"}, group;
	struct error error = {0};

	(void)state;
	parse_good("[" MASTER "," SLAVE "]", &good);

	group = good;
	group.load_balancer_id[0] = '\0';
	assert_int_equal(server_group_prepare(&group, &error), -EINVAL);
	assert_error(&error, CODE_MISSING_PARAMETER, "LoadBalancerId");

	group = good;
	SET(group.name, "a\nb");
	assert_int_equal(server_group_prepare(&group, &error), -EINVAL);
	assert_error(&error, CODE_INVALID_PARAMETER, "MasterSlaveServerGroupName");

	group = good;
	memset(group.name, 'a', 81);
	assert_int_equal(server_group_prepare(&group, &error), -EINVAL);
	assert_error(&error, CODE_INVALID_PARAMETER, "MasterSlaveServerGroupName");

	group = good;
	group.server_count = 1;
	assert_int_equal(server_group_prepare(&group, &error), -EINVAL);
	assert_error(&error, CODE_BACKEND_SERVERS_NUM, "MasterSlaveBackendServers");

	group = good;
	group.servers[1].port = 0;
	assert_int_equal(server_group_prepare(&group, &error), -EINVAL);
	assert_error(&error, CODE_REAL_SERVER_PORT, "MasterSlaveBackendServers.2.Port");

	group = good;
	group.servers[0].weight = 101;
	assert_int_equal(server_group_prepare(&group, &error), -EINVAL);
	assert_error(&error, CODE_INVALID_WEIGHT, "MasterSlaveBackendServers.1.Weight");

	group = good;
	group.servers[0].type = SERVER_TYPE_MAX;
	assert_int_equal(server_group_prepare(&group, &error), -EINVAL);
	assert_error(&error, CODE_INVALID_SERVER_TYPE, "MasterSlaveBackendServers.1.Type");
}

static void test_server_role_in_any_case_then_is_read(void **state)
{
	enum server_role role = ROLE_MASTER;

	(void)state;
	assert_int_equal(server_role_parse("sLAVE", &role), 0);
	assert_int_equal(role, ROLE_SLAVE);
	assert_string_equal(server_role_name(ROLE_MASTER), "Master");
	assert_int_equal(server_role_parse("", &role), -EINVAL);
	assert_int_equal(server_role_parse(NULL, &role), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_servers_with_every_key_then_keeps_all),
		cmocka_unit_test(test_parse_servers_with_the_least_then_takes_the_defaults),
		cmocka_unit_test(test_parse_servers_in_terraforms_shape_then_reads_it),
		cmocka_unit_test(test_parse_servers_with_odd_but_clear_json_then_reads_it),
		cmocka_unit_test(test_parse_servers_when_not_a_list_of_objects_then_is_malformed),
		cmocka_unit_test(test_parse_servers_when_too_long_or_deep_then_is_malformed),
		cmocka_unit_test(test_parse_servers_when_not_two_then_says_so),
		cmocka_unit_test(test_parse_servers_with_bad_ids_then_refuses),
		cmocka_unit_test(test_parse_servers_with_addresses_as_ids_then_takes_them),
		cmocka_unit_test(test_parse_servers_with_bad_ports_then_refuses),
		cmocka_unit_test(test_parse_servers_with_bad_weights_then_refuses),
		cmocka_unit_test(test_parse_servers_with_bad_types_then_refuses),
		cmocka_unit_test(test_parse_servers_with_bad_addresses_then_refuses),
		cmocka_unit_test(test_parse_servers_with_descriptions_then_counts_characters),
		cmocka_unit_test(test_parse_servers_with_a_key_in_two_cases_then_refuses),
		cmocka_unit_test(test_parse_servers_when_the_second_is_bad_then_names_the_second),
		cmocka_unit_test(
			test_parse_servers_when_duplicate_then_refuses_by_id_address_and_port),
		cmocka_unit_test(test_parse_servers_when_roles_are_not_one_each_then_refuses),
		cmocka_unit_test(test_group_prepare_without_servers_then_is_an_empty_group),
		cmocka_unit_test(test_group_prepare_when_all_is_given_then_changes_nothing),
		cmocka_unit_test(test_group_prepare_when_slave_stands_first_then_puts_master_first),
		cmocka_unit_test(test_group_prepare_with_a_bad_field_then_names_it),
		cmocka_unit_test(test_server_role_in_any_case_then_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
