/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A UDP check: a datagram, and the reply to it. ICMP errors fail it at once.
 *
 * Where silence counts as good, an ICMP error is the only bad news there is, and hosts limit how
 * often they send one (Linux: about one a second and peer). Between two of them a dead server is as
 * silent as a live one. So silence counts for nothing until no error has come for a while: else a
 * dead server would alternate between bad and good, and consecutive counting would keep it up.
 */
#include "health/probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

/* How long after an ICMP error silence means nothing, beside one interval. */
enum { DOUBT_US = 2 * 1000 * 1000 };

static enum health_result denied(struct probe *probe, const char *what, int error)
{
	enum health_result result = probe_fail(probe, what, error);

	if (result != HEALTH_LOCAL_ERROR)
		probe->denied_us = clock_monotonic_us();
	return result;
}

/* Also unreachable hosts and networks are to be reported, not only ports. */
static enum health_result udp_prepare(struct probe *probe)
{
	bool is_ipv6 = probe->address.family == AF_INET6;
	int on = 1;

	if (setsockopt(probe->fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       is_ipv6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof(on)) < 0)
		return probe_fail(probe, "setsockopt", errno);
	return HEALTH_NONE;
}

static enum health_result udp_send(struct probe *probe)
{
	const char *request = probe->check.request;

	if (send(probe->fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return denied(probe, "send", errno);
	probe->waiting_for = "reply";
	return HEALTH_NONE;
}

static enum health_result udp_step(struct probe *probe)
{
	size_t wanted = strlen(probe->check.expect);
	char reply[sizeof(probe->check.expect)];
	ssize_t size;

	size = recv(probe->fd, reply, sizeof(reply), 0);
	if (size < 0)
		return errno == EAGAIN ? HEALTH_NONE : denied(probe, "reply", errno);

	probe->denied_us = 0;
	if ((size_t)size < wanted || memcmp(reply, probe->check.expect, wanted) != 0) {
		probe_say(probe, "the reply (%zd bytes) does not start as expected", size);
		return HEALTH_BAD_REPLY;
	}
	probe_say(probe, "reply");
	return HEALTH_OK;
}

static enum health_result udp_expire(struct probe *probe)
{
	uint64_t doubt_us = DOUBT_US + probe->check.interval_ms * 1000ULL;
	uint64_t now = clock_monotonic_us();

	if (!probe->check.assume_up_on_silence)
		return probe_timeout(probe);
	if (probe->denied_us && now - probe->denied_us < doubt_us) {
		probe_say(probe, "silent, but denied %llu ms ago",
			  (unsigned long long)(now - probe->denied_us) / 1000);
		return HEALTH_NONE;
	}
	probe->denied_us = 0;
	probe_say(probe, "silent and not denied");
	return HEALTH_OK;
}

const struct probe_ops probe_udp_ops = {
	.socket_type = SOCK_DGRAM,
	.prepare = udp_prepare,
	.connected = udp_send,
	.step = udp_step,
	.expire = udp_expire,
};
