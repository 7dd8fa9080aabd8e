/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_LOAD_BALANCER_H
#define TANDEM_LOAD_BALANCER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/netaddr.h"
#include "model/limits.h"
#include "model/tag.h"

/* A VIP and what the API keeps with it. Plain data: copy by assignment. */
struct load_balancer {
	char id[ID_SIZE]; /* "lb-..." */
	char name[NAME_SIZE];
	struct netaddr address; /* the VIP */
	bool intranet;		/* AddressType: intranet (default), or internet */
	bool delete_protection;
	char vpc_id[ID_SIZE];
	char vswitch_id[ID_SIZE];
	char master_zone_id[ID_SIZE];
	char slave_zone_id[ID_SIZE];
	char resource_group_id[ID_SIZE];
	char spec[ID_SIZE];  /* LoadBalancerSpec; "" is the shared kind */
	int64_t create_time; /* seconds since 1970 UTC */
	struct tags tags;
};

/*
 * Check a load balancer that is to be created, and fill in what is absent: the id, the name ("" =
 * made from the id), the creation time. Returns 0, or -EINVAL with the API's code and the field.
 */
CHECKED int load_balancer_prepare(struct load_balancer *balancer, struct error *reterr);

#endif
