// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <net/if.h>
#include <systemd/sd-event.h>

#include "agent.h"
#include "base/memory.h"
#include "config.h"
#include "dataplane/dataplane.h"
#include "net/net.h"
#include "store/store.h"

struct vips {
	struct net *net;
	uint32_t ifindex;
	bool tell; /* on stdout */
	struct error *reterr;
};

static int vip_remove(const struct load_balancer *balancer, void *userdata)
{
	struct vips *vips = userdata;
	char text[NETADDR_TEXT_MAX];
	int r;

	r = net_address_remove(vips->net, vips->ifindex, &balancer->address, vips->reterr);
	if (r < 0)
		return r;
	if (vips->tell)
		printf("VIP %s is off its interface\n", netaddr_format(&balancer->address, text));
	return 0;
}

/* The VIPs are known by the database alone: where there is none, none were put anywhere. */
static int vips_remove(const struct config *config, const char *database, bool tell,
		       struct error *reterr)
{
	static const struct net_callbacks no_callbacks;
	struct vips vips = {
		.ifindex = if_nametoindex(config->vip_interface), .tell = tell, .reterr = reterr};
	AUTO(store_free) struct store *store = NULL;
	AUTO(net_free) struct net *net = NULL;
	sd_event *event = NULL;
	bool created;
	int r;

	if (!config->manage_vip || !vips.ifindex || access(database, F_OK) < 0)
		return 0;
	r = store_open(database, &store, &created, reterr);
	if (r < 0)
		return r;
	r = sd_event_new(&event);
	if (r < 0)
		return error_errno(reterr, r, "create the event loop");
	r = net_new(event, &no_callbacks, NULL, &net, reterr);
	sd_event_unref(event);
	if (r < 0)
		return r;
	vips.net = net;
	return store_load_balancer_walk(store, vip_remove, &vips);
}

int agent_database_erase(const struct config *config, struct error *reterr)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		AUTO(free_memory)
		char *path = xasprintf("%s/tandem.db%s", config->state_dir, suffixes[i]);

		if (unlink(path) < 0 && errno != ENOENT)
			return error_errno(reterr, -errno, "delete %s", path);
	}
	return 0;
}

int agent_take_down(const struct config *config, bool tell, struct error *reterr)
{
	AUTO(free_memory) char *database = xasprintf("%s/tandem.db", config->state_dir);
	int r;

	/*
	 * The VIPs go first: as long as the host has one, its own stack would answer live
	 * connections with RST once the program is gone.
	 */
	r = vips_remove(config, database, tell, reterr);
	if (r < 0)
		return r;
	return dataplane_purge(config->pin_dir, reterr);
}

int agent_purge(const struct config *config, bool erase, struct error *reterr)
{
	AUTO(free_memory) char *database = xasprintf("%s/tandem.db", config->state_dir);
	AUTO(close_fd) int lock = -1;
	int r;

	r = agent_lock(config, &lock, reterr);
	if (r < 0)
		return r;
	r = agent_take_down(config, true, reterr);
	if (r < 0)
		return r;
	printf("programs, maps and links below %s are removed\n", config->pin_dir);
	if (unlink(config->socket) < 0 && errno != ENOENT)
		return error_errno(reterr, -errno, "delete %s", config->socket);
	if (!erase) {
		printf("the database %s stays; --purge=all deletes it too\n", database);
		return 0;
	}
	r = agent_database_erase(config, reterr);
	if (r < 0)
		return r;
	printf("the database %s is deleted\n", database);
	return 0;
}
