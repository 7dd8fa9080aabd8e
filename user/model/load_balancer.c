/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/load_balancer.h"

#include <stddef.h>
#include <stdio.h>

#include "base/clock.h"
#include "model/codes.h"
#include "model/text.h"

/* Kept for the client and given back as they came. */
static const struct {
	const char *field;
	size_t offset;
} labels[] = {
	{"VpcId", offsetof(struct load_balancer, vpc_id)},
	{"VSwitchId", offsetof(struct load_balancer, vswitch_id)},
	{"MasterZoneId", offsetof(struct load_balancer, master_zone_id)},
	{"SlaveZoneId", offsetof(struct load_balancer, slave_zone_id)},
	{"ResourceGroupId", offsetof(struct load_balancer, resource_group_id)},
	{"LoadBalancerSpec", offsetof(struct load_balancer, spec)},
};

static int check_labels(const struct load_balancer *balancer, struct error *reterr)
{
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		const char *text = (const char *)balancer + labels[i].offset;

		if (!text_is_printable(text, 0, ID_SIZE - 1))
			return error_set(reterr, CODE_INVALID_PARAMETER, labels[i].field,
					 "%s must have at most %d printable characters: %s",
					 labels[i].field, ID_SIZE - 1, text);
	}
	return 0;
}

static int check_address(const struct netaddr *address, struct error *reterr)
{
	char text[NETADDR_TEXT_MAX];

	if (!netaddr_is_set(address))
		return error_set(reterr, CODE_MISSING_PARAMETER, "Address",
				 "Address is mandatory for this action: the VIP to serve");
	if (!netaddr_is_usable(address))
		return error_set(reterr, CODE_INVALID_PARAMETER, "Address",
				 "Address %s must be a unicast address, neither loopback nor "
				 "link-local",
				 netaddr_format(address, text));
	return 0;
}

/* The API wants a letter first; characters beyond ASCII count as letters. */
static bool is_name(const char *name)
{
	unsigned char first = (unsigned char)name[0];
	bool starts_with_letter =
		first >= 0x80 || (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');

	return starts_with_letter && text_is_word(name, 1, 80, "-._", true);
}

int load_balancer_prepare(struct load_balancer *balancer, struct error *reterr)
{
	int r;

	r = check_address(&balancer->address, reterr);
	if (r < 0)
		return r;

	r = check_labels(balancer, reterr);
	if (r < 0)
		return r;

	if (balancer->name[0] && !is_name(balancer->name))
		return error_set(reterr, CODE_INVALID_PARAMETER, "LoadBalancerName",
				 "LoadBalancerName must have 1 to 80 letters, digits, and -._, and "
				 "start with a letter: %s",
				 balancer->name);

	if (!balancer->id[0])
		text_new_id("lb-", balancer->id);
	if (!balancer->name[0])
		snprintf(balancer->name, sizeof(balancer->name), "auto_named_%s", balancer->id);
	if (!balancer->create_time)
		balancer->create_time = clock_wall_s();
	return 0;
}
