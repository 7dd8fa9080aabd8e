// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ICMP errors that pass through (RFC 5508), and those that the gateway writes (RFC 792, RFC 4443).
 */
#include "model_internal.h"

#include <string.h>

#include <linux/bpf.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "bytes.h"

static bool is_error(int family, uint8_t type)
{
	return family == 4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
}

/* Take the quoted packet apart; false where it says not whose it is. */
static bool parse_quote(const struct view *view, struct view *quote)
{
	const uint8_t *ip;

	*quote = (struct view){.bytes = view->bytes,
			       .length = view->length,
			       .ip = view->l4 + 8,
			       .end = view->end,
			       .family = view->family};
	ip = quote->bytes + quote->ip;
	if (view->family == 4) {
		size_t header;

		if (quote->ip + 20 > quote->end || ip[0] >> 4 != 4 || get16(ip + 6) & 0x1fff)
			return false;
		header = 4U * (ip[0] & 15);
		if (header < 20)
			return false;
		quote->proto = ip[9];
		quote->l4 = quote->ip + header;
	} else {
		if (quote->ip + 40 > quote->end || ip[0] >> 4 != 6 ||
		    model_walk(quote, ip[6], quote->ip + 40, quote->end) || quote->later)
			return false;
	}
	if (quote->l4 + 8 > quote->end ||
	    (quote->proto != IPPROTO_TCP && quote->proto != IPPROTO_UDP))
		return false;
	quote->source_port = get16(quote->bytes + quote->l4);
	quote->dest_port = get16(quote->bytes + quote->l4 + 2);
	return true;
}

/* Translate an address and a port of the quoted packet, with the checksums that it has. */
static void translate_quote(struct view *quote, size_t address, const uint8_t *to, size_t port,
			    uint16_t to_port)
{
	size_t check = quote->l4 + (quote->proto == IPPROTO_TCP ? 16 : 6);
	size_t size = address_size(quote->family);
	uint8_t *bytes = quote->bytes;
	uint32_t before = model_sum(bytes + address, size) + get16(bytes + port);
	uint32_t after = model_sum(to, size) + to_port;

	model_set_address(quote, address, to);
	put16(bytes + port, to_port);
	if (check + 2 > quote->end || (quote->proto == IPPROTO_UDP && get16(bytes + check) == 0))
		return;
	model_follow(bytes + check, before % 65535, after % 65535);
	if (quote->proto == IPPROTO_UDP && get16(bytes + check) == 0)
		put16(bytes + check, 0xffff);
}

/* The sum of all that the checksum of the ICMP message covers, but for itself. */
static uint32_t message_sum(const struct view *view)
{
	uint32_t sum = model_sum(view->bytes + view->l4, 2) +
		       model_sum(view->bytes + view->l4 + 4, view->end - view->l4 - 4);

	if (view->family == 6)
		sum += model_sum(view->bytes + view->ip + 8, 32);
	return sum % 65535;
}

static void to_server(const struct model *model, struct view *view, struct view *quote,
		      const struct world_service *service, struct model_verdict *verdict)
{
	const struct world_server *server = &service->servers[service->active > 0];
	uint32_t before = message_sum(view);

	if (!model_vlan_has(&service->vlan, view)) {
		model_say(verdict, XDP_PASS, TD_PASS_OTHER_VLAN);
		return;
	}
	if (service->active < 0) {
		model_say(verdict, XDP_DROP, TD_DROP_NONE_HEALTHY);
		return;
	}
	if (view->bytes[ttl_at(view)] <= 1) {
		model_say(verdict, XDP_DROP, TD_DROP_TTL_EXPIRED);
		return;
	}
	translate_quote(quote, source_at(quote), server->addr, quote->l4, server->port);
	model_set_address(view, dest_at(view), server->addr);
	model_follow(view->bytes + view->l4 + 2, before, message_sum(view));
	if (server->hop.resolved)
		model_send(model, view, &server->hop, false, verdict);
	else
		model_say(verdict, XDP_PASS, TD_PASS_SERVER_UNRESOLVED);
}

static void to_client(const struct model *model, struct view *view, struct view *quote,
		      const struct world_service *service, int slot, struct model_verdict *verdict)
{
	const struct world_route *route = model_way_back(model, view, service, slot, verdict);
	uint32_t before = message_sum(view);
	bool by_server = memcmp(view->bytes + source_at(view), quote->bytes + dest_at(quote),
				address_size(view->family)) == 0;

	if (!route)
		return;
	if (view->bytes[ttl_at(view)] <= 1) {
		model_say(verdict, XDP_DROP, TD_DROP_TTL_EXPIRED);
		return;
	}
	translate_quote(quote, dest_at(quote), service->vip, quote->l4 + 2, service->port);
	if (by_server)
		model_set_address(view, source_at(view), service->vip);
	model_follow(view->bytes + view->l4 + 2, before, message_sum(view));
	model_send(model, view, &route->hop, true, verdict);
}

void model_icmp(struct model *model, struct view *view, struct model_verdict *verdict)
{
	const struct world_service *service;
	struct view quote;
	int slot;

	if (view->l4 + 8 > view->length) {
		model_say(verdict, XDP_PASS, TD_PASS_MALFORMED);
		return;
	}
	model_say(verdict, XDP_PASS, TD_PASS_NOT_OURS);
	if (!is_error(view->family, view->bytes[view->l4]) || !parse_quote(view, &quote))
		return;
	if (memcmp(view->bytes + dest_at(view), view->bytes + source_at(&quote),
		   address_size(view->family)) != 0)
		return;
	service = model_find_service(model, view->family, view->bytes + source_at(&quote),
				     quote.source_port, quote.proto);
	if (service) {
		to_server(model, view, &quote, service, verdict);
		return;
	}
	service = model_find_endpoint(model, view->family, view->bytes + dest_at(&quote),
				      quote.dest_port, quote.proto, &slot);
	if (service)
		to_client(model, view, &quote, service, slot, verdict);
}

/* The IP header of an answer, into @ip; returns its length. */
static size_t answer_ip(const struct view *view, const uint8_t *source, uint8_t proto,
			size_t payload, uint8_t *ip)
{
	const uint8_t *old = view->bytes + view->ip;

	if (view->family == 6) {
		ip[0] = 0x60;
		put16(ip + 4, (uint16_t)payload);
		ip[6] = proto;
		ip[7] = 64;
		memcpy(ip + 8, source, 16);
		memcpy(ip + 24, old + 8, 16);
		return 40;
	}
	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)(20 + payload));
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, source, 4);
	memcpy(ip + 16, old + 12, 4);
	put16(ip + 10, sum_finish(sum_bytes(ip, 20, 0)));
	return 20;
}

/* The sequence numbers that the segment takes. */
static uint32_t segment_size(const struct view *view)
{
	const uint8_t *tcp = view->bytes + view->l4, *ip = view->bytes + view->ip;
	size_t packet = view->family == 4 ? get16(ip + 2) : 40U + get16(ip + 4);
	size_t headers = view->l4 - view->ip + 4U * (tcp[12] >> 4);
	uint32_t flags = (tcp[13] >> 1 & 1U) + (tcp[13] & 1U);

	return (packet > headers ? (uint32_t)(packet - headers) : 0) + flags;
}

static size_t answer_reset(const struct view *view, uint8_t *tcp)
{
	const uint8_t *old = view->bytes + view->l4;

	memcpy(tcp, old + 2, 2);
	memcpy(tcp + 2, old, 2);
	tcp[12] = 5 << 4;
	tcp[13] = 0x04;
	if (old[13] & 0x10) {
		memcpy(tcp + 4, old + 8, 4);
	} else {
		tcp[13] |= 0x10;
		put32(tcp + 8, get32(old + 4) + segment_size(view));
	}
	return 20;
}

static size_t answer_icmp(const struct view *view, enum model_answer what, uint16_t mtu,
			  uint8_t *icmp)
{
	size_t quoted = view->l4 - view->ip + 8;
	bool v4 = view->family == 4;

	switch (what) {
	case ANSWER_WITH_REFUSAL:
		icmp[0] = v4 ? 3 : 1;
		icmp[1] = v4 ? 3 : 4;
		break;
	case ANSWER_WITH_EXPIRY:
		icmp[0] = v4 ? 11 : 3;
		break;
	case ANSWER_WITH_MTU:
		icmp[0] = v4 ? 3 : 2;
		icmp[1] = v4 ? 4 : 0;
		put32(icmp + 4, mtu);
		break;
	}
	memcpy(icmp + 8, view->bytes + view->ip, quoted);
	return 8 + quoted;
}

/* An IPv4 header that is quoted is taken for one whose own checksum is right, and its sum for zero.
 */
static void answer_checksum(const struct view *view, const uint8_t *ip, uint8_t *at, size_t length)
{
	bool icmp4 = ip[9] == IPPROTO_ICMP && view->family == 4;
	uint8_t proto = view->family == 4 ? ip[9] : ip[6];
	uint32_t sum = icmp4 ? 0 : sum_pseudo(ip, proto, length);

	if (icmp4) {
		sum = sum_bytes(at + length - 8, 8, sum_bytes(at, 8, sum));
		put16(at + 2, sum_finish(sum));
		return;
	}
	put16(at + (proto == IPPROTO_TCP ? 16 : 2), sum_finish(sum_bytes(at, length, sum)));
}

/* The VIP, or toward a server this host's address where the packet came in, if it has one. */
static bool source_of_answer(const struct model *model, const struct view *view, bool toward_server,
			     uint8_t *ret)
{
	static const uint8_t none[16];
	size_t size = address_size(view->family);

	if (!toward_server) {
		memcpy(ret, view->bytes + dest_at(view), size);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(model->world.interfaces); i++) {
		const struct world_interface *interface = &model->world.interfaces[i];

		if (!model_vlan_has(&interface->vlan, view))
			continue;
		memcpy(ret, view->family == 4 ? interface->own4 : interface->own6, size);
		return memcmp(ret, none, size) != 0;
	}
	return false;
}

void model_answer(const struct model *model, struct view *view, enum model_answer what,
		  bool toward_server, uint16_t mtu, struct model_verdict *verdict)
{
	static const enum td_reason reasons[] = {TD_REJECT_UNREACHABLE, TD_TIME_EXCEEDED,
						 TD_TOO_BIG};
	bool reset = what == ANSWER_WITH_REFUSAL && view->proto == IPPROTO_TCP;
	uint8_t l4[FRAME_MAX] = {0}, frame[FRAME_MAX] = {0}, source[16];
	struct world_vlan vlan = view->vlan;
	size_t length, header;

	if ((reset && view->bytes[view->l4 + 13] & 0x04) ||
	    !source_of_answer(model, view, toward_server, source))
		return;
	length = reset ? answer_reset(view, l4) : answer_icmp(view, what, mtu, l4);
	memcpy(frame, view->bytes + 6, 6);
	memcpy(frame + 6, view->bytes, 6);
	put16(frame + 12, view->ethertype);
	header = answer_ip(view, source,
			   reset	       ? IPPROTO_TCP
			   : view->family == 4 ? IPPROTO_ICMP
					       : IPPROTO_ICMPV6,
			   length, frame + 14);
	answer_checksum(view, frame + 14, l4, length);
	memcpy(frame + 14 + header, l4, length);

	memcpy(view->bytes, frame, 14 + header + length);
	view->length = 14 + header + length;
	view->vlan = (struct world_vlan){.tags = 0};
	model_set_tags(view, &vlan);
	verdict->length = view->length;
	model_say(verdict, XDP_TX, reset ? TD_REJECT_TCP_RESET : reasons[what]);
}
