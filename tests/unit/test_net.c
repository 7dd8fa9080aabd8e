/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Next hops of tracked addresses. */
#include "net_rig.h"

/* As net sees the neighbour over v0; NUD_DELAY is what it makes of NUD_STALE when it has acted. */
static uint16_t state_of(struct rig *rig, const struct rig_record *record)
{
	return neighbour_get(rig->net, if_nametoindex("v0"), &record->address)->state;
}

static void test_track_when_the_peer_answers_then_resolves(void **state)
{
	struct rig *rig = *state;
	struct rig_record *on_link4 = rig_track(rig, "10.0.0.2");
	struct rig_record *on_link6 = rig_track(rig, "fd01::2");

	assert_true(rig_leads(on_link4, "v0", 0x001, 0));
	assert_true(rig_leads(on_link6, "v1", 0x101, 0));
	rig_await(rig, rig_leads(on_link4, "v0", 0x001, 0x002));
	rig_await(rig, rig_leads(on_link6, "v1", 0x101, 0x102));
	assert_int_equal(on_link4->reports, 1);
	assert_int_equal(on_link6->reports, 1);
}

static void test_track_when_known_already_then_answers_at_once(void **state)
{
	struct rig *rig = *state;

	rig_ip("neigh add 10.0.0.77 lladdr 02:00:00:00:00:77 dev v0 nud reachable\n");
	assert_true(rig_leads(rig_track(rig, "10.0.0.77"), "v0", 0x001, 0x077));
}

static void test_track_when_behind_a_gateway_then_leads_to_the_gateway(void **state)
{
	struct rig *rig = *state;
	struct rig_record *by4, *by6, *by6_from4;

	rig_ip("route add 172.16.0.0/16 via 10.1.0.2\n"
	       "route add fd99::/64 via fd00::2\n"
	       "route add 172.17.0.0/16 via inet6 fd00::2\n");
	by4 = rig_track(rig, "172.16.3.4");
	by6 = rig_track(rig, "fd99::4");
	by6_from4 = rig_track(rig, "172.17.3.4");
	rig_await(rig, rig_leads(by4, "v1", 0x101, 0x102));
	rig_await(rig, rig_leads(by6, "v0", 0x001, 0x002));
	rig_await(rig, rig_leads(by6_from4, "v0", 0x001, 0x002));
}

static void test_track_when_nothing_leads_out_then_has_no_interface(void **state)
{
	struct rig *rig = *state;

	rig_ip("route add unreachable 172.16.0.0/16\n"
	       "route add blackhole 172.17.0.0/16\n"
	       "route add unreachable fd98::/64\n");
	assert_true(rig_leads_nowhere(rig_track(rig, "192.0.2.1")));
	assert_true(rig_leads_nowhere(rig_track(rig, "2001:db8::1")));
	assert_true(rig_leads_nowhere(rig_track(rig, "172.16.0.1")));
	assert_true(rig_leads_nowhere(rig_track(rig, "172.17.0.1")));
	assert_true(rig_leads_nowhere(rig_track(rig, "fd98::1")));
	assert_true(rig_leads_nowhere(rig_track(rig, "10.0.0.1")));
	assert_true(rig_leads_nowhere(rig_track(rig, "fd00::1")));
	assert_true(rig_leads_nowhere(rig_track(rig, "127.0.0.1")));
}

static void test_track_when_no_family_then_refuses(void **state)
{
	struct netaddr none = {0};
	struct rig *rig = *state;
	struct net_nexthop nexthop;

	assert_int_equal(net_track(rig->net, &none, &nexthop), -EAFNOSUPPORT);
	assert_int_equal(net_resolve(rig->net, 1, &none), -EAFNOSUPPORT);
}

static void test_nexthop_when_a_route_comes_then_follows_it(void **state)
{
	struct rig *rig = *state;
	struct rig_record *specific = rig_track(rig, "192.0.2.1");
	struct rig_record *by_default = rig_track(rig, "2001:db8::1");

	assert_true(rig_leads_nowhere(specific));
	rig_ip("route add 192.0.2.1/32 via 10.0.0.2\n"
	       "route add default via fd01::2\n");
	rig_await(rig, rig_leads(specific, "v0", 0x001, 0x002));
	rig_await(rig, rig_leads(by_default, "v1", 0x101, 0x102));

	rig_ip("route del 192.0.2.1/32\n");
	rig_await(rig, rig_leads_nowhere(specific));
}

static void test_nexthop_when_the_route_changes_then_takes_the_other_interface(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record;

	rig_ip("route add 172.16.0.0/12 via 10.0.0.2\n");
	record = rig_track(rig, "172.17.0.1");
	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
	rig_ip("route add 172.16.0.0/15 via 10.1.0.2\n");
	rig_await(rig, rig_leads(record, "v1", 0x101, 0x102));
	rig_ip("route change 172.16.0.0/15 via 10.0.0.2\n");
	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
}

static void test_nexthop_when_many_routes_change_then_misses_none(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record;

	rig_ip("route add 172.16.0.0/12 via 10.0.0.2\n");
	record = rig_track(rig, "172.17.0.1");
	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
	for (int i = 0; i < 100; i++)
		rig_ip("route add 10.20.%d.0/24 via 10.1.0.2\n", i);
	rig_ip("route add 172.17.0.0/24 via 10.1.0.2\n");
	rig_await(rig, rig_leads(record, "v1", 0x101, 0x102));
}

static void test_nexthop_when_a_rule_comes_then_follows_it(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record;

	rig_ip("route add default via 10.0.0.2\n"
	       "route add default via 10.1.0.2 table 100\n");
	record = rig_track(rig, "192.0.2.1");
	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
	rig_ip("rule add to 192.0.2.0/24 lookup 100\n");
	rig_await(rig, rig_leads(record, "v1", 0x101, 0x102));
}

static void test_nexthop_when_a_nexthop_object_changes_then_follows_it(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record;

	/* Else the kernel tells of the routes that use it too. */
	rig_write("/proc/sys/net/ipv4/nexthop_compat_mode", "0");
	rig_ip("nexthop add id 1 via 10.0.0.2 dev v0\n"
	       "route add 192.0.2.0/24 nhid 1\n");
	record = rig_track(rig, "192.0.2.1");
	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
	rig_ip("nexthop replace id 1 via 10.1.0.2 dev v1\n");
	rig_await(rig, rig_leads(record, "v1", 0x101, 0x102));
}

static void test_nexthop_when_the_server_appears_later_then_resolves(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record4, *record6;
	const struct neighbour *neighbour;

	rig_write("/proc/sys/net/ipv4/neigh/v0/retrans_time_ms", "50");
	rig_write("/proc/sys/net/ipv6/neigh/v0/retrans_time_ms", "50");
	record4 = rig_track(rig, "10.0.0.9");
	record6 = rig_track(rig, "fd00::9");
	/* Until the kernel has given up, so that it has to be asked again. */
	rig_await(rig, state_of(rig, record4) == NUD_FAILED);
	/* Not at once, or it would be asked for without end. */
	neighbour = neighbour_get(rig->net, record4->nexthop.ifindex, &record4->address);
	assert_true(neighbour->queued);
	assert_true(neighbour->probe_after_us > clock_monotonic_us());
	rig_peer_ip(rig, "addr add 10.0.0.9/24 dev p0\n"
			 "addr add fd00::9/64 dev p0 nodad\n");
	rig_await(rig, rig_leads(record4, "v0", 0x001, 0x002));
	rig_await(rig, rig_leads(record6, "v0", 0x001, 0x002));
}

static void test_nexthop_when_the_server_announces_another_mac_then_takes_it(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record4 = rig_track(rig, "10.0.0.2");
	struct rig_record *record6 = rig_track(rig, "fd00::2");
	unsigned int routes;

	rig_await(rig, rig_leads(record4, "v0", 0x001, 0x002));
	rig_await(rig, rig_leads(record6, "v0", 0x001, 0x002));
	rig_enter(rig->peer_fd);
	rig_write("/proc/sys/net/ipv4/conf/p0/arp_notify", "1");
	rig_write("/proc/sys/net/ipv6/conf/p0/ndisc_notify", "1");
	rig_enter(rig->host_fd);
	routes = rig->routes;
	rig_peer_ip(rig, "link set p0 address 02:00:00:00:00:22\n");
	rig_await(rig, rig_leads(record4, "v0", 0x001, 0x022));
	rig_await(rig, rig_leads(record6, "v0", 0x001, 0x022));
	assert_true(rig->routes > routes);
}

/* Nothing is sent to the server, as with XDP: only that its entry is kept alive shows the change.
 */
static void test_nexthop_when_the_mac_changes_silently_then_finds_out(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record4 = rig_track(rig, "10.0.0.2");
	struct rig_record *record6 = rig_track(rig, "fd00::2");

	rig_write("/proc/sys/net/ipv4/neigh/v0/base_reachable_time_ms", "100");
	rig_write("/proc/sys/net/ipv4/neigh/v0/delay_first_probe_time", "0");
	rig_write("/proc/sys/net/ipv4/neigh/v0/retrans_time_ms", "50");
	rig_write("/proc/sys/net/ipv6/neigh/v0/base_reachable_time_ms", "100");
	rig_write("/proc/sys/net/ipv6/neigh/v0/delay_first_probe_time", "0");
	rig_write("/proc/sys/net/ipv6/neigh/v0/retrans_time_ms", "50");
	rig_await(rig, rig_leads(record4, "v0", 0x001, 0x002));
	rig_await(rig, rig_leads(record6, "v0", 0x001, 0x002));
	/* Grown stale, and asked to be verified. */
	rig_await(rig, state_of(rig, record4) == NUD_DELAY);
	rig_await(rig, state_of(rig, record6) == NUD_DELAY);
	rig_peer_ip(rig, "link set p0 address 02:00:00:00:00:22\n");
	rig_await(rig, rig_leads(record4, "v0", 0x001, 0x022));
	rig_await(rig, rig_leads(record6, "v0", 0x001, 0x022));
}

static void test_nexthop_when_our_mac_changes_then_sends_from_it(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record = rig_track(rig, "10.0.0.2");

	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
	rig_ip("link set v0 address 02:00:00:00:00:11\n");
	rig_await(rig, rig_leads(record, "v0", 0x011, 0x002));
}

static void test_nexthop_when_the_link_goes_down_and_up_then_comes_back(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record = rig_track(rig, "10.0.0.2");

	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
	rig_ip("link set v0 down\n");
	rig_await(rig, rig_leads_nowhere(record));
	rig_ip("link set v0 up\n");
	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));

	/* Without a carrier the route stays. */
	rig_peer_ip(rig, "link set p0 down\n");
	rig_await(rig, rig_leads(record, "v0", 0x001, 0));
	rig_peer_ip(rig, "link set p0 up\n");
	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
}

static void test_nexthop_when_the_interface_goes_then_has_none(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record4 = rig_track(rig, "10.0.0.2");
	struct rig_record *record6 = rig_track(rig, "fd00::2");

	rig_await(rig, rig_leads(record4, "v0", 0x001, 0x002));
	rig_await(rig, rig_leads(record6, "v0", 0x001, 0x002));
	rig_ip("link del v0\n");
	rig_await(rig, rig_leads_nowhere(record4));
	rig_await(rig, rig_leads_nowhere(record6));
}

static void test_nexthop_when_the_last_address_goes_then_sees_the_routes_go(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record;

	rig_ip("route add 172.16.0.0/16 dev v1\n");
	record = rig_track(rig, "172.16.0.1");
	assert_true(rig_leads(record, "v1", 0x101, 0));
	rig_ip("addr del 10.1.0.1/24 dev v1\n");
	rig_await(rig, rig_leads_nowhere(record));
}

static void test_nexthop_when_the_neighbour_is_deleted_then_resolves_again(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record4 = rig_track(rig, "10.0.0.2");
	struct rig_record *record6 = rig_track(rig, "fd00::2");
	unsigned int routes;

	rig_await(rig, rig_leads(record4, "v0", 0x001, 0x002));
	rig_await(rig, rig_leads(record6, "v0", 0x001, 0x002));
	routes = rig->routes;
	rig_ip("neigh flush dev v0\n");
	rig_await(rig, record4->reports >= 3 && rig_leads(record4, "v0", 0x001, 0x002));
	rig_await(rig, record6->reports >= 3 && rig_leads(record6, "v0", 0x001, 0x002));
	assert_true(rig->routes > routes);
}

static void test_nexthop_when_the_neighbour_is_permanent_then_leaves_it_so(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record = rig_track(rig, "10.0.0.2");
	struct neighbour *neighbour;

	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
	rig_ip("neigh replace 10.0.0.2 lladdr 02:00:00:00:00:33 dev v0 nud permanent\n");
	rig_await(rig, rig_leads(record, "v0", 0x001, 0x033));
	assert_int_equal(net_resolve(rig->net, record->nexthop.ifindex, &record->address), 0);
	rig_settle(rig);
	neighbour = neighbour_get(rig->net, record->nexthop.ifindex, &record->address);
	assert_int_equal(neighbour->state, NUD_PERMANENT);
	assert_false(neighbour->queued);
}

static void test_nexthop_when_only_the_state_changes_then_reports_nothing(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record = rig_track(rig, "10.0.0.2");
	unsigned int routes;

	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
	rig_settle(rig);
	routes = rig->routes;
	for (int i = 0; i < 3; i++) {
		rig_ip("neigh change 10.0.0.2 lladdr 02:00:00:00:00:02 dev v0 nud stale\n");
		rig_await(rig, state_of(rig, record) == NUD_DELAY);
		rig_ip("neigh change 10.0.0.2 lladdr 02:00:00:00:00:02 dev v0 nud reachable\n");
		rig_await(rig, state_of(rig, record) == NUD_REACHABLE);
	}
	assert_int_equal(rig->nexthops, 1);
	assert_int_equal(rig->routes, routes);
}

static void test_resolve_when_not_tracked_then_has_the_kernel_resolve(void **state)
{
	struct netaddr address = rig_address("10.0.0.2");
	struct rig *rig = *state;
	const struct neighbour *neighbour;

	neighbour = neighbour_get(rig->net, if_nametoindex("v0"), &address);
	assert_int_equal(net_resolve(rig->net, if_nametoindex("v0"), &address), 0);
	rig_await(rig, neighbour->resolved);
	assert_int_equal(neighbour->mac[5], 2);
	assert_int_equal(net_resolve(rig->net, 9999, &address), -ENODEV);
}

static void test_untrack_when_tracked_twice_then_the_second_ends_it(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record = rig_track(rig, "10.0.0.2");
	struct net_nexthop nexthop;

	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
	assert_int_equal(net_track(rig->net, &record->address, &nexthop), 0);
	assert_true(nexthop.resolved);

	net_untrack(rig->net, &record->address);
	rig_ip("neigh replace 10.0.0.2 lladdr 02:00:00:00:00:44 dev v0 nud reachable\n");
	rig_await(rig, rig_leads(record, "v0", 0x001, 0x044));

	net_untrack(rig->net, &record->address);
	rig_ip("neigh replace 10.0.0.2 lladdr 02:00:00:00:00:55 dev v0 nud reachable\n");
	rig_settle(rig);
	assert_true(rig_leads(record, "v0", 0x001, 0x044));
	assert_null(rig->net->targets);
}

static void untrack_on_nexthop(const struct netaddr *address, const struct net_nexthop *nexthop,
			       void *userdata)
{
	struct rig *rig = userdata;
	struct netaddr other = *address;
	struct net_nexthop ignored;

	rig_on_nexthop(address, nexthop, userdata);
	other.bytes[3] ^= 1;
	net_untrack(rig->net, address);
	net_untrack(rig->net, &other);
	assert_int_equal(net_track(rig->net, &other, &ignored), 0);
}

static void test_untrack_when_called_from_the_callback_then_is_safe(void **state)
{
	struct rig *rig = *state;
	struct netaddr a = rig_address("172.16.0.2"), b = rig_address("172.16.0.3");
	struct net_nexthop nexthop;

	rig->net->callbacks.on_nexthop = untrack_on_nexthop;
	assert_int_equal(net_track(rig->net, &a, &nexthop), 0);
	assert_int_equal(net_track(rig->net, &b, &nexthop), 0);
	rig_ip("route add 172.16.0.0/16 dev v0\n");
	rig_await(rig, rig->nexthops >= 1);
	rig_settle(rig);
	assert_int_equal(rig->nexthops, 1);
	assert_int_equal(HASH_COUNT(rig->net->targets), 1);
}

/* Nobody reads while the buffer is full: the last event cannot have come through. */
static void test_events_when_lost_then_reads_everything_anew(void **state)
{
	struct rig *rig = *state;
	struct rig_record *record = rig_track(rig, "10.0.0.2");
	struct netaddr last = rig_address("10.9.0.200");
	unsigned int addresses;
	int size = 1;

	rig_await(rig, rig_leads(record, "v0", 0x001, 0x002));
	rig_settle(rig);
	addresses = rig->addresses;
	assert_int_equal(setsockopt(nl_socket_get_fd(rig->net->events), SOL_SOCKET, SO_RCVBUFFORCE,
				    &size, sizeof(size)),
			 0);
	for (int i = 1; i <= 200; i++)
		rig_ip("addr add 10.9.0.%d/32 dev v1\n", i);
	rig_ip("addr del 10.9.0.1/32 dev v1\n"
	       "link set v0 address 02:00:00:00:00:11\n"
	       "neigh replace 10.0.0.2 lladdr 02:00:00:00:00:66 dev v0 nud permanent\n");

	rig_await(rig, rig_leads(record, "v0", 0x011, 0x066));
	rig_await(rig, rig->addresses > addresses);
	assert_int_equal(net_address_find(rig->net, &last, &record->nexthop.ifindex), 0);
	assert_int_equal(record->nexthop.ifindex, if_nametoindex("v1"));
	last.bytes[3] = 1;
	assert_int_equal(net_address_find(rig->net, &last, &record->nexthop.ifindex), 0);
	assert_int_equal(record->nexthop.ifindex, 0);
}

enum { MANY = 10000 };

static void track_many(struct rig *rig)
{
	struct netaddr address = rig_address("172.16.0.0");
	struct net_nexthop nexthop;

	for (unsigned int i = 0; i < MANY; i++) {
		address.bytes[2] = (uint8_t)(i >> 8);
		address.bytes[3] = (uint8_t)i;
		assert_int_equal(net_track(rig->net, &address, &nexthop), 0);
	}
}

/*
 * A second is what one event may cost at the very most, with sanitizers on a slow machine; looking
 * at all targets once for each would take minutes.
 */
static void test_events_when_10000_are_tracked_then_cost_little(void **state)
{
	struct rig *rig = *state;
	uint64_t begin = clock_monotonic_us(), tracked, resolved, many, moved;

	rig_ip("route add 172.16.0.0/12 via 10.0.0.2\n");
	track_many(rig);
	tracked = clock_monotonic_us();
	rig_await(rig, rig->nexthops == MANY);
	resolved = clock_monotonic_us();

	/* Events that concern none of them. */
	for (int i = 0; i < 8; i++)
		rig_ip("route add 10.20.%d.0/24 via 10.1.0.2\n"
		       "addr add 10.30.0.%d/32 dev v1\n",
		       i, i);
	rig_settle(rig);
	many = clock_monotonic_us();
	assert_int_equal(rig->nexthops, MANY);

	rig_ip("route add 172.16.0.0/13 via 10.1.0.2\n");
	rig_await(rig, rig->nexthops >= 2 * MANY);
	rig_await(rig, !rig->net->unrouted.tqh_first && !rig->net->changed.tqh_first);
	moved = clock_monotonic_us();
	print_message("10000: tracked in %u ms, resolved %u, unconcerned %u, moved %u\n",
		      (unsigned int)(tracked - begin) / 1000,
		      (unsigned int)(resolved - tracked) / 1000,
		      (unsigned int)(many - resolved) / 1000, (unsigned int)(moved - many) / 1000);
	assert_true(tracked - begin < 10 * 1000 * 1000);
	assert_true(resolved - tracked < 2 * 1000 * 1000);
	assert_true(many - resolved < 2 * 1000 * 1000);
	assert_true(moved - many < 5 * 1000 * 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_track_when_the_peer_answers_then_resolves),
		rig_test(test_track_when_known_already_then_answers_at_once),
		rig_test(test_track_when_behind_a_gateway_then_leads_to_the_gateway),
		rig_test(test_track_when_nothing_leads_out_then_has_no_interface),
		rig_test(test_track_when_no_family_then_refuses),
		rig_test(test_nexthop_when_a_route_comes_then_follows_it),
		rig_test(test_nexthop_when_the_route_changes_then_takes_the_other_interface),
		rig_test(test_nexthop_when_many_routes_change_then_misses_none),
		rig_test(test_nexthop_when_a_rule_comes_then_follows_it),
		rig_test(test_nexthop_when_a_nexthop_object_changes_then_follows_it),
		rig_test(test_nexthop_when_the_server_appears_later_then_resolves),
		rig_test(test_nexthop_when_the_server_announces_another_mac_then_takes_it),
		rig_test(test_nexthop_when_the_mac_changes_silently_then_finds_out),
		rig_test(test_nexthop_when_our_mac_changes_then_sends_from_it),
		rig_test(test_nexthop_when_the_link_goes_down_and_up_then_comes_back),
		rig_test(test_nexthop_when_the_interface_goes_then_has_none),
		rig_test(test_nexthop_when_the_last_address_goes_then_sees_the_routes_go),
		rig_test(test_nexthop_when_the_neighbour_is_deleted_then_resolves_again),
		rig_test(test_nexthop_when_the_neighbour_is_permanent_then_leaves_it_so),
		rig_test(test_nexthop_when_only_the_state_changes_then_reports_nothing),
		rig_test(test_resolve_when_not_tracked_then_has_the_kernel_resolve),
		rig_test(test_untrack_when_tracked_twice_then_the_second_ends_it),
		rig_test(test_untrack_when_called_from_the_callback_then_is_safe),
		rig_test(test_events_when_lost_then_reads_everything_anew),
		rig_test(test_events_when_10000_are_tracked_then_cost_little),
	};

	if (rig_become_root() < 0)
		return 1;
	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
