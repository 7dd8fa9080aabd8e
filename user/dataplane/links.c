/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Pinned links at the start of an agent: XDP links are switched to the new program in place,
 * without a moment in between. Links of tracepoints cannot be switched, so they are made anew
 * beside the old ones and take their names.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "base/memory.h"
#include "base/parse.h"
#include "dataplane/internal.h"

static char *tracer_path(const struct dataplane *dataplane, unsigned int tracer, const char *suffix)
{
	return xasprintf("%s/" DATAPLANE_LINKS "/%s%s", dataplane->pin_dir,
			 dataplane_tracer_name(tracer), suffix);
}

static int tracer_start(const struct dataplane *dataplane, unsigned int tracer,
			struct error *reterr)
{
	AUTO(free_memory) char *path = tracer_path(dataplane, tracer, "_new");
	AUTO(close_fd)
	int fd = bpf_raw_tracepoint_open(NULL, dataplane_tracer_fd(dataplane, tracer));
	int r;

	if (fd < 0)
		return error_errno(reterr, fd, "attach tracepoint program %s",
				   dataplane_tracer_name(tracer));
	/* Of an agent that was killed here. */
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(reterr, -errno, "remove %s", path);
	r = bpf_obj_pin(fd, path);
	if (r < 0)
		return error_errno(reterr, r, "pin %s", path);
	return 0;
}

static void tracers_cancel(const struct dataplane *dataplane)
{
	for (unsigned int tracer = 0; tracer < DATAPLANE_TRACERS; tracer++) {
		AUTO(free_memory) char *path = tracer_path(dataplane, tracer, "_new");

		unlink(path);
	}
}

static int tracers_start(const struct dataplane *dataplane, struct error *reterr)
{
	int r;

	for (unsigned int tracer = 0; tracer < DATAPLANE_TRACERS; tracer++) {
		r = tracer_start(dataplane, tracer, reterr);
		if (r < 0) {
			tracers_cancel(dataplane);
			return r;
		}
	}
	return 0;
}

/* The old ones go with their names. */
static int tracers_finish(const struct dataplane *dataplane, struct error *reterr)
{
	for (unsigned int tracer = 0; tracer < DATAPLANE_TRACERS; tracer++) {
		AUTO(free_memory) char *new = tracer_path(dataplane, tracer, "_new");
		AUTO(free_memory) char *path = tracer_path(dataplane, tracer, "");

		if (rename(new, path) < 0)
			return error_errno(reterr, -errno, "rename %s to %s", new, path);
	}
	return 0;
}

static int link_open(struct dataplane *dataplane, const char *name, struct error *reterr)
{
	AUTO(free_memory)
	char *path = xasprintf("%s/" DATAPLANE_LINKS "/%s", dataplane->pin_dir, name);
	int64_t ifindex;
	int fd;

	if (parse_integer(name, 1, INT32_MAX, &ifindex) < 0)
		return 0;
	if (dataplane->link_count == TD_MAX_DEVICES)
		return dataplane_fail(reterr, -ENOSPC, "more than %u links are pinned",
				      TD_MAX_DEVICES);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return error_errno(reterr, fd, "open pinned link %s", path);
	dataplane->links[dataplane->link_count++] =
		(struct link_entry){.ifindex = ifindex, .fd = fd};
	return 0;
}

static int links_open(struct dataplane *dataplane, struct error *reterr)
{
	AUTO(free_memory) char *path = dataplane_pin_path(dataplane->pin_dir, DATAPLANE_LINKS);
	struct dirent *entry;
	DIR *folder;
	int r = 0;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(reterr, -errno, "create folder %s", path);
	folder = opendir(path);
	if (!folder)
		return error_errno(reterr, -errno, "read folder %s", path);
	while (r >= 0 && (entry = readdir(folder)))
		r = link_open(dataplane, entry->d_name, reterr);
	closedir(folder);
	return r;
}

/* The program that the link has now. */
static int link_program(int fd)
{
	struct bpf_link_info info;
	__u32 size = sizeof(info);
	int r;

	memset(&info, 0, sizeof(info));
	r = bpf_obj_get_info_by_fd(fd, &info, &size);
	return r < 0 ? r : bpf_prog_get_fd_by_id(info.prog_id);
}

int dataplane_links_switch(struct dataplane *dataplane, int program_fd, struct error *reterr)
{
	int old[TD_MAX_DEVICES];
	unsigned int done;
	int r = 0;

	for (done = 0; done < dataplane->link_count; done++) {
		old[done] = link_program(dataplane->links[done].fd);
		r = old[done] < 0 ? old[done]
				  : bpf_link_update(dataplane->links[done].fd, program_fd, NULL);
		/* The interface is gone: dataplane_attach() makes a new link, or detach_others
		 * drops it. */
		if (r == -ENOLINK)
			r = 0;
		if (r < 0) {
			error_errno(reterr, r, "switch the link of interface %u to another program",
				    dataplane->links[done].ifindex);
			close_fdp(&old[done]);
			break;
		}
	}
	for (unsigned int i = 0; i < done; i++) {
		if (r < 0)
			(void)bpf_link_update(dataplane->links[i].fd, old[i], NULL);
		close_fdp(&old[i]);
	}
	return r;
}

int dataplane_links_take(struct dataplane *dataplane, struct error *reterr)
{
	int r;

	r = links_open(dataplane, reterr);
	if (r < 0)
		return r;
	r = tracers_start(dataplane, reterr);
	if (r < 0)
		return r;
	r = dataplane_links_switch(dataplane, dataplane_program_fd(dataplane), reterr);
	if (r < 0) {
		tracers_cancel(dataplane);
		return r;
	}
	return tracers_finish(dataplane, reterr);
}

void dataplane_links_free(struct dataplane *dataplane)
{
	for (unsigned int i = 0; i < dataplane->link_count; i++)
		close_fdp(&dataplane->links[i].fd);
	dataplane->link_count = 0;
}
