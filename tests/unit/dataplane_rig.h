/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TEST_DATAPLANE_RIG_H
#define TANDEM_TEST_DATAPLANE_RIG_H

/*
 * The real data plane below a folder of its own in bpffs, in a network namespace of its own. Where
 * this process may not do that, the tests are skipped with the reason. Included by one file of a
 * program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "dataplane/dataplane.h"

static struct {
	const char *skipped; /* why */
	char pin_dir[64];
	sd_event *event;
	struct dataplane *dataplane;
	struct error error;
} rig;

static void need_bpf(void)
{
	if (!rig.skipped)
		return;
	print_message("skipped: %s\n", rig.skipped);
	skip();
}

static int rig_start(void **state)
{
	struct statfs system;

	(void)state;
	log_set_level(LOG_CRIT);
	snprintf(rig.pin_dir, sizeof(rig.pin_dir), "/sys/fs/bpf/tandem-test-%d", getpid());
	if (geteuid() != 0)
		rig.skipped = "needs root";
	else if (statfs("/sys/fs/bpf", &system) < 0 || system.f_type != BPF_FS_MAGIC)
		rig.skipped = "no BPF file system on /sys/fs/bpf";
	else if (unshare(CLONE_NEWNET) < 0)
		rig.skipped = "may not make a network namespace";
	else if (libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_XDP, NULL) != 1)
		rig.skipped = "the kernel does not take XDP programs from us";
	return sd_event_new(&rig.event);
}

static int rig_end(void **state)
{
	(void)state;
	rig.event = sd_event_unref(rig.event);
	return 0;
}

static int open_result(void)
{
	const struct dataplane_options options = {.pin_dir = rig.pin_dir};

	memset(&rig.error, 0, sizeof(rig.error));
	return dataplane_open(rig.event, &options, &rig.dataplane, &rig.error);
}

static void open_dataplane(void)
{
	int r = open_result();

	if (r < 0)
		fail_msg("dataplane_open: %d %s", r, rig.error.message);
}

static void close_dataplane(void)
{
	rig.dataplane = dataplane_free(rig.dataplane);
}

static int test_end(void **state)
{
	(void)state;
	if (rig.skipped)
		return 0;
	close_dataplane();
	return dataplane_purge(rig.pin_dir, &rig.error);
}

/* A pinned object as somebody else sees it. */
static int pin_open(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", rig.pin_dir, name);
	fd = bpf_obj_get(path);
	return fd;
}

static int map_read(const char *map, const void *key, void *ret)
{
	AUTO(close_fd) int fd = pin_open(map);

	assert_true(fd >= 0);
	return bpf_map_lookup_elem(fd, key, ret);
}

static void map_write(const char *map, const void *key, const void *value)
{
	AUTO(close_fd) int fd = pin_open(map);

	assert_int_equal(bpf_map_update_elem(fd, key, value, BPF_ANY), 0);
}

static __u32 map_id(const char *map)
{
	AUTO(close_fd) int fd = pin_open(map);
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.id;
}

static struct netaddr address(const char *text)
{
	struct netaddr parsed;

	assert_int_equal(netaddr_parse(text, &parsed), 0);
	return parsed;
}

/* A service on TCP port @port whose servers listen on port 8000. */
static struct dataplane_service service(const char *vip, uint16_t port, const char *primary,
					const char *secondary)
{
	struct dataplane_service made = {
		.vip = address(vip),
		.port = port,
		.protocol = IPPROTO_TCP,
		.servers = {{address(primary), 8000}, {address(secondary), 8000}},
	};

	return made;
}

static int put_result(const struct dataplane_service *wanted, __u64 state, uint32_t *ret_index)
{
	memset(&rig.error, 0, sizeof(rig.error));
	return dataplane_service_put(rig.dataplane, wanted, state, ret_index, &rig.error);
}

static uint32_t put(const struct dataplane_service *wanted, __u64 state)
{
	uint32_t index = UINT32_MAX;
	int r = put_result(wanted, state, &index);

	if (r < 0)
		fail_msg("dataplane_service_put: %d %s", r, rig.error.message);
	return index;
}

static int gate_read4(const char *vip, uint16_t port, uint8_t protocol, struct td_service_ref *ret)
{
	struct td_service_key4 key = {.port = htons(port), .proto = protocol};

	inet_pton(AF_INET, vip, &key.addr);
	return map_read("services4", &key, ret);
}

static struct td_group group_read(uint32_t group)
{
	struct td_group found;

	assert_int_equal(map_read("groups", &group, &found), 0);
	return found;
}

#endif
