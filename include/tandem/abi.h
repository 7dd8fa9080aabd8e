/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_ABI_H
#define TANDEM_ABI_H

/*
 * What the XDP program and the agent share: map keys and values, limits, the reasons of verdicts.
 * Addresses and ports are in network byte order throughout, as they are in packets. An IPv4 address
 * in a 16-byte field stands in its first four bytes, the rest is zero. Padding is explicit and
 * zero.
 */

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Grows with every change of the layout below; an agent adopts only maps of its own ABI. */
#define TD_ABI 2

enum td_limit {
	TD_MAX_SERVICES = 16384,
	/* A changed group is written beside the old one before the switch. */
	TD_MAX_GROUPS = 2 * TD_MAX_SERVICES,
	TD_MAX_ENDPOINTS = 2 * TD_MAX_SERVICES,
	TD_MAX_NEXTHOPS = 65536,
	TD_MAX_LOCAL_ADDRESSES = 32768,
	TD_MAX_DEVICES = 256,
	TD_MAX_INTERFACES = 4096 + TD_MAX_DEVICES,
	TD_ROUTE_CACHE_SIZE = 4096, /* a power of two, per CPU and family */
	TD_PORT_WORDS = 65536 / 64,
	TD_FILTER_WORDS = 16,	  /* a power of two */
	TD_QUICK_BUCKETS = 32768, /* a power of two */
	TD_QUICK_SLOTS = 3,
	TD_MAX_FRAGMENTS = 16384,
	TD_FRAGMENT_SECONDS = 30, /* as the kernel's net.ipv4.ipfrag_time */
	TD_EVENTS_BYTES = 65536,
};

/* Why a packet met its verdict: symbol, name for people, XDP action. Each packet counts under one.
 */
#define TD_REASONS(X)                                                                              \
	X(TD_CONTINUE, "continue", XDP_ABORTED)                                                    \
	X(TD_FORWARD_TX, "forward_tx", XDP_TX)                                                     \
	X(TD_FORWARD_REDIRECT, "forward_redirect", XDP_REDIRECT)                                   \
	X(TD_RETURN_TX, "return_tx", XDP_TX)                                                       \
	X(TD_RETURN_REDIRECT, "return_redirect", XDP_REDIRECT)                                     \
	X(TD_REJECT_TCP_RESET, "reject_tcp_reset", XDP_TX)                                         \
	X(TD_REJECT_UNREACHABLE, "reject_unreachable", XDP_TX)                                     \
	X(TD_TIME_EXCEEDED, "time_exceeded", XDP_TX)                                               \
	X(TD_TOO_BIG, "too_big", XDP_TX)                                                           \
	X(TD_PASS_NOT_IP, "pass_not_ip", XDP_PASS)                                                 \
	X(TD_PASS_NOT_OURS, "pass_not_ours", XDP_PASS)                                             \
	X(TD_PASS_MALFORMED, "pass_malformed", XDP_PASS)                                           \
	X(TD_PASS_LOCAL, "pass_local", XDP_PASS)                                                   \
	X(TD_PASS_IDLE_SERVER, "pass_idle_server", XDP_PASS)                                       \
	X(TD_PASS_OTHER_VLAN, "pass_other_vlan", XDP_PASS)                                         \
	X(TD_PASS_SERVER_UNRESOLVED, "pass_server_unresolved", XDP_PASS)                           \
	X(TD_PASS_TO_FRAGMENT, "pass_to_fragment", XDP_PASS)                                       \
	X(TD_PASS_FORWARDING_OFF, "pass_forwarding_off", XDP_PASS)                                 \
	X(TD_PASS_NO_ROUTE, "pass_no_route", XDP_PASS)                                             \
	X(TD_DROP_NONE_HEALTHY, "drop_none_healthy", XDP_DROP)                                     \
	X(TD_DROP_FRAGMENT, "drop_fragment", XDP_DROP)                                             \
	X(TD_DROP_HEADERS, "drop_headers", XDP_DROP)                                               \
	X(TD_DROP_TTL_EXPIRED, "drop_ttl_expired", XDP_DROP)                                       \
	X(TD_DROP_TOO_BIG, "drop_too_big", XDP_DROP)                                               \
	X(TD_DROP_NO_ROUTE, "drop_no_route", XDP_DROP)                                             \
	X(TD_DROP_CLIENT_UNRESOLVED, "drop_client_unresolved", XDP_DROP)                           \
	X(TD_DROP_NO_DEVICE, "drop_no_device", XDP_DROP)                                           \
	X(TD_DROP_NO_ROOM, "drop_no_room", XDP_DROP)                                               \
	X(TD_DROP_BAD_INDEX, "drop_bad_index", XDP_DROP)

#define TD_REASON_ENUM(symbol, name, action) symbol,
enum td_reason { TD_REASONS(TD_REASON_ENUM) TD_REASON_MAX };

/*
 * A VLAN, as frames and next hops have it: 0 is untagged; else TD_VLAN_TAGS() tags, the identifier
 * of the inner one (or the only one) in bits 0-11, of the outer one in bits 12-23, and TD_VLAN_AD
 * where the outer one is 802.1ad's (0x88a8).
 */
#define TD_VLAN_TAGS(vlan) ((vlan) >> 24 & 3)
#define TD_VLAN_ONE	   (1U << 24)
#define TD_VLAN_TWO	   (2U << 24)
#define TD_VLAN_AD	   (1U << 26)

/* services4, services6: what the program serves. */
struct td_service_key4 {
	__be32 addr;
	__be16 port;
	__u8 proto;
	__u8 pad;
};

struct td_service_key6 {
	__be32 addr[4];
	__be16 port;
	__u8 proto;
	__u8 pad;
};

/*
 * A VIP without a port: the entry (address, port 0, protocol 0) holds TD_VIP_ONLY as its service,
 * so that fragments of ours are told from those of others.
 */
#define TD_VIP_ONLY 0xffffffffU

struct td_service_ref {
	__u32 service; /* index in service_table and counters, or TD_VIP_ONLY */
	__u32 group;   /* index in groups and group_state */
};

/*
 * quick4: services4 and endpoints4 once more, for the packet path: one multiplication finds the
 * bucket, which is one cache line. A key is a struct td_service_key4 with TD_QUICK_* in its
 * padding; a reference is the eight bytes of struct td_service_ref or struct td_endpoint. Each is
 * read and written as one word. What does not fit into its bucket is counted there, and found in
 * the hash maps.
 */
struct td_quick4 {
	__u64 keys[TD_QUICK_SLOTS]; /* 0: free */
	__u64 refs[TD_QUICK_SLOTS];
	__u64 overflow;
	__u64 pad;
};
#define TD_QUICK_SERVICE  1
#define TD_QUICK_ENDPOINT 2

/* service_table: what replies are rewritten to. */
struct td_service {
	__be32 vip[4];
	__be16 port;
	__u8 proto;
	__u8 family; /* 4 or 6; 0: the element is not in use */
	__u32 group;
	__u32 server_vlan[2]; /* where replies of each server come from */
};

struct td_server {
	__be32 addr[4];
	__be16 port;
	__u16 pad;
	__u32 nexthop; /* index in nexthops */
};

/* groups: the servers of one service. Written before anything points to it, never changed after. */
struct td_group {
	struct td_server servers[2]; /* primary, secondary */
	__u32 service;
	__u32 vlan; /* of the VIP: the same address elsewhere is somebody else's */
	__u32 pad[2];
};

/* endpoints4, endpoints6: keyed as services are, by a server's address and port. */
struct td_endpoint {
	__u32 service;
	__u32 slot;
};

/*
 * nexthops: where packets to a server leave. An element never changes its interface while it is in
 * use; a new destination MAC is one store of dest.
 */
struct td_nexthop {
	__u64 dest;    /* destination MAC in the first six bytes in memory, then TD_NEXTHOP_* */
	__u32 ifindex; /* the one to send on: below a VLAN interface */
	__u32 vlan;
	__u8 source_mac[6];
	__u16 mtu; /* of the IP packet; 65535 where there is no limit that counts */
};
#define TD_NEXTHOP_RESOLVED 1

/*
 * fragments4, fragments6: the ports of datagrams in pieces, which only the first piece has. Written
 * and read by the program.
 */
struct td_fragment_key4 {
	__be32 source;
	__be32 dest;
	__be16 id;
	__u8 proto;
	__u8 pad;
};

struct td_fragment_key6 {
	__be32 source[4];
	__be32 dest[4];
	__be32 id;
};

struct td_fragment {
	__u64 seen_ns; /* when the first piece came; CLOCK_MONOTONIC, coarse */
	__be16 source_port;
	__be16 dest_port;
	__u8 proto; /* what the first piece said; IPv6 pieces do not have it in their key */
	__u8 pad[3];
};

/* settings: one element, mapped by the agent. */
struct td_settings {
	__u32 abi;		/* TD_ABI */
	__u32 route_generation; /* cached routes of another generation are void */
	/*
	 * Bit td_filter_bit() of the folded address is set for each address of this host: most
	 * packets need no look-up.
	 */
	__u64 local_filter[TD_FILTER_WORDS];
	/*
	 * The same for the destinations of all routes but the default one, cut to the shortest of
	 * their prefixes. An address whose prefix is not in there takes the default route, for
	 * which one cache entry serves all.
	 */
	__u64 route_filter4[TD_FILTER_WORDS];
	__u64 route_filter6[TD_FILTER_WORDS];
	__be32 route_mask4;
	__u32 flags; /* TD_SETTING_* */
	__be32 route_mask6[4];
};

/*
 * What goes back out of the interface it came in by is redirected to it instead of XDP_TX. A veth
 * takes XDP_TX frames into its peer's ring, but wakes only a peer that has an XDP program: one that
 * polls for GRO alone, the ring fills and the link stands still. A redirect wakes both.
 */
#define TD_SETTING_NO_TX 1

/* ports: one element, mapped by the agent: bit of a port (host byte order) is set where it may be
 * ours. */
struct td_ports {
	__u64 services[TD_PORT_WORDS];
	__u64 endpoints[TD_PORT_WORDS];
};

/* local_addresses: keyed by address and family; the value says nothing. */
struct td_local_key {
	__be32 addr[4];
	__u32 family; /* 4 or 6 */
};

/*
 * route_cache4, route_cache6: next hops toward clients; written and read by the program alone. The
 * address 0 stands for all that takes the default route.
 */
struct td_route4 {
	__be32 addr;
	__u32 generation;
	__u32 ingress; /* interface on which the server's packet came: policy routing may look at it
			*/
	__u32 ifindex;
	__u8 dest_mac[6];
	__u8 source_mac[6];
	__u32 vlan;
	__u32 mtu;
	__u32 pad;
};

struct td_route6 {
	__be32 addr[4];
	__u32 generation;
	__u32 ingress;
	__u32 ifindex;
	__u8 dest_mac[6];
	__u8 source_mac[6];
	__u32 vlan;
	__u32 mtu;
	__u32 pad[4];
};

/* uppers: interfaces that XDP cannot send to, keyed by index: what is below, and the tag to put on.
 */
struct td_upper {
	__u32 ifindex;
	__u32 vlan;
};

struct td_interface_key {
	__u32 ifindex; /* the one that frames come in on */
	__u32 vlan;
};

/* interfaces: addresses of this host there; what ICMP errors toward
 * servers come from. 0 where there is none. */
struct td_interface {
	__be32 addr4;
	__be32 addr6[4];
};

/* counters: per CPU; element 2 * service + slot. */
struct td_counters {
	__u64 packets_in; /* from clients */
	__u64 bytes_in;	  /* whole frames */
	__u64 packets_out;
	__u64 bytes_out;
	__u64 syn;     /* SYN without ACK, from clients */
	__u64 syn_ack; /* from the server */
	__u64 rst;     /* from the server */
	__u64 refused; /* rejected or dropped since nobody served; counted in slot 0 */
};

/* reasons: per CPU; element enum td_reason. */
struct td_reason_counter {
	__u64 packets;
	__u64 bytes;
};

/* send_errors: keyed by interface index. */
struct td_send_errors {
	__u64 frames;
	__s64 last_error; /* negative errno of the last time */
};

/* events: a client's next hop that the kernel has not resolved. */
struct td_event_unresolved {
	__be32 addr[4];
	__u32 ifindex;
	__u32 family; /* 4 or 6 */
};

_Static_assert(sizeof(struct td_service_key4) == 8, "map key");
_Static_assert(sizeof(struct td_service_key6) == 20, "map key");
_Static_assert(sizeof(struct td_quick4) == 64, "one cache line");
_Static_assert(sizeof(struct td_service_ref) == 8 && sizeof(struct td_endpoint) == 8, "one word");
_Static_assert(sizeof(struct td_service) == 32, "map value");
_Static_assert(sizeof(struct td_group) == 64, "one cache line");
_Static_assert(sizeof(struct td_nexthop) == 24, "map value");
_Static_assert(sizeof(struct td_route4) == 40, "map value");
_Static_assert(sizeof(struct td_route6) == 64, "one cache line");
_Static_assert(sizeof(struct td_counters) == 64, "one cache line");

/* A cheap hash of an address for the filters and the route caches; IPv6 is folded first. */
static inline __attribute__((always_inline)) __u32 td_address_hash(__be32 addr)
{
	__u32 hash = addr * 0x9e3779b1U;

	return hash ^ (hash >> 15);
}

static inline __attribute__((always_inline)) __be32 td_address_fold(const __be32 *addr)
{
	return addr[0] ^ addr[1] ^ addr[2] ^ addr[3];
}

/* The bucket of quick4 for a key. */
static inline __attribute__((always_inline)) __u32 td_quick_bucket(__u64 key)
{
	return (__u32)((key * 0x9e3779b97f4a7c15ULL) >> 40) & (TD_QUICK_BUCKETS - 1);
}

/* The place of a hash in a filter of TD_FILTER_WORDS words. */
static inline __attribute__((always_inline)) __u32 td_filter_word(__u32 hash)
{
	return (hash >> 6) & (TD_FILTER_WORDS - 1);
}

static inline __attribute__((always_inline)) __u64 td_filter_bit(__u32 hash)
{
	return 1ULL << (hash & 63);
}

#endif
