/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "dataplane/dataplane.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/libbpf.h>

#include "base/memory.h"
#include "dataplane/mirror.h"

struct mapping {
	enum map_id map;
	size_t size;
	void **memory;
};

enum { MAPPINGS = 5 };

/* Array maps round each value up to eight bytes, and the memory up to pages. */
static void mappings_of(struct dataplane *dataplane, struct mapping *ret)
{
	_Static_assert(sizeof(struct td_nexthop) % 8 == 0, "elements follow each other");
	const struct mapping mappings[MAPPINGS] = {
		{MAP_GROUP_STATE, TD_MAX_GROUPS * sizeof(__u64), (void **)&dataplane->states},
		{MAP_NEXTHOPS, TD_MAX_NEXTHOPS * sizeof(struct td_nexthop),
		 (void **)&dataplane->nexthops},
		{MAP_SETTINGS, sizeof(struct td_settings), (void **)&dataplane->settings},
		{MAP_PORTS, sizeof(struct td_ports), (void **)&dataplane->ports},
		{MAP_QUICK4, TD_QUICK_BUCKETS * sizeof(struct td_quick4),
		 (void **)&dataplane->quick},
	};
	size_t page = sysconf(_SC_PAGESIZE);

	for (unsigned int i = 0; i < MAPPINGS; i++) {
		ret[i] = mappings[i];
		ret[i].size = (ret[i].size + page - 1) / page * page;
	}
}

static int map_memory(struct dataplane *dataplane, struct error *reterr)
{
	struct mapping mappings[MAPPINGS];

	mappings_of(dataplane, mappings);
	for (unsigned int i = 0; i < MAPPINGS; i++) {
		void *memory = mmap(NULL, mappings[i].size, PROT_READ | PROT_WRITE, MAP_SHARED,
				    dataplane->maps[mappings[i].map], 0);

		if (memory == MAP_FAILED)
			return error_errno(reterr, -errno, "map the memory of %s",
					   dataplane_map_name(mappings[i].map));
		*mappings[i].memory = memory;
	}
	return 0;
}

static void unmap_memory(struct dataplane *dataplane)
{
	struct mapping mappings[MAPPINGS];

	mappings_of(dataplane, mappings);
	for (unsigned int i = 0; i < MAPPINGS; i++) {
		if (*mappings[i].memory)
			munmap(*mappings[i].memory, mappings[i].size);
		*mappings[i].memory = NULL;
	}
}

/* Until the agent says what routes there are, every address has an entry of its own. */
static void settings_init(struct td_settings *settings)
{
	memset(settings->route_filter4, 0xff, sizeof(settings->route_filter4));
	memset(settings->route_filter6, 0xff, sizeof(settings->route_filter6));
	settings->route_generation = 1;
	/* Last: from now on the maps are worth to be adopted. */
	__atomic_store_n(&settings->abi, TD_ABI, __ATOMIC_RELEASE);
}

static int open_all(struct dataplane *dataplane, sd_event *event, struct error *reterr)
{
	int cpus = libbpf_num_possible_cpus();
	int r;

	if (cpus < 0)
		return error_errno(reterr, cpus, "count the CPUs");
	dataplane->cpus = cpus;

	r = dataplane_program_load(dataplane, reterr);
	if (r < 0)
		return r;
	r = map_memory(dataplane, reterr);
	if (r < 0)
		return r;
	r = dataplane_adopt_read(dataplane, reterr);
	if (r < 0)
		return r;
	r = dataplane_events_start(dataplane, event, reterr);
	if (r < 0)
		return r;
	if (!dataplane->adopted)
		settings_init(dataplane->settings);
	/* The last step that can fail for what the maps do not hold. */
	r = dataplane_links_take(dataplane, reterr);
	if (r < 0)
		return r;
	return dataplane_adopt_repair(dataplane, reterr);
}

/* Let go of all that has a descriptor but the folder. */
static void release(struct dataplane *dataplane)
{
	dataplane_events_stop(dataplane);
	dataplane_trace_unload(dataplane);
	dataplane_links_free(dataplane);
	unmap_memory(dataplane);
	dataplane_program_unload(dataplane);
}

int dataplane_open(sd_event *event, const struct dataplane_options *options, struct dataplane **ret,
		   struct error *reterr)
{
	AUTO(dataplane_free) struct dataplane *dataplane = xcalloc(1, sizeof(*dataplane));
	int r;

	dataplane->lock_fd = -1;
	dataplane->pin_dir = xstrdup(options->pin_dir);
	dataplane->on_unresolved = options->on_unresolved;
	dataplane->userdata = options->userdata;
	r = dataplane_folder_take(options->pin_dir, &dataplane->folder_created, &dataplane->lock_fd,
				  reterr);
	if (r < 0)
		return r;

	r = open_all(dataplane, event, reterr);
	if (r < 0) {
		/* Where the maps were foreign, adopted is false too: only what was loaded is ours.
		 */
		bool ours = !dataplane->adopted && dataplane->skel;

		/* To remove pins takes a descriptor, which may be what there was none of. */
		release(dataplane);
		if (ours)
			dataplane_log_leftover(dataplane_folder_clear(dataplane->pin_dir, NULL),
					       "remove pins");
		if (dataplane->folder_created)
			rmdir(dataplane->pin_dir);
		return r;
	}
	dataplane_trace_load(dataplane);
	*ret = TAKE(dataplane);
	return 0;
}

static void free_pools(struct dataplane *dataplane)
{
	dataplane_pool_free(&dataplane->free_services);
	dataplane_pool_free(&dataplane->free_groups);
	dataplane_pool_free(&dataplane->free_nexthops);
}

struct dataplane *dataplane_free(struct dataplane *dataplane)
{
	if (!dataplane)
		return NULL;
	release(dataplane);
	dataplane_mirror_free(dataplane);
	free_pools(dataplane);
	close_fdp(&dataplane->lock_fd);
	free(dataplane->pin_dir);
	free(dataplane);
	return NULL;
}

bool dataplane_was_adopted(const struct dataplane *dataplane)
{
	return dataplane->adopted;
}

unsigned int dataplane_adopted_services(const struct dataplane *dataplane)
{
	return dataplane->adopted_services;
}
