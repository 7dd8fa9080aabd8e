/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What all kinds of probe share: the socket, the meaning of errors, the orderly end. */
#include "health/probe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A reply's rest that is read for the sake of an orderly close; beyond it the server gets its RST.
 */
enum { DRAIN_MAX = 64 * 1024 };

static const struct probe_ops *const ops_of_type[CHECK_TYPE_MAX] = {
	[CHECK_TCP] = &probe_tcp_ops,
	[CHECK_HTTP] = &probe_http_ops,
	[CHECK_UDP] = &probe_udp_ops,
};

void probe_init(struct probe *probe, const struct netaddr *address, uint16_t port,
		const struct health_check *check)
{
	*probe = (struct probe){
		.ops = ops_of_type[check->type],
		.check = *check,
		.address = *address,
		.port = port,
		.fd = -1,
	};
	probe->peer_length = netaddr_to_sockaddr(address, port, &probe->peer);
}

void probe_say(struct probe *probe, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(probe->evidence, sizeof(probe->evidence), format, arguments);
	va_end(arguments);
}

/*
 * What this host lacks says nothing of the server. Anything else that the kernel answers at once
 * comes from its routes, neighbours or filters: the server cannot be reached, clients could not
 * reach it either.
 */
static enum health_result result_of_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return HEALTH_REFUSED;
	case ETIMEDOUT:
		return HEALTH_TIMEOUT;
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
		return HEALTH_RESET;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case ENOSPC: /* epoll: max_user_watches */
	case EADDRNOTAVAIL:
	case EAGAIN:
		return HEALTH_LOCAL_ERROR;
	default:
		return HEALTH_UNREACHABLE;
	}
}

enum health_result probe_fail(struct probe *probe, const char *what, int error)
{
	probe_say(probe, "%s: %s", what, strerror(error));
	return result_of_errno(error);
}

enum health_result probe_timeout(struct probe *probe)
{
	probe_say(probe, "%s: no answer in %u ms", probe->waiting_for, probe->check.timeout_ms);
	return HEALTH_TIMEOUT;
}

enum health_result probe_start(struct probe *probe)
{
	enum health_result result;

	probe->connected = probe->sent = probe->linger = false;
	probe->progress = probe->drained = 0;
	probe->waiting_for = "connect";
	probe->status = (struct http_status){0};
	probe->evidence[0] = '\0';

	probe->fd = socket(probe->address.family,
			   probe->ops->socket_type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe->fd < 0)
		return probe_fail(probe, "socket", errno);

	result = probe->ops->prepare ? probe->ops->prepare(probe) : HEALTH_NONE;
	if (result != HEALTH_NONE)
		return result;
	if (connect(probe->fd, (struct sockaddr *)&probe->peer, probe->peer_length) < 0 &&
	    errno != EINPROGRESS)
		return probe_fail(probe, "connect", errno);
	return probe->ops->connected ? probe->ops->connected(probe) : HEALTH_NONE;
}

void probe_close(struct probe *probe)
{
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
	probe->linger = false;
}

bool probe_drain(struct probe *probe)
{
	char scratch[4096];
	ssize_t size;

	while (probe->drained < DRAIN_MAX) {
		size = recv(probe->fd, scratch, sizeof(scratch), 0);
		if (size < 0 && errno == EAGAIN)
			return false;
		if (size <= 0)
			return true;
		probe->drained += (unsigned int)size;
	}
	return true;
}

/* Asking connect() again is the one call that tells "not yet", "yes" and the error apart. */
enum health_result probe_await_connection(struct probe *probe)
{
	if (probe->connected)
		return HEALTH_NONE;
	if (connect(probe->fd, (struct sockaddr *)&probe->peer, probe->peer_length) == 0 ||
	    errno == EISCONN) {
		probe->connected = true;
		probe->progress++;
		return HEALTH_NONE;
	}
	if (errno == EALREADY || errno == EINPROGRESS)
		return HEALTH_NONE;
	return probe_fail(probe, "connect", errno);
}
