/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "api/api.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "api/http.h"
#include "api/socket.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"

enum {
	CONNECTIONS_MAX = 128,
	IDLE_TIMEOUT_S = 10,
	/* Holds the request line with all parameters in the query, and the headers. */
	CONNECTION_MEMORY = 128 * 1024,
	/* Everything else on the loop goes first. */
	EVENT_PRIORITY = SD_EVENT_PRIORITY_NORMAL + 10,
	/* A timeout of 0 is MHD's way to say that it has something to do already. */
	TIMER_ACCURACY_US = 1,
};

struct api {
	struct service *service;
	char *region_id;
	struct socket_file file;
	struct MHD_Daemon *daemon;
	sd_event_source *io, *timer;
};

/* A request that is coming in: from its first line to the end of the answer. */
struct transfer {
	struct api *api;
	char *query;	   /* NULL: none */
	bool begun;	   /* the headers are there */
	bool is_ambiguous; /* as to where the body ends */
	char *body;
	size_t received;  /* of the body */
	size_t allocated; /* for it; received is more where it is too large */
};

static unsigned int count_connections(const struct api *api)
{
	return MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		->num_connections;
}

/* MHD works when its epoll file descriptor says so, and when the next timeout is due. */
static void run_daemon(struct api *api)
{
	unsigned int connections = count_connections(api);
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	if (MHD_run(api->daemon) != MHD_YES)
		log_error("http server failed");
	/*
	 * At CONNECTIONS_MAX MHD looks away from the listening socket, and looks at it again only
	 * at the start of a run: without this one, the next client would wait for some other's
	 * timeout.
	 */
	if (count_connections(api) < connections && MHD_run(api->daemon) != MHD_YES)
		log_error("http server failed");
	if (MHD_get_timeout(api->daemon, &timeout_ms) != MHD_YES) {
		sd_event_source_set_enabled(api->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time_relative(api->timer, timeout_ms * 1000);
	sd_event_source_set_enabled(api->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	run_daemon(userdata);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	run_daemon(userdata);
	return 0;
}

__attribute__((format(printf, 2, 0))) static void on_log(void *userdata, const char *format,
							 va_list args)
{
	char text[256];

	(void)userdata;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("http server message=\"%s\"", text);
}

/* The first of a request: its line as it was sent, before MHD decodes the query in its own way. */
static void *on_uri(void *userdata, const char *uri, struct MHD_Connection *connection)
{
	struct transfer *transfer = xcalloc(1, sizeof(*transfer));
	const char *mark = strchr(uri, '?');

	(void)connection;
	transfer->api = userdata;
	if (mark)
		transfer->query = xstrdup(mark + 1);
	return transfer;
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	struct transfer *transfer = *state;

	(void)userdata;
	(void)connection;
	(void)code;
	if (!transfer)
		return;
	free(transfer->query);
	free(transfer->body);
	free(transfer);
	*state = NULL;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Keep the next bytes of the body, or only count them where it is too large. */
static enum MHD_Result receive(struct transfer *transfer, const char *bytes, size_t size)
{
	if (size > HTTP_DISCARD_MAX - transfer->received)
		return MHD_NO;
	if (size > HTTP_BODY_MAX || transfer->received > HTTP_BODY_MAX - size) {
		transfer->received += size;
		return MHD_YES;
	}
	if (transfer->received + size > transfer->allocated) {
		transfer->allocated = 2 * (transfer->received + size);
		transfer->body = xreallocarray(transfer->body, transfer->allocated, 1);
	}
	memcpy(transfer->body + transfer->received, bytes, size);
	transfer->received += size;
	return MHD_YES;
}

static enum MHD_Result answer(struct transfer *transfer, struct MHD_Connection *connection,
			      const char *method, const char *path)
{
	struct call call = {.service = transfer->api->service,
			    .region_id = transfer->api->region_id};
	struct http_request request = {
		.method = method,
		.path = path,
		.query = transfer->query,
		.host = header(connection, MHD_HTTP_HEADER_HOST),
		.content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
		.body = transfer->body,
		.body_size = transfer->received,
		.body_is_too_large = transfer->received > HTTP_BODY_MAX,
		.body_size_is_ambiguous = transfer->is_ambiguous,
	};
	struct http_answer answer = http_respond(&call, &request);
	struct MHD_Response *response;
	enum MHD_Result result;

	response = MHD_create_response_from_buffer(strlen(answer.body), answer.body,
						   MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(answer.body);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				"application/json;charset=utf-8");
	result = MHD_queue_response(connection, answer.status, response);
	MHD_destroy_response(response);
	return result;
}

/* The size that the headers announce; 0 where they do not (the body is empty, or chunked). */
static size_t announced_size(struct MHD_Connection *connection)
{
	const char *text = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
	int64_t size;

	/* What is no number MHD has refused already. */
	if (!text || parse_integer(text, 0, INT64_MAX, &size) < 0)
		return 0;
	return (size_t)size;
}

static enum MHD_Result on_header(void *userdata, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	unsigned int *sizes = userdata;

	(void)kind;
	(void)value;
	*sizes += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 ||
		  strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
	return MHD_YES;
}

/* The headers are there: whether the rest may come. What is refused here ends the connection. */
static bool begin(struct transfer *transfer, struct MHD_Connection *connection)
{
	size_t announced = announced_size(connection);
	unsigned int sizes = 0;

	transfer->begun = true;
	MHD_get_connection_values(connection, MHD_HEADER_KIND, on_header, &sizes);
	transfer->is_ambiguous = sizes > 1;
	if (announced > HTTP_DISCARD_MAX)
		transfer->received = announced;
	return !transfer->is_ambiguous && announced <= HTTP_DISCARD_MAX;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are MHD's. */
static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
				  const char *path, const char *method, const char *version,
				  const char *data, size_t *data_size, void **state)
{
	struct transfer *transfer = *state;
	enum MHD_Result result;

	(void)userdata;
	(void)version;
	if (!transfer->begun && begin(transfer, connection))
		return MHD_YES;
	if (*data_size == 0)
		return answer(transfer, connection, method, path);
	result = receive(transfer, data, *data_size);
	*data_size = 0;
	return result;
}

static int start_daemon(struct api *api, int listen_fd, struct error *reterr)
{
	api->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, api,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, on_uri, api,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
	if (!api->daemon) {
		close(listen_fd);
		return error_errno(reterr, -EIO, "start the HTTP server");
	}
	return 0;
}

static int join_loop(struct api *api, sd_event *event, struct error *reterr)
{
	int fd = MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	int r;

	r = sd_event_add_io(event, &api->io, fd, EPOLLIN, on_io, api);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &api->timer, CLOCK_MONOTONIC, 0,
					       TIMER_ACCURACY_US, on_timer, api);
	if (r >= 0)
		r = sd_event_source_set_priority(api->io, EVENT_PRIORITY);
	if (r >= 0)
		r = sd_event_source_set_priority(api->timer, EVENT_PRIORITY);
	return r < 0 ? error_errno(reterr, r, "join the HTTP server to the event loop") : 0;
}

int api_new(sd_event *event, struct service *service, const struct api_options *options,
	    struct api **ret, struct error *reterr)
{
	AUTO(api_free) struct api *api = xcalloc(1, sizeof(*api));
	int listen_fd;
	int r;

	api->service = service;
	api->region_id = xstrdup(options->region_id);
	listen_fd = socket_listen(options->socket_path, options->socket_group, &api->file, reterr);
	if (listen_fd < 0)
		return listen_fd;
	r = start_daemon(api, listen_fd, reterr);
	if (r < 0)
		return r;
	r = join_loop(api, event, reterr);
	if (r < 0)
		return r;
	*ret = TAKE(api);
	return 0;
}

struct api *api_free(struct api *api)
{
	if (!api)
		return NULL;
	sd_event_source_disable_unref(api->io);
	sd_event_source_disable_unref(api->timer);
	if (api->daemon)
		MHD_stop_daemon(api->daemon);
	socket_remove(&api->file);
	free(api->region_id);
	free(api);
	return NULL;
}
