/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An interface while packets flow: what was lost there, and what the kernel lets through. */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "net/host.h"
#include "service/doctor_internal.h"

/* How many of @frames are new since the last look, which this one is from now on. */
static uint64_t new_errors(struct doctor_memory *memory, uint32_t ifindex, uint64_t frames)
{
	uint64_t before;
	unsigned int i = 0;

	while (i < TD_MAX_DEVICES - 1 && memory->send_errors[i].ifindex &&
	       memory->send_errors[i].ifindex != ifindex)
		i++;
	before = memory->send_errors[i].ifindex == ifindex ? memory->send_errors[i].frames : 0;
	memory->send_errors[i].ifindex = ifindex;
	memory->send_errors[i].frames = frames;
	return frames >= before ? frames - before : frames;
}

static void check_send_errors(struct doctor *doctor)
{
	const struct net_device *device = &doctor->device;
	struct td_send_errors errors;
	uint64_t fresh;
	int r;

	r = dataplane_send_errors_read(doctor->dataplane, device->ifindex, &errors);
	if (r < 0) {
		service_doctor_say(doctor, SEVERITY_ERROR, NULL, "read the count: %s",
				   strerror(-r));
		return;
	}
	fresh = new_errors(doctor->memory, device->ifindex, errors.frames);
	if (fresh)
		service_doctor_say(
			doctor, SEVERITY_WARNING,
			!strcmp(device->kind, "veth")
				? "see veth_peer; where that is good, the other end is too slow"
				: "see queues and mtu of this interface; ethtool -S has the "
				  "driver's "
				  "own counts",
			"%llu frames were refused since the last look (%llu in all), the last: %s",
			(unsigned long long)fresh, (unsigned long long)errors.frames,
			errors.last_error ? strerror((int)-errors.last_error) : "queue full");
	else
		service_doctor_say(doctor, SEVERITY_GOOD, NULL,
				   "none since the last look (%llu in all)",
				   (unsigned long long)errors.frames);
}

/* Whether the kernel would forward what comes in there: also what XDP asks of its routes. */
static void check_forwarding_of(struct doctor *doctor, uint16_t family)
{
	const char *name = family == AF_INET ? "ipv4" : "ipv6";
	const char *global =
		family == AF_INET ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
	AUTO(free_memory)
	char *path = xasprintf("net/%s/conf/%s/forwarding", name, doctor->device.name);
	AUTO(free_memory) char *remedy = NULL;
	int64_t value = 0;
	bool all = false;
	int r;

	r = net_sysctl_integer(path, &value);
	if (r >= 0)
		r = net_forwarding(family, &all);
	if (r < 0) {
		service_doctor_say(doctor, SEVERITY_ERROR, NULL, "read %s: %s", path, strerror(-r));
		return;
	}
	remedy = all ? xasprintf("sysctl -w %s=1", path) : xasprintf("sysctl -w %s=1", global);
	if (value && all)
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "%s is forwarded", name);
	else
		service_doctor_say(doctor, SEVERITY_ERROR, remedy,
				   "%s forwarding is off%s: replies to clients are not sent on",
				   name, all ? " on this interface" : "");
}

static void check_forwarding(struct doctor *doctor)
{
	if (doctor->serves4)
		check_forwarding_of(doctor, AF_INET);
	if (doctor->serves6)
		check_forwarding_of(doctor, AF_INET6);
}

/* The stricter of "all" and the interface's own: 1 is strict, 2 is loose and goes before 1. */
static int read_rp_filter(const char *name, int64_t *ret)
{
	AUTO(free_memory) char *path = xasprintf("net/ipv4/conf/%s/rp_filter", name);
	int64_t all = 0, own = 0;
	int r;

	r = net_sysctl_integer("net/ipv4/conf/all/rp_filter", &all);
	if (r >= 0)
		r = net_sysctl_integer(path, &own);
	if (r < 0)
		return r;
	*ret = all > own ? all : own;
	return 0;
}

/*
 * It does not touch what XDP sends on. What the stack has to do, it does on packets that came in
 * where the route back may not lead: a rewritten one whose next hop it has to resolve, the reply to
 * a probe.
 */
static void check_rp_filter(struct doctor *doctor)
{
	const char *name = doctor->device.name;
	AUTO(free_memory)
	char *remedy = xasprintf("sysctl -w net/ipv4/conf/%s/rp_filter=2 (loose), or make the "
				 "route back lead where the packets come in",
				 name);
	uint64_t drops = 0, before = doctor->memory->reverse_path_drops;
	int64_t filter;
	int r;

	r = read_rp_filter(name, &filter);
	if (r >= 0)
		r = net_reverse_path_drops(&drops);
	if (r < 0)
		service_doctor_say(doctor, SEVERITY_NOTE, NULL, "cannot be read: %s", strerror(-r));
	else if (filter != 1)
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, filter ? "loose" : "off");
	else if (drops > before)
		service_doctor_say(
			doctor, SEVERITY_WARNING, remedy,
			"strict, and the kernel dropped %llu packets of this host for it "
			"since the last look: replies to health checks may be among them",
			(unsigned long long)(drops - before));
	else if (doctor->unresolved4)
		service_doctor_say(
			doctor, SEVERITY_WARNING, remedy,
			"strict, while the next hop of a server is not resolved: what the "
			"kernel has to forward meanwhile may be dropped");
	else
		service_doctor_say(doctor, SEVERITY_GOOD, NULL,
				   "strict, and nothing was dropped for it since the last look");
}

const struct doctor_check service_network_checks[] = {
	{"send_errors", check_send_errors},
	{"forwarding", check_forwarding},
	{"rp_filter", check_rp_filter},
	{},
};
