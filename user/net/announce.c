/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Telling the neighbours where an address is now. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/internal.h"

/* RFC 5227: two announcements two seconds apart; three cost nothing and the first may be lost. */
enum { ANNOUNCE_COUNT = 3, ANNOUNCE_INTERVAL_US = 1000 * 1000, ANNOUNCE_ACCURACY_US = 10 * 1000 };

struct announcement_key {
	uint32_t ifindex;
	struct netaddr address;
};

/* Without the padding at the end. */
enum { KEY_SIZE = offsetof(struct announcement_key, address) + sizeof(struct netaddr) };

struct announcement {
	struct net *net;
	struct announcement_key key;
	unsigned int left;
	sd_event_source *timer;
	UT_hash_handle hh;
};

/* What uthash's macros unfold to is not ours to simplify. */
/* NOLINTBEGIN(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */
static struct announcement *find_announcement(struct net *net, const struct announcement_key *key)
{
	struct announcement *found;

	HASH_FIND(hh, net->announcements, key, KEY_SIZE, found);
	return found;
}

static void insert_announcement(struct net *net, struct announcement *announcement)
{
	HASH_ADD(hh, net->announcements, key, KEY_SIZE, announcement);
}

static void remove_announcement(struct net *net, struct announcement *announcement)
{
	HASH_DELETE(hh, net->announcements, announcement);
}
/* NOLINTEND(readability-function-cognitive-complexity,bugprone-*,clang-analyzer-*) */

struct arp_frame {
	struct ether_header ethernet;
	struct ether_arp arp;
} __attribute__((packed));

struct advertisement {
	struct nd_neighbor_advert header;
	struct nd_opt_hdr option;
	uint8_t mac[MAC_SIZE];
} __attribute__((packed));

struct advertisement_frame {
	struct ether_header ethernet;
	struct ip6_hdr ip;
	struct advertisement body;
} __attribute__((packed));

int announce_open(struct net *net)
{
	/* Protocol 0: it only sends, nothing is queued for it. */
	net->packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return net->packet_fd < 0 ? -errno : 0;
}

static int send_frame(struct net *net, uint32_t ifindex, const void *frame, size_t size)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)ifindex,
		.sll_halen = MAC_SIZE,
	};
	ssize_t sent;

	memcpy(to.sll_addr, frame, MAC_SIZE);
	sent = sendto(net->packet_fd, frame, size, 0, (struct sockaddr *)&to, sizeof(to));
	return sent < 0 ? -errno : 0;
}

static int send_arp(struct net *net, const struct interface *interface,
		    const struct netaddr *address)
{
	struct arp_frame frame = {
		.ethernet.ether_type = htons(ETHERTYPE_ARP),
		.arp.arp_hrd = htons(ARPHRD_ETHER),
		.arp.arp_pro = htons(ETHERTYPE_IP),
		.arp.arp_hln = MAC_SIZE,
		.arp.arp_pln = 4,
		.arp.arp_op = htons(ARPOP_REQUEST),
	};

	memset(frame.ethernet.ether_dhost, 0xff, MAC_SIZE);
	memcpy(frame.ethernet.ether_shost, interface->mac, MAC_SIZE);
	memcpy(frame.arp.arp_sha, interface->mac, MAC_SIZE);
	memcpy(frame.arp.arp_spa, address->bytes, 4);
	memcpy(frame.arp.arp_tpa, address->bytes, 4);
	return send_frame(net, interface->ifindex, &frame, sizeof(frame));
}

static uint32_t sum_bytes(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return sum;
}

/* The checksum with the pseudo header of RFC 8200, 8.1; the field itself is zero. */
static uint16_t checksum6(const struct advertisement_frame *frame)
{
	uint32_t sum = sizeof(frame->body) + IPPROTO_ICMPV6;

	sum = sum_bytes(sum, &frame->ip.ip6_src, sizeof(frame->ip.ip6_src));
	sum = sum_bytes(sum, &frame->ip.ip6_dst, sizeof(frame->ip.ip6_dst));
	sum = sum_bytes(sum, &frame->body, sizeof(frame->body));
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static int send_advertisement(struct net *net, const struct interface *interface,
			      const struct netaddr *address)
{
	static const uint8_t all_nodes_mac[MAC_SIZE] = {0x33, 0x33, 0, 0, 0, 1};
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
	struct advertisement_frame frame = {
		.ethernet.ether_type = htons(ETHERTYPE_IPV6),
		.ip.ip6_flow = htonl(6U << 28),
		.ip.ip6_plen = htons(sizeof(frame.body)),
		.ip.ip6_nxt = IPPROTO_ICMPV6,
		.ip.ip6_hlim = 255,
		.body.header.nd_na_type = ND_NEIGHBOR_ADVERT,
		.body.header.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE,
		.body.option = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1},
	};
	bool router;
	int r;

	/* Without it, hosts would strike a router off their list. */
	r = net_forwarding(AF_INET6, &router);
	if (r < 0)
		return r;
	if (router)
		frame.body.header.nd_na_flags_reserved |= ND_NA_FLAG_ROUTER;

	memcpy(frame.ethernet.ether_dhost, all_nodes_mac, MAC_SIZE);
	memcpy(frame.ethernet.ether_shost, interface->mac, MAC_SIZE);
	memcpy(&frame.ip.ip6_src, address->bytes, 16);
	memcpy(&frame.ip.ip6_dst, all_nodes, 16);
	memcpy(&frame.body.header.nd_na_target, address->bytes, 16);
	memcpy(frame.body.mac, interface->mac, MAC_SIZE);
	frame.body.header.nd_na_cksum = checksum6(&frame);
	return send_frame(net, interface->ifindex, &frame, sizeof(frame));
}

static int send_once(struct net *net, uint32_t ifindex, const struct netaddr *address)
{
	const struct interface *interface = interface_find(net, ifindex);

	if (!interface)
		return -ENODEV;
	if (!interface->ethernet)
		return -EOPNOTSUPP;
	return address->family == AF_INET ? send_arp(net, interface, address)
					  : send_advertisement(net, interface, address);
}

static void end_announcement(struct announcement *announcement)
{
	sd_event_source_disable_unref(announcement->timer);
	remove_announcement(announcement->net, announcement);
	free(announcement);
}

void announcements_cancel(struct net *net, uint32_t ifindex, const struct netaddr *address)
{
	struct announcement_key key = {.ifindex = ifindex, .address = *address};
	struct announcement *announcement = find_announcement(net, &key);

	if (announcement)
		end_announcement(announcement);
}

static int set_timer(struct announcement *announcement)
{
	int r = sd_event_source_set_time_relative(announcement->timer, ANNOUNCE_INTERVAL_US);

	return r < 0 ? r : sd_event_source_set_enabled(announcement->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t when_us, void *userdata)
{
	struct announcement *announcement = userdata;
	struct net *net = announcement->net;
	struct announcement_key key = announcement->key;
	char text[NETADDR_TEXT_MAX];
	int r;

	(void)source;
	(void)when_us;
	/* Another host may have taken the address over from us: see that first. */
	r = net_sync(net);
	if (r >= 0 && find_announcement(net, &key) != announcement)
		return 0;
	if (r >= 0)
		r = send_once(net, key.ifindex, &key.address);
	if (r >= 0 && --announcement->left > 0)
		r = set_timer(announcement);
	else
		end_announcement(announcement);
	if (r < 0)
		log_warning("announce_failed address=%s ifindex=%u: %s",
			    netaddr_format(&key.address, text), key.ifindex, strerror(-r));
	return 0;
}

int net_announce(struct net *net, uint32_t ifindex, const struct netaddr *address)
{
	struct announcement *announcement;
	int r;

	if (!netaddr_size(address))
		return -EAFNOSUPPORT;
	r = net_sync(net);
	if (r < 0)
		return r;

	r = send_once(net, ifindex, address);
	if (r < 0)
		return r;

	announcements_cancel(net, ifindex, address);
	announcement = xcalloc(1, sizeof(*announcement));
	announcement->net = net;
	announcement->key = (struct announcement_key){.ifindex = ifindex, .address = *address};
	announcement->left = ANNOUNCE_COUNT - 1;
	insert_announcement(net, announcement);

	r = sd_event_add_time_relative(net->event, &announcement->timer, CLOCK_MONOTONIC,
				       ANNOUNCE_INTERVAL_US, ANNOUNCE_ACCURACY_US, on_timer,
				       announcement);
	if (r < 0) {
		end_announcement(announcement);
		return r;
	}
	return 0;
}

void announcements_free(struct net *net)
{
	struct announcement *announcement, *next;

	for (announcement = net->announcements; announcement; announcement = next) {
		next = announcement->hh.next;
		end_announcement(announcement);
	}
}
