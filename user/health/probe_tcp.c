/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A TCP check: the handshake is all that it asks for, then both sides close in order. */
#include "health/probe.h"

#include <sys/socket.h>

static enum health_result tcp_step(struct probe *probe)
{
	enum health_result result = probe_await_connection(probe);

	/*
	 * A reset, unlike a refusal, comes after the handshake: the same good probe would have been
	 * seen as connected a moment earlier, so it must not depend on when we look.
	 */
	if (result == HEALTH_RESET) {
		probe_say(probe, "connected, then reset");
		return HEALTH_OK;
	}
	if (result != HEALTH_NONE || !probe->connected)
		return result;

	shutdown(probe->fd, SHUT_WR);
	probe->linger = true;
	probe_say(probe, "connected");
	return HEALTH_OK;
}

const struct probe_ops probe_tcp_ops = {
	.socket_type = SOCK_STREAM,
	.step = tcp_step,
	.expire = probe_timeout,
};
