/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/client.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include <curl/curl.h>

#include "base/memory.h"

enum {
	ANSWER_BYTES_MAX = 256 << 20,
	CONNECT_TIMEOUT_S = 5,
	CALL_TIMEOUT_S = 120, /* a change of the data plane may wait for others in front of it */
};

struct client {
	CURL *curl;
	char *socket_path;
};

struct bytes {
	char *data;
	size_t size;
};

static void bytes_clear(struct bytes *bytes)
{
	free(bytes->data);
}

static void bytes_append(struct bytes *bytes, const char *data, size_t size)
{
	bytes->data = xreallocarray(bytes->data, bytes->size + size + 1, 1);
	memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
	bytes->data[bytes->size] = '\0';
}

/* libcurl's write callback: anything but size * count makes the transfer fail. */
static size_t on_bytes(char *data, size_t size, size_t count, void *userdata)
{
	struct bytes *bytes = userdata;

	if (bytes->size + size * count > ANSWER_BYTES_MAX)
		return 0;
	bytes_append(bytes, data, size * count);
	return size * count;
}

int client_new(const char *socket_path, struct client **ret, struct error *reterr)
{
	struct client *client;

	if (strlen(socket_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		error_set(reterr, 0, "socket", "%s: longer than a socket's path can be (%zu bytes)",
			  socket_path, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
		return -ENAMETOOLONG;
	}
	client = xcalloc(1, sizeof(*client));
	client->socket_path = xstrdup(socket_path);
	client->curl = curl_easy_init();
	if (!client->curl) {
		client_free(client);
		return error_errno(reterr, -ENOMEM, "set up libcurl");
	}
	curl_easy_setopt(client->curl, CURLOPT_UNIX_SOCKET_PATH, client->socket_path);
	curl_easy_setopt(client->curl, CURLOPT_URL, "http://tandem/");
	/* http_proxy in the environment is not meant for a socket of this host. */
	curl_easy_setopt(client->curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, (long)CALL_TIMEOUT_S);
	curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_bytes);
	*ret = client;
	return 0;
}

struct client *client_free(struct client *client)
{
	if (!client)
		return NULL;
	curl_easy_cleanup(client->curl);
	free(client->socket_path);
	free(client);
	return NULL;
}

static void append_pair(CURL *curl, struct bytes *body, const char *name, const char *value)
{
	char *escaped_name = curl_easy_escape(curl, name, 0);
	char *escaped_value = curl_easy_escape(curl, value, 0);
	AUTO(free_memory)
	char *pair = xasprintf("%s%s=%s", body->size ? "&" : "", escaped_name, escaped_value);

	bytes_append(body, pair, strlen(pair));
	curl_free(escaped_name);
	curl_free(escaped_value);
}

/* Why nobody answered, as far as the errno of connect() tells, and what to do about it. */
static int explain_connect(const struct client *client, int error, struct error *reterr)
{
	const char *advice = "is tandemd running? (systemctl status tandemd; --socket or "
			     "TANDEM_SOCKET name another socket)";

	if (error == EACCES || error == EPERM)
		advice = "only root and the members of group tandem may use it";
	error_set(reterr, 0, "", "%s: %s; %s", client->socket_path, strerror(error), advice);
	return -error;
}

static int explain_failure(const struct client *client, CURLcode code, const char *detail,
			   struct error *reterr)
{
	long error = 0;

	curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &error);
	if (code == CURLE_COULDNT_CONNECT && error)
		return explain_connect(client, (int)error, reterr);
	error_set(reterr, 0, "", "%s: no answer from the agent: %s", client->socket_path,
		  detail[0] ? detail : curl_easy_strerror(code));
	return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
}

int client_call(struct client *client, const char *action, const struct params *params,
		long *ret_status, json_t **ret_answer, struct error *reterr)
{
	__attribute__((cleanup(bytes_clear))) struct bytes body = {};
	__attribute__((cleanup(bytes_clear))) struct bytes text = {};
	char detail[CURL_ERROR_SIZE] = "";
	json_error_t json_error;
	json_t *answer;
	CURLcode code;

	append_pair(client->curl, &body, "Action", action);
	for (size_t i = 0; i < params->count; i++)
		append_pair(client->curl, &body, params->items[i].name, params->items[i].value);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, (long)body.size);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body.data);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &text);
	curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, detail);

	code = curl_easy_perform(client->curl);
	/* The buffers are this function's: libcurl must not keep them. */
	curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
	if (code)
		return explain_failure(client, code, detail, reterr);

	answer = json_loadb(text.data ? text.data : "", text.size, JSON_REJECT_DUPLICATES,
			    &json_error);
	if (!json_is_object(answer)) {
		json_decref(answer);
		error_set(reterr, 0, "", "%s: what answers there is not tandemd: %s",
			  client->socket_path, answer ? "not a JSON object" : json_error.text);
		return -EPROTO;
	}
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, ret_status);
	*ret_answer = answer;
	return 0;
}
