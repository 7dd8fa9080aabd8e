/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Listeners and what is told of their health, through the API. */
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "api_rig.h"

/* A group of 10.0.0.1 (Master) and 10.0.0.2, port 8080, in a load balancer at 192.0.2.10. */
static struct server_group given_servers(struct api_rig *rig)
{
	struct load_balancer balancer = given_balancer(rig->service, "192.0.2.10");

	return given_group(rig->service, &balancer, "a", "10.0.0.1", "10.0.0.2", 8080);
}

#define ON_80	"LoadBalancerId=lb-192.0.2.10&ListenerPort=80"
#define GROUP_A "&MasterSlaveServerGroupId=rsp-a"

static void assert_done(struct api_rig *rig, const char *action, const char *params)
{
	AUTO_REPLY struct reply reply = rig_done(rig, action, params);

	/* A RequestId, and nothing else. */
	assert_int_equal(json_object_size(reply.body), 1);
}

static void assert_shown(struct api_rig *rig, const char *action, const char *expected)
{
	AUTO_REPLY struct reply reply = rig_done(rig, action, ON_80);

	assert_json(reply.body, expected);
}

static void test_tcp_listener_when_created_then_defaults_are_echoed_with_their_types(void **state)
{
	struct api_rig *rig = *state;

	given_servers(rig);
	assert_done(rig, "CreateLoadBalancerTCPListener", ON_80 GROUP_A "&Bandwidth=-1");
	assert_shown(rig, "DescribeLoadBalancerTCPListenerAttribute",
		     "{\"LoadBalancerId\": \"lb-192.0.2.10\", \"ListenerPort\": 80,"
		     " \"Status\": \"stopped\", \"Bandwidth\": -1, \"Scheduler\": \"wrr\","
		     " \"MasterSlaveServerGroupId\": \"rsp-a\", \"VServerGroupId\": \"\","
		     " \"PersistenceTimeout\": 0, \"EstablishedTimeout\": 900,"
		     " \"ProxyProtocolV2Enabled\": false, \"ConnectionDrain\": \"off\","
		     " \"SynProxy\": \"disable\", \"AclStatus\": \"off\", \"AclType\": \"\","
		     " \"AclId\": \"\", \"AclIds\": {\"AclId\": []}, \"Description\": \"\","
		     " \"HealthCheck\": \"on\", \"HealthCheckType\": \"tcp\","
		     " \"HealthCheckInterval\": 2, \"HealthCheckConnectTimeout\": 5,"
		     " \"HealthCheckIntervalMs\": 2000, \"HealthCheckTimeoutMs\": 5000,"
		     " \"HealthyThreshold\": 3, \"UnhealthyThreshold\": 3,"
		     " \"HealthCheckURI\": \"\", \"HealthCheckHttpCode\": \"\","
		     " \"HealthCheckDomain\": \"\", \"HealthCheckMethod\": \"\","
		     " \"NoneHealthy\": \"reject\", \"Tags\": {\"Tag\": []}}");
	{
		AUTO_REPLY struct reply reply =
			rig_done(rig, "DescribeLoadBalancerTCPListenerAttribute", ON_80);

		assert_null(json_object_get(reply.body, "BackendServerPort"));
		assert_null(json_object_get(reply.body, "HealthCheckConnectPort"));
	}
}

static void test_tcp_listener_when_everything_is_given_then_it_is_echoed(void **state)
{
	struct api_rig *rig = *state;

	given_servers(rig);
	/* As older clients spell it, and with what SDKs send though it is the default. */
	assert_done(rig, "CreateLoadBalancerTCPListener",
		    ON_80 GROUP_A
		    "&Description=front&NoneHealthy=last&HealthCheckURI=/ok&HealthCheckDomain=a.b&"
		    "HealthCheckHttpCode=http_2xx,http_3xx&HealthCheckMethod=get&"
		    "HealthCheckConnectPort=81&HealthyThreshold=2&UnhealthyThreshold=10&"
		    "HealthCheckIntervalMs=10&HealthCheckTimeoutMs=20&Tag.1.Key=k&Tag.1.Value=v&"
		    "Scheduler=wrr&PersistenceTimeout=0&EstablishedTimeout=900&AclStatus=off&"
		    "ProxyProtocolV2Enabled=false&ConnectionDrain=off&BackendServerPort=80&"
		    "FullNatEnabled=x");
	assert_shown(rig, "DescribeLoadBalancerTCPListenerAttribute",
		     "{\"HealthCheckType\": \"http\", \"HealthCheckURI\": \"/ok\","
		     " \"HealthCheckDomain\": \"a.b\", \"HealthCheckMethod\": \"get\","
		     " \"HealthCheckHttpCode\": \"http_2xx,http_3xx\","
		     " \"HealthCheckConnectPort\": 81, \"HealthyThreshold\": 2,"
		     " \"UnhealthyThreshold\": 10, \"HealthCheckInterval\": 1,"
		     " \"HealthCheckIntervalMs\": 10, \"HealthCheckTimeoutMs\": 20,"
		     " \"HealthCheckConnectTimeout\": 1, \"NoneHealthy\": \"last\","
		     " \"Description\": \"front\","
		     " \"Tags\": {\"Tag\": [{\"TagKey\": \"k\", \"TagValue\": \"v\"}]}}");
}

static void test_tcp_listener_when_clients_spell_it_otherwise_then_it_is_the_same(void **state)
{
	struct api_rig *rig = *state;

	given_servers(rig);
	assert_done(rig, "CreateLoadBalancerTCPListener",
		    ON_80 GROUP_A "&HealthCheckInterval=7&HealthCheckConnectTimeout=9&"
				  "HealthCheckConnectPort=-520&HealthCheckSwitch=off");
	assert_shown(rig, "DescribeLoadBalancerTCPListenerAttribute",
		     "{\"HealthCheckInterval\": 7, \"HealthCheckConnectTimeout\": 9,"
		     " \"HealthCheck\": \"off\"}");
}

static void test_udp_listener_when_created_then_its_own_fields_are_echoed(void **state)
{
	struct api_rig *rig = *state;

	given_servers(rig);
	assert_done(rig, "CreateLoadBalancerUDPListener",
		    ON_80 GROUP_A "&healthCheckReq=ping&healthCheckExp=pong");
	{
		AUTO_REPLY struct reply reply =
			rig_done(rig, "DescribeLoadBalancerUDPListenerAttribute", ON_80);
		static const char *const absent[] = {
			"HealthCheckType",     "HealthCheckURI",
			"PersistenceTimeout",  "SynProxy",
			"ConnectionDrain",     "EstablishedTimeout",
			"HealthCheckHttpCode", "HealthCheckDomain",
			"HealthCheckMethod",
		};

		assert_json(reply.body,
			    "{\"HealthCheckReq\": \"ping\", \"HealthCheckExp\": \"pong\","
			    " \"HealthCheckInterval\": 5, \"HealthCheckConnectTimeout\": 10,"
			    " \"HealthCheckAssumeUpOnSilence\": \"off\","
			    " \"Status\": \"stopped\", \"ListenerPort\": 80}");
		for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
			assert_null(json_object_get(reply.body, absent[i]));
	}
}

static void test_udp_listener_when_checked_by_http_then_the_type_is_echoed(void **state)
{
	struct api_rig *rig = *state;

	given_servers(rig);
	assert_done(rig, "CreateLoadBalancerUDPListener",
		    ON_80 GROUP_A "&HealthCheckType=http&HealthCheckConnectPort=81");
	assert_shown(rig, "DescribeLoadBalancerUDPListenerAttribute",
		     "{\"HealthCheckType\": \"http\", \"HealthCheckURI\": \"/\","
		     " \"HealthCheckHttpCode\": \"http_2xx\", \"HealthCheckMethod\": \"head\"}");
}

static void test_listener_when_started_and_stopped_then_its_status_follows(void **state)
{
	struct api_rig *rig = *state;

	given_servers(rig);
	assert_done(rig, "CreateLoadBalancerTCPListener", ON_80 GROUP_A "&HealthCheckSwitch=off");
	for (int i = 0; i < 2; i++)
		assert_done(rig, "StartLoadBalancerListener", ON_80);
	assert_shown(rig, "DescribeLoadBalancerTCPListenerAttribute", "{\"Status\": \"running\"}");
	for (int i = 0; i < 2; i++)
		assert_done(rig, "StopLoadBalancerListener", ON_80 "&ListenerProtocol=tcp");
	assert_shown(rig, "DescribeLoadBalancerTCPListenerAttribute", "{\"Status\": \"stopped\"}");
	assert_done(rig, "StartLoadBalancerListener", ON_80);
	assert_done(rig, "DeleteLoadBalancerListener", ON_80);
	assert_call_refused(rig, "DescribeLoadBalancerTCPListenerAttribute", ON_80, 404,
			    "InvalidParameter", "The specified resource does not exist.");
	assert_call_refused(rig, "StartLoadBalancerListener", ON_80, 404, "InvalidParameter",
			    "The specified resource does not exist.");
}

static void test_listener_when_a_port_has_both_protocols_then_one_must_be_named(void **state)
{
	static const char *const actions[] = {"StartLoadBalancerListener",
					      "StopLoadBalancerListener",
					      "DeleteLoadBalancerListener"};
	struct api_rig *rig = *state;
	struct load_balancer balancer = given_balancer(rig->service, "192.0.2.10");
	struct server_group group =
		given_group(rig->service, &balancer, "a", "10.0.0.1", "10.0.0.2", 80);
	struct listener udp = listener_of(&group, PROTOCOL_UDP, 80);

	given_listener(rig->service, &group, 80);
	assert_ok(rig->service,
		  service_listener_create(rig->service->service, &udp, &rig->service->error));
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		assert_call_refused(rig, actions[i], ON_80, 400, "TooManyListeners", "");
	assert_done(rig, "DeleteLoadBalancerListener", ON_80 "&ListenerProtocol=udp");
	assert_done(rig, "DeleteLoadBalancerListener", ON_80);
}

static void
test_listener_when_its_load_balancer_is_gone_then_reads_say_no_such_listener(void **state)
{
	struct api_rig *rig = *state;

	assert_call_refused(rig, "DescribeLoadBalancerTCPListenerAttribute", ON_80, 404,
			    "InvalidParameter", "The specified resource does not exist.");
	assert_call_refused(rig, "DescribeLoadBalancerUDPListenerAttribute", ON_80, 404,
			    "InvalidParameter", "The specified resource does not exist.");
	assert_call_refused(rig, "DeleteLoadBalancerListener", ON_80, 404,
			    "InvalidLoadBalancerId.NotFound", "lb-192.0.2.10");
}

/* The servers' addresses are this namespace's own, so that their health is real. */
static int given_server_socket(const char *address, uint16_t port)
{
	struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, address, &where.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* "normal abnormal" and so on, of each server in turn. */
static void read_health(struct api_rig *rig, const char *params, char *ret)
{
	AUTO_REPLY struct reply reply = rig_done(rig, "DescribeHealthStatus", params);
	const json_t *item;
	size_t i;

	ret[0] = '\0';
	json_array_foreach (list_at(reply.body, "BackendServers", "BackendServer"), i, item) {
		strcat(ret, i ? " " : "");
		strcat(ret, text_at(item, "ServerHealthStatus"));
	}
}

static void wait_for_health(struct api_rig *rig, const char *expected)
{
	uint64_t deadline = clock_monotonic_us() + RIG_DEADLINE_US;
	char health[256];

	for (;;) {
		read_health(rig, "LoadBalancerId=lb-192.0.2.10", health);
		if (strcmp(health, expected) == 0)
			return;
		if (clock_monotonic_us() > deadline)
			fail_msg("%s, not %s", health, expected);
		rig_turn(rig);
	}
}

static void test_health_when_servers_differ_then_each_has_its_own_truth(void **state)
{
	AUTO(close_fd) int second = given_server_socket("10.0.0.2", 8080);
	struct api_rig *rig = *state;

	given_servers(rig);
	assert_done(rig, "CreateLoadBalancerTCPListener",
		    ON_80 GROUP_A "&HealthCheckIntervalMs=10&HealthCheckTimeoutMs=1000");
	wait_for_health(rig, "unavailable unavailable");
	assert_done(rig, "StartLoadBalancerListener", ON_80);
	wait_for_health(rig, "abnormal normal");
	{
		AUTO(close_fd) int first = given_server_socket("10.0.0.1", 8080);

		/* The idle one is told of as well. */
		wait_for_health(rig, "normal normal");
		shutdown(second, SHUT_RDWR);
		wait_for_health(rig, "normal abnormal");
		assert_true(first >= 0);
	}
	assert_done(rig, "StopLoadBalancerListener", ON_80);
	wait_for_health(rig, "unavailable unavailable");
}

static void test_health_when_checks_are_off_then_unavailable_with_all_fields(void **state)
{
	static const char first[] = "{\"ListenerPort\": 80, \"Protocol\": \"tcp\", \"Port\": 8080,"
				    " \"ServerId\": \"10.0.0.1\", \"ServerIp\": \"10.0.0.1\","
				    " \"Type\": \"ecs\", \"ServerHealthStatus\": \"unavailable\"}";
	struct api_rig *rig = *state;
	char health[256];

	given_servers(rig);
	assert_done(rig, "CreateLoadBalancerTCPListener", ON_80 GROUP_A "&HealthCheckSwitch=off");
	assert_done(rig, "StartLoadBalancerListener", ON_80);
	{
		AUTO_REPLY struct reply reply = rig_done(rig, "DescribeHealthStatus", ON_80);

		assert_json(
			json_array_get(list_at(reply.body, "BackendServers", "BackendServer"), 0),
			first);
	}
	read_health(rig, ON_80 "&ListenerProtocol=tcp", health);
	assert_string_equal(health, "unavailable unavailable");
	assert_call_refused(rig, "DescribeHealthStatus", ON_80 "&ListenerProtocol=udp", 404,
			    "InvalidParameter", "The specified resource does not exist.");
	assert_call_refused(rig, "DescribeHealthStatus",
			    "LoadBalancerId=lb-192.0.2.10&ListenerPort=81", 404, "InvalidParameter",
			    "The specified resource does not exist.");
}

static void assert_listener_status(struct api_rig *rig, const char *listener,
				   const char *servers[2])
{
	AUTO_REPLY struct reply reply =
		rig_done(rig, "DescribeStatus", "LoadBalancerId=lb-192.0.2.10");
	const json_t *item = json_array_get(list_at(reply.body, "Listeners", "Listener"), 0);
	const json_t *list = list_at(item, "Servers", "Server");

	assert_json(item, listener);
	assert_int_equal(json_object_size(item), 21);
	assert_int_equal(json_array_size(list), 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *server = json_array_get(list, i);

		assert_json(server, servers[i]);
		assert_int_equal(json_object_size(server), 15);
		assert_int_equal(json_object_size(json_object_get(server, "Counters")), 8);
	}
}

static void test_status_when_the_secondary_serves_then_it_says_so(void **state)
{
	AUTO(close_fd) int second = given_server_socket("10.0.0.2", 8080);
	struct api_rig *rig = *state;

	given_servers(rig);
	assert_done(rig, "CreateLoadBalancerTCPListener",
		    ON_80 GROUP_A "&HealthCheckIntervalMs=10&HealthCheckTimeoutMs=1000");
	assert_listener_status(
		rig,
		"{\"Status\": \"stopped\", \"Active\": \"none\", \"Reason\": \"stopped\","
		" \"ActiveSince\": \"\", \"Switches\": 0, \"Epoch\": 0, \"Address\": "
		"\"192.0.2.10\"}",
		(const char *[]){"{\"Health\": \"unchecked\", \"LastProbeAgoMs\": -1,"
				 " \"SinceMs\": 0, \"ServerType\": \"Master\"}",
				 "{\"Health\": \"unchecked\", \"ServerType\": \"Slave\"}"});
	assert_done(rig, "StartLoadBalancerListener", ON_80);
	wait_for_health(rig, "abnormal normal");
	assert_listener_status(
		rig,
		"{\"LoadBalancerId\": \"lb-192.0.2.10\", \"ListenerPort\": 80,"
		" \"ListenerProtocol\": \"tcp\", \"Status\": \"running\","
		" \"MasterSlaveServerGroupId\": \"rsp-a\", \"NoneHealthy\": \"reject\","
		" \"Active\": \"Slave\", \"HealthCheck\": \"on\", \"HealthCheckType\": \"tcp\","
		" \"HealthCheckIntervalMs\": 10, \"HealthCheckTimeoutMs\": 1000}",
		(const char *[]){"{\"ServerId\": \"10.0.0.1\", \"ServerIp\": \"10.0.0.1\","
				 " \"Port\": 8080, \"Weight\": 100, \"Type\": \"ecs\","
				 " \"Health\": \"down\", \"LastResult\": \"refused\"}",
				 "{\"Health\": \"up\", \"LastResult\": \"ok\"}"});
}

static void test_status_when_read_then_the_agent_tells_of_itself(void **state)
{
	struct api_rig *rig = *state;
	AUTO_REPLY struct reply reply = rig_done(rig, "DescribeStatus", "");
	const json_t *agent = json_object_get(reply.body, "Agent");
	const json_t *reasons = list_at(agent, "Reasons", "Reason");
	const json_t *interface = json_array_get(list_at(agent, "Interfaces", "Interface"), 0);
	const json_t *forwarding = json_object_get(agent, "Forwarding");
	const json_t *map;
	size_t i;

	assert_json(reply.body, "{\"Listeners\": {\"Listener\": []}}");
	assert_json(agent, "{\"RegionId\": \"local\"}");
	assert_string_equal(text_at(agent, "Version"), TANDEM_VERSION);
	assert_int_equal(strlen(text_at(agent, "StartTime")), strlen("2026-11-25T02:15:27Z"));
	assert_true(integer_at(agent, "Probes") >= 0);
	assert_true(json_is_boolean(json_object_get(forwarding, "IPv4")));
	assert_true(json_is_boolean(json_object_get(forwarding, "IPv6")));
	assert_string_equal(text_at(interface, "Name"), "lo");
	assert_true(integer_at(interface, "Index") > 0);
	assert_true(integer_at(interface, "SendErrors") >= 0);
	text_at(interface, "LastSendError");
	json_array_foreach (list_at(agent, "Maps", "Map"), i, map) {
		assert_true(text_at(map, "Name")[0]);
		assert_true(integer_at(map, "Used") <= integer_at(map, "Max"));
	}
	assert_int_equal(json_array_size(reasons), TD_REASON_MAX);
	assert_json(json_array_get(reasons, TD_FORWARD_REDIRECT),
		    "{\"Name\": \"forward_redirect\", \"Action\": \"redirect\"}");
	assert_json(json_array_get(reasons, TD_DROP_NONE_HEALTHY),
		    "{\"Name\": \"drop_none_healthy\", \"Action\": \"drop\"}");
	assert_json(json_array_get(reasons, TD_REJECT_TCP_RESET), "{\"Action\": \"tx\"}");
	assert_json(json_array_get(reasons, TD_PASS_LOCAL), "{\"Action\": \"pass\"}");
	assert_json(json_array_get(reasons, TD_CONTINUE), "{\"Action\": \"aborted\"}");
}

/* A network of our own in which 10.0.0.0/8 is this host, so that nothing leaves it. */
static int enter_own_network(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct ifreq request = {0};
	AUTO(close_fd) int fd = -1;

	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	strcpy(request.ifr_name, "lo");
	request.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return -1;
	strcpy(request.ifr_name, "lo:1");
	inet_pton(AF_INET, "10.0.0.1", &address.sin_addr);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	return ioctl(fd, SIOCSIFADDR, &request);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, api_rig_setup, api_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tcp_listener_when_created_then_defaults_are_echoed_with_their_types),
		TEST(test_tcp_listener_when_everything_is_given_then_it_is_echoed),
		TEST(test_tcp_listener_when_clients_spell_it_otherwise_then_it_is_the_same),
		TEST(test_udp_listener_when_created_then_its_own_fields_are_echoed),
		TEST(test_udp_listener_when_checked_by_http_then_the_type_is_echoed),
		TEST(test_listener_when_started_and_stopped_then_its_status_follows),
		TEST(test_listener_when_a_port_has_both_protocols_then_one_must_be_named),
		TEST(test_listener_when_its_load_balancer_is_gone_then_reads_say_no_such_listener),
		TEST(test_health_when_servers_differ_then_each_has_its_own_truth),
		TEST(test_health_when_checks_are_off_then_unavailable_with_all_fields),
		TEST(test_status_when_the_secondary_serves_then_it_says_so),
		TEST(test_status_when_read_then_the_agent_tells_of_itself),
	};

	if (enter_own_network() < 0) {
		perror("a network namespace for the servers (needs root)");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
