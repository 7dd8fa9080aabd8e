/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The host as a whole: kernel, limits, maps. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/memory.h"
#include "service/doctor_internal.h"

/* The oldest kernel that tests run on; descriptors that are not probes'; a map's fill. */
enum { KERNEL_MAJOR = 6, KERNEL_MINOR = 1, OTHER_FILES = 64, MAP_ALARM_PERCENT = 80 };

#define BTF_PATH "/sys/kernel/btf/vmlinux"

static void check_kernel(struct doctor *doctor)
{
	unsigned long major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) < 0 || service_doctor_read_numbers(name.release, &major, &minor) != 2) {
		service_doctor_say(doctor, SEVERITY_NOTE, NULL, "its version is not to be had");
		return;
	}
	if (access(BTF_PATH, R_OK) < 0)
		service_doctor_say(doctor, SEVERITY_ERROR,
				   "boot a kernel with CONFIG_DEBUG_INFO_BTF=y: the next start of "
				   "tandemd needs it",
				   "Linux %s without readable type information (%s: %s)",
				   name.release, BTF_PATH, strerror(errno));
	else if (major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR))
		service_doctor_say(doctor, SEVERITY_NOTE, NULL,
				   "Linux %s, older than %d.%d, the oldest that is tested",
				   name.release, KERNEL_MAJOR, KERNEL_MINOR);
	else
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "Linux %s", name.release);
}

static void check_pins(struct doctor *doctor)
{
	struct error error = {0};

	if (dataplane_pins_check(doctor->dataplane, &error) < 0)
		service_doctor_say(
			doctor, SEVERITY_ERROR,
			"packets go on, but the next start of tandemd would not find what "
			"is in use: plan a moment for tandemd --purge and a start",
			"%s", error.message);
	else
		service_doctor_say(doctor, SEVERITY_GOOD, NULL,
				   "maps and links in use are those that are pinned");
}

/* At worst all servers are probed at the same time. */
static void check_open_files(struct doctor *doctor)
{
	unsigned int wanted = doctor->targets + OTHER_FILES;
	AUTO(free_memory)
	char *remedy =
		xasprintf("raise the limit: LimitNOFILE=%u in the unit of tandemd", 2 * wanted);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		service_doctor_say(doctor, SEVERITY_NOTE, NULL, "the limit cannot be read: %s",
				   strerror(errno));
	else if (limit.rlim_cur < wanted)
		service_doctor_say(doctor, SEVERITY_WARNING, remedy,
				   "at most %llu, but checks of %u servers may need %u at a time",
				   (unsigned long long)limit.rlim_cur, doctor->targets, wanted);
	else
		service_doctor_say(doctor, SEVERITY_GOOD, NULL,
				   "at most %llu, enough for the checks of %u servers",
				   (unsigned long long)limit.rlim_cur, doctor->targets);
}

static void check_map_usage(struct doctor *doctor)
{
	struct dataplane_usage usage[DATAPLANE_USAGE_MAX];
	unsigned int count = dataplane_usage_read(doctor->dataplane, usage);
	unsigned int full = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (usage[i].used * 100ULL <= usage[i].max * (unsigned long long)MAP_ALARM_PERCENT)
			continue;
		full++;
		service_doctor_say(
			doctor, SEVERITY_WARNING,
			"delete what is not needed, or share the load with another gateway",
			"map %s is nearly full: %u of %u", usage[i].map, usage[i].used,
			usage[i].max);
	}
	if (full < count)
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "%u maps are less than %d %% full",
				   count - full, MAP_ALARM_PERCENT);
}

const struct doctor_check service_host_checks[] = {
	{"kernel", check_kernel},
	{"pins", check_pins},
	{"open_files", check_open_files},
	{"map_usage", check_map_usage},
	{},
};
