/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_SERVER_H
#define TANDEM_SERVER_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/netaddr.h"
#include "model/limits.h"

/* Kinds of server that the API knows: "ecs" (default), "eni", "eci". */
enum server_type { SERVER_ECS, SERVER_ENI, SERVER_ECI, SERVER_TYPE_MAX };

/* NULL-safe both ways: an unknown name is -EINVAL; @type must be a server_type. Case does not
 * matter. */
const char *server_type_name(enum server_type type);
CHECKED int server_type_parse(const char *name, enum server_type *ret);

/* A row of the inventory: which address a ServerId stands for. Plain data. */
struct server {
	char id[ID_SIZE];
	enum server_type type;
	struct netaddr address;
	char zone[ID_SIZE];    /* "" = none given */
	char network[ID_SIZE]; /* VPC; "" = none given */
	char description[DESCRIPTION_SIZE];
	int64_t create_time;
};

/*
 * Check a server that is to be registered. The id has 1-64 characters of letters, digits and "-._",
 * and is not itself an address. Fills in create_time where it is 0. Returns 0, or -EINVAL with code
 * and field (ServerId, ServerIp, Type, ...).
 */
CHECKED int server_prepare(struct server *server, struct error *reterr);

#endif
