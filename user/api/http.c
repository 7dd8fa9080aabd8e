/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "api/http.h"

#include <string.h>
#include <strings.h>

#include "api/answer.h"
#include "base/log.h"
#include "model/codes.h"

static const char form_type[] = "application/x-www-form-urlencoded";

static bool is_form(const char *content_type)
{
	size_t length = strlen(form_type);

	if (!content_type || strncasecmp(content_type, form_type, length) != 0)
		return false;
	/* Parameters such as charset may follow. */
	return strchr("; \t", content_type[length]) != NULL;
}

static int check_request(const struct http_request *request, struct error *reterr)
{
	if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "POST") != 0)
		return error_set(reterr, CODE_UNSUPPORTED_METHOD, "",
				 "The HTTP method %.32s is not supported: use GET or POST.",
				 request->method);
	if (request->path[0] && strcmp(request->path, "/") != 0)
		return error_set(
			reterr, CODE_INVALID_ACTION, "",
			"Specified api is not found, please check your url and method: the "
			"path must be /, not %.80s.",
			request->path);
	if (request->body_size_is_ambiguous)
		return error_set(reterr, CODE_MALFORMED_REQUEST, "Content-Length",
				 "The size of the body must be told once: by Content-Length or by "
				 "Transfer-Encoding.");
	if (request->body_is_too_large)
		return error_set(reterr, CODE_REQUEST_TOO_LARGE, "",
				 "The body of the request is larger than %d bytes.", HTTP_BODY_MAX);
	if (request->body_size > 0 && !is_form(request->content_type))
		return error_set(reterr, CODE_MALFORMED_REQUEST, "Content-Type",
				 "The Content-Type of a body must be %s, not %.80s.", form_type,
				 request->content_type ? request->content_type : "absent");
	return 0;
}

static int run(const struct call *call, const struct http_request *request, json_t *answer,
	       const struct action **ret_action, struct error *reterr)
{
	AUTO(params_free) struct params *params = params_new();
	struct call with_params = *call;
	int r;

	r = check_request(request, reterr);
	if (r == 0 && request->query)
		r = params_decode(params, request->query, strlen(request->query), reterr);
	if (r == 0 && request->body_size > 0)
		r = params_decode(params, request->body, request->body_size, reterr);
	if (r < 0)
		return r;
	with_params.params = params;
	return actions_run(&with_params, answer, ret_action, reterr);
}

static void log_outcome(const struct action *action, const json_t *answer, int r,
			const struct error *error)
{
	const char *name = action ? action->name : "none";
	const char *id = json_string_value(json_object_get(answer, "RequestId"));

	if (r == 0) {
		/* What changed, the service has logged. */
		log_debug("request done action=%s request_id=%s", name, id);
		return;
	}
	log_write(code_http_status(error->code) >= 500 ? LOG_ERR : LOG_INFO,
		  "request refused action=%s request_id=%s code=%s message=\"%s\"", name, id,
		  code_name(error->code), error->message);
}

struct http_answer http_respond(const struct call *call, const struct http_request *request)
{
	const struct action *action = NULL;
	struct error error = {0};
	struct http_answer ret = {.status = 200};
	json_t *answer = answer_new();
	json_t *body;
	int r;

	r = run(call, request, answer, &action, &error);
	log_outcome(action, answer, r, &error);
	if (r == 0) {
		ret.body = answer_text(answer);
	} else {
		body = answer_error(answer, request->host ? request->host : "tandem", &error);
		ret.status = code_http_status(error.code);
		ret.body = answer_text(body);
		json_decref(body);
	}
	json_decref(answer);
	return ret;
}
