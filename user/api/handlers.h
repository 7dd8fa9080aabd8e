/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_API_HANDLERS_H
#define TANDEM_API_HANDLERS_H

#include "api/actions.h"
#include "model/listener.h"

/* The handlers and request tables of the rows in actions.c, by family; see struct action. */
#define HANDLER(name)                                                                              \
	CHECKED int name(const struct call *call, void *request, json_t *answer,                   \
			 struct error *reterr)

/* balancers.c */
extern const struct request_layout balancer_create_layout;
extern const struct request_layout balancer_list_layout;
extern const struct request_layout balancer_id_layout;
HANDLER(balancer_create);
HANDLER(balancer_list);
HANDLER(balancer_show);
HANDLER(balancer_delete);

/* groups.c */
extern const struct request_layout group_create_layout;
extern const struct request_layout group_list_layout;
extern const struct request_layout group_id_layout;
HANDLER(group_create);
HANDLER(group_list);
HANDLER(group_show);
HANDLER(group_delete);

/* listener_create.c */
extern const struct request_layout listener_create_tcp_layout;
extern const struct request_layout listener_create_udp_layout;
HANDLER(listener_create_tcp);
HANDLER(listener_create_udp);

/* listeners.c */
extern const struct request_layout listener_port_layout;
extern const struct request_layout listener_id_layout;
HANDLER(listener_start);
HANDLER(listener_stop);
HANDLER(listener_delete);
HANDLER(listener_show_tcp);
HANDLER(listener_show_udp);

/* servers.c */
extern const struct request_layout server_register_layout;
extern const struct request_layout server_id_layout;
extern const struct request_layout server_list_layout;
HANDLER(server_register);
HANDLER(server_deregister);
HANDLER(server_list);

/* status.c */
extern const struct request_layout health_status_layout;
extern const struct request_layout status_layout;
HANDLER(health_status_show);
HANDLER(status_show);

/* doctor.c */
extern const struct request_layout doctor_layout;
HANDLER(doctor_show);

/* trace.c */
extern const struct request_layout trace_start_layout;
extern const struct request_layout trace_stop_layout;
extern const struct request_layout trace_show_layout;
HANDLER(trace_start);
HANDLER(trace_stop);
HANDLER(trace_show);

/* For FIELD_PARSED: "tcp" or "udp" into an enum protocol. */
CHECKED int handlers_parse_protocol(const char *text, void *ret);

#endif
