/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bad input to every action: the code that is documented, or a clear one of ours, and nothing
 * changes. */
#include "api_rig.h"

struct row {
	const char *action, *params;
	unsigned int status;
	const char *code, *message;
};

#define LB	"LoadBalancerId=lb-192.0.2.10"
#define LB_6	"LoadBalancerId=lb-2001:db8::10"
#define ON_PORT LB "&ListenerPort=82&MasterSlaveServerGroupId=rsp-free"
#define SERVERS "&MasterSlaveBackendServers="
#define MASTER	"{\"ServerId\":\"10.0.0.5\",\"Port\":80,\"ServerType\":\"Master\"}"
#define SLAVE	"{\"ServerId\":\"10.0.0.6\",\"Port\":80,\"ServerType\":\"Slave\"}"

static const struct row balancer_rows[] = {
	{"CreateLoadBalancer", "", 400, "UnsupportedParameter", "without an Address"},
	{"CreateLoadBalancer", "Address=10.0.0", 400, "InvalidParameter", "Address"},
	{"CreateLoadBalancer", "Address=127.0.0.1", 400, "InvalidParameter", "Address 127.0.0.1"},
	{"CreateLoadBalancer", "Address=fe80::1", 400, "InvalidParameter", "link-local"},
	{"CreateLoadBalancer", "Address=192.0.2.10", 400, "AddressInUse", "192.0.2.10"},
	{"CreateLoadBalancer", "Address=10.0.0.1", 400, "ServerAddressIsVip", "10.0.0.1"},
	{"CreateLoadBalancer", "Address=192.0.2.20&AddressIPVersion=ipv6", 400,
	 "AddressFamilyMismatch", "must be ipv4"},
	{"CreateLoadBalancer", "Address=192.0.2.20&AddressIPVersion=ipv5", 400, "InvalidParameter",
	 "ipv4 or ipv6"},
	{"CreateLoadBalancer", "Address=192.0.2.20&AddressType=both", 400, "InvalidParameter",
	 "intranet or internet"},
	{"CreateLoadBalancer", "Address=192.0.2.20&LoadBalancerName=1a", 400, "InvalidParameter",
	 "LoadBalancerName"},
	{"CreateLoadBalancer", "Address=192.0.2.20&Bandwidth=5121", 400, "InvalidParameter",
	 "5120"},
	{"CreateLoadBalancer", "Address=192.0.2.20&InternetChargeType=paybybandwidth", 400,
	 "UnsupportedParameter", "InternetChargeType paybybandwidth"},
	{"CreateLoadBalancer", "Address=192.0.2.20&InstanceChargeType=PayByCLCU", 400,
	 "UnsupportedParameter", "PayByCLCU"},
	{"CreateLoadBalancer", "Address=192.0.2.20&ModificationProtectionStatus=ConsoleProtection",
	 400, "UnsupportedParameter", "ConsoleProtection"},
	{"CreateLoadBalancer", "Address=192.0.2.20&DeleteProtection=true", 400, "InvalidParameter",
	 "on or off"},
	{"CreateLoadBalancer", "Address=192.0.2.20&Tag.1.Value=v", 400, "MissingParam.TagKey",
	 "Tag.1.Key"},
	{"CreateLoadBalancer", "Address=192.0.2.20&Tag.1.Key=aliyunx", 400, "InvalidParam.TagKey",
	 "aliyun"},
	{"CreateLoadBalancer", "Address=192.0.2.20&Tag.21.Key=k", 400, "SizeLimitExceeded.Tag",
	 "20"},
	{"CreateLoadBalancer", "Address=192.0.2.20&Address=192.0.2.21", 400, "DuplicateParameter",
	 "Address"},
	{"DescribeLoadBalancers", "PageSize=10", 400, "MissingParameter", "PageNumber"},
	{"DescribeLoadBalancers", "PageNumber=0", 400, "InvalidParameter", "PageNumber"},
	{"DescribeLoadBalancers", "PageNumber=1&PageSize=101", 400, "InvalidParameter", "1 to 100"},
	{"DescribeLoadBalancers", "LoadBalancerId=1,2,3,4,5,6,7,8,9,10,11", 400, "InvalidParameter",
	 "at most 10"},
	{"DescribeLoadBalancers", "Tags=[{\"TagKey\":\"k\"}]", 400, "UnsupportedParameter", "Tags"},
	{"DescribeLoadBalancerAttribute", "", 400, "MissingParameter",
	 "LoadBalancerId is mandatory for this action."},
	{"DescribeLoadBalancerAttribute", "LoadBalancerId=lb-x", 404,
	 "InvalidLoadBalancerId.NotFound", "lb-x"},
	{"DeleteLoadBalancer", "LoadBalancerId=lb-x", 404, "InvalidLoadBalancerId.NotFound", ""},
	{"DeleteLoadBalancer", LB_6, 400, "OperationDenied.DeleteProtectionIsOn",
	 "DeleteProtection"},
};

static const struct row group_rows[] = {
	{"CreateMasterSlaveServerGroup", "", 400, "MissingParameter", "LoadBalancerId"},
	{"CreateMasterSlaveServerGroup", "LoadBalancerId=lb-x", 404,
	 "InvalidLoadBalancerId.NotFound", "lb-x"},
	{"CreateMasterSlaveServerGroup", LB SERVERS "[]", 400, "BACKEND_SERVERS_NUM_MUST_BE_TWO",
	 "Backend servers num must be 2"},
	{"CreateMasterSlaveServerGroup", LB SERVERS "[" MASTER "]", 400,
	 "BACKEND_SERVERS_NUM_MUST_BE_TWO", ""},
	{"CreateMasterSlaveServerGroup", LB SERVERS "[" MASTER "," SLAVE "," SLAVE "]", 400,
	 "BACKEND_SERVERS_NUM_MUST_BE_TWO", ""},
	{"CreateMasterSlaveServerGroup", LB SERVERS "[" MASTER "," MASTER "]", 400,
	 "BACKEND_SERVERS_HAVE_SAME_PORT_AND_SERVERID", "10.0.0.5"},
	{"CreateMasterSlaveServerGroup",
	 LB SERVERS "[" MASTER ",{\"ServerId\":\"10.0.0.6\",\"Port\":80}]", 400,
	 "BACKEND_SERVERS_CAN_ONLY_CONTAIN_ONE_MASTER_AND_ONE_SLAVE", "both are Master"},
	{"CreateMasterSlaveServerGroup", LB SERVERS "[" MASTER ",{\"Port\":80}]", 400,
	 "BACKEND_SERVER_ID_CAN_NOT_EMPTY", "Backend server id can not empty."},
	{"CreateMasterSlaveServerGroup", LB SERVERS "[" MASTER ",{\"ServerId\":\"10.0.0.6\"}]", 400,
	 "BACKEND_SERVER_PORT_CAN_NOT_EMPTY", "Backend server port can not empty."},
	{"CreateMasterSlaveServerGroup",
	 LB SERVERS "[" MASTER
		    ",{\"ServerId\":\"10.0.0.6\",\"Port\":65536,\"ServerType\":\"Slave\"}]",
	 400, "RealServerPortNotSupport", "65536"},
	{"CreateMasterSlaveServerGroup",
	 LB SERVERS "[" MASTER ",{\"ServerId\":\"10.0.0.6\",\"Port\":80,\"ServerType\":\"Third\"}]",
	 400, "INVALID_SERVER_TYPE", "Third"},
	{"CreateMasterSlaveServerGroup",
	 LB SERVERS "[" MASTER ",{\"ServerId\":\"10.0.0.6\",\"Port\":80,\"Weight\":101,"
		    "\"ServerType\":\"Slave\"}]",
	 400, "InvalidWeight.Malformed", "101"},
	{"CreateMasterSlaveServerGroup", LB SERVERS "[", 400, "BackendServersMalformed", "JSON"},
	{"CreateMasterSlaveServerGroup",
	 LB SERVERS "[" MASTER ",{\"ServerId\":\"i-x\",\"Port\":80,\"ServerType\":\"Slave\"}]", 404,
	 "InvalidServerId.NotFound", "i-x"},
	{"CreateMasterSlaveServerGroup", LB_6 SERVERS "[" MASTER "," SLAVE "]", 400,
	 "AddressFamilyMismatch", "10.0.0.5"},
	{"CreateMasterSlaveServerGroup",
	 LB SERVERS "[" MASTER
		    ",{\"ServerId\":\"192.0.2.10\",\"Port\":80,\"ServerType\":\"Slave\"}]",
	 400, "ServerAddressIsVip", "192.0.2.10"},
	{"CreateMasterSlaveServerGroup", LB "&Tag.1.Key=", 400, "MissingParam.TagKey", ""},
	{"DescribeMasterSlaveServerGroups", "", 400, "MissingParameter", "LoadBalancerId"},
	{"DescribeMasterSlaveServerGroups", "LoadBalancerId=lb-x", 404,
	 "InvalidLoadBalancerId.NotFound", ""},
	{"DescribeMasterSlaveServerGroups", LB "&IncludeListener=2", 400, "InvalidParameter",
	 "true or false"},
	{"DescribeMasterSlaveServerGroups", LB "&Tag.1.Value=v", 400, "MissingParam.TagKey", ""},
	{"DescribeMasterSlaveServerGroupAttribute", "MasterSlaveServerGroupId=rsp-x", 404,
	 "InvalidParameter", "The specified MasterSlaveGroupId does not exist."},
	{"DeleteMasterSlaveServerGroup", "", 400, "MissingParameter", "MasterSlaveServerGroupId"},
	{"DeleteMasterSlaveServerGroup", "MasterSlaveServerGroupId=rsp-used", 400, "RspoolVipExist",
	 "there are vips associating with this vServer group."},
};

static const struct row listener_rows[] = {
	{"CreateLoadBalancerTCPListener", "ListenerPort=82", 400, "MissingParameter",
	 "LoadBalancerId"},
	{"CreateLoadBalancerTCPListener", LB, 400, "MissingParameter", "ListenerPort"},
	{"CreateLoadBalancerTCPListener", LB "&ListenerPort=82", 400, "MissingParameter",
	 "MasterSlaveServerGroupId is mandatory"},
	{"CreateLoadBalancerTCPListener",
	 "LoadBalancerId=lb-x&ListenerPort=82&MasterSlaveServerGroupId=rsp-free", 404,
	 "InvalidLoadBalancerId.NotFound", ""},
	{"CreateLoadBalancerTCPListener", LB "&ListenerPort=82&MasterSlaveServerGroupId=rsp-x", 404,
	 "InvalidParameter", "The specified MasterSlaveGroupId does not exist."},
	{"CreateLoadBalancerTCPListener", LB_6 "&ListenerPort=82&MasterSlaveServerGroupId=rsp-free",
	 404, "InvalidParameter", "The specified MasterSlaveGroupId does not exist."},
	{"CreateLoadBalancerTCPListener", LB "&ListenerPort=82&MasterSlaveServerGroupId=rsp-empty",
	 400, "VServerGroupEmpty", "rsp-empty"},
	{"CreateLoadBalancerTCPListener", LB "&ListenerPort=80&MasterSlaveServerGroupId=rsp-free",
	 400, "ListenerAlreadyExists", "80"},
	{"CreateLoadBalancerTCPListener", LB "&ListenerPort=82&MasterSlaveServerGroupId=rsp-used",
	 400, "EndpointInUse", "lb-192.0.2.10/tcp/80"},
	{"CreateLoadBalancerTCPListener", LB "&ListenerPort=0&MasterSlaveServerGroupId=rsp-free",
	 400, "InvalidParameter", "ListenerPort"},
	{"CreateLoadBalancerTCPListener", LB "&ListenerPort=82&BackendServerPort=80", 400,
	 "UnsupportedParameter", "BackendServerPort 80 without a group"},
	{"CreateLoadBalancerTCPListener", LB "&ListenerPort=82&VServerGroupId=rsp-v", 400,
	 "UnsupportedParameter", "VServerGroupId rsp-v"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&VServerGroupId=rsp-v", 400,
	 "Abs.VServerGroupIdAndMasterSlaveServerGroupId.MissMatch", "exclude"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&Bandwidth=10", 400, "UnsupportedParameter",
	 "Bandwidth 10"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&Scheduler=rr", 400, "UnsupportedParameter",
	 "Scheduler rr"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&PersistenceTimeout=60", 400,
	 "UnsupportedParameter", "PersistenceTimeout 60"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&EstablishedTimeout=60", 400,
	 "UnsupportedParameter", "EstablishedTimeout 60"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&AclStatus=on", 400, "UnsupportedParameter",
	 "AclStatus on"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&ProxyProtocolV2Enabled=true", 400,
	 "UnsupportedParameter", "ProxyProtocolV2Enabled true"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&ConnectionDrain=on", 400,
	 "UnsupportedParameter", "ConnectionDrain on"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&NoneHealthy=all", 400, "InvalidParameter",
	 "reject, drop or last"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&HealthCheckType=udp", 400, "InvalidParameter",
	 "tcp or http"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&HealthCheckType=tcp&HealthCheckURI=/x", 400,
	 "InvalidParameter", "HealthCheckURI"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&healthCheckReq=a", 400, "InvalidParameter",
	 "healthCheckReq"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&HealthCheckHttpCode=http_1xx", 400,
	 "InvalidParameter", "http_2xx"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&HealthCheckConnectPort=0", 400,
	 "InvalidParameter", "HealthCheckConnectPort"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&HealthyThreshold=1", 400, "InvalidParameter",
	 "2 to 10"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&UnhealthyThreshold=11", 400, "InvalidParameter",
	 "2 to 10"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&healthCheckInterval=51", 400,
	 "InvalidParameter", "1 to 50"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&HealthCheckIntervalMs=9", 400,
	 "InvalidParameter", "10 to 50000"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&HealthCheckInterval=2&HealthCheckIntervalMs=20",
	 400, "InvalidParameter", "exclude each other"},
	{"CreateLoadBalancerTCPListener",
	 ON_PORT "&HealthCheckConnectTimeout=2&HealthCheckTimeoutMs=20", 400, "InvalidParameter",
	 "exclude each other"},
	{"CreateLoadBalancerTCPListener", ON_PORT "&healthCheckInterval=2&HealthCheckInterval=2",
	 400, "DuplicateParameter", "HealthCheckInterval"},
	{"CreateLoadBalancerUDPListener", ON_PORT, 400, "MissingParameter",
	 "HealthCheckAssumeUpOnSilence=on"},
	{"CreateLoadBalancerUDPListener", ON_PORT "&healthCheckReq=a", 400, "MissingParameter",
	 "healthCheckExp"},
	{"CreateLoadBalancerUDPListener", ON_PORT "&HealthCheckType=tcp&healthCheckReq=a", 400,
	 "InvalidParameter", "healthCheckReq"},
	{"CreateLoadBalancerUDPListener", ON_PORT "&HealthCheckType=icmp", 400, "InvalidParameter",
	 "udp, tcp or http"},
	{"StartLoadBalancerListener", LB, 400, "MissingParameter", "ListenerPort"},
	{"StartLoadBalancerListener", LB "&ListenerPort=81", 404, "InvalidParameter",
	 "The specified resource does not exist."},
	{"StopLoadBalancerListener", LB "&ListenerPort=80&ListenerProtocol=udp", 404,
	 "InvalidParameter", "The specified resource does not exist."},
	{"StopLoadBalancerListener", LB "&ListenerPort=80&ListenerProtocol=sctp", 400,
	 "InvalidParameter", "tcp or udp"},
	{"DeleteLoadBalancerListener", LB "&ListenerPort=x", 400, "InvalidParameter",
	 "ListenerPort"},
	{"DescribeLoadBalancerTCPListenerAttribute", LB, 400, "MissingParameter", "ListenerPort"},
	{"DescribeLoadBalancerUDPListenerAttribute", LB "&ListenerPort=80", 404, "InvalidParameter",
	 "The specified resource does not exist."},
	{"DescribeHealthStatus", "", 400, "MissingParameter", "LoadBalancerId"},
	{"DescribeHealthStatus", "LoadBalancerId=lb-x", 404, "InvalidLoadBalancerId.NotFound", ""},
	{"DescribeStatus", "LoadBalancerId=lb-x", 404, "InvalidLoadBalancerId.NotFound", ""},
};

static const struct row server_rows[] = {
	{"RegisterServer", "ServerIp=10.0.0.9", 400, "MissingParameter", "ServerId"},
	{"RegisterServer", "ServerId=i-new", 400, "MissingParameter", "ServerIp"},
	{"RegisterServer", "ServerId=i-new&ServerIp=x", 400, "InvalidParameter", "ServerIp"},
	{"RegisterServer", "ServerId=10.0.0.9&ServerIp=10.0.0.9", 400, "InvalidParameter",
	 "needs no registration"},
	{"RegisterServer", "ServerId=i%2Fnew&ServerIp=10.0.0.9", 400, "InvalidParameter",
	 "ServerId"},
	{"RegisterServer", "ServerId=i-new&ServerIp=10.0.0.9&Type=vm", 400, "InvalidParameter",
	 "ecs, eni or eci"},
	{"RegisterServer", "ServerId=i-a&ServerIp=10.0.0.9", 400, "ServerAlreadyExists", "i-a"},
	{"RegisterServer", "ServerId=i-new&ServerIp=192.0.2.10", 400, "ServerAddressIsVip",
	 "192.0.2.10"},
	{"RegisterServer", "ServerId=i-a&ServerIp=2001:db8::1&Replace=true", 400,
	 "AddressFamilyMismatch", "2001:db8::1"},
	{"RegisterServer", "ServerId=i-new&ServerIp=10.0.0.9&Replace=yes", 400, "InvalidParameter",
	 "true or false"},
	{"DeregisterServer", "", 400, "MissingParameter", "ServerId"},
	{"DeregisterServer", "ServerId=i-x", 404, "InvalidServerId.NotFound", "i-x"},
	{"DeregisterServer", "ServerId=i-a", 400, "ServerInUse", "i-a"},
	{"DescribeServers", "ServerId=i-x", 404, "InvalidServerId.NotFound", "i-x"},
};

static void given_objects(struct api_rig *rig)
{
	struct load_balancer balancer = given_balancer(rig->service, "192.0.2.10");
	struct load_balancer protected = balancer_at("2001:db8::10");
	struct server_group empty = {0};
	struct server_group used;

	protected.delete_protection = true;
	assert_ok(rig->service, service_load_balancer_create(rig->service->service, &protected,
							     &rig->service->error));
	given_server(rig->service, "i-a", "10.0.0.1");
	used = given_group(rig->service, &balancer, "used", "i-a", "10.0.0.2", 8080);
	given_group(rig->service, &balancer, "free", "10.0.0.3", "10.0.0.4", 8080);
	strcpy(empty.id, "rsp-empty");
	strcpy(empty.load_balancer_id, balancer.id);
	assert_ok(rig->service,
		  service_group_create(rig->service->service, &empty, &rig->service->error));
	given_listener(rig->service, &used, 80);
}

/* All that the API shows of what is configured, as text. */
static char *read_everything(struct api_rig *rig)
{
	static const char *const queries[][2] = {
		{"DescribeLoadBalancers", ""},
		{"DescribeLoadBalancerAttribute", LB},
		{"DescribeMasterSlaveServerGroups", LB "&IncludeListener=true"},
		{"DescribeMasterSlaveServerGroups", LB_6 "&IncludeListener=true"},
		{"DescribeLoadBalancerTCPListenerAttribute", LB "&ListenerPort=80"},
		{"DescribeServers", ""},
	};
	char *all = xstrdup("");

	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		AUTO_REPLY struct reply reply = rig_done(rig, queries[i][0], queries[i][1]);
		AUTO(free_memory) char *before = all;
		AUTO(free_memory) char *text = NULL;

		json_object_del(reply.body, "RequestId");
		text = json_dumps(reply.body, JSON_SORT_KEYS);
		all = xasprintf("%s%s\n", before, text);
	}
	return all;
}

static void check_rows(struct api_rig *rig, const struct row *rows, size_t count)
{
	AUTO(free_memory) char *before = NULL;
	AUTO(free_memory) char *after = NULL;

	given_objects(rig);
	before = read_everything(rig);
	for (size_t i = 0; i < count; i++) {
		print_message("  %s %s\n", rows[i].action, rows[i].params);
		assert_call_refused(rig, rows[i].action, rows[i].params, rows[i].status,
				    rows[i].code, rows[i].message);
	}
	after = read_everything(rig);
	assert_string_equal(after, before);
}

static void test_balancer_when_input_is_bad_then_refused_and_nothing_changes(void **state)
{
	check_rows(*state, balancer_rows, ARRAY_SIZE(balancer_rows));
}

static void test_group_when_input_is_bad_then_refused_and_nothing_changes(void **state)
{
	check_rows(*state, group_rows, ARRAY_SIZE(group_rows));
}

static void test_listener_when_input_is_bad_then_refused_and_nothing_changes(void **state)
{
	check_rows(*state, listener_rows, ARRAY_SIZE(listener_rows));
}

static void test_server_when_input_is_bad_then_refused_and_nothing_changes(void **state)
{
	check_rows(*state, server_rows, ARRAY_SIZE(server_rows));
}

static void test_payload_when_too_long_then_its_own_codes(void **state)
{
	static const char *const rows[][2] = {
		{"healthCheckReq", "InvalidParamLength.HealthCheckReq"},
		{"healthCheckExp", "InvalidParamLength.HealthCheckExp"},
	};
	struct api_rig *rig = *state;
	char payload[501 + 1];

	given_objects(rig);
	memset(payload, 'x', 501);
	payload[501] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free_memory) char *params = xasprintf(ON_PORT "&%s=%s", rows[i][0], payload);

		assert_call_refused(rig, "CreateLoadBalancerUDPListener", params, 400, rows[i][1],
				    rows[i][0]);
	}
}

static void test_writes_when_a_thousand_are_invalid_then_the_api_still_works(void **state)
{
	struct api_rig *rig = *state;

	given_objects(rig);
	for (int i = 0; i < 1000; i++)
		assert_call_refused(rig, "CreateLoadBalancerTCPListener",
				    LB "&ListenerPort=82&MasterSlaveServerGroupId=rsp-used", 400,
				    "EndpointInUse", "");
	{
		AUTO_REPLY struct reply reply =
			rig_done(rig, "CreateLoadBalancerTCPListener", ON_PORT);

		assert_int_equal(json_object_size(reply.body), 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_rig_setup, api_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_balancer_when_input_is_bad_then_refused_and_nothing_changes),
		TEST(test_group_when_input_is_bad_then_refused_and_nothing_changes),
		TEST(test_listener_when_input_is_bad_then_refused_and_nothing_changes),
		TEST(test_server_when_input_is_bad_then_refused_and_nothing_changes),
		TEST(test_payload_when_too_long_then_its_own_codes),
		TEST(test_writes_when_a_thousand_are_invalid_then_the_api_still_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
