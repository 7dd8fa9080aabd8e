/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "service/internal.h"

int service_transaction_begin(struct service *service, struct store **ret, struct error *reterr)
{
	int r;

	r = store_begin(service->store);
	if (r < 0)
		return error_errno(reterr, r, "begin a transaction");
	*ret = service->store;
	return 0;
}

int service_transaction_commit(struct store **transaction, struct error *reterr)
{
	int r;

	r = store_commit(*transaction);
	if (r < 0)
		return error_errno(reterr, r, "commit to the database");
	*transaction = NULL;
	return 0;
}
