/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The host's addresses, and their announcement to the neighbours. */
#include "net_rig.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netpacket/packet.h>

static unsigned int v0_index(void)
{
	return if_nametoindex("v0");
}

static uint32_t where_is(struct rig *rig, const char *text)
{
	struct netaddr address = rig_address(text);
	uint32_t ifindex = UINT32_MAX;

	assert_int_equal(net_address_find(rig->net, &address, &ifindex), 0);
	return ifindex;
}

static int add(struct rig *rig, const char *text)
{
	struct netaddr address = rig_address(text);

	return net_address_add(rig->net, v0_index(), &address, NULL);
}

static int take_off(struct rig *rig, const char *text)
{
	struct netaddr address = rig_address(text);

	return net_address_remove(rig->net, v0_index(), &address, NULL);
}

struct walk {
	char text[1024];
	unsigned int stop_after;
};

static int collect(const struct netaddr *address, uint32_t ifindex, void *userdata)
{
	char text[NETADDR_TEXT_MAX], name[IF_NAMESIZE];
	struct walk *walk = userdata;
	size_t length = strlen(walk->text);

	/* Those that the kernel made up are not the same in each run. */
	if (address->family == AF_INET6 && address->bytes[0] == 0xfe)
		return 0;
	snprintf(walk->text + length, sizeof(walk->text) - length, " %s@%s ",
		 netaddr_format(address, text), if_indextoname(ifindex, name));
	return walk->stop_after && --walk->stop_after == 0 ? 77 : 0;
}

static void test_walk_when_walked_then_sees_each_address_once(void **state)
{
	static const char *const wanted[] = {
		" 127.0.0.1@lo ", " ::1@lo ",	  " 10.0.0.1@v0 ", " 10.1.0.1@v1 ",
		" fd00::1@v0 ",	  " fd01::1@v1 ", " 10.0.0.1@v1 ", " 192.0.2.7@v0 ",
	};
	struct rig *rig = *state;
	struct walk walk = {0};
	size_t length = 0;

	/* The same address in another net, on another interface, and as one end of a wire. */
	rig_ip("addr add 10.0.0.1/16 dev v0\n"
	       "addr add 10.0.0.1/32 dev v1\n"
	       "addr add 192.0.2.7 peer 192.0.2.8/32 dev v0\n");
	assert_int_equal(net_walk_addresses(rig->net, collect, &walk), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (!strstr(walk.text, wanted[i]))
			fail_msg("%s is not in:%s", wanted[i], walk.text);
		length += strlen(wanted[i]);
	}
	if (strlen(walk.text) != length)
		fail_msg("more than was wanted:%s", walk.text);
}

static void test_walk_when_the_visitor_says_so_then_ends(void **state)
{
	struct walk walk = {.stop_after = 2};
	struct rig *rig = *state;

	assert_int_equal(net_walk_addresses(rig->net, collect, &walk), 77);
	assert_int_equal(walk.stop_after, 0);
}

static int bind_to(const char *text)
{
	struct netaddr address = rig_address(text);
	struct sockaddr_storage name;
	socklen_t size = netaddr_to_sockaddr(&address, 0, &name);
	int fd = socket(address.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = bind(fd, (struct sockaddr *)&name, size) < 0 ? -errno : 0;

	close(fd);
	return r;
}

static void test_add_when_done_then_is_there_at_once(void **state)
{
	struct rig *rig = *state;
	struct walk walk = {0};

	rig_write("/proc/sys/net/ipv6/conf/v0/accept_dad", "1");
	assert_int_equal(where_is(rig, "10.0.0.100"), 0);
	assert_int_equal(where_is(rig, "fd00::100"), 0);
	assert_int_equal(add(rig, "10.0.0.100"), 0);
	assert_int_equal(add(rig, "fd00::100"), 0);
	assert_int_equal(where_is(rig, "10.0.0.100"), v0_index());
	assert_int_equal(where_is(rig, "fd00::100"), v0_index());
	assert_int_equal(net_walk_addresses(rig->net, collect, &walk), 0);
	assert_non_null(strstr(walk.text, " 10.0.0.100@v0 "));
	assert_non_null(strstr(walk.text, " fd00::100@v0 "));
	rig_await(rig, rig->addresses > 0);

	/* The kernel agrees, without waiting for a duplicate. */
	assert_int_equal(bind_to("10.0.0.100"), 0);
	assert_int_equal(bind_to("fd00::100"), 0);
	rig_ip("addr del 10.0.0.100/32 dev v0\n"
	       "addr del fd00::100/128 dev v0\n");
}

static void test_add_when_repeated_then_succeeds_and_changes_nothing(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(add(rig, "10.0.0.100"), 0);
	assert_int_equal(add(rig, "fd00::100"), 0);
	assert_int_equal(add(rig, "10.0.0.100"), 0);
	assert_int_equal(add(rig, "fd00::100"), 0);
	/* In the operator's net it is there too. */
	assert_int_equal(add(rig, "10.0.0.1"), 0);
	rig_ip("addr del 10.0.0.100/32 dev v0\n"
	       "addr del fd00::100/128 dev v0\n");
	assert_int_equal(where_is(rig, "10.0.0.100"), 0);
	assert_int_equal(where_is(rig, "fd00::100"), 0);
	rig_ip("addr del 10.0.0.1/24 dev v0\n");
	assert_int_equal(where_is(rig, "10.0.0.1"), 0);
}

static void test_remove_when_done_or_repeated_then_is_gone(void **state)
{
	struct rig *rig = *state;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(add(rig, "10.0.0.100"), 0);
		assert_int_equal(add(rig, "fd00::100"), 0);
		assert_int_equal(where_is(rig, "fd00::100"), v0_index());
		assert_int_equal(take_off(rig, "10.0.0.100"), 0);
		assert_int_equal(take_off(rig, "fd00::100"), 0);
		assert_int_equal(where_is(rig, "10.0.0.100"), 0);
		assert_int_equal(where_is(rig, "fd00::100"), 0);
	}
	assert_int_equal(take_off(rig, "10.0.0.100"), 0);
	assert_int_equal(take_off(rig, "fd00::100"), 0);
}

static void test_remove_when_the_address_is_the_operators_then_leaves_it(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(take_off(rig, "10.0.0.1"), 0);
	assert_int_equal(take_off(rig, "fd00::1"), 0);
	assert_int_equal(where_is(rig, "10.0.0.1"), v0_index());
	assert_int_equal(where_is(rig, "fd00::1"), v0_index());
}

static void test_add_when_the_interface_refuses_then_says_which(void **state)
{
	struct netaddr address4 = rig_address("10.0.0.100"), address6 = rig_address("fd00::100");
	struct netaddr none = {0};
	struct error error = {0};
	struct rig *rig = *state;

	assert_int_equal(net_address_add(rig->net, 9999, &address4, &error), -ENODEV);
	assert_non_null(strstr(error.message, "10.0.0.100"));
	assert_non_null(strstr(error.message, "9999"));
	assert_int_equal(net_address_remove(rig->net, 9999, &address4, NULL), 0);

	rig_write("/proc/sys/net/ipv6/conf/v0/disable_ipv6", "1");
	error = (struct error){0};
	assert_true(net_address_add(rig->net, v0_index(), &address6, &error) < 0);
	assert_non_null(strstr(error.message, "fd00::100"));
	assert_non_null(strstr(error.message, "v0"));
	assert_int_equal(where_is(rig, "fd00::100"), 0);

	assert_int_equal(net_address_add(rig->net, v0_index(), &none, &error), -EAFNOSUPPORT);
	assert_int_equal(net_address_remove(rig->net, v0_index(), &none, &error), -EAFNOSUPPORT);
}

static void test_addresses_when_others_change_them_then_are_reported(void **state)
{
	struct rig *rig = *state;
	unsigned int before;

	rig_settle(rig);
	before = rig->addresses;
	rig_ip("addr add 10.0.0.50/24 dev v0\n"
	       "addr add 10.0.0.51/24 dev v0\n");
	rig_await(rig, rig->addresses > before);
	assert_int_equal(where_is(rig, "10.0.0.51"), v0_index());

	/* Its lifetime is new, the address is not. */
	rig_settle(rig);
	before = rig->addresses;
	rig_ip("addr change 10.0.0.50/24 dev v0 valid_lft 1000 preferred_lft 1000\n");
	rig_settle(rig);
	assert_int_equal(rig->addresses, before);

	rig_ip("addr flush dev v0\n");
	rig_await(rig, rig->addresses > before);
	assert_int_equal(where_is(rig, "10.0.0.50"), 0);
	assert_int_equal(where_is(rig, "10.0.0.1"), 0);
	assert_int_equal(where_is(rig, "fd00::1"), 0);
}

/* What arrives at the peer. */
struct capture {
	int fd;
	unsigned int count;
	uint8_t frame[256];
	size_t size;
};

static void open_capture(struct rig *rig, uint16_t protocol, struct capture *ret)
{
	struct sockaddr_ll from = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};

	memset(ret, 0, sizeof(*ret));
	rig_enter(rig->peer_fd);
	ret->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	from.sll_ifindex = (int)if_nametoindex("p0");
	assert_int_equal(bind(ret->fd, (struct sockaddr *)&from, sizeof(from)), 0);
	rig_enter(rig->host_fd);
}

/* Count the frames that arrived and hold @size bytes @wanted at @offset. */
static unsigned int count_frames(struct capture *capture, size_t offset, const void *wanted,
				 size_t size)
{
	uint8_t frame[2048];
	ssize_t received;

	while ((received = recv(capture->fd, frame, sizeof(frame), 0)) >= 0) {
		if ((size_t)received < offset + size || (size_t)received > sizeof(capture->frame) ||
		    memcmp(frame + offset, wanted, size) != 0)
			continue;
		memcpy(capture->frame, frame, (size_t)received);
		capture->size = (size_t)received;
		capture->count++;
	}
	return capture->count;
}

static void test_announce_when_ipv4_then_sends_three_arp_announcements(void **state)
{
	static const uint8_t wanted[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,	0, 0, 0,   0, 1, 0x08, 0x06, /* Ethernet */
		0,    1,    0x08, 0,	6,    4,    0,	1,	   /* ARP request */
		2,    0,    0,	  0,	0,    1,    10, 0, 0, 100, /* sender */
		0,    0,    0,	  0,	0,    0,    10, 0, 0, 100, /* target */
	};
	struct netaddr address = rig_address("10.0.0.100");
	struct rig *rig = *state;
	struct capture capture;

	open_capture(rig, ETH_P_ARP, &capture);
	assert_int_equal(add(rig, "10.0.0.100"), 0);
	assert_int_equal(net_announce(rig->net, v0_index(), &address), 0);
	rig_await(rig, count_frames(&capture, 0, wanted, sizeof(wanted)) == 1);
	assert_int_equal(capture.size, sizeof(wanted));
	rig_await(rig, count_frames(&capture, 0, wanted, sizeof(wanted)) == 3);
	assert_null(rig->net->announcements);
	close(capture.fd);
}

static void test_announce_when_ipv6_then_sends_three_advertisements(void **state)
{
	uint8_t wanted[] = {
		0x33, 0x33, 0,	  0,	0,    1,  2,  0,   0, 0, 0, 1, 0x86, 0xdd, /* Ethernet */
		0x60, 0,    0,	  0,	0,    32, 58, 255,			   /* IPv6 */
		0xfd, 0,    0,	  0,	0,    0,  0,  0,   0, 0, 0, 0, 0,    0,
		1,    0, /* from fd00::100 */
		0xff, 2,    0,	  0,	0,    0,  0,  0,   0, 0, 0, 0, 0,    0,
		0,    1,				 /* to all nodes */
		136,  0,    0x58, 0x9d, 0x20, 0,  0,  0, /* override */
		0xfd, 0,    0,	  0,	0,    0,  0,  0,   0, 0, 0, 0, 0,    0,
		1,    0,				 /* target */
		2,    1,    2,	  0,	0,    0,  0,  1, /* its MAC */
	};
	struct netaddr address = rig_address("fd00::100");
	struct rig *rig = *state;
	struct capture capture;

	open_capture(rig, ETH_P_IPV6, &capture);
	assert_int_equal(add(rig, "fd00::100"), 0);
	assert_int_equal(net_announce(rig->net, v0_index(), &address), 0);
	rig_await(rig, count_frames(&capture, 54, wanted + 54, 2) == 1);
	assert_int_equal(capture.size, sizeof(wanted));
	assert_memory_equal(capture.frame, wanted, sizeof(wanted));
	rig_await(rig, count_frames(&capture, 0, wanted, sizeof(wanted)) == 3);

	/* A router says that it is one. */
	rig_write("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	assert_int_equal(net_announce(rig->net, v0_index(), &address), 0);
	wanted[56] = 0xd8;
	wanted[57] = 0x9c;
	wanted[58] = 0xa0;
	rig_await(rig, count_frames(&capture, 0, wanted, sizeof(wanted)) > 3);
	close(capture.fd);
}

static bool knows_our_mac(const char *address)
{
	char *command = xasprintf("ip neigh show %s dev p0 | grep -q 02:00:00:00:00:01", address);
	int r = system(command); /* NOLINT(cert-env33-c) */

	free(command);
	return r == 0;
}

static void test_announce_when_the_neighbour_knows_another_mac_then_learns_ours(void **state)
{
	struct netaddr address4 = rig_address("10.0.0.100"), address6 = rig_address("fd00::100");
	struct rig *rig = *state;

	rig_peer_ip(rig, "neigh add 10.0.0.100 lladdr 02:00:00:00:00:77 dev p0 nud stale\n"
			 "neigh add fd00::100 lladdr 02:00:00:00:00:77 dev p0 nud stale\n");
	assert_int_equal(add(rig, "10.0.0.100"), 0);
	assert_int_equal(add(rig, "fd00::100"), 0);
	assert_int_equal(net_announce(rig->net, v0_index(), &address4), 0);
	assert_int_equal(net_announce(rig->net, v0_index(), &address6), 0);
	rig_enter(rig->peer_fd);
	rig_await(rig, knows_our_mac("10.0.0.100"));
	rig_await(rig, knows_our_mac("fd00::100"));
	rig_enter(rig->host_fd);
}

static void test_announce_when_the_address_leaves_then_stops(void **state)
{
	struct netaddr leaving = rig_address("10.0.0.100"), staying = rig_address("10.0.0.101");
	struct capture of_leaving, of_staying;
	struct rig *rig = *state;

	open_capture(rig, ETH_P_ARP, &of_leaving);
	open_capture(rig, ETH_P_ARP, &of_staying);
	assert_int_equal(add(rig, "10.0.0.100"), 0);
	assert_int_equal(add(rig, "10.0.0.101"), 0);
	assert_int_equal(net_announce(rig->net, v0_index(), &leaving), 0);
	assert_int_equal(net_announce(rig->net, v0_index(), &staying), 0);
	rig_ip("addr del 10.0.0.100/32 dev v0\n");
	rig_await(rig, count_frames(&of_staying, 28, staying.bytes, 4) == 3);
	assert_int_equal(count_frames(&of_leaving, 28, leaving.bytes, 4), 1);
	close(of_leaving.fd);
	close(of_staying.fd);
}

static void test_announce_when_it_cannot_be_sent_then_fails(void **state)
{
	struct netaddr address = rig_address("10.0.0.1");
	struct netaddr none = {0};
	struct rig *rig = *state;

	assert_int_equal(net_announce(rig->net, 9999, &address), -ENODEV);
	assert_int_equal(net_announce(rig->net, if_nametoindex("lo"), &address), -EOPNOTSUPP);
	assert_int_equal(net_announce(rig->net, v0_index(), &none), -EAFNOSUPPORT);
	rig_ip("link set v0 down\n");
	assert_int_equal(net_announce(rig->net, v0_index(), &address), -ENETDOWN);
	assert_null(rig->net->announcements);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_walk_when_walked_then_sees_each_address_once),
		rig_test(test_walk_when_the_visitor_says_so_then_ends),
		rig_test(test_add_when_done_then_is_there_at_once),
		rig_test(test_add_when_repeated_then_succeeds_and_changes_nothing),
		rig_test(test_remove_when_done_or_repeated_then_is_gone),
		rig_test(test_remove_when_the_address_is_the_operators_then_leaves_it),
		rig_test(test_add_when_the_interface_refuses_then_says_which),
		rig_test(test_addresses_when_others_change_them_then_are_reported),
		rig_test(test_announce_when_ipv4_then_sends_three_arp_announcements),
		rig_test(test_announce_when_ipv6_then_sends_three_advertisements),
		rig_test(test_announce_when_the_neighbour_knows_another_mac_then_learns_ours),
		rig_test(test_announce_when_the_address_leaves_then_stops),
		rig_test(test_announce_when_it_cannot_be_sent_then_fails),
	};

	if (rig_become_root() < 0)
		return 1;
	return cmocka_run_group_tests_name("net_address", tests, NULL, NULL);
}
