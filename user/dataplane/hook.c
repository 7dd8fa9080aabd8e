/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is attached and pinned now, whoever changed it meanwhile. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "base/memory.h"
#include "dataplane/internal.h"

static const struct link_entry *find_link(const struct dataplane *dataplane, uint32_t ifindex)
{
	for (unsigned int i = 0; i < dataplane->link_count; i++) {
		if (dataplane->links[i].ifindex == ifindex)
			return &dataplane->links[i];
	}
	return NULL;
}

/* The program that the link has on the interface; 0 where it has none there. */
static __u32 link_program(const struct link_entry *link)
{
	struct bpf_link_info info;
	__u32 size = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (!link || bpf_obj_get_info_by_fd(link->fd, &info, &size) < 0 ||
	    info.xdp.ifindex != link->ifindex)
		return 0;
	return info.prog_id;
}

static void read_name(__u32 program, char *ret, size_t ret_size)
{
	AUTO(close_fd) int fd = bpf_prog_get_fd_by_id(program);
	struct bpf_prog_info info;
	__u32 size = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (fd >= 0)
		(void)bpf_obj_get_info_by_fd(fd, &info, &size);
	snprintf(ret, ret_size, "%s", info.name);
}

int dataplane_hook_read(struct dataplane *dataplane, uint32_t ifindex, struct dataplane_hook *ret)
{
	const struct link_entry *link = find_link(dataplane, ifindex);
	LIBBPF_OPTS(bpf_xdp_query_opts, found);
	const __u32 *const ids[] = {&found.prog_id, &found.drv_prog_id, &found.hw_prog_id,
				    &found.skb_prog_id};
	struct dataplane_hook hook = {0};
	__u32 ours = link_program(link);
	int r;

	r = bpf_xdp_query((int)ifindex, 0, &found);
	if (r < 0)
		return r;
	/* Where there are several (the hardware's, the driver's), a foreign one matters more. */
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		if (*ids[i] && (!hook.program || hook.program == ours))
			hook.program = *ids[i];
	}
	hook.ours = hook.program && hook.program == ours;
	hook.mode = found.attach_mode == XDP_ATTACHED_SKB ? DATAPLANE_GENERIC : DATAPLANE_NATIVE;
	if (hook.program)
		read_name(hook.program, hook.program_name, sizeof(hook.program_name));
	if (hook.ours && hook.mode == DATAPLANE_GENERIC)
		snprintf(hook.refusal, sizeof(hook.refusal), "%s", link->refusal);
	*ret = hook;
	return 0;
}

static int pin_check(const struct dataplane *dataplane, enum map_id map, struct error *reterr)
{
	AUTO(free_memory)
	char *path = dataplane_pin_path(dataplane->pin_dir, dataplane_map_name(map));
	AUTO(close_fd) int fd = bpf_obj_get(path);
	struct bpf_map_info pinned, used;
	__u32 size = sizeof(pinned);
	int r;

	if (fd < 0)
		return error_errno(reterr, fd, "open pinned map %s", path);
	memset(&pinned, 0, sizeof(pinned));
	memset(&used, 0, sizeof(used));
	r = bpf_obj_get_info_by_fd(fd, &pinned, &size);
	if (r >= 0)
		r = bpf_obj_get_info_by_fd(dataplane->maps[map], &used, &size);
	if (r < 0)
		return error_errno(reterr, r, "look at pinned map %s", path);
	if (pinned.id != used.id)
		return dataplane_fail(reterr, -ESTALE,
				      "pinned map %s (id %u) is not the one in use (id %u)", path,
				      pinned.id, used.id);
	return 0;
}

int dataplane_pins_check(struct dataplane *dataplane, struct error *reterr)
{
	int r;

	for (enum map_id map = 0; map < MAP_MAX; map++) {
		r = pin_check(dataplane, map, reterr);
		if (r < 0)
			return r;
	}
	for (unsigned int i = 0; i < dataplane->link_count; i++) {
		AUTO(free_memory)
		char *path = xasprintf("%s/" DATAPLANE_LINKS "/%u", dataplane->pin_dir,
				       dataplane->links[i].ifindex);
		AUTO(close_fd) int fd = bpf_obj_get(path);

		if (fd < 0)
			return error_errno(reterr, fd, "open pinned link %s", path);
	}
	return 0;
}
