/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_SERVICE_DOCTOR_H
#define TANDEM_SERVICE_DOCTOR_H

#include "base/cleanup.h"
#include "base/error.h"

struct dataplane;
struct service;

/*
 * What is right and wrong with this gateway and the network around it: each check says what it
 * found, and where that is no good, what a person can do. Only looks: nothing on the host is
 * changed. What is judged by counters is judged by how they grew since the last look.
 */

enum severity {
	SEVERITY_GOOD,
	SEVERITY_NOTE,	  /* worth to know; nothing is wrong */
	SEVERITY_WARNING, /* it works, but worse than it could, or not for long */
	SEVERITY_ERROR,	  /* packets are lost, or will be */
};
/* "good", "note", "warning", "error". */
const char *severity_name(enum severity severity);

struct finding {
	const char *check; /* its name */
	char subject[128]; /* an interface, a VIP, a listener, a server; "host" */
	enum severity severity;
	char found[384];
	char remedy[384]; /* "" where there is nothing to do */
};

/* A value other than 0 ends the run and is returned from it. */
typedef int (*service_finding_visit)(const struct finding *finding, void *userdata);

/*
 * Run all checks. Those of listeners and servers give one finding for each that is not good, and
 * one that counts the others. @reterr where the agent's own state could not be read.
 */
CHECKED int service_doctor_run(struct service *service, service_finding_visit visit, void *userdata,
			       struct error *reterr);

/* The checks of an interface alone that bear on how the program is attached, or why it cannot be:
 * for the start, when there is no service yet. */
CHECKED int service_doctor_preflight(struct dataplane *dataplane, const char *ifname,
				     service_finding_visit visit, void *userdata);

#endif
