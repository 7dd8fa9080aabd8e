/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The object file: the one place that sees the skeleton. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/memory.h"
#include "dataplane/internal.h"
#include "tandem.skel.h"

/* What libbpf says comes in pieces and lines. */
static int on_libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	int priority = level == LIBBPF_WARN ? LOG_WARNING : LOG_DEBUG;
	char text[1024], *rest = text, *line;
	int length = vsnprintf(text, sizeof(text), format, args);

	while ((line = strsep(&rest, "\n"))) {
		if (line[0])
			log_write(priority, "libbpf %s", line);
	}
	return length;
}

static struct bpf_map *map_of(const struct dataplane *dataplane, enum map_id map)
{
#define MAP_CASE(symbol, name)                                                                     \
	case symbol:                                                                               \
		return dataplane->skel->maps.name;

	switch (map) {
		DATAPLANE_MAPS(MAP_CASE)
	default:
		return NULL;
	}
}

/* -EPROTO with what is wrong; the pinned map stays. */
static int map_check(const struct bpf_map *map, const struct bpf_map_info *info,
		     struct error *reterr)
{
	/* The kernel adds it to every device map. */
	__u32 flags = info->map_flags & ~BPF_F_RDONLY_PROG;

	if (info->type == bpf_map__type(map) && info->key_size == bpf_map__key_size(map) &&
	    info->value_size == bpf_map__value_size(map) &&
	    info->max_entries == bpf_map__max_entries(map) && flags == bpf_map__map_flags(map))
		return 0;
	return dataplane_fail(
		reterr, -EPROTO,
		"pinned map %s has another layout (type %u, key %u, value %u, %u elements) than "
		"this version's (type %u, key %u, value %u, %u elements): start the version "
		"that made it, or take it down with tandemd --purge",
		bpf_map__name(map), info->type, info->key_size, info->value_size, info->max_entries,
		(__u32)bpf_map__type(map), bpf_map__key_size(map), bpf_map__value_size(map),
		bpf_map__max_entries(map));
}

/* Not bpf_map__set_pin_path(): libbpf up to 1.4 takes its own device map for another one. */
static int map_reuse(const struct dataplane *dataplane, enum map_id map, struct error *reterr)
{
	const char *name = dataplane_map_name(map);
	AUTO(free_memory) char *path = dataplane_pin_path(dataplane->pin_dir, name);
	AUTO(close_fd) int fd = bpf_obj_get(path);
	struct bpf_map_info info;
	__u32 size = sizeof(info);
	int r;

	if (fd == -ENOENT)
		return dataplane_fail(
			reterr, -EPROTO,
			"pinned map %s is missing: take the others down with tandemd --purge",
			path);
	if (fd < 0)
		return error_errno(reterr, fd, "open pinned map %s", path);

	memset(&info, 0, sizeof(info));
	r = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (r < 0)
		return error_errno(reterr, r, "look at pinned map %s", path);
	r = map_check(map_of(dataplane, map), &info, reterr);
	if (r < 0)
		return r;
	r = bpf_map__reuse_fd(map_of(dataplane, map), fd);
	if (r < 0)
		return error_errno(reterr, r, "take over pinned map %s", path);
	return 0;
}

/* The ABI of the maps that are pinned: 0 where there are none, or none that were ever finished. */
static int read_abi(const char *pin_dir, __u32 *ret, struct error *reterr)
{
	AUTO(free_memory)
	char *path = dataplane_pin_path(pin_dir, dataplane_map_name(MAP_SETTINGS));
	AUTO(close_fd) int fd = bpf_obj_get(path);
	AUTO(free_memory) __u32 *value = NULL;
	struct bpf_map_info info;
	__u32 size = sizeof(info), zero = 0;
	int r;

	*ret = 0;
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return error_errno(reterr, fd, "open pinned map %s", path);

	memset(&info, 0, sizeof(info));
	r = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (r < 0)
		return error_errno(reterr, r, "look at pinned map %s", path);
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size < sizeof(*value))
		return dataplane_fail(reterr, -EPROTO, "pinned map %s is not tandem's", path);

	value = xcalloc(1, info.value_size + 8);
	r = bpf_map_lookup_elem(fd, &zero, value);
	if (r < 0)
		return error_errno(reterr, r, "read pinned map %s", path);
	*ret = value[0];
	return 0;
}

static int find_pinned(struct dataplane *dataplane, struct error *reterr)
{
	__u32 abi;
	int r;

	r = read_abi(dataplane->pin_dir, &abi, reterr);
	if (r < 0)
		return r;
	if (abi && abi != TD_ABI)
		return dataplane_fail(
			reterr, -EPROTO,
			"the maps below %s have ABI %u, this version has ABI %u: start the version "
			"that made them, or take them down with tandemd --purge",
			dataplane->pin_dir, abi, TD_ABI);
	dataplane->adopted = abi == TD_ABI;
	if (dataplane->adopted)
		return 0;
	/* Empty, or an agent was killed before it had attached anything: nothing worth to keep. */
	r = dataplane_folder_check_ours(dataplane->pin_dir, reterr);
	if (r < 0)
		return r;
	return dataplane_folder_clear(dataplane->pin_dir, reterr);
}

static int maps_reuse(const struct dataplane *dataplane, struct error *reterr)
{
	int r;

	for (enum map_id map = 0; map < MAP_MAX; map++) {
		r = map_reuse(dataplane, map, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int maps_pin(const struct dataplane *dataplane, struct error *reterr)
{
	int r;

	for (enum map_id map = 0; map < MAP_MAX; map++) {
		AUTO(free_memory)
		char *path = dataplane_pin_path(dataplane->pin_dir, dataplane_map_name(map));

		r = bpf_obj_pin(bpf_map__fd(map_of(dataplane, map)), path);
		if (r < 0)
			return error_errno(reterr, r, "pin map %s", path);
	}
	return 0;
}

/* Whose send errors the tracepoint programs count. */
static int set_home(const struct dataplane *dataplane, struct error *reterr)
{
	struct stat status;

	if (stat("/proc/self/ns/net", &status) < 0)
		return error_errno(reterr, -errno, "read /proc/self/ns/net");
	dataplane->skel->rodata->home_netns = (__u32)status.st_ino;
	return 0;
}

int dataplane_program_load(struct dataplane *dataplane, struct error *reterr)
{
	int r;

	libbpf_set_print(on_libbpf_print);
	r = find_pinned(dataplane, reterr);
	if (r < 0)
		return r;

	dataplane->skel = tandem_bpf__open();
	if (!dataplane->skel)
		return error_errno(reterr, -errno, "open the BPF object");
	r = set_home(dataplane, reterr);
	if (r < 0)
		return r;
	if (dataplane->adopted) {
		r = maps_reuse(dataplane, reterr);
		if (r < 0)
			return r;
	}
	r = tandem_bpf__load(dataplane->skel);
	if (r == -EPERM)
		return dataplane_fail(
			reterr, r,
			"load the BPF program: %s (it needs root, or CAP_BPF, CAP_NET_ADMIN "
			"and CAP_PERFMON)",
			strerror(EPERM));
	if (r < 0)
		return error_errno(reterr, r, "load the BPF program (the log has the details)");

	for (enum map_id map = 0; map < MAP_MAX; map++)
		dataplane->maps[map] = bpf_map__fd(map_of(dataplane, map));
	return dataplane->adopted ? 0 : maps_pin(dataplane, reterr);
}

void dataplane_program_unload(struct dataplane *dataplane)
{
	tandem_bpf__destroy(dataplane->skel);
	dataplane->skel = NULL;
}

int dataplane_program_fd(const struct dataplane *dataplane)
{
	return bpf_program__fd(dataplane->skel->progs.tandem_xdp);
}

int dataplane_tracer_fd(const struct dataplane *dataplane, unsigned int tracer)
{
	const struct bpf_program *const programs[DATAPLANE_TRACERS] = {
		dataplane->skel->progs.count_redirect_errors,
		dataplane->skel->progs.count_redirect_refusals,
		dataplane->skel->progs.count_tx_errors,
	};

	return bpf_program__fd(programs[tracer]);
}

const char *dataplane_tracer_name(unsigned int tracer)
{
	static const char *const names[DATAPLANE_TRACERS] = {
		"count_redirect_errors",
		"count_redirect_refusals",
		"count_tx_errors",
	};

	return names[tracer];
}
