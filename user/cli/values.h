/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CLI_VALUES_H
#define TANDEM_CLI_VALUES_H

#include <jansson.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "model/server_group.h"

/*
 * Values of command line options: text in, the API's text out. @ret_value is the caller's (free). A
 * refusal names the value and what would be right, but not the option, which the parser knows.
 */
typedef int (*value_convert)(const char *text, char **ret_value, struct error *reterr);

CHECKED int value_port(const char *text, char **ret_value, struct error *reterr);
/* 0-4294967295: the agent knows the narrower range. */
CHECKED int value_number(const char *text, char **ret_value, struct error *reterr);
CHECKED int value_address(const char *text, char **ret_value, struct error *reterr);
/* ADDRESS or ADDRESS:PORT, an IPv6 address with a port in brackets. */
CHECKED int value_client(const char *text, char **ret_value, struct error *reterr);
/* "2s", "10ms", "1m" into milliseconds; a number without a unit is refused, as it may mean either.
 */
CHECKED int value_duration(const char *text, char **ret_value, struct error *reterr);
/* "2xx,3xx" (or the API's "http_2xx,http_3xx") into the API's list. */
CHECKED int value_http_codes(const char *text, char **ret_value, struct error *reterr);

/*
 * Read SERVER[:PORT][,weight=N][,type=T][,server-ip=A][,description=D], with an IPv6 address in
 * brackets, into @ret; what is not given stays as the API's default: weight 100, type ecs, no
 * address of its own, and port 0. Sets the role.
 */
CHECKED int server_spec_parse(const char *text, enum server_role role, struct backend_server *ret,
			      struct error *reterr);

/* An element of the API's MasterSlaveBackendServers. The caller's. */
json_t *server_spec_json(const struct backend_server *server);

#endif
