// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Taking frames apart, and finding what they belong to. */
#include "model_internal.h"

#include <string.h>

#include <netinet/in.h>

#include "bytes.h"

uint32_t model_sum(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i += 2)
		sum = (sum + ((uint32_t)bytes[i] << 8 | (i + 1 < length ? bytes[i + 1] : 0))) %
		      65535;
	return sum;
}

void model_follow(uint8_t *at, uint32_t before, uint32_t after)
{
	uint32_t sum = 65535U - get16(at);

	sum = (sum + after + 65535 - before) % 65535;
	/* A sum over anything but zeros is never zero but 65535, so the checksum is never 65535. */
	put16(at, (uint16_t)(sum == 0 ? 0 : 65535 - sum));
}

static void set_ip(struct view *view, size_t at, const uint8_t *to, size_t size)
{
	uint8_t *ip = view->bytes + view->ip;
	uint32_t before = model_sum(ip, 10) + model_sum(ip + 12, 8);

	memcpy(view->bytes + at, to, size);
	if (view->family == 4)
		model_follow(ip + 10, before % 65535,
			     (model_sum(ip, 10) + model_sum(ip + 12, 8)) % 65535);
}

void model_set_address(struct view *view, size_t at, const uint8_t *to)
{
	set_ip(view, at, to, address_size(view->family));
}

void model_set_ttl(struct view *view)
{
	uint8_t ttl = (uint8_t)(view->bytes[ttl_at(view)] - 1);

	set_ip(view, ttl_at(view), &ttl, 1);
}

static bool is_tag(uint16_t ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8;
}

enum td_reason model_parse_l2(struct view *view)
{
	size_t at = 12;

	memset(&view->vlan, 0, sizeof(view->vlan));
	if (view->length < 14)
		return TD_PASS_MALFORMED;
	view->vlan.ad = get16(view->bytes + at) == 0x88a8;
	while (is_tag(get16(view->bytes + at)) && view->vlan.tags < 2) {
		if (at + 6 > view->length)
			return TD_PASS_MALFORMED;
		view->vlan.tags++;
		view->vlan.outer = view->vlan.inner;
		view->vlan.inner = get16(view->bytes + at + 2) & 0xfff;
		at += 4;
	}
	view->ethertype = get16(view->bytes + at);
	view->ip = at + 2;
	view->family = view->ethertype == 0x0800 ? 4 : view->ethertype == 0x86dd ? 6 : 0;
	return view->family ? TD_CONTINUE : TD_PASS_NOT_IP;
}

static bool is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_AH || proto == IPPROTO_DSTOPTS;
}

bool model_is_extension(const struct view *view)
{
	return view->family == 6 && is_extension(view->proto);
}

enum td_reason model_walk(struct view *view, uint8_t proto, size_t offset, size_t end)
{
	int count = 0;

	view->piece = view->later = false;
	while (is_extension(proto) && !view->later) {
		const uint8_t *header = view->bytes + offset;

		if (++count > 6)
			return TD_DROP_HEADERS;
		if (offset + 8 > end)
			return TD_PASS_MALFORMED;
		switch (proto) {
		case IPPROTO_FRAGMENT:
			/* A fragment header around a whole datagram makes no piece (RFC 6946). */
			view->later = get16(header + 2) >> 3;
			if (view->later || header[3] & 1)
				view->piece = true;
			view->id = get32(header + 4);
			offset += 8;
			break;
		case IPPROTO_AH:
			offset += 4 * (header[1] + 2U);
			break;
		case IPPROTO_ROUTING:
			if (header[3] != 0)
				return TD_DROP_HEADERS;
			offset += 8 * (header[1] + 1U);
			break;
		default:
			offset += 8 * (header[1] + 1U);
			break;
		}
		proto = header[0];
	}
	view->proto = proto;
	view->l4 = offset;
	return TD_CONTINUE;
}

static enum td_reason parse_ip4(struct view *view)
{
	const uint8_t *ip = view->bytes + view->ip;
	size_t header, total;

	if (view->ip + 20 > view->length || ip[0] >> 4 != 4)
		return TD_PASS_MALFORMED;
	header = 4U * (ip[0] & 15);
	total = get16(ip + 2);
	if (header < 20 || total < header || view->ip + total > view->length)
		return TD_PASS_MALFORMED;
	view->l4 = view->ip + header;
	view->end = view->ip + total;
	view->proto = ip[9];
	view->later = get16(ip + 6) & 0x1fff;
	view->piece = get16(ip + 6) & 0x3fff;
	view->id = get16(ip + 4);
	return TD_CONTINUE;
}

static enum td_reason parse_ip6(struct view *view)
{
	const uint8_t *ip = view->bytes + view->ip;

	if (view->ip + 40 > view->length || ip[0] >> 4 != 6)
		return TD_PASS_MALFORMED;
	view->end = view->ip + 40 + get16(ip + 4);
	if (view->end > view->length)
		return TD_PASS_MALFORMED;
	/* Errors behind extension headers are nobody's: hosts do not send such. */
	if (ip[6] == IPPROTO_ICMPV6) {
		view->proto = IPPROTO_ICMPV6;
		view->l4 = view->ip + 40;
		return TD_CONTINUE;
	}
	return model_walk(view, ip[6], view->ip + 40, view->length);
}

enum td_reason model_parse_ip(struct view *view)
{
	return view->family == 4 ? parse_ip4(view) : parse_ip6(view);
}

const struct world_service *model_find_service(const struct model *model, int family,
					       const uint8_t *addr, uint16_t port, uint8_t proto)
{
	for (int i = 0; i < model->world.service_count; i++) {
		const struct world_service *service = &model->world.services[i];

		if (service->family == family && service->port == port && service->proto == proto &&
		    memcmp(service->vip, addr, address_size(family)) == 0)
			return service;
	}
	return NULL;
}

const struct world_service *model_find_endpoint(const struct model *model, int family,
						const uint8_t *addr, uint16_t port, uint8_t proto,
						int *ret_slot)
{
	for (int i = 0; i < 2 * model->world.service_count; i++) {
		const struct world_service *service = &model->world.services[i / 2];
		const struct world_server *server = &service->servers[i % 2];

		if (service->family == family && server->port == port && service->proto == proto &&
		    memcmp(server->addr, addr, address_size(family)) == 0) {
			*ret_slot = i % 2;
			return service;
		}
	}
	return NULL;
}

bool model_vlan_has(const struct world_vlan *vlan, const struct view *view)
{
	static const struct world_vlan none;
	/* Identifier 0 tells a priority, not a VLAN. */
	bool priority = view->vlan.tags == 1 && view->vlan.inner == 0;

	return model_vlan_equal(vlan, priority ? &none : &view->vlan);
}

bool model_vlan_equal(const struct world_vlan *a, const struct world_vlan *b)
{
	return a->tags == b->tags && a->ad == b->ad && a->outer == b->outer && a->inner == b->inner;
}

bool model_is_local(const struct model *model, int family, const uint8_t *addr)
{
	for (int i = 0; i < model->world.local_count; i++)
		if (model->world.locals[i].family == family &&
		    memcmp(model->world.locals[i].addr, addr, address_size(family)) == 0)
			return true;
	return false;
}

static bool prefix_matches(const uint8_t *addr, const uint8_t *prefix, unsigned int bits)
{
	for (unsigned int i = 0; i < bits; i++)
		if ((addr[i / 8] ^ prefix[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

const struct world_route *model_route(const struct model *model, int family, const uint8_t *addr)
{
	const struct world_route *best = NULL;

	for (int i = 0; i < model->world.route_count; i++) {
		const struct world_route *route = &model->world.routes[i];

		if (route->family == family && (!best || route->bits > best->bits) &&
		    prefix_matches(addr, route->addr, route->bits))
			best = route;
	}
	return best;
}
