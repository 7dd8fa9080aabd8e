/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_API_H
#define TANDEM_API_H

#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/error.h"

struct service;

/*
 * The control API: HTTP over a unix socket, `Action=...` and parameters in the query or in a form
 * body, answers in JSON. It runs on the caller's event loop, behind everything else there: a busy
 * or slow client delays neither probes nor failovers. Who may open the socket may do everything.
 */
struct api;

struct api_options {
	const char *socket_path; /* its folder must exist */
	const char *
		socket_group; /* may use the socket too; where the host has none: the owner alone */
	const char *region_id; /* the one region that RegionId may name */
};

/*
 * Listen at @options->socket_path (mode 0660, or 0600 where the group does not exist, which is
 * logged) and serve @service, which is borrowed and must outlive the api; the options are copied. A
 * socket that nobody listens to any more is replaced. -EADDRINUSE where somebody does, -EEXIST
 * where the path is something else than a socket; both are left alone.
 */
CHECKED int api_new(sd_event *event, struct service *service, const struct api_options *options,
		    struct api **ret, struct error *reterr);
/* Closes all connections and removes the socket. NULL is fine; returns NULL. */
struct api *api_free(struct api *api);
DEFINE_AUTO(struct api, api_free)

#endif
