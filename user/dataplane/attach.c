/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Interfaces: attach the program, and let frames be sent to them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>

#include "base/log.h"
#include "base/memory.h"
#include "dataplane/internal.h"

static char *link_path(const struct dataplane *dataplane, uint32_t ifindex)
{
	return xasprintf("%s/" DATAPLANE_LINKS "/%u", dataplane->pin_dir, ifindex);
}

static struct link_entry *find_link(struct dataplane *dataplane, uint32_t ifindex)
{
	for (unsigned int i = 0; i < dataplane->link_count; i++) {
		if (dataplane->links[i].ifindex == ifindex)
			return &dataplane->links[i];
	}
	return NULL;
}

static int query(uint32_t ifindex, const char *ifname, struct bpf_xdp_query_opts *ret,
		 struct error *reterr)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->sz = sizeof(*ret);
	r = bpf_xdp_query((int)ifindex, 0, ret);
	if (r < 0)
		return error_errno(reterr, r, "ask for the XDP program of %s", ifname);
	return 0;
}

static bool query_has(const struct bpf_xdp_query_opts *query, __u32 program)
{
	return query->prog_id == program || query->drv_prog_id == program ||
	       query->hw_prog_id == program || query->skb_prog_id == program;
}

static __u32 query_any(const struct bpf_xdp_query_opts *query)
{
	const __u32 ids[] = {query->prog_id, query->drv_prog_id, query->hw_prog_id,
			     query->skb_prog_id};

	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		if (ids[i])
			return ids[i];
	}
	return 0;
}

/* Whose program it is, as far as the kernel tells. */
static int error_occupied(const char *ifname, __u32 program, struct error *reterr)
{
	AUTO(close_fd) int fd = bpf_prog_get_fd_by_id(program);
	struct bpf_prog_info info;
	__u32 size = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (fd >= 0)
		(void)bpf_obj_get_info_by_fd(fd, &info, &size);
	return dataplane_fail(
		reterr, -EBUSY,
		"interface %s has another XDP program already, %s (id %u): detach it first "
		"(ip link set dev %s xdp off), or leave the interface out",
		ifname, info.name[0] ? info.name : "without a name", program, ifname);
}

static bool is_veth(const char *ifname)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (void *)&driver};
	AUTO(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* A device whose driver does not say its name is none. */
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	return fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0 && !strcmp(driver.driver, "veth");
}

/* All links are known: TD_SETTING_NO_TX as long as one is a veth. */
static void flags_store(struct dataplane *dataplane)
{
	__u32 flags = 0;

	for (unsigned int i = 0; i < dataplane->link_count; i++) {
		if (dataplane->links[i].veth)
			flags |= TD_SETTING_NO_TX;
	}
	__atomic_store_n(&dataplane->settings->flags, flags, __ATOMIC_RELEASE);
}

static int device_add(struct dataplane *dataplane, uint32_t ifindex)
{
	const struct td_send_errors none = {0};
	int r;

	/* Counts go on where there are some. */
	r = bpf_map_update_elem(dataplane->maps[MAP_SEND_ERRORS], &ifindex, &none, BPF_NOEXIST);
	if (r < 0 && r != -EEXIST)
		return r;
	return dataplane_map_write(dataplane, MAP_DEVICES, &ifindex, &ifindex);
}

static int device_remove(struct dataplane *dataplane, uint32_t ifindex)
{
	int r, r_errors;

	r = dataplane_map_delete(dataplane, MAP_DEVICES, &ifindex);
	r_errors = dataplane_map_delete(dataplane, MAP_SEND_ERRORS, &ifindex);
	return r < 0 ? r : r_errors;
}

static int link_drop(struct dataplane *dataplane, struct link_entry *link, struct error *reterr)
{
	AUTO(free_memory) char *path = link_path(dataplane, link->ifindex);
	int r;

	r = device_remove(dataplane, link->ifindex);
	if (r >= 0)
		r = dataplane_link_unpin(path);
	if (r < 0)
		return error_errno(reterr, r, "detach from interface %u", link->ifindex);
	close_fdp(&link->fd);
	*link = dataplane->links[--dataplane->link_count];
	return 0;
}

/* Where generic mode may do: nobody else is at the hook, and nothing is wrong with us. */
static bool is_refused_by_driver(int r)
{
	return r < 0 && r != -EBUSY && r != -EEXIST && r != -EPERM && r != -EACCES && r != -ENODEV;
}

/* "Operation not supported: Underlying driver does not support XDP in native mode" */
static void refusal_text(const struct dataplane *dataplane, uint32_t ifindex, int r, __u32 mode,
			 char *ret)
{
	char words[DATAPLANE_REFUSAL_MAX - 64]; /* and strerror() */

	dataplane_refusal_read(dataplane, ifindex, mode, words, sizeof(words));
	snprintf(ret, DATAPLANE_REFUSAL_MAX, "%s%s%s", strerror(-r), words[0] ? ": " : "", words);
}

/*
 * Native mode where the driver has it. How a driver says that it has it, but not with the present
 * settings, differs: EOPNOTSUPP, EINVAL, ERANGE, ENOSPC and others.
 */
static int link_create(const struct dataplane *dataplane, struct link_entry *link,
		       const char *ifname, struct error *reterr)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	int program = dataplane_program_fd(dataplane);
	char generic[DATAPLANE_REFUSAL_MAX];

	link->fd = bpf_link_create(program, (int)link->ifindex, BPF_XDP, &options);
	if (link->fd >= 0)
		return 0;
	refusal_text(dataplane, link->ifindex, link->fd, XDP_FLAGS_DRV_MODE, link->refusal);
	if (!is_refused_by_driver(link->fd))
		return dataplane_fail(reterr, link->fd, "attach the XDP program to %s: %s", ifname,
				      link->refusal);

	options.flags = XDP_FLAGS_SKB_MODE;
	link->fd = bpf_link_create(program, (int)link->ifindex, BPF_XDP, &options);
	if (link->fd >= 0)
		return 0;
	refusal_text(dataplane, link->ifindex, link->fd, XDP_FLAGS_SKB_MODE, generic);
	return dataplane_fail(
		reterr, link->fd,
		"attach the XDP program to %s: in native mode: %s; in generic mode: %s", ifname,
		link->refusal, generic);
}

static int attach_new(struct dataplane *dataplane, uint32_t ifindex, const char *ifname,
		      struct error *reterr)
{
	AUTO(free_memory) char *path = link_path(dataplane, ifindex);
	struct link_entry link = {.ifindex = ifindex, .fd = -1, .wanted = true, .fresh = true};
	int r;

	if (dataplane->link_count == TD_MAX_DEVICES)
		return dataplane_fail(reterr, -ENOSPC, "interface %s: there are %u already", ifname,
				      TD_MAX_DEVICES);
	/* Before the first packet that may be sent there. */
	r = device_add(dataplane, ifindex);
	if (r < 0)
		return error_errno(reterr, r, "enter interface %s into the maps", ifname);
	r = link_create(dataplane, &link, ifname, reterr);
	if (r >= 0) {
		r = bpf_obj_pin(link.fd, path);
		if (r < 0)
			error_errno(reterr, r, "pin the link of %s", ifname);
	}
	if (r < 0) {
		(void)device_remove(dataplane, ifindex);
		close_fdp(&link.fd);
		return r;
	}
	dataplane->links[dataplane->link_count++] = link;
	return 0;
}

/* Keep the pinned link; @ret_gone where its interface is, and the index is another's now. */
static int attach_kept(struct dataplane *dataplane, struct link_entry *link, const char *ifname,
		       bool *ret_gone, struct error *reterr)
{
	struct bpf_xdp_query_opts found;
	struct bpf_link_info info;
	__u32 size = sizeof(info);
	int r;

	memset(&info, 0, sizeof(info));
	r = bpf_obj_get_info_by_fd(link->fd, &info, &size);
	if (r < 0)
		return error_errno(reterr, r, "look at the link of %s", ifname);
	*ret_gone = info.xdp.ifindex != link->ifindex;
	if (*ret_gone)
		return link_drop(dataplane, link, reterr);

	r = query(link->ifindex, ifname, &found, reterr);
	if (r < 0)
		return r;
	if (!query_has(&found, info.prog_id))
		return dataplane_fail(
			reterr, -EBUSY,
			"the link that is pinned for interface %u below %s is of another network "
			"namespace than %s: each needs a pin_dir of its own",
			link->ifindex, dataplane->pin_dir, ifname);
	r = device_add(dataplane, link->ifindex);
	if (r < 0)
		return error_errno(reterr, r, "enter interface %s into the maps", ifname);
	link->wanted = true;
	return 0;
}

int dataplane_attach(struct dataplane *dataplane, uint32_t ifindex, const char *ifname,
		     enum dataplane_mode *ret_mode, struct error *reterr)
{
	struct link_entry *link = find_link(dataplane, ifindex);
	struct bpf_xdp_query_opts found;
	bool gone = true;
	int r;

	if (link) {
		r = attach_kept(dataplane, link, ifname, &gone, reterr);
		if (r < 0)
			return r;
	}
	if (gone) {
		r = query(ifindex, ifname, &found, reterr);
		if (r < 0)
			return r;
		if (query_any(&found))
			return error_occupied(ifname, query_any(&found), reterr);
		r = attach_new(dataplane, ifindex, ifname, reterr);
		if (r < 0)
			return r;
	}
	link = find_link(dataplane, ifindex);
	link->veth = is_veth(ifname);
	/* Adopted links of which is not known yet what they are may be why it is set. */
	if (link->veth)
		__atomic_fetch_or(&dataplane->settings->flags, TD_SETTING_NO_TX, __ATOMIC_RELEASE);

	r = query(ifindex, ifname, &found, reterr);
	if (r < 0)
		return r;
	*ret_mode = found.attach_mode == XDP_ATTACHED_SKB ? DATAPLANE_GENERIC : DATAPLANE_NATIVE;
	return 0;
}

int dataplane_detach_others(struct dataplane *dataplane, struct error *reterr)
{
	unsigned int i = 0;
	int r;

	while (i < dataplane->link_count) {
		if (dataplane->links[i].wanted) {
			i++;
			continue;
		}
		r = link_drop(dataplane, &dataplane->links[i], reterr);
		if (r < 0)
			return r;
	}
	flags_store(dataplane);
	return 0;
}

void dataplane_detach_fresh(struct dataplane *dataplane)
{
	unsigned int i = 0;

	while (i < dataplane->link_count) {
		struct error error = {0};

		if (dataplane->links[i].fresh &&
		    link_drop(dataplane, &dataplane->links[i], &error) == 0)
			continue;
		if (dataplane->links[i].fresh)
			log_warning("detach_failed: %s", error.message);
		i++;
	}
}
