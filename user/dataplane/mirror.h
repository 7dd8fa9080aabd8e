/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_DATAPLANE_MIRROR_H
#define TANDEM_DATAPLANE_MIRROR_H

/*
 * The hash tables of the mirror. Adding takes ownership, removing frees; finding what is not there
 * is NULL.
 */

#include "dataplane/internal.h"

struct service_entry *dataplane_mirror_service(const struct dataplane *dataplane,
					       const struct place *place);
void dataplane_mirror_service_add(struct dataplane *dataplane, struct service_entry *take);
/* Does not free it. */
void dataplane_mirror_service_unlink(struct dataplane *dataplane, struct service_entry *entry);

struct vip_entry *dataplane_mirror_vip(const struct dataplane *dataplane,
				       const struct netaddr *address);
void dataplane_mirror_vip_add(struct dataplane *dataplane, struct vip_entry *take);
void dataplane_mirror_vip_remove(struct dataplane *dataplane, struct vip_entry *entry);

void dataplane_mirror_endpoint_add(struct dataplane *dataplane, struct endpoint_entry *take);
void dataplane_mirror_endpoint_remove(struct dataplane *dataplane, struct endpoint_entry *entry);

void dataplane_mirror_hop_add(struct dataplane *dataplane, struct hop *take);
void dataplane_mirror_hop_remove(struct dataplane *dataplane, struct hop *hop);

struct local_entry *dataplane_mirror_local(const struct dataplane *dataplane,
					   const struct netaddr *address);
void dataplane_mirror_local_add(struct dataplane *dataplane, struct local_entry *take);
void dataplane_mirror_local_remove(struct dataplane *dataplane, struct local_entry *entry);

void dataplane_mirror_free(struct dataplane *dataplane);

#endif
