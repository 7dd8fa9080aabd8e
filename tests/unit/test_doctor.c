/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the doctor says: one gateway that is as it should be, and for each row one thing about it
 * that is not. Each finding must be there, alone, and give way when the thing does.
 */
#include "service/doctor.h"

#include "service_rig.h"
#include "tandem/select.h"

enum { FINDINGS_MAX = 64 };

struct findings {
	unsigned int count;
	struct finding list[FINDINGS_MAX];
};

static struct td_counters counters[GROUP_SERVERS];

static int collect(const struct finding *finding, void *userdata)
{
	struct findings *findings = userdata;

	assert_true(findings->count < FINDINGS_MAX);
	findings->list[findings->count++] = *finding;
	return 0;
}

static void look(struct rig *rig, struct findings *ret)
{
	ret->count = 0;
	assert_ok(rig, service_doctor_run(rig->service, collect, ret, &rig->error));
}

static void set_sysctl(const char *path, const char *value)
{
	int i = 0;

	while (fake.sysctls[i].path)
		i++;
	fake.sysctls[i].path = path;
	fake.sysctls[i].value = value;
}

static void set_text(char *text, size_t size, const char *value)
{
	snprintf(text, size, "%s", value);
}
#define SET_TEXT(member, value) set_text(member, sizeof(member), value)

static void given_good_network(void)
{
	fake.device = (struct net_device){
		.name = "lo",
		.ifindex = 1,
		.driver = "mlx5_core",
		.bus = "0000:00:03.0",
		.up = true,
		.carrier = true,
		.mtu = 1500,
		.rx_queues = 64,
		.tx_queues = 64,
		.max_queues = 64,
		.knows_xdp_features = true,
		.xdp_features = NET_XDP_BASIC | NET_XDP_REDIRECT | NET_XDP_TARGET,
	};
	fake.hook = (struct dataplane_hook){.program = 7, .ours = true, .mode = DATAPLANE_NATIVE};
	fake.send_ifindex = 1;
	fake.counters = counters;
	memset(counters, 0, sizeof(counters));
}

/* A listener at @port, without checks: health is another test's. */
static void given_served(struct rig *rig, uint16_t port)
{
	struct load_balancer balancer = given_balancer(rig, "192.0.2.10");
	struct server_group group =
		given_group(rig, &balancer, "one", "10.0.1.1", "10.0.1.2", 8080);
	struct listener listener = listener_of(&group, PROTOCOL_TCP, port);

	listener.check.enabled = false;
	assert_ok(rig, service_listener_create(rig->service, &listener, &rig->error));
	assert_ok(rig, service_listener_start(rig->service, &listener, &rig->error));
}

static void make_generic(const char *refusal)
{
	fake.hook.mode = DATAPLANE_GENERIC;
	SET_TEXT(fake.hook.refusal, refusal);
}

static void no_device(void)
{
	fake.device.name[0] = '\0';
}

static void down(void)
{
	fake.device.up = false;
}

static void no_carrier(void)
{
	fake.device.carrier = false;
}

static void not_attached(void)
{
	fake.hook = (struct dataplane_hook){0};
}

static void foreign_program(void)
{
	fake.hook.ours = false;
	fake.hook.program = 42;
	SET_TEXT(fake.hook.program_name, "xdp_dispatcher");
}

static void generic_by_driver(void)
{
	make_generic("Operation not supported");
	fake.device.xdp_features = 0;
}

static void generic_by_setting(void)
{
	make_generic("Invalid argument: out of luck");
}

static void vlan_device(void)
{
	SET_TEXT(fake.device.kind, "vlan");
	SET_TEXT(fake.device.lower_name, "eth7");
}

static void mtu_refused(void)
{
	make_generic("Invalid argument: MTU 9000 larger than 3500 without XDP frag support");
	fake.device.mtu = 9000;
}

static void mtu_large(void)
{
	make_generic("");
	fake.device.mtu = 9000;
	SET_TEXT(fake.device.driver, "ixgbevf");
}

static void lro_on(void)
{
	make_generic("Operation not supported");
	fake.device.features[NET_FEATURE_LRO].on = true;
}

static void gro_hw_fixed(void)
{
	make_generic("Operation not supported");
	fake.device.features[NET_FEATURE_GRO_HW].on = true;
	fake.device.features[NET_FEATURE_GRO_HW].fixed = true;
}

static void tags_taken_off(void)
{
	fake.device.features[NET_FEATURE_VLAN].on = true;
	fake.device.vlans = 2;
}

static void virtio_without_queues(void)
{
	SET_TEXT(fake.device.driver, "virtio_net");
	fake.device.rx_queues = fake.device.max_queues = 1;
}

static void one_queue_of_many(void)
{
	fake.device.rx_queues = 0;
}

static void bond_member(void)
{
	fake.device.master = 9;
	SET_TEXT(fake.device.master_name, "bond0");
	SET_TEXT(fake.device.master_kind, "bond");
}

static void bridge_member(void)
{
	bond_member();
	SET_TEXT(fake.device.master_kind, "bridge");
}

static void deaf_peer(void)
{
	SET_TEXT(fake.device.kind, "veth");
	SET_TEXT(fake.device.lower_name, "veth9");
	fake.device.xdp_features = NET_XDP_BASIC | NET_XDP_REDIRECT;
}

static void narrow_veth(void)
{
	make_generic("Operation not supported: XDP expects number of rx queues");
	SET_TEXT(fake.device.kind, "veth");
	fake.device.xdp_features = 0;
	fake.device.rx_queues = 1;
}

static void frames_refused(void)
{
	fake.send_errors += 5;
}

static void no_forwarding_there(void)
{
	set_sysctl("net/ipv4/conf/lo/forwarding", "0");
}

static void strict_with_drops(void)
{
	set_sysctl("net/ipv4/conf/all/rp_filter", "1");
	fake.reverse_path_drops += 3;
}

static void vip_taken_off(void)
{
	struct netaddr vip = address_of("192.0.2.10");

	fake_address(&vip)->vip = false;
}

static void arp_off(void)
{
	set_sysctl("net/ipv4/conf/all/arp_ignore", "8");
}

static void no_route(void)
{
	fake.no_route = true;
}

static void other_interface(void)
{
	fake.send_ifindex = 77777;
}

static void unresolved(void)
{
	fake.start_unresolved = true;
}

static void silent_server(void)
{
	counters[ROLE_MASTER].packets_in += 3;
}

static void full_maps(void)
{
	fake.map_used = 80;
}

static void lost_pins(void)
{
	fake.pins_lost = true;
}

static const struct row {
	const char *check;
	void (*given)(void);
	enum severity severity;
	const char *found, *remedy;
} rows[] = {
	{"interface", no_device, SEVERITY_ERROR, "no such interface", "\"interfaces\""},
	{"interface", down, SEVERITY_ERROR, "down", "ip link set dev lo up"},
	{"interface", no_carrier, SEVERITY_ERROR, "no carrier", "cable"},
	{"attachment", not_attached, SEVERITY_ERROR, "no XDP program", "restart tandemd"},
	{"attachment", foreign_program, SEVERITY_ERROR, "xdp_dispatcher (id 42)", "xdp-loader"},
	{"attachment", generic_by_driver, SEVERITY_NOTE, "has no native one", ""},
	{"attachment", generic_by_setting, SEVERITY_WARNING, "out of luck", "--purge"},
	{"driver", vlan_device, SEVERITY_NOTE, "VLAN device on eth7", "\"eth7\""},
	{"mtu", mtu_refused, SEVERITY_WARNING, "larger than 3500", "mtu 3498"},
	{"mtu", mtu_large, SEVERITY_WARNING, "9000", "ip link set dev lo mtu 3046"},
	{"lro", lro_on, SEVERITY_WARNING, "is on", "ethtool -K lo lro off"},
	{"gro_hw", gro_hw_fixed, SEVERITY_WARNING, "fixed", "guest_tso4=off"},
	{"vlan_offload", tags_taken_off, SEVERITY_WARNING, "2 VLAN devices", "rxvlan off"},
	{"queues", virtio_without_queues, SEVERITY_NOTE, "1 of 1 queue pairs", "more queues"},
	{"queues", one_queue_of_many, SEVERITY_NOTE, "0 receive queues", "combined"},
	{"queues", narrow_veth, SEVERITY_WARNING, "fewer than the other end", "ethtool -L lo rx"},
	{"membership", bond_member, SEVERITY_ERROR, "bond bond0", "put \"bond0\""},
	{"membership", bridge_member, SEVERITY_WARNING, "bridge bond0", "nomaster"},
	{"veth_peer", deaf_peer, SEVERITY_ERROR, "neither GRO nor", "ethtool -K veth9 gro on"},
	{"send_errors", frames_refused, SEVERITY_WARNING, "5 frames", "queues and mtu"},
	{"forwarding", no_forwarding_there, SEVERITY_ERROR, "ipv4 forwarding is off",
	 "net/ipv4/conf/lo/forwarding=1"},
	{"rp_filter", strict_with_drops, SEVERITY_WARNING, "dropped 3 packets", "rp_filter=2"},
	{"vip", vip_taken_off, SEVERITY_ERROR, "not on this host any more", "restart tandemd"},
	{"vip", arp_off, SEVERITY_ERROR, "arp_ignore=8", "arp_ignore=0"},
	{"route", no_route, SEVERITY_ERROR, "no route leads", "ip route get 10.0.1."},
	{"route", other_interface, SEVERITY_ERROR, "leave by 77777", "add \"77777\""},
	{"next_hop", unresolved, SEVERITY_WARNING, "does not answer ARP", "tcpdump"},
	{"replies", silent_server, SEVERITY_ERROR, "3 packets to it and saw no reply",
	 "back through this host"},
	{"map_usage", full_maps, SEVERITY_WARNING, "services4 is nearly full", "another gateway"},
	{"pins", lost_pins, SEVERITY_ERROR, "open pinned map groups", "--purge"},
};

static bool is_finding_of(const struct finding *finding, const struct row *row)
{
	return !strcmp(finding->check, row->check) && finding->severity == row->severity &&
	       strstr(finding->found, row->found) && strstr(finding->remedy, row->remedy);
}

/* Findings that a row cannot but bring with it. */
static bool is_consequence(const struct finding *finding, const struct row *row)
{
	return !strcmp(finding->check, row->check) ||
	       (fake.hook.mode == DATAPLANE_GENERIC && !strcmp(finding->check, "attachment"));
}

static void print_findings(const struct findings *findings)
{
	for (unsigned int i = 0; i < findings->count; i++)
		print_error("%s %s %s: %s -> %s\n", severity_name(findings->list[i].severity),
			    findings->list[i].check, findings->list[i].subject,
			    findings->list[i].found, findings->list[i].remedy);
}

static void assert_all_good(const struct findings *findings)
{
	for (unsigned int i = 0; i < findings->count; i++) {
		if (findings->list[i].severity == SEVERITY_GOOD)
			continue;
		print_findings(findings);
		fail_msg("not good: %s", findings->list[i].check);
	}
}

static void test_doctor_when_all_is_as_it_should_be_then_finds_nothing(void **state)
{
	struct findings findings;

	given_good_network();
	given_served(*state, 80);
	look(*state, &findings); /* the interface's send errors of before */
	look(*state, &findings);
	assert_all_good(&findings);
	assert_true(findings.count > 15);
}

/* The row's finding is there, and nothing else that is no consequence of it. */
static void check_row(struct rig *rig, const struct row *row)
{
	struct findings findings;
	bool found = false, strange = false;

	given_good_network();
	look(rig, &findings);
	row->given();
	look(rig, &findings);
	for (unsigned int i = 0; i < findings.count; i++) {
		found |= is_finding_of(&findings.list[i], row);
		strange |= findings.list[i].severity != SEVERITY_GOOD &&
			   !is_consequence(&findings.list[i], row);
	}
	if (!found || strange) {
		print_findings(&findings);
		fail_msg("%s \"%s\": %s", row->check, row->found,
			 found ? "something else too" : "not found");
	}
}

static void test_doctor_when_one_thing_is_wrong_then_finds_that_alone(void **state)
{
	struct netaddr vip = address_of("192.0.2.10");
	struct rig *rig = *state;
	struct findings findings;

	given_good_network();
	given_served(rig, 80);
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		check_row(rig, &rows[i]);

		/* What is put right is good again. */
		fake_address(&vip)->vip = true;
		fake.no_route = fake.pins_lost = fake.start_unresolved = false;
		fake.map_used = 0;
		memset(fake.sysctls, 0, sizeof(fake.sysctls));
		given_good_network();
		look(rig, &findings);
		assert_all_good(&findings);
	}
}

static const struct finding *find(const struct findings *findings, const char *check)
{
	for (unsigned int i = 0; i < findings->count; i++) {
		if (!strcmp(findings->list[i].check, check))
			return &findings->list[i];
	}
	fail_msg("no finding of %s", check);
	return NULL;
}

/* The larger of "all" and the interface's own holds: 2, which is loose. */
static void test_doctor_when_rp_filter_is_loose_then_minds_no_drops(void **state)
{
	struct findings findings;

	given_good_network();
	given_served(*state, 80);
	set_sysctl("net/ipv4/conf/all/rp_filter", "2");
	set_sysctl("net/ipv4/conf/lo/rp_filter", "1");
	fake.reverse_path_drops += 3;
	look(*state, &findings);
	assert_int_equal(find(&findings, "rp_filter")->severity, SEVERITY_GOOD);
	assert_string_equal(find(&findings, "rp_filter")->found, "loose");
}

static void test_doctor_when_the_port_is_the_hosts_too_then_warns_unless_reserved(void **state)
{
	const struct finding *finding;
	struct findings findings;

	given_good_network();
	given_served(*state, 40000);
	look(*state, &findings);
	finding = find(&findings, "local_port");
	assert_int_equal(finding->severity, SEVERITY_WARNING);
	assert_string_equal(finding->subject, "192.0.2.10:40000/tcp");
	assert_non_null(strstr(finding->remedy, "ip_local_reserved_ports=40000"));

	set_sysctl("net/ipv4/ip_local_reserved_ports", "80,39000-39999");
	look(*state, &findings);
	finding = find(&findings, "local_port");
	assert_non_null(strstr(finding->remedy, "ip_local_reserved_ports=80,39000-39999,40000"));

	fake.sysctls[0].value = "80,39000-40000";
	look(*state, &findings);
	assert_int_equal(find(&findings, "local_port")->severity, SEVERITY_GOOD);
}

static void test_doctor_when_replies_came_before_then_needs_time_to_judge(void **state)
{
	struct findings findings;

	given_good_network();
	given_served(*state, 80);
	counters[ROLE_MASTER] = (struct td_counters){.packets_in = 100, .packets_out = 90};
	look(*state, &findings);
	/* More packets a moment later: replies may be on their way. */
	counters[ROLE_MASTER].packets_in = 200;
	look(*state, &findings);
	assert_int_equal(find(&findings, "replies")->severity, SEVERITY_GOOD);
}

static void test_doctor_when_connections_are_not_accepted_then_warns(void **state)
{
	const struct finding *finding;
	struct findings findings;

	given_good_network();
	given_served(*state, 80);
	counters[ROLE_MASTER] =
		(struct td_counters){.packets_in = 100, .packets_out = 90, .syn = 3};
	look(*state, &findings);
	finding = find(&findings, "replies");
	assert_int_equal(finding->severity, SEVERITY_WARNING);
	assert_non_null(strstr(finding->found, "3 new connections"));
	/* A refusal is an answer. */
	counters[ROLE_MASTER].rst = 1;
	look(*state, &findings);
	assert_int_equal(find(&findings, "replies")->severity, SEVERITY_GOOD);
}

static void test_doctor_when_the_idle_server_is_silent_then_does_not_mind(void **state)
{
	struct findings findings;

	given_good_network();
	given_served(*state, 80);
	counters[ROLE_SLAVE].packets_in = 1000;
	look(*state, &findings);
	assert_int_equal(find(&findings, "replies")->severity, SEVERITY_GOOD);
}

static void test_doctor_when_nothing_listens_then_says_nothing_of_servers(void **state)
{
	struct findings findings;

	given_good_network();
	given_balancer(*state, "192.0.2.10");
	look(*state, &findings);
	for (unsigned int i = 0; i < findings.count; i++) {
		assert_string_not_equal(findings.list[i].check, "replies");
		assert_string_not_equal(findings.list[i].check, "forwarding");
	}
}

static int stop_at_second(const struct finding *finding, void *userdata)
{
	(void)finding;
	return ++*(int *)userdata == 2 ? 77 : 0;
}

static void test_doctor_when_the_visitor_ends_it_then_says_no_more(void **state)
{
	struct rig *rig = *state;
	int visits = 0;

	given_good_network();
	given_served(rig, 80);
	assert_int_equal(service_doctor_run(rig->service, stop_at_second, &visits, &rig->error),
			 77);
	assert_int_equal(visits, 2);
}

static void test_doctor_when_the_kernel_does_not_answer_then_fails(void **state)
{
	struct findings findings = {0};
	struct rig *rig = *state;
	int failures = 0;

	given_good_network();
	given_served(rig, 80);
	for (unsigned int n = 1;; n++) {
		int r;

		findings.count = 0;
		fake_fail_at(n);
		r = service_doctor_run(rig->service, collect, &findings,
				       &rig_forget_error(rig)->error);
		if (!fake_has_failed())
			break;
		failures += r < 0 && rig->error.message[0];
		assert_true(r < 0);
	}
	assert_true(failures >= 3);
	fake_fail_at(0);
	look(rig, &findings);
	assert_true(findings.count > 15);
}

static void test_preflight_then_looks_at_the_interface_alone(void **state)
{
	struct findings findings = {0};

	(void)state;
	given_good_network();
	lro_on();
	assert_int_equal(service_doctor_preflight(NULL, "lo", collect, &findings), 0);
	assert_int_equal(find(&findings, "lro")->severity, SEVERITY_WARNING);
	for (unsigned int i = 0; i < findings.count; i++)
		assert_string_equal(findings.list[i].subject, "lo");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_doctor_when_all_is_as_it_should_be_then_finds_nothing),
		TEST(test_doctor_when_one_thing_is_wrong_then_finds_that_alone),
		TEST(test_doctor_when_rp_filter_is_loose_then_minds_no_drops),
		TEST(test_doctor_when_the_port_is_the_hosts_too_then_warns_unless_reserved),
		TEST(test_doctor_when_replies_came_before_then_needs_time_to_judge),
		TEST(test_doctor_when_connections_are_not_accepted_then_warns),
		TEST(test_doctor_when_the_idle_server_is_silent_then_does_not_mind),
		TEST(test_doctor_when_nothing_listens_then_says_nothing_of_servers),
		TEST(test_doctor_when_the_visitor_ends_it_then_says_no_more),
		TEST(test_doctor_when_the_kernel_does_not_answer_then_fails),
		TEST(test_preflight_then_looks_at_the_interface_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
