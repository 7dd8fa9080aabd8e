/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Questions to the kernel and its answers. They have a socket of their own, so that no event can
 * come between. The kernel answers within sendmsg(), so waiting is for the case of a fault only.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/time.h>

#include "net/internal.h"

enum { REQUEST_TIMEOUT_S = 2, BUFFER_SIZE = 64 * 1024, DUMP_ATTEMPTS = 10 };

struct request {
	message_visit visit;
	void *userdata;
	int result;	  /* what visit ended it with */
	int error;	  /* the kernel's, negative */
	bool interrupted; /* the table changed under the dump */
};

static void free_messagep(struct nl_msg **message)
{
	nlmsg_free(*message);
}

struct nl_msg *message_new(int type, int flags, const void *header, size_t size)
{
	struct nl_msg *message = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	/* A message begins as one page, and ours are short. */
	if (!message || nlmsg_append(message, (void *)header, size, NLMSG_ALIGNTO) < 0)
		abort();
	return message;
}

void message_put(struct nl_msg *message, int attribute, const void *data, size_t size)
{
	if (nla_put(message, attribute, (int)size, data) < 0)
		abort();
}

void message_put_address(struct nl_msg *message, int attribute, const struct netaddr *address)
{
	message_put(message, attribute, address->bytes, netaddr_size(address));
}

bool attribute_address(const struct nlattr *attribute, uint16_t family, struct netaddr *ret)
{
	struct netaddr address = {.family = family};

	if (!attribute || !netaddr_size(&address) ||
	    nla_len(attribute) != (int)netaddr_size(&address))
		return false;
	memcpy(address.bytes, nla_data(attribute), netaddr_size(&address));
	*ret = address;
	return true;
}

bool attribute_mac(const struct nlattr *attribute, uint8_t *ret_mac)
{
	if (!attribute || nla_len(attribute) != MAC_SIZE)
		return false;
	memcpy(ret_mac, nla_data(attribute), MAC_SIZE);
	return true;
}

uint32_t attribute_u32(const struct nlattr *attribute, uint32_t missing)
{
	uint32_t value = missing;

	if (attribute && nla_len(attribute) == sizeof(value))
		memcpy(&value, nla_data(attribute), sizeof(value));
	return value;
}

static int on_answer(struct nl_msg *message, void *userdata)
{
	struct net *net = userdata;
	struct request *request = net->request;

	if (!request || !request->visit)
		return NL_OK;
	request->result = request->visit(net, nlmsg_hdr(message), request->userdata);
	return request->result ? NL_STOP : NL_OK;
}

/* A dump that breaks off says so in its last message. */
static int on_finish(struct nl_msg *message, void *userdata)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct net *net = userdata;
	int error = 0;

	if (nlmsg_datalen(header) >= (int)sizeof(error))
		memcpy(&error, nlmsg_data(header), sizeof(error));
	if (net->request && error < 0)
		net->request->error = error;
	return NL_OK;
}

static int on_interruption(struct nl_msg *message, void *userdata)
{
	struct net *net = userdata;

	(void)message;
	if (net->request)
		net->request->interrupted = true;
	return NL_OK;
}

static int on_error(struct sockaddr_nl *sender, struct nlmsgerr *error, void *userdata)
{
	struct net *net = userdata;

	(void)sender;
	if (net->request)
		net->request->error = error->error;
	return NL_STOP;
}

int request_open(struct net *net)
{
	struct timeval timeout = {.tv_sec = REQUEST_TIMEOUT_S};
	struct nl_sock *sock;

	nl_socket_free(net->requests);
	net->requests = sock = nl_socket_alloc();
	if (!sock)
		abort();
	nl_socket_disable_auto_ack(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_answer, net);
	nl_socket_modify_cb(sock, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, net);
	nl_socket_modify_cb(sock, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interruption, net);
	nl_socket_modify_err_cb(sock, NL_CB_CUSTOM, on_error, net);
	nl_socket_set_msg_buf_size(sock, BUFFER_SIZE);
	if (nl_connect(sock, NETLINK_ROUTE) < 0)
		return -EIO;
	if (setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) <
	    0)
		return -errno;
	return 0;
}

static int errno_of(int nl_error)
{
	switch (-nl_error) {
	case NLE_AGAIN:
		return -ETIMEDOUT;
	case NLE_NOMEM:
		return -ENOBUFS;
	case NLE_PERM:
		return -EPERM;
	default:
		return -EIO;
	}
}

static int transact(struct net *net, struct nl_msg *message, struct request *request)
{
	int r;

	assert(!net->request);
	net->request = request;
	r = nl_send_auto(net->requests, message);
	if (r >= 0)
		r = nl_recvmsgs_default(net->requests);
	net->request = NULL;

	if (request->error)
		return request->error;
	if (r >= 0 && !request->result)
		return 0;
	/*
	 * The rest of the answer is unread, or comes too late: no later request may meet it. The
	 * socket lies in the namespace of this thread, which is the one in which net was created.
	 */
	if (request_open(net) < 0)
		return -EIO;
	return request->result ? request->result : errno_of(r);
}

int request_execute(struct net *net, struct nl_msg *take_message)
{
	AUTO(free_message) struct nl_msg *message = take_message;
	struct request request = {0};

	nlmsg_hdr(message)->nlmsg_flags |= NLM_F_ACK;
	return transact(net, message, &request);
}

int request_ask(struct net *net, struct nl_msg *take_message, message_visit visit, void *userdata)
{
	AUTO(free_message) struct nl_msg *message = take_message;
	struct request request = {.visit = visit, .userdata = userdata};

	return transact(net, message, &request);
}

int request_dump(struct net *net, int type, const void *header, size_t size, message_visit visit,
		 void *userdata)
{
	for (unsigned int i = 0; i < DUMP_ATTEMPTS; i++) {
		AUTO(free_message)
		struct nl_msg *message = message_new(type, NLM_F_DUMP, header, size);
		struct request request = {.visit = visit, .userdata = userdata};
		int r;

		r = transact(net, message, &request);
		if (r || !request.interrupted)
			return r;
	}
	return -EBUSY;
}
