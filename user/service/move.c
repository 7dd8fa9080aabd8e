/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A running listener's servers get other addresses. The new ones are prepared beside the old ones,
 * so that a move can be taken back as long as it is not finished: several listeners move as one.
 */
#include "base/log.h"
#include "base/memory.h"
#include "service/internal.h"

struct move {
	struct runtime *runtime;
	struct netaddr addresses[GROUP_SERVERS];
	bool changes[GROUP_SERVERS];
	bool peer_held[GROUP_SERVERS];
	struct health_target *targets[GROUP_SERVERS];
	struct selection_input input;
	uint64_t state;
	bool put;
};

struct move *service_move_undo(struct move *move)
{
	struct dataplane_service old;
	struct error error = {0};
	uint32_t index;

	if (!move)
		return NULL;

	old = service_runtime_describe(move->runtime);
	if (move->put && service_runtime_put(move->runtime->service, &old, move->runtime->state,
					     &index, &error) < 0)
		log_error("undo_failed the maps keep a server's new address, which the database "
			  "does not have; starting the agent again repairs it: %s",
			  error.message);
	for (unsigned int slot = 0; slot < GROUP_SERVERS; slot++) {
		health_target_free(move->targets[slot]);
		if (move->peer_held[slot])
			service_peer_release(move->runtime->service, &move->addresses[slot]);
	}
	free(move);
	return NULL;
}
DEFINE_AUTO(struct move, service_move_undo)

static int begin_server(struct move *move, unsigned int slot, const struct listener *listener,
			struct error *reterr)
{
	struct runtime_server *server = &move->runtime->servers[slot];
	int r;

	r = service_peer_take(move->runtime->service, &move->addresses[slot], reterr);
	if (r < 0)
		return r;
	move->peer_held[slot] = true;

	/* Nothing is known of the server at the new address. */
	move->input.health[slot] = listener->check.enabled ? HEALTH_UNKNOWN : HEALTH_UP;
	return service_runtime_probe(server, &move->addresses[slot], listener, HEALTH_UNKNOWN,
				     &move->targets[slot], reterr);
}

int service_move_start(struct service *service, const struct listener *listener,
		       const struct footprint *footprint, struct move **ret, struct error *reterr)
{
	AUTO(service_move_undo) struct move *move = xcalloc(1, sizeof(*move));
	struct listener_key key = service_listener_key(listener);
	struct dataplane_service wanted;
	uint32_t index;
	int r;

	move->runtime = service_runtime_find(service, &key);
	move->input = move->runtime->input;
	wanted = service_runtime_describe(move->runtime);
	for (unsigned int slot = 0; slot < GROUP_SERVERS; slot++) {
		move->addresses[slot] = footprint->addresses[slot];
		move->changes[slot] = !netaddr_equal(&footprint->addresses[slot],
						     &move->runtime->servers[slot].address);
		if (!move->changes[slot])
			continue;
		wanted.servers[slot].address = footprint->addresses[slot];
		r = begin_server(move, slot, listener, reterr);
		if (r < 0)
			return r;
	}

	move->state = selection_next(move->runtime->state, &move->input);
	r = service_runtime_put(service, &wanted, move->state, &index, reterr);
	if (r < 0)
		return r;
	move->put = true;
	*ret = TAKE(move);
	return 0;
}

struct move *service_move_finish(struct move *move)
{
	struct runtime *runtime = move->runtime;

	for (unsigned int slot = 0; slot < GROUP_SERVERS; slot++) {
		struct runtime_server *server = &runtime->servers[slot];

		if (!move->changes[slot])
			continue;
		health_target_free(server->target);
		service_peer_release(runtime->service, &server->address);
		server->target = move->targets[slot];
		server->address = move->addresses[slot];
	}
	runtime->input = move->input;
	if (move->state != runtime->state)
		service_runtime_note_state(runtime, move->state, "the server has a new address");
	free(move);
	return NULL;
}
