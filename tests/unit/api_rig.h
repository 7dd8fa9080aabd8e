/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TEST_API_RIG_H
#define TANDEM_TEST_API_RIG_H

/*
 * The API on a unix socket in a folder of its own, over the real service, store and health module
 * (service_rig.h). Clients are raw sockets on the same loop: what they send is what the test says,
 * byte by byte.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/memory.h"

/* Each test program needs some of what the rig has. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "service_rig.h"

struct api_rig {
	struct rig *service;
	struct api *api;
	char folder[32];
	char socket[64];
};

enum { RIG_DEADLINE_US = 10 * 1000 * 1000 };

static int api_rig_start(struct api_rig *rig, struct error *reterr)
{
	struct api_options options = {
		.socket_path = rig->socket,
		.socket_group = "root",
		.region_id = "local",
	};

	return api_new(rig->service->event, rig->service->service, &options, &rig->api, reterr);
}

static int api_rig_setup(void **state)
{
	struct api_rig *rig = xcalloc(1, sizeof(*rig));
	struct error error = {0};

	if (rig_setup((void **)&rig->service) < 0)
		return -1;
	strcpy(rig->folder, "/tmp/tandem-api-XXXXXX");
	if (!mkdtemp(rig->folder))
		return -1;
	snprintf(rig->socket, sizeof(rig->socket), "%s/socket", rig->folder);
	if (api_rig_start(rig, &error) < 0) {
		print_error("%s\n", error.message);
		return -1;
	}
	*state = rig;
	return 0;
}

static int api_rig_teardown(void **state)
{
	struct api_rig *rig = *state;
	void *service = rig->service;

	api_free(rig->api);
	unlink(rig->socket);
	rmdir(rig->folder);
	free(rig);
	return rig_teardown(&service);
}

static int rig_connect(const struct api_rig *rig)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, rig->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Let the loop do what it has to do now; waits at most 10 ms for something. */
static void rig_turn(struct api_rig *rig)
{
	assert_true(sd_event_run(rig->service->event, 10000) >= 0);
}

/* Send all of @size bytes; stops where the server has closed. */
static void rig_send(struct api_rig *rig, int fd, const char *bytes, size_t size)
{
	uint64_t deadline = clock_monotonic_us() + RIG_DEADLINE_US;

	while (size > 0) {
		ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return;
		if (sent > 0) {
			bytes += sent;
			size -= (size_t)sent;
		}
		rig_turn(rig);
		assert_true(clock_monotonic_us() < deadline);
	}
}

struct reply {
	unsigned int status; /* 0: the connection was closed without an answer */
	char head[1024];     /* the first of it */
	json_t *body;	     /* NULL where it is no JSON */
};

static void reply_free(struct reply *reply)
{
	json_decref(reply->body);
}
#define AUTO_REPLY __attribute__((cleanup(reply_free)))

/* What came so far of one or more replies. */
struct inbox {
	char *bytes;
	size_t size;
	bool closed;
};

static void inbox_read(struct inbox *inbox, int fd)
{
	inbox->bytes = xreallocarray(inbox->bytes, inbox->size + 65536 + 1, 1);
	for (;;) {
		ssize_t size = recv(fd, inbox->bytes + inbox->size, 65536, 0);

		if (size < 0 && errno == EAGAIN)
			break;
		if (size <= 0) {
			inbox->closed = true;
			break;
		}
		inbox->size += (size_t)size;
		inbox->bytes = xreallocarray(inbox->bytes, inbox->size + 65536 + 1, 1);
	}
	inbox->bytes[inbox->size] = '\0';
}

/* Take the first whole reply out of @inbox. */
static bool inbox_take(struct inbox *inbox, struct reply *ret)
{
	char *end = inbox->size ? strstr(inbox->bytes, "\r\n\r\n") : NULL;
	char *length;
	size_t head, body;

	if (!end)
		return false;
	head = (size_t)(end - inbox->bytes) + 4;
	length = strcasestr(inbox->bytes, "\r\nContent-Length: ");
	body = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
	if (inbox->size < head + body)
		return false;
	*ret = (struct reply){0};
	assert_int_equal(sscanf(inbox->bytes, "HTTP/1.1 %u", &ret->status), 1);
	snprintf(ret->head, sizeof(ret->head), "%.*s", (int)head, inbox->bytes);
	ret->body = json_loadb(inbox->bytes + head, body, 0, NULL);
	memmove(inbox->bytes, inbox->bytes + head + body, inbox->size - head - body + 1);
	inbox->size -= head + body;
	return true;
}

static struct reply rig_receive(struct api_rig *rig, int fd, struct inbox *inbox)
{
	uint64_t deadline = clock_monotonic_us() + RIG_DEADLINE_US;
	struct reply reply = {0};

	for (;;) {
		inbox_read(inbox, fd);
		if (inbox_take(inbox, &reply) || inbox->closed)
			return reply;
		rig_turn(rig);
		if (clock_monotonic_us() > deadline)
			fail_msg("no answer");
	}
}

/* One connection with one request. */
static struct reply rig_exchange(struct api_rig *rig, const char *bytes, size_t size)
{
	int fd = rig_connect(rig);
	struct inbox inbox = {0};
	struct reply reply;

	rig_send(rig, fd, bytes, size);
	reply = rig_receive(rig, fd, &inbox);
	free(inbox.bytes);
	close(fd);
	return reply;
}

static struct reply rig_exchange_text(struct api_rig *rig, const char *text)
{
	return rig_exchange(rig, text, strlen(text));
}

/* The parameters as a form body, RegionId added. Blanks may stand in @params for readability. */
static struct reply rig_call(struct api_rig *rig, const char *action, const char *params)
{
	AUTO(free_memory)
	char *body =
		xasprintf("Action=%s&RegionId=local%s%s", action, params[0] ? "&" : "", params);
	AUTO(free_memory)
	char *text = xasprintf(
		"POST / HTTP/1.1\r\nHost: api.example\r\nContent-Length: %zu\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\r\n%s",
		strlen(body), body);

	return rig_exchange_text(rig, text);
}

/* The same, where it must succeed. */
static struct reply rig_done(struct api_rig *rig, const char *action, const char *params)
{
	struct reply reply = rig_call(rig, action, params);

	if (reply.status != 200)
		fail_msg("%s %s: %u %s", action, params, reply.status,
			 json_string_value(json_object_get(reply.body, "Message")));
	return reply;
}

static const char *text_at(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_string(value))
		fail_msg("%s is no string", key);
	return json_string_value(value);
}

static int64_t integer_at(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		fail_msg("%s is no integer", key);
	return json_integer_value(value);
}

/* {"<key>": {"<item>": [...]}} */
static json_t *list_at(const json_t *object, const char *key, const char *item)
{
	json_t *list = json_object_get(json_object_get(object, key), item);

	if (!json_is_array(list))
		fail_msg("%s.%s is no list", key, item);
	return list;
}

/* Compare @actual with what @expected says of it: keys that are not in @expected do not matter. */
static void assert_json(const json_t *actual, const char *expected)
{
	json_t *wanted = json_loads(expected, 0, NULL);
	const char *key;
	json_t *value;

	assert_non_null(wanted);
	json_object_foreach (wanted, key, value) {
		const json_t *found = json_object_get(actual, key);

		if (!found || !json_equal(found, value))
			fail_msg("%s is %s, not %s", key,
				 found ? json_dumps(found, JSON_ENCODE_ANY) : "absent",
				 json_dumps(value, JSON_ENCODE_ANY));
	}
	json_decref(wanted);
}

/* An error answer: its shape, status, code, and that the message has @message in it. */
static void assert_error(const struct reply *reply, unsigned int status, const char *code,
			 const char *message)
{
	static const char *const keys[] = {"RequestId", "HostId", "Code", "Message"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_true(text_at(reply->body, keys[i])[0]);
	assert_int_equal(json_object_size(reply->body), ARRAY_SIZE(keys));
	if (reply->status != status || strcmp(text_at(reply->body, "Code"), code) != 0 ||
	    !strstr(text_at(reply->body, "Message"), message))
		fail_msg("%u %s: %s (instead of %u %s: %s)", reply->status,
			 text_at(reply->body, "Code"), text_at(reply->body, "Message"), status,
			 code, message);
}

/* The call is refused so. */
static void assert_call_refused(struct api_rig *rig, const char *action, const char *params,
				unsigned int status, const char *code, const char *message)
{
	AUTO_REPLY struct reply reply = rig_call(rig, action, params);

	if (!reply.body)
		fail_msg("%s %s: no JSON", action, params);
	if (reply.status == 200)
		fail_msg("%s %s: done", action, params);
	assert_error(&reply, status, code, message);
}

#pragma GCC diagnostic pop

#endif
