/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_LAB_H
#define TANDEM_TESTS_LAB_H

#include <stddef.h>
#include <stdint.h>

#include "tandem/abi.h"
#include "world.h"

/*
 * The program, loaded, in a network namespace of its own, with maps as an agent would write them.
 * BPF_PROG_TEST_RUN's frames come in on the loopback device, so the clients' router is made a
 * neighbour behind it: what returns to that router leaves by XDP_TX. On-link clients are behind
 * eth0.
 *
 *   clients beyond a router        192.0.2.2 -- eth0 of the gateway (02:..:01)
 *   an on-link client              192.0.2.77, 2001:db8::77
 *   servers                        beyond the next hops that the maps name
 */
#define GATEWAY_MAC  "02:00:00:00:00:01"
#define ROUTER_MAC   "02:00:00:00:00:02"
#define ONLINK_MAC   "02:00:00:00:00:77"
#define SERVER_MAC   "02:00:00:00:01:01"
#define STANDBY_MAC  "02:00:00:00:01:02"
#define GATEWAY4     "192.0.2.1"
#define GATEWAY6     "2001:db8::1"
#define GATEWAY4_200 "198.51.100.200" /* on VLAN 200 */
#define VIP4	     "192.0.2.10"
#define VIP6	     "2001:db8::10"
#define CLIENT4	     "203.0.113.7"
#define CLIENT6	     "2001:db8:ffff::7"
#define PRIMARY4     "198.51.100.11"
#define STANDBY4     "198.51.100.12"
#define PRIMARY6     "2001:db8:2::11"
#define STANDBY6     "2001:db8:2::12"
#define VIP4_VLAN    "192.0.2.20"
#define SERVER4_200  "198.51.100.21"
#define SERVER4_300  "198.51.100.22"

enum { LAB_INGRESS = 1, LAB_INGRESS_MTU = 1600, LAB_ETH0_MTU = 1400 };

/* The services; VLANs are as in abi.h. */
enum { WEB4, DNS4, WEB6, DNS6, QUIC4, QUIC6, VLAN4, SERVICE_MAX };
struct lab_service {
	const char *vip;
	uint16_t port;
	uint8_t proto;
	uint32_t vlan;
	const char *servers[2];
	uint16_t server_ports[2];
	uint32_t server_vlans[2];
};
extern const struct lab_service lab_services[SERVICE_MAX];
/* Elements of nexthops: the two servers on the ingress interface, the primary's on another,
 * unresolved, on an interface that is not in the device map, behind a narrow link; then two for
 * each service, which lab_publish() writes. */
enum {
	HOP_PRIMARY,
	HOP_STANDBY,
	HOP_OTHER_DEVICE,
	HOP_UNRESOLVED,
	HOP_NO_DEVICE,
	HOP_NARROW,
	HOP_OF_SERVICES = 16,
};
enum { LAB_NARROW_MTU = 600 };

struct lab {
	struct tandem_bpf *skel;
	uint32_t other_device; /* eth0 */
};
extern struct lab lab;

int lab_setup(void **state);
int lab_teardown(void **state);

/* Write the bytes of an address; dies of what is none. */
void lab_parse_address(const char *text, void *ret);

/* Map of the program @map by its name in the skeleton: write an element, or die. */
#define lab_update(map, key, value) lab_update_fd(bpf_map__fd(lab.skel->maps.map), key, value)
void lab_update_fd(int fd, const void *key, const void *value);

/* Run the frame; @out holds FRAME_MAX bytes. Returns the XDP action. */
int lab_run(const uint8_t *in, size_t length, uint8_t *out, uint32_t *ret_length);

int lab_command(const char *command);

/* Packets by reason since the program was loaded. */
void lab_read_reasons(uint64_t *ret);
uint64_t lab_read_reason(enum td_reason reason);
/* The sums over all CPUs of a service's server. */
void lab_read_counters(uint32_t service, uint32_t slot, struct td_counters *ret);

/* All groups: a state word, and the next hop of the primary. */
void lab_given(uint64_t state, uint32_t hop);

/* The same as world.h has it; then written back, with what a test changed. */
void lab_world(struct world *ret);
void lab_publish(const struct world *world);

/* Forget all pieces of datagrams, and return how many there were; or make them too old. */
size_t lab_forget_pieces(void);
void lab_age_pieces(void);

#endif
