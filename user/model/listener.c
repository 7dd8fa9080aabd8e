/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "model/codes.h"
#include "model/text.h"

static const char *const none_healthy_names[NONE_HEALTHY_MAX] = {
	[NONE_HEALTHY_REJECT] = "reject",
	[NONE_HEALTHY_DROP] = "drop",
	[NONE_HEALTHY_LAST] = "last",
};

const char *protocol_name(enum protocol protocol)
{
	return protocol == PROTOCOL_UDP ? "udp" : "tcp";
}

int protocol_parse(const char *name, enum protocol *ret)
{
	static const enum protocol protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP};

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (name && strcasecmp(name, protocol_name(protocols[i])) == 0) {
			*ret = protocols[i];
			return 0;
		}
	}
	return -EINVAL;
}

const char *none_healthy_name(enum none_healthy policy)
{
	return none_healthy_names[policy];
}

int none_healthy_parse(const char *name, enum none_healthy *ret)
{
	int index = text_find(none_healthy_names, NONE_HEALTHY_MAX, name);

	if (index < 0)
		return index;
	*ret = (enum none_healthy)index;
	return 0;
}

void listener_init(struct listener *listener, enum protocol protocol)
{
	*listener = (struct listener){.protocol = protocol};
	health_check_init(&listener->check, protocol);
}

static int missing(const char *field, struct error *reterr)
{
	return error_set(reterr, CODE_MISSING_PARAMETER, field, "%s is mandatory for this action.",
			 field);
}

int listener_prepare(struct listener *listener, struct error *reterr)
{
	int r;

	if (!listener->load_balancer_id[0])
		return missing("LoadBalancerId", reterr);
	if (listener->protocol != PROTOCOL_TCP && listener->protocol != PROTOCOL_UDP)
		return error_set(reterr, CODE_INVALID_PARAMETER, "ListenerProtocol",
				 "ListenerProtocol must be tcp or udp");
	if (!listener->port)
		return error_set(reterr, CODE_INVALID_PARAMETER, "ListenerPort",
				 "ListenerPort 0 is not within 1-65535");
	if (!listener->group_id[0])
		return missing("MasterSlaveServerGroupId", reterr);
	if ((unsigned int)listener->none_healthy >= NONE_HEALTHY_MAX)
		return error_set(reterr, CODE_INVALID_PARAMETER, "NoneHealthy",
				 "NoneHealthy must be reject, drop or last");
	if (listener->description[0] && !text_is_word(listener->description, 1, 256, "-/._", true))
		return error_set(reterr, CODE_INVALID_PARAMETER, "Description",
				 "Description must have 1 to 256 letters, digits, and -/._: %.200s",
				 listener->description);

	r = health_check_prepare(&listener->check, listener->protocol, reterr);
	if (r < 0)
		return r;

	if (!listener->create_time)
		listener->create_time = clock_wall_s();
	return 0;
}
