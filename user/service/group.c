/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Primary/secondary server groups. */
#include <errno.h>

#include "base/log.h"
#include "model/codes.h"
#include "service/internal.h"

int service_group_get(struct service *service, const char *id, struct server_group *ret,
		      struct error *reterr)
{
	int r;

	r = store_group_get(service->store, id, ret);
	if (r == -ENOENT)
		return error_set(reterr, CODE_INVALID_PARAMETER_NOT_FOUND,
				 "MasterSlaveServerGroupId",
				 "The specified MasterSlaveGroupId does not exist.");
	if (r < 0)
		return error_errno(reterr, r, "read group %s", id);
	return 0;
}

int service_group_create(struct service *service, struct server_group *group, struct error *reterr)
{
	AUTO(service_transaction_end) struct store *transaction = NULL;
	struct load_balancer balancer;
	struct store_counts counts;
	struct footprint footprint;
	int r;

	r = server_group_prepare(group, reterr);
	if (r < 0)
		return r;
	r = service_load_balancer_get(service, group->load_balancer_id, &balancer, reterr);
	if (r < 0)
		return r;
	r = service_group_check(service, &balancer, group, &footprint, reterr);
	if (r < 0)
		return r;
	r = store_count(service->store, &counts);
	if (r < 0)
		return error_errno(reterr, r, "count groups");
	if (counts.groups >= MODEL_GROUPS_MAX)
		return error_set(reterr, CODE_LIMIT, NULL,
				 "there are %d server groups, which is the limit",
				 MODEL_GROUPS_MAX);

	r = service_transaction_begin(service, &transaction, reterr);
	if (r < 0)
		return r;
	r = store_group_insert(service->store, group);
	if (r < 0)
		return error_errno(reterr, r, "store group %s", group->id);
	r = service_transaction_commit(&transaction, reterr);
	if (r < 0)
		return r;
	service_occupancy_add_group(&service->occupancy, &footprint);
	log_info("group_created id=%s load_balancer=%s", group->id, group->load_balancer_id);
	return 0;
}

int service_group_delete(struct service *service, const char *id, struct error *reterr)
{
	AUTO(service_transaction_end) struct store *transaction = NULL;
	struct server_group group;
	struct footprint footprint;
	int r;

	r = store_group_get(service->store, id, &group);
	if (r == -ENOENT)
		return error_set(reterr, CODE_INVALID_PARAMETER_NOT_FOUND,
				 "MasterSlaveServerGroupId",
				 "The specified parameter is not valid.");
	if (r < 0)
		return error_errno(reterr, r, "read group %s", id);
	r = service_group_locate(service, &group, &footprint, reterr);
	if (r < 0)
		return r;

	r = service_transaction_begin(service, &transaction, reterr);
	if (r < 0)
		return r;
	r = store_group_delete(service->store, id);
	if (r == -EBUSY)
		return error_set(reterr, CODE_GROUP_IN_USE, "MasterSlaveServerGroupId",
				 "there are vips associating with this vServer group.");
	if (r < 0)
		return error_errno(reterr, r, "delete group %s", id);
	r = service_transaction_commit(&transaction, reterr);
	if (r < 0)
		return r;
	service_occupancy_remove_group(&service->occupancy, &footprint);
	log_info("group_deleted id=%s", id);
	return 0;
}
