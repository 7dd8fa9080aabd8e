/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "service/doctor.h"

#include "api/answer.h"
#include "api/handlers.h"

const struct request_layout doctor_layout = {.size = 1};

static int visit_finding(const struct finding *finding, void *userdata)
{
	json_t *item = answer_append_object(userdata);

	answer_set_text(item, "Name", finding->check);
	answer_set_text(item, "Subject", finding->subject);
	answer_set_text(item, "Severity", severity_name(finding->severity));
	answer_set_text(item, "Found", finding->found);
	answer_set_text(item, "Remedy", finding->remedy);
	return 0;
}

int doctor_show(const struct call *call, void *request, json_t *answer, struct error *reterr)
{
	(void)request;
	return service_doctor_run(call->service, visit_finding,
				  answer_set_list(answer, "Checks", "Check"), reterr);
}
