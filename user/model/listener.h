/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_LISTENER_H
#define TANDEM_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "model/health_check.h"
#include "model/limits.h"
#include "model/tag.h"

/* What a packet meets when no server is eligible. Names: "reject", "drop", "last". */
enum none_healthy { NONE_HEALTHY_REJECT, NONE_HEALTHY_DROP, NONE_HEALTHY_LAST, NONE_HEALTHY_MAX };
const char *none_healthy_name(enum none_healthy policy);
CHECKED int none_healthy_parse(const char *name, enum none_healthy *ret);

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
 * Defaults of the API for a listener of @protocol: TCP checks by connect every 2 s, timeout 5 s;
 * UDP every 5 s, timeout 10 s; thresholds 3.
 */
void listener_init(struct listener *listener, enum protocol protocol);

/*
 * Check a listener that is to be created: ranges, and that the check's parameters suit its type (an
 * HTTP path on a TCP check, a UDP payload on a TCP check are refused, not ignored). A UDP check
 * needs an expected reply or assume_up_on_silence, else a dead server would look alive. Intervals
 * from 10 ms. Fills in create_time where it is 0. Returns 0, or -EINVAL with code and field.
 */
CHECKED int listener_prepare(struct listener *listener, struct error *reterr);

#endif
