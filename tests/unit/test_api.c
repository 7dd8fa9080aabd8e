/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Load balancers, groups and servers through the API: names, shapes, types, codes. */
#include "api_rig.h"

static void create_balancer(struct api_rig *rig, const char *params, char *ret_id)
{
	AUTO_REPLY struct reply reply = rig_done(rig, "CreateLoadBalancer", params);

	snprintf(ret_id, ID_SIZE, "%s", text_at(reply.body, "LoadBalancerId"));
}

static void test_balancer_when_created_then_the_answer_has_the_documented_shape(void **state)
{
	struct api_rig *rig = *state;
	AUTO_REPLY struct reply plain = rig_done(rig, "CreateLoadBalancer", "Address=192.0.2.10");
	AUTO_REPLY struct reply full = rig_done(
		rig, "CreateLoadBalancer",
		"Address=2001:db8::10&AddressIPVersion=ipv6&AddressType=internet&Bandwidth=5&"
		"InternetChargeType=paybytraffic&LoadBalancerName=web-6&VpcId=vpc-1&ClientToken=t&"
		"ResourceGroupId=rg-1&PayType=PayOnDemand&LoadBalancerSpec=slb.s1.small&"
		"InstanceChargeType=PayBySpec&Tag.1.Key=env&Tag.1.Value=test");

	assert_json(plain.body, "{\"Address\": \"192.0.2.10\", \"AddressIPVersion\": \"ipv4\","
				" \"NetworkType\": \"classic\", \"OrderId\": 0, \"VpcId\": \"\","
				" \"VSwitchId\": \"\", \"ResourceGroupId\": \"\"}");
	assert_memory_equal(text_at(plain.body, "LoadBalancerId"), "lb-", 3);
	assert_true(text_at(plain.body, "LoadBalancerName")[0]);
	assert_int_equal(json_object_size(plain.body), 10);
	assert_json(full.body, "{\"Address\": \"2001:db8::10\", \"AddressIPVersion\": \"ipv6\","
			       " \"LoadBalancerName\": \"web-6\", \"NetworkType\": \"vpc\","
			       " \"VpcId\": \"vpc-1\", \"ResourceGroupId\": \"rg-1\"}");
}

static void test_balancer_when_listed_then_every_field_has_its_type(void **state)
{
	struct api_rig *rig = *state;
	char id[ID_SIZE];

	create_balancer(rig, "Address=192.0.2.10&LoadBalancerName=web&Tag.1.Key=k&Tag.1.Value=v",
			id);
	{
		AUTO_REPLY struct reply reply = rig_done(rig, "DescribeLoadBalancers", "");
		const json_t *item =
			json_array_get(list_at(reply.body, "LoadBalancers", "LoadBalancer"), 0);

		assert_json(reply.body, "{\"PageNumber\": 1, \"PageSize\": 50, \"TotalCount\": 1}");
		assert_json(item,
			    "{\"LoadBalancerName\": \"web\", \"LoadBalancerStatus\": \"active\","
			    " \"Address\": \"192.0.2.10\", \"AddressType\": \"intranet\","
			    " \"Bandwidth\": -1, \"InternetChargeType\": \"4\","
			    " \"InternetChargeTypeAlias\": \"paybytraffic\","
			    " \"DeleteProtection\": \"off\", \"PayType\": \"PayOnDemand\","
			    " \"ModificationProtectionStatus\": \"NonProtection\","
			    " \"RegionId\": \"local\", \"RegionIdAlias\": \"local\","
			    " \"Tags\": {\"Tag\": [{\"TagKey\": \"k\", \"TagValue\": \"v\"}]}}");
		assert_string_equal(text_at(item, "LoadBalancerId"), id);
		assert_int_equal(strlen(text_at(item, "CreateTime")),
				 strlen("2026-11-25T02:15:27Z"));
		assert_true(integer_at(item, "CreateTimeStamp") > 1500000000000);
		assert_int_equal(json_object_size(item), 26);
	}
}

static void test_balancer_when_shown_then_listeners_stand_in_all_three_lists(void **state)
{
	struct api_rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig->service, "192.0.2.10");
	struct server_group group =
		given_group(rig->service, &balancer, "a", "10.0.0.1", "10.0.0.2", 80);
	struct server_group other =
		given_group(rig->service, &balancer, "b", "10.0.0.3", "10.0.0.4", 80);
	struct listener udp = listener_of(&other, PROTOCOL_UDP, 53);
	AUTO(free_memory) char *params = xasprintf("LoadBalancerId=%s", balancer.id);

	given_listener(rig->service, &group, 53);
	assert_ok(rig->service,
		  service_listener_create(rig->service->service, &udp, &rig->service->error));
	{
		AUTO_REPLY struct reply reply =
			rig_done(rig, "DescribeLoadBalancerAttribute", params);

		assert_json(reply.body,
			    "{\"ListenerPorts\": {\"ListenerPort\": [53]},"
			    " \"ListenerPortsAndProtocol\": {\"ListenerPortAndProtocol\": ["
			    "  {\"ListenerPort\": 53, \"ListenerProtocol\": \"tcp\","
			    "   \"ListenerForward\": \"off\", \"Description\": \"\"},"
			    "  {\"ListenerPort\": 53, \"ListenerProtocol\": \"udp\","
			    "   \"ListenerForward\": \"off\", \"Description\": \"\"}]},"
			    " \"ListenerPortsAndProtocal\": {\"ListenerPortAndProtocal\": ["
			    "  {\"ListenerPort\": 53, \"ListenerProtocal\": \"tcp\"},"
			    "  {\"ListenerPort\": 53, \"ListenerProtocal\": \"udp\"}]},"
			    " \"BackendServers\": {\"BackendServer\": []},"
			    " \"InternetChargeType\": \"paybytraffic\", \"Bandwidth\": -1,"
			    " \"EndTimeStamp\": 32493801600000,"
			    " \"EndTime\": \"2999-09-08T16:00:00Z\"}");
	}
}

static void assert_found(struct api_rig *rig, const char *filter, const char *names, int64_t total)
{
	AUTO_REPLY struct reply reply = rig_done(rig, "DescribeLoadBalancers", filter);
	const json_t *items = list_at(reply.body, "LoadBalancers", "LoadBalancer");
	char found[256] = "";
	const json_t *item;
	size_t i;

	json_array_foreach (items, i, item) {
		strcat(found, i ? " " : "");
		strcat(found, text_at(item, "LoadBalancerName"));
	}
	if (strcmp(found, names) != 0 || integer_at(reply.body, "TotalCount") != total)
		fail_msg("%s: %s of %d", filter, found, (int)integer_at(reply.body, "TotalCount"));
}

static void test_balancers_when_filtered_then_only_those_come_page_by_page(void **state)
{
	static const struct {
		const char *filter, *names;
		int64_t total;
	} rows[] = {
		{"", "a b c", 3},
		{"PageNumber=1&PageSize=2", "a b", 3},
		{"PageNumber=2&PageSize=2", "c", 3},
		{"PageNumber=3&PageSize=2", "", 3},
		{"PageNumber=2", "", 3},
		{"LoadBalancerName=b", "b", 1},
		{"LoadBalancerName=c,nobody,a", "a c", 2},
		{"LoadBalancerId=lb-192.0.2.1,x", "a", 1},
		{"Address=192.0.2.2", "b", 1},
		{"AddressIPVersion=ipv6", "c", 1},
		{"AddressIPVersion=ipv4", "a b", 2},
		{"AddressType=internet", "b", 1},
		{"AddressType=intranet", "a c", 2},
		{"VpcId=vpc-1", "b", 1},
		{"VSwitchId=vsw-1", "c", 1},
		{"NetworkType=vpc", "b c", 2},
		{"MasterZoneId=z1", "a", 1},
		{"LoadBalancerStatus=active", "a b c", 3},
		{"LoadBalancerStatus=inactive", "", 0},
		{"Tag.1.Key=k", "a b", 2},
		{"Tag.1.Key=k&Tag.1.Value=2", "b", 1},
		{"Tag.1.Key=k&Tag.1.Value=2&Tag.2.Key=l", "", 0},
		{"ServerId=10.0.0.1", "a", 1},
		{"ServerId=10.0.0.9", "", 0},
		{"ServerIntranetAddress=10.0.0.2", "a", 1},
		{"ServerId=10.0.0.1&ServerIntranetAddress=10.0.0.2", "", 0},
	};
	struct load_balancer a = balancer_at("192.0.2.1"), b = balancer_at("192.0.2.2"),
			     c = balancer_at("2001:db8::3");
	struct api_rig *rig = *state;
	struct load_balancer *const all[] = {&a, &b, &c};

	strcpy(c.id, "lb-c");
	strcpy(a.name, "a");
	strcpy(b.name, "b");
	strcpy(c.name, "c");
	a.intranet = c.intranet = true;
	strcpy(a.master_zone_id, "z1");
	strcpy(b.vpc_id, "vpc-1");
	strcpy(c.vswitch_id, "vsw-1");
	assert_int_equal(tags_add(&a.tags, 1, "k", "1", NULL), 0);
	assert_int_equal(tags_add(&b.tags, 1, "k", "2", NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_ok(rig->service, service_load_balancer_create(rig->service->service, all[i],
								     &rig->service->error));
	given_group(rig->service, &a, "a", "10.0.0.1", "10.0.0.2", 80);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_found(rig, rows[i].filter, rows[i].names, rows[i].total);
}

static void test_balancer_when_deleted_then_it_is_gone(void **state)
{
	struct api_rig *rig = *state;
	AUTO(free_memory) char *params = NULL;
	char id[ID_SIZE];

	create_balancer(rig, "Address=192.0.2.10", id);
	params = xasprintf("LoadBalancerId=%s", id);
	{
		AUTO_REPLY struct reply reply = rig_done(rig, "DeleteLoadBalancer", params);

		assert_int_equal(json_object_size(reply.body), 1);
	}
	assert_call_refused(rig, "DescribeLoadBalancerAttribute", params, 404,
			    "InvalidLoadBalancerId.NotFound", "");
	assert_found(rig, "", "", 0);
}

/* As Terraform writes it, blanks encoded. */
static const char terraform_servers[] =
	"[{'ServerId':'10.0.0.1','Port':'100','Weight':'0',+'Type':+'ecs',+'ServerType':+'Master',"
	"+'IsBackup':'0'},{'ServerId':'10.0.0.2','Port':'101','ServerType':'Slave'}]";

static void test_group_when_created_then_servers_are_echoed_with_defaults(void **state)
{
	static const char servers[] =
		"{\"MasterSlaveBackendServers\": {\"MasterSlaveBackendServer\": ["
		" {\"ServerId\": \"10.0.0.1\", \"Port\": 100, \"Weight\": 0, \"Type\": \"ecs\","
		"  \"ServerType\": \"Master\", \"Description\": \"\"},"
		" {\"ServerId\": \"10.0.0.2\", \"Port\": 101, \"Weight\": 100, \"Type\": \"ecs\","
		"  \"ServerType\": \"Slave\", \"Description\": \"\"}]}}";
	struct api_rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig->service, "192.0.2.10");
	AUTO(free_memory)
	char *params = xasprintf("LoadBalancerId=%s&MasterSlaveServerGroupName=web&Tag.1.Key=k&"
				 "MasterSlaveBackendServers=%s",
				 balancer.id, terraform_servers);
	AUTO_REPLY struct reply created = rig_done(rig, "CreateMasterSlaveServerGroup", params);
	AUTO(free_memory)
	char *query = xasprintf("MasterSlaveServerGroupId=%s",
				text_at(created.body, "MasterSlaveServerGroupId"));
	AUTO_REPLY struct reply shown =
		rig_done(rig, "DescribeMasterSlaveServerGroupAttribute", query);

	assert_memory_equal(text_at(created.body, "MasterSlaveServerGroupId"), "rsp-", 4);
	assert_int_equal(json_object_size(created.body), 3);
	assert_json(created.body, servers);
	assert_json(shown.body, servers);
	assert_json(shown.body, "{\"LoadBalancerId\": \"lb-192.0.2.10\","
				" \"MasterSlaveServerGroupName\": \"web\","
				" \"Tags\": {\"Tag\": [{\"TagKey\": \"k\", \"TagValue\": \"\"}]}}");
	assert_int_equal(strlen(text_at(shown.body, "CreateTime")), strlen("2026-11-25T02:15:27Z"));
}

static void test_group_when_a_server_ip_is_given_then_it_is_echoed(void **state)
{
	struct api_rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig->service, "192.0.2.10");
	AUTO(free_memory)
	char *params = xasprintf(
		"LoadBalancerId=%s&MasterSlaveBackendServers=%%5B"
		"{\"ServerId\":\"eni-1\",\"Type\":\"eni\",\"ServerIp\":\"10.0.0.1\",\"Port\":80},"
		"{\"ServerId\":\"10.0.0.2\",\"Port\":80,\"ServerType\":\"Slave\"}]",
		balancer.id);
	AUTO_REPLY struct reply reply = rig_done(rig, "CreateMasterSlaveServerGroup", params);
	json_t *servers =
		list_at(reply.body, "MasterSlaveBackendServers", "MasterSlaveBackendServer");

	assert_json(json_array_get(servers, 0),
		    "{\"ServerId\": \"eni-1\", \"ServerIp\": \"10.0.0.1\", \"Type\": \"eni\"}");
	assert_null(json_object_get(json_array_get(servers, 1), "ServerIp"));
}

static void test_group_when_created_without_servers_then_it_is_empty(void **state)
{
	struct api_rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig->service, "192.0.2.10");
	AUTO(free_memory) char *params = xasprintf("LoadBalancerId=%s", balancer.id);
	AUTO_REPLY struct reply reply = rig_done(rig, "CreateMasterSlaveServerGroup", params);

	assert_json(reply.body,
		    "{\"MasterSlaveBackendServers\": {\"MasterSlaveBackendServer\": []}}");
}

static void test_groups_when_listed_then_listeners_come_only_on_request(void **state)
{
	struct api_rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig->service, "192.0.2.10");
	struct server_group group =
		given_group(rig->service, &balancer, "a", "10.0.0.1", "10.0.0.2", 80);
	AUTO(free_memory) char *base = xasprintf("LoadBalancerId=%s", balancer.id);
	AUTO(free_memory) char *with = xasprintf("%s&IncludeListener=true", base);
	AUTO(free_memory) char *named = xasprintf("%s&Description=%s", base, group.name);
	AUTO(free_memory) char *other = xasprintf("%s&Description=other", base);

	given_listener(rig->service, &group, 8080);
	{
		AUTO_REPLY struct reply plain =
			rig_done(rig, "DescribeMasterSlaveServerGroups", base);
		AUTO_REPLY struct reply full =
			rig_done(rig, "DescribeMasterSlaveServerGroups", with);
		AUTO_REPLY struct reply one =
			rig_done(rig, "DescribeMasterSlaveServerGroups", named);
		AUTO_REPLY struct reply none =
			rig_done(rig, "DescribeMasterSlaveServerGroups", other);
		const json_t *item = json_array_get(
			list_at(plain.body, "MasterSlaveServerGroups", "MasterSlaveServerGroup"),
			0);

		assert_json(item, "{\"MasterSlaveServerGroupId\": \"rsp-a\","
				  " \"AssociatedObjects\": {\"Listeners\": {\"Listener\": []}},"
				  " \"Tags\": {\"Tag\": []}}");
		assert_int_equal(json_object_size(item), 5);
		item = json_array_get(
			list_at(full.body, "MasterSlaveServerGroups", "MasterSlaveServerGroup"), 0);
		assert_json(item, "{\"AssociatedObjects\": {\"Listeners\": {\"Listener\":"
				  " [{\"Port\": 8080, \"Protocol\": \"tcp\"}]}}}");
		assert_int_equal(json_array_size(list_at(one.body, "MasterSlaveServerGroups",
							 "MasterSlaveServerGroup")),
				 1);
		assert_int_equal(json_array_size(list_at(none.body, "MasterSlaveServerGroups",
							 "MasterSlaveServerGroup")),
				 0);
	}
}

static void test_group_when_deleted_then_reads_and_deletes_say_so(void **state)
{
	struct api_rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig->service, "192.0.2.10");

	given_group(rig->service, &balancer, "a", "10.0.0.1", "10.0.0.2", 80);
	{
		AUTO_REPLY struct reply reply = rig_done(rig, "DeleteMasterSlaveServerGroup",
							 "MasterSlaveServerGroupId=rsp-a");

		assert_int_equal(json_object_size(reply.body), 1);
	}
	assert_call_refused(rig, "DescribeMasterSlaveServerGroupAttribute",
			    "MasterSlaveServerGroupId=rsp-a", 404, "InvalidParameter",
			    "The specified MasterSlaveGroupId does not exist.");
	assert_call_refused(rig, "DeleteMasterSlaveServerGroup", "MasterSlaveServerGroupId=rsp-a",
			    404, "InvalidParameter", "The specified parameter is not valid.");
}

static void
test_group_attribute_when_anything_else_is_wrong_then_not_invalid_parameter(void **state)
{
	static const struct {
		const char *query;
		const char *code;
	} rows[] = {
		{"RegionId=x&MasterSlaveServerGroupId=rsp-a", "InvalidRegionId.NotFound"},
		{"MasterSlaveServerGroupId=rsp-a", "MissingParameter"},
		{"RegionId=local", "MissingParameter"},
		{"RegionId=local&MasterSlaveServerGroupId=%ff", "MalformedRequest"},
		{"RegionId=local&MasterSlaveServerGroupId=a&MasterSlaveServerGroupId=b",
		 "DuplicateParameter"},
		{"RegionId=local&MasterSlaveServerGroupId=rsp-a&Format=XML",
		 "UnsupportedParameter"},
		{"RegionId=local&MasterSlaveServerGroupId=rsp-a&Version=1", "InvalidVersion"},
	};
	struct api_rig *rig = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free_memory)
		char *text = xasprintf("GET /?Action=DescribeMasterSlaveServerGroupAttribute&%s "
				       "HTTP/1.1\r\nHost: a\r\n\r\n",
				       rows[i].query);
		AUTO_REPLY struct reply reply = rig_exchange_text(rig, text);

		assert_string_equal(text_at(reply.body, "Code"), rows[i].code);
	}
}

static void test_server_when_registered_then_listed_until_deregistered(void **state)
{
	static const char item[] = "{\"ServerId\": \"i-a\", \"ServerIp\": \"10.0.0.1\","
				   " \"Type\": \"eci\", \"ZoneId\": \"z\", \"VpcId\": \"vpc-1\","
				   " \"Description\": \"first\"}";
	struct api_rig *rig = *state;
	AUTO_REPLY struct reply added =
		rig_done(rig, "RegisterServer",
			 "ServerId=i-a&ServerIp=10.0.0.1&Type=eci&ZoneId=z&VpcId=vpc-1&"
			 "Description=first");
	AUTO_REPLY struct reply listed = rig_done(rig, "DescribeServers", "");
	AUTO_REPLY struct reply shown = rig_done(rig, "DescribeServers", "ServerId=i-a");
	AUTO_REPLY struct reply replaced =
		rig_done(rig, "RegisterServer", "ServerId=i-a&ServerIp=10.0.0.2&Replace=true");
	AUTO_REPLY struct reply removed = rig_done(rig, "DeregisterServer", "ServerId=i-a");

	assert_json(added.body, "{\"ServerId\": \"i-a\"}");
	assert_json(json_array_get(list_at(listed.body, "Servers", "Server"), 0), item);
	assert_json(json_array_get(list_at(shown.body, "Servers", "Server"), 0), item);
	assert_int_equal(
		json_object_size(json_array_get(list_at(shown.body, "Servers", "Server"), 0)), 7);
	assert_json(replaced.body, "{\"ServerId\": \"i-a\"}");
	assert_int_equal(json_object_size(removed.body), 1);
	assert_call_refused(rig, "DescribeServers", "ServerId=i-a", 404, "InvalidServerId.NotFound",
			    "i-a");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_rig_setup, api_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_balancer_when_created_then_the_answer_has_the_documented_shape),
		TEST(test_balancer_when_listed_then_every_field_has_its_type),
		TEST(test_balancer_when_shown_then_listeners_stand_in_all_three_lists),
		TEST(test_balancers_when_filtered_then_only_those_come_page_by_page),
		TEST(test_balancer_when_deleted_then_it_is_gone),
		TEST(test_group_when_created_then_servers_are_echoed_with_defaults),
		TEST(test_group_when_a_server_ip_is_given_then_it_is_echoed),
		TEST(test_group_when_created_without_servers_then_it_is_empty),
		TEST(test_groups_when_listed_then_listeners_come_only_on_request),
		TEST(test_group_when_deleted_then_reads_and_deletes_say_so),
		TEST(test_group_attribute_when_anything_else_is_wrong_then_not_invalid_parameter),
		TEST(test_server_when_registered_then_listed_until_deregistered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
