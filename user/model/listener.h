/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_LISTENER_H
#define TANDEM_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "model/limits.h"
#include "model/tag.h"

/* Values are IP protocol numbers. Names: "tcp", "udp" (parsed without case). */
enum protocol { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
const char *protocol_name(enum protocol protocol);
CHECKED int protocol_parse(const char *name, enum protocol *ret);

/* What a packet meets when no server is eligible. Names: "reject", "drop", "last". */
enum none_healthy { NONE_HEALTHY_REJECT, NONE_HEALTHY_DROP, NONE_HEALTHY_LAST, NONE_HEALTHY_MAX };
const char *none_healthy_name(enum none_healthy policy);
CHECKED int none_healthy_parse(const char *name, enum none_healthy *ret);

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
	uint32_t interval_ms;        /* from the start of one probe to the start of the next */
	uint32_t timeout_ms;         /* a probe that takes longer has failed; at most interval_ms */
	uint8_t healthy_threshold;   /* consecutive good probes that make a server healthy */
	uint8_t unhealthy_threshold; /* consecutive bad probes that make it unhealthy */
	uint16_t connect_port;       /* 0: each server's own port */
	char domain[80 + 1];         /* Host of an HTTP check; "": the server's address */
	char uri[80 + 1];            /* path of an HTTP check; "": "/" */
	unsigned int http_codes;     /* HTTP_2XX | ...: what counts as good */
	enum check_method method;
	char request[500 + 1];       /* payload of a UDP check; "": an empty datagram */
	char expect[500 + 1];        /* what the reply to it must start with; "": any reply is good */
	bool assume_up_on_silence;   /* UDP: no reply counts as good, only ICMP unreachable is bad */
};

/* A VIP's port with the group that serves it. Plain data. */
struct listener {
	char load_balancer_id[ID_SIZE];
	enum protocol protocol;
	uint16_t port; /* host byte order */
	bool running;
	char group_id[ID_SIZE]; /* MasterSlaveServerGroupId */
	enum none_healthy none_healthy;
	struct health_check check;
	char description[DESCRIPTION_SIZE];
	int64_t create_time;
	struct tags tags;
};

/*
 * Defaults of the API for a listener of @protocol: TCP checks by connect every 2 s, timeout 5 s (so 2 s);
 * UDP every 5 s, timeout 10 s (so 5 s); thresholds 3.
 */
void listener_init(struct listener *listener, enum protocol protocol);

/*
 * Check a listener that is to be created: ranges, and that the check's parameters suit its type (an
 * HTTP path on a TCP check, a UDP payload on a TCP check are refused, not ignored). A UDP check needs
 * an expected reply or assume_up_on_silence, else a dead server would look alive. Intervals from 10 ms.
 * A timeout beyond the interval is cut to it, as the API documents. Sets create_time. Returns 0, or
 * -EINVAL with code and field.
 */
CHECKED int listener_prepare(struct listener *listener, struct error *reterr);

#endif
