/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a cache of routes may take for granted. */
#include "net_rig.h"

/* Every row begins with the routes to the two nets of the rig, and no default route. */
#define NETS4 "10.0.0.0/24 10.1.0.0/24 "
#define NETS6 "fd00::/64 fd01::/64 "

/* A comment to ip. */
#define IP6 "# ipv6\n"

struct row {
	const char *name;
	uint16_t family;
	const char *commands; /* those that begin with IP6 are for `ip -6` */
	const char *prefixes; /* sorted */
	bool uniform;
};

static struct row rows[] = {
	{"no_default_route_is_uniform", AF_INET, "", NETS4, true},
	{"one_gateway_is_uniform", AF_INET, "route add default via 10.0.0.2\n", NETS4, true},
	{"prefixes_of_any_length_are_visited", AF_INET,
	 "route add default via 10.0.0.2\n"
	 "route add 192.0.2.1 via 10.1.0.2\n"
	 "route add 0.0.0.0/1 via 10.1.0.2\n"
	 "route add 172.16.0.0/12 via 10.1.0.2\n",
	 "0.0.0.0/1 " NETS4 "172.16.0.0/12 192.0.2.1/32 ", true},
	{"routes_that_refuse_are_visited", AF_INET,
	 "route add unreachable 172.16.0.0/16\n"
	 "route add blackhole 172.17.0.0/16\n"
	 "route add prohibit 172.18.0.0/16\n"
	 "route add throw 172.19.0.0/16\n",
	 NETS4 "172.16.0.0/16 172.17.0.0/16 172.18.0.0/16 172.19.0.0/16 ", true},
	{"broadcast_local_and_multicast_routes_are_not", AF_INET,
	 "route add broadcast 172.16.0.0/16 dev v0 table main\n"
	 "route add local 172.17.0.0/16 dev lo\n"
	 "route add multicast 224.1.0.0/16 dev v0 table main\n",
	 NETS4, true},
	{"a_network_of_multicast_addresses_is", AF_INET, "route add 224.1.0.0/16 dev v0\n",
	 NETS4 "224.1.0.0/16 ", true},
	{"other_tables_are_visited", AF_INET, "route add 172.16.0.0/16 via 10.0.0.2 table 100\n",
	 NETS4 "172.16.0.0/16 ", true},
	{"a_default_route_in_another_table_without_rule_does_not_count", AF_INET,
	 "route add default via 10.0.0.2\n"
	 "route add default via 10.1.0.2 table 100\n",
	 NETS4, true},
	{"a_rule_is_not_uniform", AF_INET,
	 "route add default via 10.0.0.2\n"
	 "rule add from 10.0.0.0/24 lookup 100\n",
	 NETS4, false},
	{"a_rule_by_mark_is_not_uniform", AF_INET, "rule add fwmark 1 pref 32766 lookup main\n",
	 NETS4, false},
	{"a_rule_that_suppresses_is_not_uniform", AF_INET,
	 "rule add pref 32766 lookup main suppress_prefixlength 0\n", NETS4, false},
	{"a_rule_of_the_other_family_does_not_matter", AF_INET,
	 IP6 "rule add from fd00::/64 lookup 100\n", NETS4, true},
	{"multipath_is_not_uniform", AF_INET,
	 "route add default nexthop via 10.0.0.2 nexthop via 10.1.0.2\n", NETS4, false},
	{"multipath_of_nexthop_objects_is_not_uniform", AF_INET,
	 "nexthop add id 1 via 10.0.0.2 dev v0\n"
	 "nexthop add id 2 via 10.1.0.2 dev v1\n"
	 "nexthop add id 3 group 1/2\n"
	 "route add default nhid 3\n",
	 NETS4, false},
	{"one_nexthop_object_is_uniform", AF_INET,
	 "nexthop add id 1 via 10.0.0.2 dev v0\n"
	 "route add default nhid 1\n",
	 NETS4, true},
	{"an_on_link_default_route_is_not_uniform", AF_INET, "route add default dev v0\n", NETS4,
	 false},
	{"the_lowest_metric_counts", AF_INET,
	 "route add default dev v0 metric 20\n"
	 "route add default via 10.0.0.2 metric 10\n"
	 "route add default dev v1 metric 30\n",
	 NETS4, true},
	{"the_lowest_metric_counts_also_against_us", AF_INET,
	 "route add default via 10.0.0.2 metric 20\n"
	 "route add default dev v1 metric 10\n",
	 NETS4, false},
	{"equal_metrics_are_not_uniform", AF_INET,
	 "route add default via 10.0.0.2\n"
	 "route append default via 10.1.0.2\n",
	 NETS4, false},
	{"a_default_route_by_type_of_service_is_not_uniform", AF_INET,
	 "route add default via 10.0.0.2\n"
	 "route add default via 10.1.0.2 tos 0x10 metric 50\n",
	 NETS4, false},
	{"an_unreachable_default_route_is_uniform", AF_INET, "route add unreachable default\n",
	 NETS4, true},
	{"an_ipv6_gateway_is_one", AF_INET, "route add default via inet6 fd00::2 dev v0\n", NETS4,
	 true},
	{"ipv6_no_default_route_is_uniform", AF_INET6, "", NETS6, true},
	{"ipv6_one_gateway_is_uniform", AF_INET6,
	 "route add default via fd00::2\n"
	 "route add 2001:db8::1 via fd01::2\n"
	 "route add 2001:db8:1::/48 via fd01::2\n"
	 "route add unreachable 2001:db8:2::/48\n"
	 "route add fe80::/64 dev v1 metric 5\n",
	 "2001:db8:1::/48 2001:db8:2::/48 2001:db8::1/128 " NETS6, true},
	{"ipv6_link_local_gateway_is_uniform", AF_INET6, "route add default via fe80::2 dev v0\n",
	 NETS6, true},
	{"ipv6_multipath_is_not_uniform", AF_INET6,
	 "route add default nexthop via fd00::2 nexthop via fd01::2\n", NETS6, false},
	{"ipv6_on_link_default_route_is_not_uniform", AF_INET6, "route add ::/0 dev v0\n", NETS6,
	 false},
	{"ipv6_rule_is_not_uniform", AF_INET6, IP6 "rule add from fd00::/64 lookup main\n", NETS6,
	 false},
	{"ipv6_source_specific_default_route_is_not_uniform", AF_INET6,
	 "route add default via fd00::2\n"
	 "route add default from fd01::/64 via fd01::2 metric 2000\n",
	 NETS6, false},
	{"ipv6_vip_brings_no_prefix", AF_INET6, "", NETS6, true},
};

struct prefixes {
	char *texts[64];
	unsigned int count;
};

static int collect(const struct netaddr *prefix, unsigned int length, void *userdata)
{
	struct prefixes *prefixes = userdata;
	char text[NETADDR_TEXT_MAX];

	assert_true(prefixes->count < ARRAY_SIZE(prefixes->texts));
	prefixes->texts[prefixes->count++] =
		xasprintf("%s/%u ", netaddr_format(prefix, text), length);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All of them, sorted, each once. */
static void join(struct prefixes *prefixes, char *ret, size_t size)
{
	size_t length = 0;

	qsort(prefixes->texts, prefixes->count, sizeof(prefixes->texts[0]), compare);
	ret[0] = '\0';
	for (unsigned int i = 0; i < prefixes->count; i++) {
		if (i == 0 || strcmp(prefixes->texts[i], prefixes->texts[i - 1]) != 0)
			length += (size_t)snprintf(ret + length, size - length, "%s",
						   prefixes->texts[i]);
		assert_true(length < size);
	}
	for (unsigned int i = 0; i < prefixes->count; i++)
		free(prefixes->texts[i]);
}

static void check_row(void **state)
{
	struct netaddr vip = rig_address("fd00::100");
	struct prefixes prefixes = {0};
	struct rig *rig = ((void **)*state)[0];
	const struct row *row = ((void **)*state)[1];
	bool uniform = !row->uniform;
	char text[1024];

	assert_int_equal(net_address_add(rig->net, if_nametoindex("v0"), &vip, NULL), 0);
	rig_batch(strncmp(row->commands, IP6, strlen(IP6)) == 0 ? "ip -6 -batch -" : "ip -batch -",
		  row->commands);
	assert_int_equal(net_walk_routes(rig->net, row->family, collect, &prefixes, &uniform), 0);
	join(&prefixes, text, sizeof(text));
	assert_string_equal(text, row->prefixes);
	assert_int_equal(uniform, row->uniform);
}

static int setup_row(void **state)
{
	void **pair = xcalloc(2, sizeof(*pair));

	pair[1] = *state;
	*state = pair;
	return rig_setup(&pair[0]);
}

static int teardown_row(void **state)
{
	void **pair = *state;
	int r = rig_teardown(&pair[0]);

	free(pair);
	return r;
}

static int stop(const struct netaddr *prefix, unsigned int length, void *userdata)
{
	(void)prefix;
	(void)length;
	(*(unsigned int *)userdata)++;
	return 77;
}

static void test_walk_routes_when_the_visitor_says_so_then_ends(void **state)
{
	struct prefixes prefixes = {0};
	struct rig *rig = *state;
	bool uniform = false;
	unsigned int calls = 0;
	char text[1024];

	assert_int_equal(net_walk_routes(rig->net, AF_INET, stop, &calls, &uniform), 77);
	assert_int_equal(calls, 1);
	/* What was left unread does not get in the way of what follows. */
	assert_int_equal(net_walk_routes(rig->net, AF_INET, collect, &prefixes, &uniform), 0);
	join(&prefixes, text, sizeof(text));
	assert_string_equal(text, NETS4);
	assert_int_equal(net_walk_routes(rig->net, AF_UNSPEC, stop, &calls, &uniform),
			 -EAFNOSUPPORT);
}

static int count(const struct netaddr *prefix, unsigned int length, void *userdata)
{
	(void)prefix;
	*(unsigned int *)userdata += length == 32;
	return 0;
}

static void test_walk_routes_when_there_are_many_then_sees_all(void **state)
{
	enum { MANY = 20000 };
	struct rig *rig = *state;
	FILE *ip = popen("ip -batch -", "we"); /* NOLINT(cert-env33-c) */
	unsigned int calls = 0;
	bool uniform = false;

	assert_non_null(ip);
	for (unsigned int i = 0; i < MANY; i++)
		fprintf(ip, "route add 172.16.%u.%u/32 via 10.0.0.2\n", i >> 8 & 255, i & 255);
	assert_int_equal(pclose(ip), 0);

	assert_int_equal(net_walk_routes(rig->net, AF_INET, count, &calls, &uniform), 0);
	assert_true(calls >= MANY);
	/* Ended in the middle, the rest does not get in the way of what follows. */
	calls = 0;
	assert_int_equal(net_walk_routes(rig->net, AF_INET, stop, &calls, &uniform), 77);
	calls = 0;
	assert_int_equal(net_walk_routes(rig->net, AF_INET6, count, &calls, &uniform), 0);
	assert_int_equal(calls, 0);
}

static void test_forwarding_when_switched_then_says_so(void **state)
{
	bool forwarding = true;

	(void)state;
	assert_int_equal(net_forwarding(AF_INET, &forwarding), 0);
	assert_false(forwarding);
	rig_write("/proc/sys/net/ipv4/ip_forward", "1");
	assert_int_equal(net_forwarding(AF_INET, &forwarding), 0);
	assert_true(forwarding);
	assert_int_equal(net_forwarding(AF_INET6, &forwarding), 0);
	assert_false(forwarding);
	rig_write("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	assert_int_equal(net_forwarding(AF_INET6, &forwarding), 0);
	assert_true(forwarding);
	assert_int_equal(net_forwarding(AF_UNSPEC, &forwarding), -EAFNOSUPPORT);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		rig_test(test_walk_routes_when_the_visitor_says_so_then_ends),
		rig_test(test_walk_routes_when_there_are_many_then_sees_all),
		rig_test(test_forwarding_when_switched_then_says_so),
	};
	struct CMUnitTest tests[ARRAY_SIZE(rows) + ARRAY_SIZE(others)];

	if (rig_become_root() < 0)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tests[i] = (struct CMUnitTest){
			.name = rows[i].name,
			.test_func = check_row,
			.setup_func = setup_row,
			.teardown_func = teardown_row,
			.initial_state = &rows[i],
		};
	memcpy(&tests[ARRAY_SIZE(rows)], others, sizeof(others));
	return cmocka_run_group_tests_name("net_route", tests, NULL, NULL);
}
