/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An interface: how the program is attached, and what hinders it there. */
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "service/doctor_internal.h"

/* What a driver with one page a frame takes, and Intel's with 3 KiB of it; veth's is its own. */
enum { MTU_PLAIN = 1500, MTU_PAGE = 3498, MTU_INTEL = 3046, MTU_VETH = 3506 };

/* How to get from generic to native mode once what stood in its way has gone. */
#define ATTACH_ANEW "then attach anew: tandemd --purge, and start it again"

static bool is_kind(const struct doctor *doctor, const char *kind)
{
	return !strcmp(doctor->device.kind, kind);
}

/* Whether the driver has native mode at all, as far as the kernel tells. */
static bool may_be_native(const struct net_device *device)
{
	return !device->knows_xdp_features || (device->xdp_features & NET_XDP_BASIC);
}

static bool is_native(const struct doctor *doctor)
{
	return doctor->hook.ours && doctor->hook.mode == DATAPLANE_NATIVE;
}

static void check_interface(struct doctor *doctor)
{
	const struct net_device *device = &doctor->device;
	AUTO(free_memory) char *remedy = xasprintf("ip link set dev %s up", device->name);

	if (!device->up)
		service_doctor_say(doctor, SEVERITY_ERROR, remedy, "it is down");
	else if (!device->carrier)
		service_doctor_say(doctor, SEVERITY_ERROR,
				   "look at the cable, the switch, or the other end of the pair",
				   "it is up, but has no carrier");
	else
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "up, with carrier");
}

static void say_foreign(struct doctor *doctor)
{
	const struct dataplane_hook *hook = &doctor->hook;
	bool dispatcher = !strncmp(hook->program_name, "xdp_dispatcher", 14);
	AUTO(free_memory)
	char *remedy = xasprintf(
		"%stake it off (ip link set dev %s xdp off), or leave %s out of \"interfaces\"; "
		"tandem leaves it alone",
		dispatcher ? "xdp-loader status shows what this one of libxdp's runs; " : "",
		doctor->subject, doctor->subject);

	service_doctor_say(
		doctor, SEVERITY_ERROR, remedy, "another XDP program has the interface: %s (id %u)",
		hook->program_name[0] ? hook->program_name : "without a name", hook->program);
}

static void check_attachment(struct doctor *doctor)
{
	const struct dataplane_hook *hook = &doctor->hook;

	if (!hook->program)
		service_doctor_say(doctor, SEVERITY_ERROR, "restart tandemd: it attaches it again",
				   "no XDP program is attached");
	else if (!hook->ours)
		say_foreign(doctor);
	else if (hook->mode == DATAPLANE_NATIVE)
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "attached in native mode");
	else if (!may_be_native(&doctor->device) && !is_kind(doctor, "veth"))
		service_doctor_say(doctor, SEVERITY_NOTE, NULL,
				   "attached in generic mode: the driver has no native one, and "
				   "packets cost several times as much");
	else
		service_doctor_say(doctor, SEVERITY_WARNING,
				   "see what the other checks of this interface say; " ATTACH_ANEW,
				   "attached in generic mode, where packets cost several times as "
				   "much%s%s",
				   hook->refusal[0] ? "; native mode was refused: " : "",
				   hook->refusal);
}

static void check_driver(struct doctor *doctor)
{
	const struct net_device *device = &doctor->device;
	const char *name = device->driver[0] ? device->driver : device->kind;
	AUTO(free_memory)
	char *remedy =
		xasprintf("put \"%s\" in place of it into \"interfaces\"", device->lower_name);

	if (is_kind(doctor, "vlan") && device->lower_name[0])
		service_doctor_say(doctor, SEVERITY_NOTE, remedy,
				   "a VLAN device on %s: native mode is to be had there",
				   device->lower_name);
	else if (!name[0])
		service_doctor_say(doctor, SEVERITY_NOTE, NULL, "the driver does not say its name");
	else
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "%s%s%s%s", name,
				   device->bus[0] ? " at " : "", device->bus,
				   device->knows_xdp_features &&
						   (device->xdp_features & NET_XDP_FRAGS)
					   ? ", which takes jumbo frames"
					   : "");
}

static unsigned int driver_mtu(const struct net_device *device)
{
	static const char *const intel[] = {"i40e", "iavf",  "ice",    "igb",
					    "igc",  "ixgbe", "ixgbevf"};

	if (!strcmp(device->kind, "veth"))
		return MTU_VETH;
	for (unsigned int i = 0; i < ARRAY_SIZE(intel); i++) {
		if (!strcmp(device->driver, intel[i]))
			return MTU_INTEL;
	}
	return MTU_PAGE;
}

/* A veth looks at the MTU of its peer: that is what may come in. */
static void check_mtu(struct doctor *doctor)
{
	const struct net_device *device = &doctor->device;
	bool named = strstr(doctor->hook.refusal, "MTU") != NULL;
	bool veth = is_kind(doctor, "veth");
	AUTO(free_memory)
	char *remedy =
		xasprintf("ip link set dev %s mtu %u%s, " ATTACH_ANEW, veth ? "PEER" : device->name,
			  driver_mtu(device), veth ? " at the other end of the pair" : "");

	if (named)
		service_doctor_say(doctor, SEVERITY_WARNING, remedy,
				   "%u here, and native mode was refused for %s: %s", device->mtu,
				   veth ? "that of the other end" : "it", doctor->hook.refusal);
	else if (device->mtu > MTU_PLAIN && !veth && !is_native(doctor) && may_be_native(device) &&
		 !(device->xdp_features & NET_XDP_FRAGS))
		service_doctor_say(doctor, SEVERITY_WARNING, remedy,
				   "%u, but the driver does not say that native mode takes frames "
				   "of several buffers; without, about %u is the most",
				   device->mtu, driver_mtu(device));
	else if (device->mtu > MTU_PLAIN && is_native(doctor))
		service_doctor_say(doctor, SEVERITY_GOOD, NULL,
				   "%u, and the driver takes the program with it", device->mtu);
	else
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "%u", device->mtu);
}

/* LRO and GRO_HW: frames that the hardware merged. */
static void check_merging(struct doctor *doctor, enum net_feature feature, const char *what,
			  const char *option)
{
	const struct net_device *device = &doctor->device;
	AUTO(free_memory)
	char *remedy =
		xasprintf("ethtool -K %s %s off%s%s", device->name, option,
			  is_native(doctor) ? "" : ", ", is_native(doctor) ? "" : ATTACH_ANEW);

	if (!device->features[feature].on)
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "%s is off", what);
	else if (is_native(doctor))
		/* Drivers that take the program with it on switch it off for themselves. */
		service_doctor_say(doctor, SEVERITY_NOTE, remedy,
				   "%s is on, though native mode was not refused for it: frames "
				   "that the hardware merges are none to forward",
				   what);
	else if (device->features[feature].fixed)
		service_doctor_say(
			doctor, SEVERITY_WARNING,
			"switch it off from outside: in a virtual machine that is the host's to do "
			"(QEMU: guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off)",
			"%s is on and fixed: the driver refuses native mode with it", what);
	else
		service_doctor_say(doctor, SEVERITY_WARNING, remedy,
				   "%s is on: drivers refuse native mode with it, and frames that "
				   "the hardware merged cannot be forwarded",
				   what);
}

static void check_lro(struct doctor *doctor)
{
	check_merging(doctor, NET_FEATURE_LRO, "large receive offload", "lro");
}

static void check_gro_hw(struct doctor *doctor)
{
	check_merging(doctor, NET_FEATURE_GRO_HW, "hardware receive offload (GRO_HW)", "rx-gro-hw");
}

/* A tag that the hardware takes off is not in the frame: all VLANs look like the untagged one. */
static void check_vlan_offload(struct doctor *doctor)
{
	const struct net_device *device = &doctor->device;
	AUTO(free_memory) char *remedy = xasprintf("ethtool -K %s rxvlan off", device->name);
	bool fixed = device->features[NET_FEATURE_VLAN].fixed;

	if (!device->features[NET_FEATURE_VLAN].on)
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "VLAN tags stay in the frame");
	else if (device->vlans)
		service_doctor_say(
			doctor, SEVERITY_WARNING,
			fixed ? "the driver keeps it on: bring VLANs in by interfaces of their own"
			      : remedy,
			"VLAN tags are taken off before the program sees them, and %u VLAN devices "
			"stand on the interface: their frames look untagged",
			device->vlans);
	else if (device->kind[0])
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "no VLAN devices stand on it");
	else
		service_doctor_say(doctor, SEVERITY_NOTE, fixed ? NULL : remedy,
				   "VLAN tags are taken off before the program sees them: that "
				   "matters where frames with tags come in");
}

static void check_queues(struct doctor *doctor)
{
	const struct net_device *device = &doctor->device;
	unsigned int cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int wanted = cpus < device->max_queues ? cpus : device->max_queues;
	AUTO(free_memory)
	char *combined = xasprintf("ethtool -L %s combined %u", device->name, wanted);
	AUTO(free_memory)
	char *rx = xasprintf(
		"ethtool -L %s rx %u, or fewer transmit queues at the other end; " ATTACH_ANEW,
		device->name, device->max_queues);

	if (is_kind(doctor, "veth") && !may_be_native(device))
		service_doctor_say(doctor, SEVERITY_WARNING, rx,
				   "%u receive queues, fewer than the other end has to transmit: "
				   "native mode is refused then",
				   device->rx_queues);
	else if (!strcmp(device->driver, "virtio_net") &&
		 device->rx_queues + cpus > device->max_queues)
		service_doctor_say(
			doctor, SEVERITY_NOTE,
			"give the virtual machine more queues: twice its CPUs",
			"%u of %u queue pairs for %u CPUs: they share queues for what the "
			"program sends, under a lock",
			device->rx_queues, device->max_queues, cpus);
	else if (!device->kind[0] && device->rx_queues < wanted)
		service_doctor_say(doctor, SEVERITY_NOTE, combined,
				   "%u receive queues, but %u CPUs: the others have nothing to do",
				   device->rx_queues, cpus);
	else
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "%u to receive, %u to send",
				   device->rx_queues, device->tx_queues);
}

static void check_membership(struct doctor *doctor)
{
	const struct net_device *device = &doctor->device;
	const char *kind = device->master_kind, *name = device->master_name;
	AUTO(free_memory)
	char *instead = xasprintf("put \"%s\" in place of it into \"interfaces\"", name);
	AUTO(free_memory)
	char *leave = xasprintf("take it out of the bridge (ip link set dev %s nomaster), or put "
				"\"%s\" in place of it into \"interfaces\" (generic mode)",
				device->name, name);

	if (!device->master || !strcmp(kind, "vrf"))
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "no bond or bridge has it");
	else if (!strcmp(kind, "bond") || !strcmp(kind, "team"))
		service_doctor_say(doctor, SEVERITY_ERROR, instead,
				   "a member of the %s %s: routes and neighbours are those of %s, "
				   "and its packets come in by the other members too",
				   kind, name, name);
	else
		service_doctor_say(doctor, SEVERITY_WARNING, leave,
				   "a member of the %s %s, whose routes and neighbours are not its "
				   "own: what goes out by %s is not sent",
				   kind[0] ? kind : "device", name, name);
}

/* Frames that are redirected to a veth are lost unless its other end polls: for XDP or GRO. */
static void check_veth_peer(struct doctor *doctor)
{
	const struct net_device *device = &doctor->device;
	const char *peer = device->lower_name[0] ? device->lower_name : "PEER";
	AUTO(free_memory)
	char *remedy =
		xasprintf("ethtool -K %s gro on%s, or attach an XDP program that passes "
			  "everything there",
			  peer, device->lower_name[0] ? "" : " at the other end of the pair");

	if (!is_kind(doctor, "veth"))
		return;
	if (!device->knows_xdp_features)
		service_doctor_say(doctor, SEVERITY_NOTE, NULL,
				   "the kernel does not tell whether the other end takes frames: "
				   "see send_errors");
	else if (may_be_native(device) && !(device->xdp_features & NET_XDP_TARGET))
		service_doctor_say(doctor, SEVERITY_ERROR, remedy,
				   "the other end has neither GRO nor an XDP program: every frame "
				   "that is sent to it is lost");
	else
		service_doctor_say(doctor, SEVERITY_GOOD, NULL, "the other end takes frames");
}

const struct doctor_check service_device_checks[] = {
	{"interface", check_interface},
	{"attachment", check_attachment},
	{"driver", check_driver},
	{"mtu", check_mtu},
	{"lro", check_lro},
	{"gro_hw", check_gro_hw},
	{"vlan_offload", check_vlan_offload},
	{"queues", check_queues},
	{"membership", check_membership},
	{"veth_peer", check_veth_peer},
	{},
};
