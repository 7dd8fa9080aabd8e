/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "service/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "net/host.h"
#include "service/doctor_internal.h"

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {
		[SEVERITY_GOOD] = "good",
		[SEVERITY_NOTE] = "note",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_ERROR] = "error",
	};

	return names[severity];
}

void service_doctor_say(struct doctor *doctor, enum severity severity, const char *remedy,
			const char *format, ...)
{
	struct finding finding = {.check = doctor->check, .severity = severity};
	va_list args;

	if (doctor->result)
		return;
	snprintf(finding.subject, sizeof(finding.subject), "%s", doctor->subject);
	snprintf(finding.remedy, sizeof(finding.remedy), "%s", remedy ? remedy : "");
	va_start(args, format);
	vsnprintf(finding.found, sizeof(finding.found), format, args);
	va_end(args);
	/* Names of programs and the words of drivers come from outside. */
	utf8_sanitize(finding.found);
	utf8_sanitize(finding.remedy);
	doctor->result = doctor->visit(&finding, doctor->userdata);
}

int service_doctor_read_numbers(const char *text, unsigned long *ret_first,
				unsigned long *ret_second)
{
	char *end, *last;

	*ret_first = strtoul(text, &end, 10);
	*ret_second = *ret_first;
	if (end == text)
		return 0;
	if (!*end)
		return 1;
	*ret_second = strtoul(end + 1, &last, 10);
	return last == end + 1 ? 1 : 2;
}

static void run_checks(struct doctor *doctor, const struct doctor_check *checks,
		       const char *subject)
{
	for (const struct doctor_check *check = checks; check->name; check++) {
		doctor->check = check->name;
		doctor->subject = subject;
		check->run(doctor);
	}
}

/* False where there is no such interface, which is then said. */
static bool read_device(struct doctor *doctor, const char *name)
{
	struct error error = {0};
	int r;

	doctor->check = "interface";
	doctor->subject = name;
	memset(&doctor->hook, 0, sizeof(doctor->hook));
	r = net_device_read(name, &doctor->device, &error);
	if (r == -ENODEV) {
		service_doctor_say(
			doctor, SEVERITY_ERROR,
			"create it, or take it out of \"interfaces\" in the configuration "
			"and restart tandemd",
			"there is no such interface");
		return false;
	}
	if (r < 0) {
		service_doctor_say(doctor, SEVERITY_ERROR, NULL, "%s", error.message);
		return false;
	}
	r = dataplane_hook_read(doctor->dataplane, doctor->device.ifindex, &doctor->hook);
	if (r < 0)
		service_doctor_say(doctor, SEVERITY_ERROR, NULL, "ask for its XDP program: %s",
				   strerror(-r));
	return r >= 0;
}

int service_doctor_preflight(struct dataplane *dataplane, const char *ifname,
			     service_finding_visit visit, void *userdata)
{
	struct doctor doctor = {.dataplane = dataplane, .visit = visit, .userdata = userdata};

	if (read_device(&doctor, ifname))
		run_checks(&doctor, service_device_checks, ifname);
	return doctor.result;
}

int service_doctor_run(struct service *service, service_finding_visit visit, void *userdata,
		       struct error *reterr)
{
	struct doctor doctor = {
		.service = service,
		.dataplane = service->dataplane,
		.memory = service->doctor,
		.visit = visit,
		.userdata = userdata,
	};
	int r;

	doctor.memory->round++;
	r = service_doctor_listeners(&doctor);
	free(doctor.addresses);
	free(doctor.interfaces);
	if (r < 0) {
		if (reterr)
			*reterr = doctor.error;
		return error_errno(reterr, r, "look at the listeners");
	}
	for (const char *const *name = service->interfaces; name && *name; name++) {
		if (!read_device(&doctor, *name))
			continue;
		run_checks(&doctor, service_device_checks, *name);
		run_checks(&doctor, service_network_checks, *name);
	}
	run_checks(&doctor, service_host_checks, "host");

	service_looks_sweep(doctor.memory);
	/* Interfaces have compared with what it was: this look is the next one's last. */
	(void)!net_reverse_path_drops(&doctor.memory->reverse_path_drops);
	return doctor.result;
}
