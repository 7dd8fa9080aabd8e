/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_NETADDR_H
#define TANDEM_NETADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { NETADDR_TEXT_MAX = INET6_ADDRSTRLEN };

/* An IPv4 or IPv6 address. All zero (AF_UNSPEC) is "none". Unused bytes are zero, so memcmp()
 * compares. */
struct netaddr {
	uint16_t family;   /* AF_INET, AF_INET6 or AF_UNSPEC */
	uint8_t bytes[16]; /* network byte order; IPv4 uses the first four */
};

/* Parse a literal of either family, without scope or mask. Returns 0 or -EINVAL. */
int netaddr_parse(const char *text, struct netaddr *ret);

/*
 * Parse ADDRESS or ADDRESS:PORT; an IPv6 address with a port stands in brackets, and may without
 * one. @ret_port (host byte order) is 0 where there is none. Returns 0 or -EINVAL.
 */
int netaddr_parse_endpoint(const char *text, struct netaddr *ret, uint16_t *ret_port);

/* Text of @addr into @buffer of at least NETADDR_TEXT_MAX bytes ("none" for AF_UNSPEC); returns
 * @buffer. */
char *netaddr_format(const struct netaddr *addr, char *buffer);

bool netaddr_equal(const struct netaddr *a, const struct netaddr *b);
bool netaddr_is_set(const struct netaddr *addr);

/* 4 or 16; 0 for "none". */
unsigned int netaddr_size(const struct netaddr *addr);

/*
 * A unicast address that a server or a VIP can have: not unspecified, loopback, multicast,
 * limited broadcast (IPv4), IPv4-mapped or link-local (IPv6: it would need a scope).
 */
bool netaddr_is_usable(const struct netaddr *addr);

/* Fill @ret with @addr and @port (host byte order); returns the length for bind() and connect(). */
socklen_t netaddr_to_sockaddr(const struct netaddr *addr, uint16_t port,
			      struct sockaddr_storage *ret);

#endif
