/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/netaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

int netaddr_parse(const char *text, struct netaddr *ret)
{
	static const uint16_t families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < 2; i++) {
		struct netaddr addr = {.family = families[i]};

		if (inet_pton(families[i], text, addr.bytes) == 1) {
			*ret = addr;
			return 0;
		}
	}
	return -EINVAL;
}

int netaddr_parse_endpoint(const char *text, struct netaddr *ret, uint16_t *ret_port)
{
	bool bracketed = text[0] == '[';
	const char *start = text + bracketed, *end = strchr(start, bracketed ? ']' : ':');
	char address[NETADDR_TEXT_MAX];
	struct netaddr addr;
	uint16_t port = 0;
	size_t length;

	if (bracketed && !end)
		return -EINVAL;
	/* More than one colon: an IPv6 address alone. */
	if (!end || (!bracketed && strchr(end + 1, ':')))
		end = start + strlen(start);
	length = (size_t)(end - start);
	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, start, length);
	address[length] = '\0';
	if (netaddr_parse(address, &addr) < 0 || (bracketed && addr.family != AF_INET6))
		return -EINVAL;

	end += bracketed;
	if (*end && (*end != ':' || parse_u16(end + 1, &port) < 0 || !port))
		return -EINVAL;
	*ret = addr;
	*ret_port = port;
	return 0;
}

char *netaddr_format(const struct netaddr *addr, char *buffer)
{
	if (!netaddr_is_set(addr) ||
	    !inet_ntop(addr->family, addr->bytes, buffer, NETADDR_TEXT_MAX))
		snprintf(buffer, NETADDR_TEXT_MAX, "none");
	return buffer;
}

bool netaddr_equal(const struct netaddr *a, const struct netaddr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool netaddr_is_set(const struct netaddr *addr)
{
	return addr->family != AF_UNSPEC;
}

unsigned int netaddr_size(const struct netaddr *addr)
{
	switch (addr->family) {
	case AF_INET:
		return 4;
	case AF_INET6:
		return 16;
	default:
		return 0;
	}
}

static bool is_usable4(const uint8_t *bytes)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	enum { THIS_NETWORK = 0, LOOPBACK = 127, MULTICAST_FIRST = 224, MULTICAST_LAST = 239 };

	return bytes[0] != THIS_NETWORK && bytes[0] != LOOPBACK &&
	       (bytes[0] < MULTICAST_FIRST || bytes[0] > MULTICAST_LAST) &&
	       memcmp(bytes, broadcast, sizeof(broadcast)) != 0;
}

static bool is_usable6(const uint8_t *bytes)
{
	struct in6_addr addr;

	memcpy(&addr, bytes, sizeof(addr));
	return !IN6_IS_ADDR_UNSPECIFIED(&addr) && !IN6_IS_ADDR_LOOPBACK(&addr) &&
	       !IN6_IS_ADDR_MULTICAST(&addr) && !IN6_IS_ADDR_V4MAPPED(&addr) &&
	       !IN6_IS_ADDR_LINKLOCAL(&addr);
}

bool netaddr_is_usable(const struct netaddr *addr)
{
	switch (addr->family) {
	case AF_INET:
		return is_usable4(addr->bytes);
	case AF_INET6:
		return is_usable6(addr->bytes);
	default:
		return false;
	}
}

socklen_t netaddr_to_sockaddr(const struct netaddr *addr, uint16_t port,
			      struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *in4 = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = addr->family;
	if (addr->family == AF_INET6) {
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, addr->bytes, sizeof(in6->sin6_addr));
		return sizeof(*in6);
	}
	in4->sin_port = htons(port);
	memcpy(&in4->sin_addr, addr->bytes, sizeof(in4->sin_addr));
	return sizeof(*in4);
}
