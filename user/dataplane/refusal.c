/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a driver refused the program, in its own words. A BPF link gives an error number alone; an
 * attach by rtnetlink also gives the text, so what failed is tried that way once more.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "dataplane/internal.h"

enum { ANSWER_SIZE = 8192, ANSWER_TIMEOUT_S = 2 };

struct request {
	struct nlmsghdr header;
	struct ifinfomsg link;
	struct nlattr xdp;
	struct nlattr fd_attribute;
	__s32 fd;
	struct nlattr flags_attribute;
	__u32 flags;
	struct nlattr expected_attribute;
	__s32 expected;
};

static struct request request_of(uint32_t ifindex, int program, int expected, __u32 flags)
{
	enum { ATTRIBUTE = NLA_HDRLEN + sizeof(__u32) };
	struct request request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = RTM_SETLINK,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex},
		.xdp = {.nla_type = NLA_F_NESTED | IFLA_XDP,
			.nla_len = sizeof(request) - offsetof(struct request, xdp)},
		.fd_attribute = {.nla_type = IFLA_XDP_FD, .nla_len = ATTRIBUTE},
		.fd = program,
		.flags_attribute = {.nla_type = IFLA_XDP_FLAGS, .nla_len = ATTRIBUTE},
		.flags = flags,
		.expected_attribute = {.nla_type = IFLA_XDP_EXPECTED_FD, .nla_len = ATTRIBUTE},
		.expected = expected,
	};

	_Static_assert(sizeof(request) == sizeof(struct nlmsghdr) + sizeof(struct ifinfomsg) +
						  NLA_HDRLEN + 3 * (NLA_HDRLEN + sizeof(__u32)),
		       "a message: no padding");
	/* Without a program to replace there is nothing to expect: the last attribute stays away.
	 */
	if (!(flags & XDP_FLAGS_REPLACE)) {
		request.header.nlmsg_len -= ATTRIBUTE;
		request.xdp.nla_len -= ATTRIBUTE;
	}
	return request;
}

static int open_socket(void)
{
	struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int on = 1;

	if (fd < 0)
		return -errno;
	/* A kernel without them gives no text. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return fd;
}

/* The text among the attributes behind an error, which does not repeat the request (CAP_ACK). */
static void read_text(const char *message, size_t size, char *ret, size_t ret_size)
{
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nlmsgerr));

	while (at + NLA_HDRLEN <= size) {
		const struct nlattr *attribute = (const void *)(message + at);

		if (attribute->nla_len < NLA_HDRLEN || at + attribute->nla_len > size)
			return;
		if ((attribute->nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG)
			snprintf(ret, ret_size, "%.*s", (int)(attribute->nla_len - NLA_HDRLEN),
				 message + at + NLA_HDRLEN);
		at += NLA_ALIGN(attribute->nla_len);
	}
}

/* The kernel's answer to @request: 0 or -errno, with its text in @ret ("" where there is none). */
static int transact(int fd, const struct request *request, char *ret, size_t ret_size)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
	const struct nlmsghdr *header = (const void *)answer;
	const struct nlmsgerr *error = NLMSG_DATA(header);
	ssize_t size;

	ret[0] = '\0';
	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	size = recv(fd, answer, sizeof(answer), 0);
	if (size < 0)
		return -errno;
	if ((size_t)size < NLMSG_HDRLEN + sizeof(*error) || header->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	if (header->nlmsg_flags & NLM_F_ACK_TLVS)
		read_text(answer, (size_t)size, ret, ret_size);
	return error->error;
}

void dataplane_refusal_read(const struct dataplane *dataplane, uint32_t ifindex, __u32 mode,
			    char *ret, size_t size)
{
	int program = dataplane_program_fd(dataplane);
	struct request attach = request_of(ifindex, program, 0, mode | XDP_FLAGS_UPDATE_IF_NOEXIST);
	struct request detach = request_of(ifindex, -1, program, mode | XDP_FLAGS_REPLACE);
	AUTO(close_fd) int fd = open_socket();
	int r;

	ret[0] = '\0';
	if (fd < 0 || transact(fd, &attach, ret, size) < 0)
		return;
	/* What stood in its way has gone meanwhile: the program goes too, whose place is a link. */
	r = transact(fd, &detach, ret, size);
	dataplane_log_leftover(r, "detach what was attached to learn why it could not be");
	ret[0] = '\0';
}
