/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The folder of bpffs and the names in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <bpf/bpf.h>
#include <linux/magic.h>

#include "base/lock.h"
#include "base/memory.h"
#include "dataplane/internal.h"

char *dataplane_pin_path(const char *pin_dir, const char *name)
{
	return xasprintf("%s/%s", pin_dir, name);
}

static int folder_make(const char *pin_dir, bool *ret_created, struct error *reterr)
{
	*ret_created = mkdir(pin_dir, 0700) == 0;
	if (*ret_created || errno == EEXIST)
		return 0;
	if (errno == ENOENT)
		return dataplane_fail(
			reterr, -ENOENT,
			"pin_dir %s: the folder above it does not exist (is the BPF file system "
			"mounted? mount -t bpf bpf /sys/fs/bpf)",
			pin_dir);
	/* sysfs where nothing is mounted on /sys/fs/bpf */
	if (errno == EPERM || errno == EROFS)
		return dataplane_fail(
			reterr, -errno,
			"pin_dir %s cannot be created: %s (is the BPF file system mounted? mount "
			"-t bpf bpf /sys/fs/bpf; its names have no dots)",
			pin_dir, strerror(errno));
	return error_errno(reterr, -errno, "create pin_dir %s", pin_dir);
}

/* Whether the folder is one that tandem may fill and empty. */
static int folder_check(const char *pin_dir, struct error *reterr)
{
	AUTO(free_memory) char *above = dataplane_pin_path(pin_dir, "..");
	struct stat status, status_above;
	struct statfs system;

	if (statfs(pin_dir, &system) < 0)
		return error_errno(reterr, -errno, "look at pin_dir %s", pin_dir);
	if (system.f_type != BPF_FS_MAGIC)
		return dataplane_fail(
			reterr, -EINVAL,
			"pin_dir %s is not on a BPF file system; one is usually mounted on "
			"/sys/fs/bpf (mount -t bpf bpf /sys/fs/bpf)",
			pin_dir);
	if (stat(pin_dir, &status) < 0 || stat(above, &status_above) < 0)
		return error_errno(reterr, -errno, "look at pin_dir %s", pin_dir);
	if (!S_ISDIR(status.st_mode) || status.st_dev != status_above.st_dev)
		return dataplane_fail(
			reterr, -EINVAL,
			"pin_dir %s must be a folder of tandem's own in a BPF file system, such "
			"as /sys/fs/bpf/tandem",
			pin_dir);
	return 0;
}

int dataplane_folder_take(const char *pin_dir, bool *ret_created, int *ret_lock_fd,
			  struct error *reterr)
{
	bool created;
	int r;

	r = folder_make(pin_dir, &created, reterr);
	if (r < 0)
		return r;
	r = folder_check(pin_dir, reterr);
	if (r >= 0)
		r = lock_folder(pin_dir, ret_lock_fd, reterr);
	if (r < 0) {
		if (created)
			rmdir(pin_dir);
		return r;
	}
	*ret_created = created;
	return 0;
}

static bool is_ours(const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, DATAPLANE_LINKS) == 0)
		return true;
	for (enum map_id map = 0; map < MAP_MAX; map++) {
		if (strcmp(name, dataplane_map_name(map)) == 0)
			return true;
	}
	return false;
}

/* Another version's maps may have other names, but these two it has. */
static bool has_our_maps(const char *pin_dir)
{
	AUTO(free_memory)
	char *settings = dataplane_pin_path(pin_dir, dataplane_map_name(MAP_SETTINGS));
	AUTO(free_memory)
	char *table = dataplane_pin_path(pin_dir, dataplane_map_name(MAP_SERVICE_TABLE));

	return access(settings, F_OK) == 0 && access(table, F_OK) == 0;
}

int dataplane_folder_check_ours(const char *pin_dir, struct error *reterr)
{
	const struct dirent *entry;
	DIR *folder;
	int r = 0;

	if (has_our_maps(pin_dir))
		return 0;
	folder = opendir(pin_dir);
	if (!folder)
		return error_errno(reterr, -errno, "read folder %s", pin_dir);
	while (r >= 0 && (entry = readdir(folder))) {
		if (!is_ours(entry->d_name))
			r = dataplane_fail(
				reterr, -ENOTEMPTY,
				"%s holds %s, which is not tandem's: give tandem a folder of "
				"its own",
				pin_dir, entry->d_name);
	}
	closedir(folder);
	return r;
}

int dataplane_link_unpin(const char *path)
{
	AUTO(close_fd) int fd = bpf_obj_get(path);

	/*
	 * The kernel detaches some time after the last reference is gone; who asked for it wants it
	 * done now. Links of tracepoints know no detach and go with the pin.
	 */
	if (fd >= 0)
		(void)bpf_link_detach(fd);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/* Remove each entry of the folder @path that is no folder. Not there is success. */
static int folder_empty(const char *path, int (*remove_entry)(const char *path),
			struct error *reterr)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!folder)
		return errno == ENOENT ? 0 : error_errno(reterr, -errno, "read folder %s", path);
	while (r >= 0 && (entry = readdir(folder))) {
		AUTO(free_memory) char *entry_path = dataplane_pin_path(path, entry->d_name);

		if (entry->d_type == DT_DIR)
			continue;
		r = remove_entry(entry_path);
		if (r < 0)
			error_errno(reterr, r, "remove %s", entry_path);
	}
	closedir(folder);
	return r;
}

static int pin_remove(const char *path)
{
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int dataplane_folder_clear(const char *pin_dir, struct error *reterr)
{
	AUTO(free_memory) char *links = dataplane_pin_path(pin_dir, DATAPLANE_LINKS);
	int r;

	r = folder_empty(links, dataplane_link_unpin, reterr);
	if (r < 0)
		return r;
	if (rmdir(links) < 0 && errno != ENOENT)
		return error_errno(reterr, -errno, "remove folder %s", links);
	return folder_empty(pin_dir, pin_remove, reterr);
}
