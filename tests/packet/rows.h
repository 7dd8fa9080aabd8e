/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_ROWS_H
#define TANDEM_TESTS_ROWS_H

/* The table of frames that test_packet.c runs through the program. */

#include <stdint.h>

#include <linux/bpf.h>
#include <netinet/in.h>

#include "frame.h"
#include "lab.h"
#include "tandem/abi.h"
#include "tandem/select.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

/* A row says what differs from its macro's defaults. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define NONE_REJECT (TD_SLOT_NONE | (uint64_t)TD_SELECT_REJECT << TD_STATE_NONE_SHIFT)
#define NONE_DROP   (TD_SLOT_NONE | (uint64_t)TD_SELECT_DROP << TD_STATE_NONE_SHIFT)

struct row {
	const char *name;
	struct frame in;
	struct frame out; /* family 0: as it came in */
	uint16_t cut;	  /* the input has only so many bytes */
	struct {
		uint16_t at; /* 0: the end */
		uint16_t value;
	} patches[3];	/* 16-bit words of the input that lie */
	uint64_t state; /* of all groups; 0: the primary serves */
	uint32_t hop;	/* of the primary */
	int action;
	enum td_reason reason;
	int counted; /* service, or -1 */
};

#define TO_VIP4(...)                                                                               \
	.in = {.family = 4,                                                                        \
	       .source_mac = ROUTER_MAC,                                                           \
	       .dest_mac = GATEWAY_MAC,                                                            \
	       .source = CLIENT4,                                                                  \
	       .dest = VIP4,                                                                       \
	       .source_port = 40000,                                                               \
	       __VA_ARGS__}
#define TO_VIP6(...)                                                                               \
	.in = {.family = 6,                                                                        \
	       .source_mac = ROUTER_MAC,                                                           \
	       .dest_mac = GATEWAY_MAC,                                                            \
	       .source = CLIENT6,                                                                  \
	       .dest = VIP6,                                                                       \
	       .source_port = 40000,                                                               \
	       __VA_ARGS__}
#define TO_SERVER4(...)                                                                            \
	.out = {.family = 4,                                                                       \
		.source_mac = GATEWAY_MAC,                                                         \
		.source = CLIENT4,                                                                 \
		.source_port = 40000,                                                              \
		.ttl = 63,                                                                         \
		__VA_ARGS__}
#define TO_SERVER6(...)                                                                            \
	.out = {.family = 6,                                                                       \
		.source_mac = GATEWAY_MAC,                                                         \
		.source = CLIENT6,                                                                 \
		.source_port = 40000,                                                              \
		.ttl = 63,                                                                         \
		__VA_ARGS__}
#define FROM_SERVER4(...)                                                                          \
	.in = {.family = 4,                                                                        \
	       .source_mac = SERVER_MAC,                                                           \
	       .dest_mac = GATEWAY_MAC,                                                            \
	       .dest = CLIENT4,                                                                    \
	       .dest_port = 40000,                                                                 \
	       __VA_ARGS__}
#define FROM_SERVER6(...)                                                                          \
	.in = {.family = 6,                                                                        \
	       .source_mac = SERVER_MAC,                                                           \
	       .dest_mac = GATEWAY_MAC,                                                            \
	       .dest = CLIENT6,                                                                    \
	       .dest_port = 40000,                                                                 \
	       __VA_ARGS__}
#define TO_CLIENT4(...)                                                                            \
	.out = {.family = 4,                                                                       \
		.source_mac = GATEWAY_MAC,                                                         \
		.dest_mac = ROUTER_MAC,                                                            \
		.source = VIP4,                                                                    \
		.dest = CLIENT4,                                                                   \
		.dest_port = 40000,                                                                \
		.ttl = 63,                                                                         \
		__VA_ARGS__}
#define TO_CLIENT6(...)                                                                            \
	.out = {.family = 6,                                                                       \
		.source_mac = GATEWAY_MAC,                                                         \
		.dest_mac = ROUTER_MAC,                                                            \
		.source = VIP6,                                                                    \
		.dest = CLIENT6,                                                                   \
		.dest_port = 40000,                                                                \
		.ttl = 63,                                                                         \
		__VA_ARGS__}
#define TCP(flags) .proto = IPPROTO_TCP, .tcp_flags = (flags), .seq = 1000, .ack = 2000
#define UDP	   .proto = IPPROTO_UDP
#define ANSWER4(...)                                                                               \
	.out = {.family = 4,                                                                       \
		.source_mac = GATEWAY_MAC,                                                         \
		.dest_mac = ROUTER_MAC,                                                            \
		.source = VIP4,                                                                    \
		.dest = CLIENT4,                                                                   \
		.fragment = 0x4000,                                                                \
		__VA_ARGS__}
#define ANSWER6(...)                                                                               \
	.out = {.family = 6,                                                                       \
		.source_mac = GATEWAY_MAC,                                                         \
		.dest_mac = ROUTER_MAC,                                                            \
		.source = VIP6,                                                                    \
		.dest = CLIENT6,                                                                   \
		__VA_ARGS__}

static const struct frame dns4 = {.family = 4,
				  .source = CLIENT4,
				  .dest = VIP4,
				  UDP,
				  .source_port = 40000,
				  .dest_port = 53,
				  .payload = 30};
static const struct frame dns4_options = {.family = 4,
					  .source = CLIENT4,
					  .dest = VIP4,
					  UDP,
					  .source_port = 40000,
					  .dest_port = 53,
					  .payload = 30,
					  .options = 40};
static const struct frame dns4_small = {
	.family = 4, .source = CLIENT4, .dest = VIP4, UDP, .source_port = 40000, .dest_port = 53};
static const struct frame dns6 = {.family = 6,
				  .source = CLIENT6,
				  .dest = VIP6,
				  UDP,
				  .source_port = 40000,
				  .dest_port = 53,
				  .payload = 30};
static const struct frame web4_expired = {.family = 4,
					  .source = CLIENT4,
					  .dest = VIP4,
					  TCP(ACK),
					  .source_port = 40000,
					  .dest_port = 80,
					  .ttl = 1,
					  .payload = 9};
static const struct frame web6_expired = {.family = 6,
					  .source = CLIENT6,
					  .dest = VIP6,
					  TCP(ACK),
					  .source_port = 40000,
					  .dest_port = 80,
					  .ttl = 1,
					  .payload = 9};

/* A row is a sentence, and should look like one. */
/* clang-format off */
static const struct row rows[] = {
	/* Toward the VIP. */
	{ .name = "a SYN to an IPv4 VIP goes to the primary, translated",
	  TO_VIP4(.dest_port = 80, TCP(SYN)),
	  TO_SERVER4(.dest_mac = SERVER_MAC, .dest = PRIMARY4, .dest_port = 8080, TCP(SYN)),
	  .action = XDP_TX, .reason = TD_FORWARD_TX, .counted = WEB4 },
	{ .name = "a segment of a connection that nobody recorded goes to the primary as well",
	  TO_VIP4(.dest_port = 80, TCP(ACK), .payload = 33, .tos = 0xb8, .id = 7),
	  TO_SERVER4(.dest_mac = SERVER_MAC, .dest = PRIMARY4, .dest_port = 8080, TCP(ACK),
	             .payload = 33, .tos = 0xb8, .id = 7),
	  .action = XDP_TX, .reason = TD_FORWARD_TX, .counted = WEB4 },
	{ .name = "with the secondary active an IPv4 segment goes there",
	  TO_VIP4(.dest_port = 80, TCP(ACK), .payload = 3),
	  TO_SERVER4(.dest_mac = STANDBY_MAC, .dest = STANDBY4, .dest_port = 8081, TCP(ACK),
	             .payload = 3),
	  .state = TD_SLOT_SECONDARY, .action = XDP_TX, .reason = TD_FORWARD_TX,
	  .counted = WEB4 },
	{ .name = "IPv4 options stay and the segment behind them is translated",
	  TO_VIP4(.dest_port = 80, TCP(ACK), .options = 40, .payload = 5),
	  TO_SERVER4(.dest_mac = SERVER_MAC, .dest = PRIMARY4, .dest_port = 8080, TCP(ACK),
	             .options = 40, .payload = 5),
	  .action = XDP_TX, .reason = TD_FORWARD_TX, .counted = WEB4 },
	{ .name = "a UDP datagram to an IPv4 VIP goes to the primary",
	  TO_VIP4(.dest_port = 53, UDP, .payload = 30),
	  TO_SERVER4(.dest_mac = SERVER_MAC, .dest = PRIMARY4, .dest_port = 53, UDP,
	             .payload = 30),
	  .action = XDP_TX, .reason = TD_FORWARD_TX, .counted = DNS4 },
	{ .name = "an IPv4 UDP checksum of zero stays zero",
	  TO_VIP4(.dest_port = 53, UDP, .payload = 30, .no_checksum = 1),
	  TO_SERVER4(.dest_mac = SERVER_MAC, .dest = PRIMARY4, .dest_port = 53, UDP,
	             .payload = 30, .no_checksum = 1),
	  .action = XDP_TX, .reason = TD_FORWARD_TX, .counted = DNS4 },
	{ .name = "a wrong TCP checksum stays wrong: the server sees the damage",
	  TO_VIP4(.dest_port = 80, TCP(ACK), .payload = 3, .bad_checksum = 1),
	  TO_SERVER4(.dest_mac = SERVER_MAC, .dest = PRIMARY4, .dest_port = 8080, TCP(ACK),
	             .payload = 3, .bad_checksum = 1),
	  .action = XDP_TX, .reason = TD_FORWARD_TX, .counted = WEB4 },
	{ .name = "a SYN to an IPv6 VIP goes to the primary, translated",
	  TO_VIP6(.dest_port = 80, TCP(SYN)),
	  TO_SERVER6(.dest_mac = SERVER_MAC, .dest = PRIMARY6, .dest_port = 8080, TCP(SYN)),
	  .action = XDP_TX, .reason = TD_FORWARD_TX, .counted = WEB6 },
	{ .name = "with the secondary active an IPv6 datagram goes there",
	  TO_VIP6(.dest_port = 53, UDP, .payload = 31, .tos = 0x12),
	  TO_SERVER6(.dest_mac = STANDBY_MAC, .dest = STANDBY6, .dest_port = 53, UDP,
	             .payload = 31, .tos = 0x12),
	  .state = TD_SLOT_SECONDARY, .action = XDP_TX, .reason = TD_FORWARD_TX,
	  .counted = DNS6 },
	{ .name = "a server on another interface is reached through the device map",
	  TO_VIP4(.dest_port = 80, TCP(SYN)),
	  TO_SERVER4(.dest_mac = SERVER_MAC, .dest = PRIMARY4, .dest_port = 8080, TCP(SYN)),
	  .hop = HOP_OTHER_DEVICE, .action = XDP_REDIRECT, .reason = TD_FORWARD_REDIRECT,
	  .counted = WEB4 },
	{ .name = "an interface that is not in the device map is a named drop",
	  TO_VIP4(.dest_port = 80, TCP(SYN)),
	  TO_SERVER4(.dest_mac = SERVER_MAC, .dest = PRIMARY4, .dest_port = 8080, TCP(SYN)),
	  .hop = HOP_NO_DEVICE, .action = XDP_DROP, .reason = TD_DROP_NO_DEVICE,
	  .counted = WEB4 },
	{ .name = "an unresolved server is left to the stack, translated but for the TTL",
	  TO_VIP4(.dest_port = 80, TCP(SYN)),
	  .out = {.family = 4, .source_mac = ROUTER_MAC, .dest_mac = GATEWAY_MAC,
	             .source = CLIENT4, .dest = PRIMARY4, .source_port = 40000,
	             .dest_port = 8080, TCP(SYN)},
	  .hop = HOP_UNRESOLVED, .action = XDP_PASS, .reason = TD_PASS_SERVER_UNRESOLVED,
	  .counted = WEB4 },

	/* Back from a server. */
	{ .name = "a reply of the primary leaves as the VIP",
	  FROM_SERVER4(.source = PRIMARY4, .source_port = 8080, TCP(SYN | ACK)),
	  TO_CLIENT4(.source_port = 80, TCP(SYN | ACK)),
	  .action = XDP_TX, .reason = TD_RETURN_TX, .counted = WEB4 },
	{ .name = "a UDP reply of the primary leaves as the VIP",
	  FROM_SERVER4(.source = PRIMARY4, .source_port = 53, UDP, .payload = 100),
	  TO_CLIENT4(.source_port = 53, UDP, .payload = 100),
	  .action = XDP_TX, .reason = TD_RETURN_TX, .counted = DNS4 },
	{ .name = "a reply of the active secondary leaves as the VIP",
	  FROM_SERVER4(.source = STANDBY4, .source_port = 8081, TCP(ACK), .payload = 10),
	  TO_CLIENT4(.source_port = 80, TCP(ACK), .payload = 10),
	  .state = TD_SLOT_SECONDARY, .action = XDP_TX, .reason = TD_RETURN_TX,
	  .counted = WEB4 },
	{ .name = "an IPv6 reply of the primary leaves as the VIP",
	  FROM_SERVER6(.source = PRIMARY6, .source_port = 8080, TCP(ACK), .payload = 10),
	  TO_CLIENT6(.source_port = 80, TCP(ACK), .payload = 10),
	  .action = XDP_REDIRECT, .reason = TD_RETURN_REDIRECT, .counted = WEB6 },
	{ .name = "an IPv6 UDP reply of the active secondary leaves as the VIP",
	  FROM_SERVER6(.source = STANDBY6, .source_port = 53, UDP, .payload = 9),
	  TO_CLIENT6(.source_port = 53, UDP, .payload = 9),
	  .state = TD_SLOT_SECONDARY, .action = XDP_REDIRECT, .reason = TD_RETURN_REDIRECT,
	  .counted = DNS6 },
	{ .name = "a reply to an on-link client goes to that client's MAC",
	  .in = {.family = 4, .source_mac = SERVER_MAC, .dest_mac = GATEWAY_MAC,
	             .source = PRIMARY4, .source_port = 8080, .dest = "192.0.2.77",
	             .dest_port = 5, TCP(ACK)},
	  .out = {.family = 4, .source_mac = GATEWAY_MAC, .dest_mac = ONLINK_MAC,
	             .source = VIP4, .source_port = 80, .dest = "192.0.2.77", .dest_port = 5,
	             .ttl = 63, TCP(ACK)},
	  .action = XDP_REDIRECT, .reason = TD_RETURN_REDIRECT, .counted = WEB4 },
	{ .name = "a reply to an on-link IPv6 client goes to that client's MAC",
	  .in = {.family = 6, .source_mac = SERVER_MAC, .dest_mac = GATEWAY_MAC,
	             .source = PRIMARY6, .source_port = 8080, .dest = "2001:db8::77",
	             .dest_port = 5, TCP(ACK)},
	  .out = {.family = 6, .source_mac = GATEWAY_MAC, .dest_mac = ONLINK_MAC,
	             .source = VIP6, .source_port = 80, .dest = "2001:db8::77",
	             .dest_port = 5, .ttl = 63, TCP(ACK)},
	  .action = XDP_REDIRECT, .reason = TD_RETURN_REDIRECT, .counted = WEB6 },
	{ .name = "a reply to the gateway's own probe passes untouched",
	  FROM_SERVER4(.source = PRIMARY4, .source_port = 8080, TCP(SYN | ACK),
	             .dest = "192.0.2.1"),
	  .action = XDP_PASS, .reason = TD_PASS_LOCAL, .counted = -1 },
	{ .name = "an IPv6 reply to the gateway's own probe passes untouched",
	  FROM_SERVER6(.source = PRIMARY6, .source_port = 8080, TCP(SYN | ACK),
	             .dest = "2001:db8::1"),
	  .action = XDP_PASS, .reason = TD_PASS_LOCAL, .counted = -1 },
	{ .name = "what the idle server sends is its own and passes untouched",
	  FROM_SERVER4(.source = STANDBY4, .source_port = 8081, TCP(ACK), .payload = 10),
	  .action = XDP_PASS, .reason = TD_PASS_IDLE_SERVER, .counted = -1 },
	{ .name = "another port of a server is not ours",
	  FROM_SERVER4(.source = PRIMARY4, .source_port = 22, TCP(ACK), .payload = 10),
	  .action = XDP_PASS, .reason = TD_PASS_NOT_OURS, .counted = -1 },
	{ .name = "the same port in the other protocol is not ours",
	  FROM_SERVER4(.source = PRIMARY4, .source_port = 8080, UDP, .payload = 10),
	  .action = XDP_PASS, .reason = TD_PASS_NOT_OURS, .counted = -1 },
	{ .name = "a reply to a client whose neighbour is unknown is a named drop",
	  FROM_SERVER4(.source = PRIMARY4, .source_port = 8080, TCP(ACK),
	             .dest = "192.0.2.99"),
	  .action = XDP_DROP, .reason = TD_DROP_CLIENT_UNRESOLVED, .counted = -1 },
	{ .name = "a reply to a prohibited network is a named drop",
	  FROM_SERVER4(.source = PRIMARY4, .source_port = 8080, TCP(ACK),
	             .dest = "172.16.0.1"),
	  .action = XDP_DROP, .reason = TD_DROP_NO_ROUTE, .counted = -1 },
	/* Nobody serves. */
	{ .name = "none healthy, reject: a SYN is answered with RST",
	  TO_VIP4(.dest_port = 80, TCP(SYN)),
	  ANSWER4(.source_port = 80, .dest_port = 40000, .proto = IPPROTO_TCP,
	             .tcp_flags = RST | ACK, .ack = 1001),
	  .state = NONE_REJECT, .action = XDP_TX, .reason = TD_REJECT_TCP_RESET,
	  .counted = -1 },
	{ .name = "none healthy, reject: data with ACK is answered with RST at its ACK number",
	  TO_VIP4(.dest_port = 80, TCP(ACK), .payload = 99, .options = 8),
	  ANSWER4(.source_port = 80, .dest_port = 40000, .proto = IPPROTO_TCP,
	             .tcp_flags = RST, .seq = 2000),
	  .state = NONE_REJECT, .action = XDP_TX, .reason = TD_REJECT_TCP_RESET,
	  .counted = -1 },
	{ .name = "none healthy, reject: data and FIN without ACK are counted into the answer",
	  TO_VIP4(.dest_port = 80, TCP(FIN), .payload = 99, .options = 8),
	  ANSWER4(.source_port = 80, .dest_port = 40000, .proto = IPPROTO_TCP,
	             .tcp_flags = RST | ACK, .ack = 1000 + 99 + 1),
	  .state = NONE_REJECT, .action = XDP_TX, .reason = TD_REJECT_TCP_RESET,
	  .counted = -1 },
	{ .name = "none healthy, reject: RST is never answered",
	  TO_VIP4(.dest_port = 80, TCP(RST)),
	  .state = NONE_REJECT, .action = XDP_DROP, .reason = TD_DROP_NONE_HEALTHY,
	  .counted = -1 },
	{ .name = "none healthy, reject: an IPv6 SYN is answered with RST",
	  TO_VIP6(.dest_port = 80, TCP(SYN)),
	  ANSWER6(.source_port = 80, .dest_port = 40000, .proto = IPPROTO_TCP,
	             .tcp_flags = RST | ACK, .ack = 1001),
	  .state = NONE_REJECT, .action = XDP_TX, .reason = TD_REJECT_TCP_RESET,
	  .counted = -1 },
	{ .name = "none healthy, reject: UDP is answered with ICMP port unreachable",
	  TO_VIP4(.dest_port = 53, UDP, .payload = 30),
	  ANSWER4(.proto = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 3, .quoted = &dns4),
	  .state = NONE_REJECT, .action = XDP_TX, .reason = TD_REJECT_UNREACHABLE,
	  .counted = -1 },
	{ .name = "none healthy, reject: the quote holds the IPv4 options",
	  TO_VIP4(.dest_port = 53, UDP, .payload = 30, .options = 40),
	  ANSWER4(.proto = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 3,
	             .quoted = &dns4_options),
	  .state = NONE_REJECT, .action = XDP_TX, .reason = TD_REJECT_UNREACHABLE,
	  .counted = -1 },
	{ .name = "none healthy, reject: an empty datagram is answered too",
	  TO_VIP4(.dest_port = 53, UDP),
	  ANSWER4(.proto = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 3,
	             .quoted = &dns4_small),
	  .state = NONE_REJECT, .action = XDP_TX, .reason = TD_REJECT_UNREACHABLE,
	  .counted = -1 },
	{ .name = "none healthy, reject: IPv6 UDP is answered with ICMPv6 port unreachable",
	  TO_VIP6(.dest_port = 53, UDP, .payload = 30),
	  ANSWER6(.proto = IPPROTO_ICMPV6, .icmp_type = 1, .icmp_code = 4, .quoted = &dns6),
	  .state = NONE_REJECT, .action = XDP_TX, .reason = TD_REJECT_UNREACHABLE,
	  .counted = -1 },
	{ .name = "none healthy, drop: silence, counted",
	  TO_VIP4(.dest_port = 80, TCP(SYN)),
	  .state = NONE_DROP, .action = XDP_DROP, .reason = TD_DROP_NONE_HEALTHY,
	  .counted = -1 },
	{ .name = "none healthy, drop: IPv6 UDP meets silence as well",
	  TO_VIP6(.dest_port = 53, UDP, .payload = 30),
	  .state = NONE_DROP, .action = XDP_DROP, .reason = TD_DROP_NONE_HEALTHY,
	  .counted = -1 },
	{ .name = "none healthy: what a server still sends is its own",
	  FROM_SERVER4(.source = PRIMARY4, .source_port = 8080, TCP(ACK)),
	  .state = NONE_REJECT, .action = XDP_PASS, .reason = TD_PASS_IDLE_SERVER,
	  .counted = -1 },

	/* Time to live. */
	{ .name = "TTL 2 toward a server leaves with 1",
	  TO_VIP4(.dest_port = 80, TCP(ACK), .ttl = 2),
	  .out = {.family = 4, .source_mac = GATEWAY_MAC, .dest_mac = SERVER_MAC,
	             .source = CLIENT4, .source_port = 40000, .dest = PRIMARY4,
	             .dest_port = 8080, .ttl = 1, TCP(ACK)},
	  .action = XDP_TX, .reason = TD_FORWARD_TX, .counted = WEB4 },
	{ .name = "TTL 1 toward a server is answered with ICMP time exceeded",
	  TO_VIP4(.dest_port = 80, TCP(ACK), .ttl = 1, .payload = 9),
	  ANSWER4(.proto = IPPROTO_ICMP, .icmp_type = 11, .icmp_code = 0,
	             .quoted = &web4_expired),
	  .action = XDP_TX, .reason = TD_TIME_EXCEEDED, .counted = -1 },
	{ .name = "hop limit 1 toward a server is answered with ICMPv6 time exceeded",
	  TO_VIP6(.dest_port = 80, TCP(ACK), .ttl = 1, .payload = 9),
	  ANSWER6(.proto = IPPROTO_ICMPV6, .icmp_type = 3, .icmp_code = 0,
	             .quoted = &web6_expired),
	  .action = XDP_TX, .reason = TD_TIME_EXCEEDED, .counted = -1 },

	/* Not ours. */
	{ .name = "ARP passes untouched",
	  .in = {.family = 0x0806, .source_mac = ROUTER_MAC, .dest_mac = "ff:ff:ff:ff:ff:ff",
	             .payload = 46},
	  .action = XDP_PASS, .reason = TD_PASS_NOT_IP, .counted = -1 },
	{ .name = "another port of the VIP is not ours",
	  TO_VIP4(.dest_port = 22, TCP(SYN)),
	  .action = XDP_PASS, .reason = TD_PASS_NOT_OURS, .counted = -1 },
	{ .name = "the service's port at another address is not ours",
	  TO_VIP4(.dest = "192.0.2.1", .dest_port = 80, TCP(SYN)),
	  .action = XDP_PASS, .reason = TD_PASS_NOT_OURS, .counted = -1 },
	{ .name = "TCP to a UDP service is not ours",
	  TO_VIP6(.dest_port = 53, TCP(SYN)),
	  .action = XDP_PASS, .reason = TD_PASS_NOT_OURS, .counted = -1 },
	{ .name = "an echo request to a VIP is the host's to answer",
	  TO_VIP4(.proto = IPPROTO_ICMP, .icmp_type = 8, .payload = 56),
	  .action = XDP_PASS, .reason = TD_PASS_NOT_OURS, .counted = -1 },
	{ .name = "another protocol (VRRP) passes untouched",
	  TO_VIP4(.dest = "224.0.0.18", .proto = 112, .payload = 20),
	  .action = XDP_PASS, .reason = TD_PASS_NOT_OURS, .counted = -1 },

	/* Cut short. */
	{ .name = "a frame cut inside the IPv4 header passes as malformed",
	  TO_VIP4(.dest_port = 80, TCP(SYN)),
	  .cut = 14 + 19, .action = XDP_PASS, .reason = TD_PASS_MALFORMED, .counted = -1 },
	{ .name = "a frame cut inside the IPv4 options passes as malformed",
	  TO_VIP4(.dest_port = 80, TCP(SYN), .options = 40),
	  .cut = 14 + 59, .action = XDP_PASS, .reason = TD_PASS_MALFORMED, .counted = -1 },
	{ .name = "a frame cut inside the TCP header passes as malformed",
	  TO_VIP4(.dest_port = 80, TCP(SYN)),
	  .cut = 14 + 20 + 19, .action = XDP_PASS, .reason = TD_PASS_MALFORMED, .counted = -1 },
	{ .name = "a frame cut inside the UDP header passes as malformed",
	  TO_VIP4(.dest_port = 53, UDP, .payload = 20),
	  .cut = 14 + 20 + 7, .action = XDP_PASS, .reason = TD_PASS_MALFORMED, .counted = -1 },
	{ .name = "a frame cut inside the IPv6 header passes as malformed",
	  TO_VIP6(.dest_port = 80, TCP(SYN)),
	  .cut = 14 + 39, .action = XDP_PASS, .reason = TD_PASS_MALFORMED, .counted = -1 },
};
/* clang-format on */

#endif
