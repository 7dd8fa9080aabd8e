/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_MODEL_INTERNAL_H
#define TANDEM_TESTS_MODEL_INTERNAL_H

#include "model.h"

/* A frame taken apart: offsets from its beginning. */
struct view {
	uint8_t *bytes; /* of the verdict's frame, which begins as a copy of what came in */
	size_t length;
	struct world_vlan vlan;
	uint16_t ethertype;
	size_t ip;
	size_t l4;
	size_t end; /* of the IP packet, by what it says itself */
	int family;
	uint8_t proto;
	bool piece;
	bool later;
	uint32_t id; /* of the datagram in pieces */
	uint16_t source_port;
	uint16_t dest_port;
};

/* Where an address stands in the IP header, and how long it is. */
static inline size_t source_at(const struct view *view)
{
	return view->ip + (view->family == 4 ? 12 : 8);
}

static inline size_t dest_at(const struct view *view)
{
	return view->ip + (view->family == 4 ? 16 : 24);
}

static inline size_t address_size(int family)
{
	return family == 4 ? 4 : 16;
}

static inline size_t ttl_at(const struct view *view)
{
	return view->ip + (view->family == 4 ? 8 : 7);
}

/* The sum of big-endian words as a remainder of 65535. */
uint32_t model_sum(const uint8_t *bytes, size_t length);

/* Make the checksum at @at follow a change of what it covers. */
void model_follow(uint8_t *at, uint32_t before, uint32_t after);

/* Replace an address of the IP header and its own checksum with it. */
void model_set_address(struct view *view, size_t at, const uint8_t *to);
void model_set_ttl(struct view *view);

enum td_reason model_parse_l2(struct view *view);
enum td_reason model_parse_ip(struct view *view);

/*
 * Step over extension headers from @proto at @offset; within @end. Returns TD_CONTINUE with the
 * upper-layer protocol and its offset, TD_PASS_MALFORMED, or TD_DROP_HEADERS.
 */
enum td_reason model_walk(struct view *view, uint8_t proto, size_t offset, size_t end);

/* Whether what comes next is said by an extension header that is not here. */
bool model_is_extension(const struct view *view);

const struct world_service *model_find_service(const struct model *model, int family,
					       const uint8_t *addr, uint16_t port, uint8_t proto);
const struct world_service *model_find_endpoint(const struct model *model, int family,
						const uint8_t *addr, uint16_t port, uint8_t proto,
						int *ret_slot);
bool model_vlan_equal(const struct world_vlan *a, const struct world_vlan *b);
/* Whether the frame is in the VLAN. */
bool model_vlan_has(const struct world_vlan *vlan, const struct view *view);
bool model_is_local(const struct model *model, int family, const uint8_t *addr);
const struct world_route *model_route(const struct model *model, int family, const uint8_t *addr);

void model_say(struct model_verdict *verdict, int action, enum td_reason reason);

/* Put the tags in place of what the frame has and send it by the hop's interface. */
void model_send(const struct model *model, struct view *view, const struct world_hop *hop,
		bool back, struct model_verdict *verdict);

/* The route toward the client of what the server in @slot sent; NULL with the verdict where it is
 * not given back. */
const struct world_route *model_way_back(const struct model *model, const struct view *view,
					 const struct world_service *service, int slot,
					 struct model_verdict *verdict);

/* Tags in place of those that the frame has. */
void model_set_tags(struct view *view, const struct world_vlan *to);

/* ICMP errors about packets of ours. */
void model_icmp(struct model *model, struct view *view, struct model_verdict *verdict);

/* Answers in the packet's place. */
enum model_answer { ANSWER_WITH_REFUSAL, ANSWER_WITH_EXPIRY, ANSWER_WITH_MTU };
void model_answer(const struct model *model, struct view *view, enum model_answer what,
		  bool toward_server, uint16_t mtu, struct model_verdict *verdict);

#endif
