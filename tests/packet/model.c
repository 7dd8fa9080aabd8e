// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The way of a frame: parse, find whose it is, translate, send. */
#include "model.h"

#include <string.h>

#include <linux/bpf.h>
#include <netinet/in.h>

#include "bytes.h"
#include "model_internal.h"

void model_say(struct model_verdict *verdict, int action, enum td_reason reason)
{
	verdict->action = action;
	verdict->reason = reason;
}

static void pass(struct model_verdict *verdict, enum td_reason reason)
{
	model_say(verdict, XDP_PASS, reason);
}

static void drop(struct model_verdict *verdict, enum td_reason reason)
{
	model_say(verdict, XDP_DROP, reason);
}

/* Other tags than the frame has lose their priority; its own are left alone. */
void model_set_tags(struct view *view, const struct world_vlan *to)
{
	uint8_t *at = view->bytes + 12;
	size_t old = 4U * view->vlan.tags, new = 4U * to->tags;

	memmove(at + new, at + old, view->length - 12 - old);
	view->length = view->length - old + new;
	if (to->tags == 0)
		return;
	put16(at, to->ad ? 0x88a8 : 0x8100);
	put16(at + 2, to->tags == 2 ? to->outer : to->inner);
	if (to->tags == 2) {
		put16(at + 4, 0x8100);
		put16(at + 6, to->inner);
	}
}

void model_send(const struct model *model, struct view *view, const struct world_hop *hop,
		bool back, struct model_verdict *verdict)
{
	memcpy(view->bytes, hop->dest, 6);
	memcpy(view->bytes + 6, hop->source, 6);
	model_set_ttl(view);
	if (!model_vlan_equal(&view->vlan, &hop->vlan))
		model_set_tags(view, &hop->vlan);
	verdict->length = view->length;
	if (hop->ifindex == model->world.ingress)
		model_say(verdict, XDP_TX, back ? TD_RETURN_TX : TD_FORWARD_TX);
	else if (hop->sendable)
		model_say(verdict, XDP_REDIRECT, back ? TD_RETURN_REDIRECT : TD_FORWARD_REDIRECT);
	else
		drop(verdict, TD_DROP_NO_DEVICE);
}

static void count(struct model_verdict *verdict, const struct model *model,
		  const struct world_service *service, int slot, enum model_counted counted)
{
	verdict->counted = counted;
	verdict->service = (int)(service - model->world.services);
	verdict->slot = slot;
}

/* An address, and where the packet has it also a port; with all checksums. */
static void translate(struct view *view, size_t address, const uint8_t *to, size_t port,
		      uint16_t to_port)
{
	size_t size = address_size(view->family);
	uint8_t *bytes = view->bytes;
	uint8_t *check = bytes + view->l4 + (view->proto == IPPROTO_TCP ? 16 : 6);
	uint32_t before = model_sum(bytes + address, size), after = model_sum(to, size);

	model_set_address(view, address, to);
	if (view->later)
		return;
	before += get16(bytes + port);
	after += to_port;
	put16(bytes + port, to_port);
	if (view->proto == IPPROTO_UDP && get16(check) == 0)
		return;
	model_follow(check, before % 65535, after % 65535);
	if (view->proto == IPPROTO_UDP && get16(check) == 0)
		put16(check, 0xffff);
}

static size_t packet_size(const struct view *view)
{
	return view->family == 4 ? get16(view->bytes + view->ip + 2)
				 : 40U + get16(view->bytes + view->ip + 4);
}

static bool may_be_fragmented(const struct view *view)
{
	return view->family == 4 && !(view->bytes[view->ip + 6] & 0x40);
}

static void forward(const struct model *model, struct view *view,
		    const struct world_service *service, struct model_verdict *verdict)
{
	const struct world_server *server = &service->servers[service->active > 0];
	bool too_big = packet_size(view) > server->hop.mtu;

	if (!model_vlan_has(&service->vlan, view)) {
		pass(verdict, TD_PASS_OTHER_VLAN);
		return;
	}
	if (service->active < 0) {
		count(verdict, model, service, 0, MODEL_REFUSED);
		drop(verdict, TD_DROP_NONE_HEALTHY);
		if (service->reject && !view->later)
			model_answer(model, view, ANSWER_WITH_REFUSAL, false, 0, verdict);
		return;
	}
	if (view->bytes[ttl_at(view)] <= 1) {
		drop(verdict, TD_DROP_TTL_EXPIRED);
		if (!view->later)
			model_answer(model, view, ANSWER_WITH_EXPIRY, false, 0, verdict);
		return;
	}
	if (too_big && !may_be_fragmented(view)) {
		drop(verdict, TD_DROP_TOO_BIG);
		if (!view->later)
			model_answer(model, view, ANSWER_WITH_MTU, false, server->hop.mtu, verdict);
		return;
	}
	count(verdict, model, service, service->active, MODEL_FORWARDED);
	translate(view, dest_at(view), server->addr, view->l4 + 2, server->port);
	if (too_big)
		pass(verdict, TD_PASS_TO_FRAGMENT);
	else if (!server->hop.resolved)
		pass(verdict, TD_PASS_SERVER_UNRESOLVED);
	else
		model_send(model, view, &server->hop, false, verdict);
}

const struct world_route *model_way_back(const struct model *model, const struct view *view,
					 const struct world_service *service, int slot,
					 struct model_verdict *verdict)
{
	const uint8_t *client = view->bytes + dest_at(view);
	const struct world_route *route = model_route(model, view->family, client);

	if (model_is_local(model, view->family, client))
		pass(verdict, TD_PASS_LOCAL);
	else if (!model_vlan_has(&service->servers[slot].vlan, view))
		pass(verdict, TD_PASS_OTHER_VLAN);
	else if (service->active != slot)
		pass(verdict, TD_PASS_IDLE_SERVER);
	else if (route->kind == ROUTE_VIA)
		return route;
	else if (route->kind == ROUTE_UNSURE)
		verdict->unsure = true;
	else if (route->kind == ROUTE_LOCAL)
		pass(verdict, TD_PASS_NO_ROUTE);
	else
		drop(verdict, route->kind == ROUTE_PROHIBITED ? TD_DROP_NO_ROUTE
							      : TD_DROP_CLIENT_UNRESOLVED);
	return NULL;
}

static void give_back(const struct model *model, struct view *view,
		      const struct world_service *service, int slot, struct model_verdict *verdict)
{
	const struct world_route *route = model_way_back(model, view, service, slot, verdict);

	if (!route)
		return;
	if (view->bytes[ttl_at(view)] <= 1) {
		drop(verdict, TD_DROP_TTL_EXPIRED);
		if (!view->later)
			model_answer(model, view, ANSWER_WITH_EXPIRY, true, 0, verdict);
		return;
	}
	if (packet_size(view) > route->hop.mtu) {
		drop(verdict, TD_DROP_TOO_BIG);
		if (!view->later && !may_be_fragmented(view))
			model_answer(model, view, ANSWER_WITH_MTU, true, route->hop.mtu, verdict);
		return;
	}
	count(verdict, model, service, slot, MODEL_RETURNED);
	translate(view, source_at(view), service->vip, view->l4, service->port);
	model_send(model, view, &route->hop, true, verdict);
}

static bool is_vip(const struct model *model, const struct view *view)
{
	for (int i = 0; i < model->world.service_count; i++) {
		const struct world_service *service = &model->world.services[i];

		if (service->family == view->family &&
		    memcmp(service->vip, view->bytes + dest_at(view), address_size(view->family)) ==
			    0)
			return true;
	}
	return false;
}

static void piece_key(const struct view *view, uint8_t key[37])
{
	size_t size = address_size(view->family);

	memset(key, 0, 37);
	key[0] = (uint8_t)view->family;
	memcpy(key + 1, view->bytes + source_at(view), size);
	memcpy(key + 17, view->bytes + dest_at(view), size);
	memcpy(key + 33, &view->id, 4);
	if (view->family == 4)
		key[36] = view->proto;
}

static struct model_piece *find_piece(struct model *model, const uint8_t key[37])
{
	for (int i = 0; i < model->piece_count; i++)
		if (memcmp(model->pieces[i].key, key, 37) == 0)
			return &model->pieces[i];
	return NULL;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

static enum td_reason parse_ports(struct view *view)
{
	size_t header = view->proto == IPPROTO_TCP ? 20 : 8;

	if (!has_ports(view->proto))
		return TD_PASS_NOT_OURS;
	if (view->l4 + header > view->length)
		return TD_PASS_MALFORMED;
	view->source_port = get16(view->bytes + view->l4);
	view->dest_port = get16(view->bytes + view->l4 + 2);
	return TD_CONTINUE;
}

/* What becomes of a piece other than the first is what its first piece said. */
static enum td_reason ports_of_later(struct model *model, struct view *view)
{
	const struct model_piece *piece;
	uint8_t key[37];

	piece_key(view, key);
	piece = find_piece(model, key);
	if (piece && !piece->stale) {
		view->source_port = piece->source_port;
		view->dest_port = piece->dest_port;
		view->proto = piece->proto;
		return TD_CONTINUE;
	}
	/* Echo requests in pieces, and what else is not served, are the host's to put together. */
	if (!has_ports(view->proto) && !model_is_extension(view))
		return TD_PASS_NOT_OURS;
	return is_vip(model, view) ? TD_DROP_FRAGMENT : TD_PASS_NOT_OURS;
}

/* A first piece is remembered, and what was known of an older datagram is not true any more. */
static enum td_reason ports_of_first(struct model *model, struct view *view)
{
	enum td_reason reason = parse_ports(view);
	struct model_piece *piece;
	uint8_t key[37];

	piece_key(view, key);
	piece = find_piece(model, key);
	if (reason) {
		if (piece)
			*piece = model->pieces[--model->piece_count];
		return reason;
	}
	if (!piece)
		piece = &model->pieces[model->piece_count++];
	memcpy(piece->key, key, sizeof(key));
	piece->source_port = view->source_port;
	piece->dest_port = view->dest_port;
	piece->proto = view->proto;
	piece->stale = false;
	return TD_CONTINUE;
}

static enum td_reason find_ports(struct model *model, struct view *view)
{
	if (view->later)
		return ports_of_later(model, view);
	return view->piece ? ports_of_first(model, view) : parse_ports(view);
}

static void match(struct model *model, struct view *view, struct model_verdict *verdict)
{
	const struct world_service *service;
	int slot;

	service = model_find_service(model, view->family, view->bytes + dest_at(view),
				     view->dest_port, view->proto);
	if (service) {
		forward(model, view, service, verdict);
		return;
	}
	service = model_find_endpoint(model, view->family, view->bytes + source_at(view),
				      view->source_port, view->proto, &slot);
	if (service)
		give_back(model, view, service, slot, verdict);
	else
		pass(verdict, TD_PASS_NOT_OURS);
}

void model_run(struct model *model, const uint8_t *in, size_t length, struct model_verdict *ret)
{
	struct view view = {.bytes = ret->frame, .length = length};
	enum td_reason reason;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->frame, in, length);
	ret->length = length;
	reason = model_parse_l2(&view);
	if (!reason)
		reason = model_parse_ip(&view);
	if (reason == TD_DROP_HEADERS && !is_vip(model, &view))
		reason = TD_PASS_NOT_OURS;
	if (reason == TD_DROP_HEADERS) {
		drop(ret, reason);
		return;
	}
	if (reason) {
		pass(ret, reason);
		return;
	}
	if (!view.piece && view.proto == (view.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) &&
	    (view.family == 4 || view.l4 == view.ip + 40)) {
		model_icmp(model, &view, ret);
		return;
	}
	reason = find_ports(model, &view);
	if (reason == TD_DROP_FRAGMENT)
		drop(ret, reason);
	else if (reason)
		pass(ret, reason);
	else
		match(model, &view, ret);
}
