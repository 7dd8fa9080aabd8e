/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An HTTP check: one request, and the status line of what comes back. An interim status (1xx) is in
 * none of the classes that can be asked for, so it is a bad one: nothing that we send invites it.
 */
#include "health/probe.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

enum { REQUEST_MAX = 512, HOST_MAX = 128 };

/* The Host of the request: the domain, else the server's address; the port where it is not 80. */
static void format_host(const struct probe *probe, char *buffer, size_t size)
{
	char address[NETADDR_TEXT_MAX], port[sizeof(":65535")] = "";
	bool literal6 = !probe->check.domain[0] && probe->address.family == AF_INET6;

	if (probe->port != 80)
		snprintf(port, sizeof(port), ":%u", probe->port);
	snprintf(buffer, size, "%s%s%s%s", literal6 ? "[" : "",
		 probe->check.domain[0] ? probe->check.domain
					: netaddr_format(&probe->address, address),
		 literal6 ? "]" : "", port);
}

static enum health_result send_request(struct probe *probe)
{
	char host[HOST_MAX], request[REQUEST_MAX];
	ssize_t sent;
	int size;

	format_host(probe, host, sizeof(host));
	size = snprintf(request, sizeof(request),
			"%s %s HTTP/1.1\r\n"
			"Host: %s\r\n"
			"User-Agent: tandem\r\n"
			"Accept: */*\r\n"
			"Connection: close\r\n"
			"\r\n",
			probe->check.method == CHECK_GET ? "GET" : "HEAD",
			probe->check.uri[0] ? probe->check.uri : "/", host);

	sent = send(probe->fd, request, (size_t)size, MSG_NOSIGNAL);
	if (sent < 0)
		return probe_fail(probe, "send", errno);
	if (sent <
	    size) { /* a new socket's buffer takes more than this: the host is out of memory */
		probe_say(probe, "send: %zd of %d bytes", sent, size);
		return HEALTH_LOCAL_ERROR;
	}
	probe->sent = true;
	probe->waiting_for = "HTTP status";
	return HEALTH_NONE;
}

static enum health_result judge(struct probe *probe, int status)
{
	if (status < 0) {
		probe_say(probe, "the reply is not HTTP/1.x or its first line is too long");
		return HEALTH_BAD_REPLY;
	}
	probe->linger = true;
	probe_say(probe, "HTTP %d", status);
	return probe->check.http_codes & (1U << (status / 100)) ? HEALTH_OK : HEALTH_BAD_STATUS;
}

static enum health_result read_status(struct probe *probe)
{
	char reply[HTTP_STATUS_LINE_MAX];
	ssize_t size;
	int status;

	for (;;) {
		size = recv(probe->fd, reply, sizeof(reply), 0);
		if (size < 0)
			return errno == EAGAIN ? HEALTH_NONE : probe_fail(probe, "receive", errno);
		if (size == 0) {
			probe_say(probe, "closed before the status line was complete");
			return HEALTH_RESET;
		}
		probe->progress++;

		status = http_status_feed(&probe->status, reply, (size_t)size);
		if (status != 0)
			return judge(probe, status);
	}
}

static enum health_result http_step(struct probe *probe)
{
	enum health_result result = probe_await_connection(probe);

	if (result != HEALTH_NONE || !probe->connected)
		return result;
	if (!probe->sent)
		result = send_request(probe);
	return result != HEALTH_NONE ? result : read_status(probe);
}

const struct probe_ops probe_http_ops = {
	.socket_type = SOCK_STREAM,
	.step = http_step,
	.expire = probe_timeout,
};
