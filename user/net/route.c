/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Routes: the way to one address, and what all of them together allow a cache to take for granted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "net/internal.h"

/* The next hop that a route names, if it names one. IPv4 routes can have IPv6 gateways (RFC 5549).
 */
static bool read_gateway(struct nlattr *const *attributes, uint16_t family, struct netaddr *ret)
{
	const struct nlattr *via = attributes[RTA_VIA];
	struct netaddr gateway = {0};
	struct rtvia header;

	if (attribute_address(attributes[RTA_GATEWAY], family, ret))
		return true;
	if (!via || nla_len(via) < (int)sizeof(header))
		return false;
	memcpy(&header, nla_data(via), sizeof(header));
	gateway.family = header.rtvia_family;
	if (!netaddr_size(&gateway) ||
	    nla_len(via) != (int)(offsetof(struct rtvia, rtvia_addr) + netaddr_size(&gateway)))
		return false;
	memcpy(gateway.bytes, (char *)nla_data(via) + offsetof(struct rtvia, rtvia_addr),
	       netaddr_size(&gateway));
	*ret = gateway;
	return true;
}

struct question {
	const struct netaddr *address;
	struct route *answer;
};

static int on_way(struct net *net, const struct nlmsghdr *header, void *userdata)
{
	struct nlattr *attributes[RTA_MAX + 1];
	const struct rtmsg *info = nlmsg_data(header);
	const struct question *question = userdata;

	(void)net;
	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*info), attributes, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	/* Local, broadcast, unreachable ...: nothing that leaves. */
	if (info->rtm_type != RTN_UNICAST)
		return 0;
	question->answer->ifindex = attribute_u32(attributes[RTA_OIF], 0);
	if (!read_gateway(attributes, question->address->family, &question->answer->gateway))
		question->answer->gateway = *question->address;
	return 0;
}

/* Whether the kernel said that there is no way: none at all, or one of the kinds of route that
 * refuse. */
static bool means_no_route(int r)
{
	return r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EACCES || r == -EINVAL ||
	       r == -ENETDOWN || r == -ENODEV;
}

int route_find(struct net *net, const struct netaddr *address, struct route *ret)
{
	struct rtmsg info = {
		.rtm_family = (uint8_t)address->family,
		.rtm_dst_len = (uint8_t)(8 * netaddr_size(address)),
	};
	struct nl_msg *message = message_new(RTM_GETROUTE, 0, &info, sizeof(info));
	struct route answer = {0};
	struct question question = {.address = address, .answer = &answer};
	int r;

	message_put_address(message, RTA_DST, address);
	r = request_ask(net, message, on_way, &question);
	if (r < 0 && !means_no_route(r))
		return r;
	*ret = answer;
	return 0;
}

struct walk {
	uint16_t family;
	net_route_visit visit;
	void *userdata;
	bool conditional; /* there are routes or rules that not every packet sees */
	bool has_default, uniform;
	uint32_t metric; /* of the default route that counts: the lowest */
};

/* Keep the best default route, and whether all that takes it leaves by the same gateway. */
static void note_default(struct walk *walk, const struct rtmsg *info,
			 struct nlattr *const *attributes)
{
	uint32_t metric = attribute_u32(attributes[RTA_PRIORITY], 0);
	struct netaddr gateway;
	bool uniform;

	if (walk->has_default && walk->metric < metric)
		return;
	if (info->rtm_type == RTN_UNICAST)
		uniform = read_gateway(attributes, walk->family, &gateway) &&
			  !attributes[RTA_MULTIPATH] && !(info->rtm_flags & RTNH_F_LINKDOWN);
	else
		uniform = info->rtm_type != RTN_THROW; /* else nothing leaves */
	/* Which of several equal ones is taken may differ from packet to packet. */
	if (walk->has_default && walk->metric == metric)
		uniform = false;
	walk->has_default = true;
	walk->metric = metric;
	walk->uniform = uniform;
}

/*
 * Default routes that not every packet sees: for one type of service or for certain sources. Those
 * of other tables than main come into play by rules beyond the kernel's own, which are looked at
 * separately, or (table default) where main has none: too rare to follow.
 */
static bool is_conditional(const struct rtmsg *info, uint32_t table)
{
	return info->rtm_tos || info->rtm_src_len || table == RT_TABLE_DEFAULT;
}

static bool counts(const struct rtmsg *info, uint32_t table)
{
	switch (info->rtm_type) {
	case RTN_UNICAST:
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
	case RTN_THROW:
		/* Clones are what the kernel learnt of single destinations, no routes. */
		return table != RT_TABLE_LOCAL && !(info->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD));
	default:
		return false;
	}
}

static bool is_link_local6(const struct netaddr *prefix, unsigned int length)
{
	return prefix->family == AF_INET6 && length >= 10 && prefix->bytes[0] == 0xfe &&
	       (prefix->bytes[1] & 0xc0) == 0x80;
}

static int on_route(struct net *net, const struct nlmsghdr *header, void *userdata)
{
	struct nlattr *attributes[RTA_MAX + 1];
	const struct rtmsg *info = nlmsg_data(header);
	struct walk *walk = userdata;
	struct netaddr prefix;
	uint32_t table;

	(void)net;
	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*info), attributes, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	table = attribute_u32(attributes[RTA_TABLE], info->rtm_table);
	if (info->rtm_family != walk->family || !counts(info, table))
		return 0;

	if (info->rtm_dst_len == 0) {
		if (is_conditional(info, table))
			walk->conditional = true;
		else if (table == RT_TABLE_MAIN)
			note_default(walk, info, attributes);
		return 0;
	}
	if (!attribute_address(attributes[RTA_DST], walk->family, &prefix))
		return -EBADMSG;
	if (is_link_local6(&prefix, info->rtm_dst_len))
		return 0;
	return walk->visit(&prefix, info->rtm_dst_len, walk->userdata);
}

/* The rules with which a namespace begins. */
static bool is_own_rule(const struct fib_rule_hdr *info, struct nlattr *const *attributes)
{
	static const int conditions[] = {
		FRA_SRC,      FRA_DST,	     FRA_IIFNAME,     FRA_OIFNAME,	    FRA_FWMARK,
		FRA_FWMASK,   FRA_FLOW,	     FRA_TUN_ID,      FRA_SUPPRESS_IFGROUP, FRA_L3MDEV,
		FRA_IP_PROTO, FRA_UID_RANGE, FRA_SPORT_RANGE, FRA_DPORT_RANGE,
	};
	uint32_t priority = attribute_u32(attributes[FRA_PRIORITY], 0);
	uint32_t table = attribute_u32(attributes[FRA_TABLE], info->table);

	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		if (attributes[conditions[i]])
			return false;
	}
	if (info->action != FR_ACT_TO_TBL || info->flags & FIB_RULE_INVERT || info->tos ||
	    attribute_u32(attributes[FRA_SUPPRESS_PREFIXLEN], UINT32_MAX) != UINT32_MAX)
		return false;
	return (priority == 0 && table == RT_TABLE_LOCAL) ||
	       (priority == 32766 && table == RT_TABLE_MAIN) ||
	       (priority == 32767 && table == RT_TABLE_DEFAULT);
}

static int on_rule(struct net *net, const struct nlmsghdr *header, void *userdata)
{
	struct nlattr *attributes[FRA_MAX + 1];
	const struct fib_rule_hdr *info = nlmsg_data(header);
	struct walk *walk = userdata;

	(void)net;
	if (nlmsg_parse((struct nlmsghdr *)header, sizeof(*info), attributes, FRA_MAX, NULL) < 0)
		return -EBADMSG;
	if (info->family == walk->family && !is_own_rule(info, attributes))
		walk->conditional = true;
	return 0;
}

int net_walk_routes(struct net *net, uint16_t family, net_route_visit visit, void *userdata,
		    bool *ret_uniform)
{
	struct fib_rule_hdr rule = {.family = (uint8_t)family};
	struct rtmsg route = {.rtm_family = (uint8_t)family};
	struct walk walk = {
		.family = family,
		.visit = visit,
		.userdata = userdata,
		.uniform = true,
	};
	int r;

	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;

	r = request_dump(net, RTM_GETRULE, &rule, sizeof(rule), on_rule, &walk);
	/* Without policy routing, or without IPv6, there are no rules to ask for. */
	if (r && r != -EOPNOTSUPP && r != -EAFNOSUPPORT)
		return r;

	r = request_dump(net, RTM_GETROUTE, &route, sizeof(route), on_route, &walk);
	if (r && r != -EOPNOTSUPP)
		return r;
	*ret_uniform = walk.uniform && !walk.conditional;
	return 0;
}

int net_forwarding(uint16_t family, bool *ret)
{
	AUTO(close_fd) int fd = -1;
	char digit;

	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	fd = open(family == AF_INET ? "/proc/sys/net/ipv4/ip_forward"
				    : "/proc/sys/net/ipv6/conf/all/forwarding",
		  O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && family == AF_INET6) {
		*ret = false; /* a kernel without IPv6 */
		return 0;
	}
	if (fd < 0)
		return -errno;
	if (read(fd, &digit, 1) != 1)
		return -EIO;
	*ret = digit != '0';
	return 0;
}
