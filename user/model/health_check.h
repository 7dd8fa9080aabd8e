/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_HEALTH_CHECK_H
#define TANDEM_HEALTH_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

/* Values are IP protocol numbers. Names: "tcp", "udp" (parsed without case). */
enum protocol { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
const char *protocol_name(enum protocol protocol);
CHECKED int protocol_parse(const char *name, enum protocol *ret);

/* Names: "tcp", "http", "udp". */
enum check_type { CHECK_TCP, CHECK_HTTP, CHECK_UDP, CHECK_TYPE_MAX };
const char *check_type_name(enum check_type type);
CHECKED int check_type_parse(const char *name, enum check_type *ret);

/* Names: "head", "get". */
enum check_method { CHECK_HEAD, CHECK_GET, CHECK_METHOD_MAX };
const char *check_method_name(enum check_method method);
CHECKED int check_method_parse(const char *name, enum check_method *ret);

/* Bits of health_check.http_codes: "http_2xx" ... "http_5xx". */
enum { HTTP_2XX = 1 << 2, HTTP_3XX = 1 << 3, HTTP_4XX = 1 << 4, HTTP_5XX = 1 << 5 };

/* Read a comma list such as "http_2xx,http_3xx" into bits. Returns 0 or -EINVAL. */
CHECKED int http_codes_parse(const char *text, unsigned int *ret);
enum { HTTP_CODES_TEXT_MAX = sizeof("http_2xx,http_3xx,http_4xx,http_5xx") };
/* The same list of @codes into @buffer of HTTP_CODES_TEXT_MAX bytes; returns @buffer. */
char *http_codes_format(unsigned int codes, char *buffer);

/* How both servers of a listener's group are checked. Plain data. */
struct health_check {
	bool enabled; /* off: both servers count as healthy */
	enum check_type type;
	uint32_t interval_ms;	     /* from the start of one probe to the start of the next */
	uint32_t timeout_ms;	     /* as given; what probes use: health_check_timeout_ms() */
	uint8_t healthy_threshold;   /* consecutive good probes that make a server healthy */
	uint8_t unhealthy_threshold; /* consecutive bad probes that make it unhealthy */
	uint16_t connect_port;	     /* 0: each server's own port */
	char domain[80 + 1];	     /* Host of an HTTP check; "": the server's address */
	char uri[80 + 1];	     /* path of an HTTP check; "": "/" */
	unsigned int http_codes;     /* HTTP_2XX | ...: what counts as good; 0 unless HTTP */
	enum check_method method;
	char request[500 + 1];	   /* payload of a UDP check; "": an empty datagram */
	char expect[500 + 1];	   /* what the reply to it must start with; "": any reply is good */
	bool assume_up_on_silence; /* UDP: no reply counts as good, only ICMP unreachable is bad */
};

/*
 * The time after which a probe has failed. A probe ends before the next one starts, so that is
 * never more than the interval, though the API's defaults are (2 s and 5 s): clients read back the
 * timeout that they gave, and would change it forever if it had been cut.
 */
uint32_t health_check_timeout_ms(const struct health_check *check);

/* Defaults for a listener of @protocol: see listener_init(). */
void health_check_init(struct health_check *check, enum protocol protocol);

/*
 * Check the ranges, and that what is given suits the type; fill in http_codes of an HTTP check, and
 * take the domain "$_ip" as the absent one that it stands for. Returns 0, or -EINVAL with code and
 * field.
 */
CHECKED int health_check_prepare(struct health_check *check, enum protocol protocol,
				 struct error *reterr);

#endif
