/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a driver says by ethtool's ioctl. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "base/memory.h"
#include "net/device_internal.h"

/* @command begins with its number. False where the driver does not know it. */
static bool ask(const struct net_device *device, int fd, void *command)
{
	struct ifreq request = {.ifr_data = command};

	memcpy(request.ifr_name, device->name, sizeof(request.ifr_name));
	return ioctl(fd, SIOCETHTOOL, &request) == 0;
}

static void read_driver(struct net_device *device, int fd)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	if (!ask(device, fd, &info))
		return;
	snprintf(device->driver, sizeof(device->driver), "%.31s", info.driver);
	/* Virtual devices fill it too, with a word. */
	if (strchr(info.bus_info, ':'))
		snprintf(device->bus, sizeof(device->bus), "%.31s", info.bus_info);
}

static void read_queues(struct net_device *device, int fd)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (!ask(device, fd, &channels))
		return;
	device->rx_queues = channels.combined_count + channels.rx_count;
	device->tx_queues = channels.combined_count + channels.tx_count;
	/* Drivers that have both let a queue be one of either. */
	device->max_queues =
		channels.max_combined > channels.max_rx ? channels.max_combined : channels.max_rx;
}

static unsigned int feature_count(const struct net_device *device, int fd)
{
	struct {
		struct ethtool_sset_info info;
		__u32 count;
	} set = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES}};

	if (!ask(device, fd, &set) || !set.info.sset_mask)
		return 0;
	return set.count;
}

static enum net_feature feature_of(const char *name)
{
#define FEATURE_NAME(symbol, name) [symbol] = name,
	static const char *const names[] = {NET_FEATURES(FEATURE_NAME)};
#undef FEATURE_NAME

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strncmp(name, names[i], ETH_GSTRING_LEN))
			return i;
	}
	return NET_FEATURE_MAX;
}

static void read_features(struct net_device *device, int fd)
{
	unsigned int count = feature_count(device, fd), blocks = (count + 31) / 32;
	AUTO(free_memory)
	struct ethtool_gstrings *names =
		xcalloc(1, sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
	AUTO(free_memory)
	struct ethtool_gfeatures *state =
		xcalloc(1, sizeof(*state) + blocks * sizeof(state->features[0]));

	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = count;
	state->cmd = ETHTOOL_GFEATURES;
	state->size = blocks;
	if (!ask(device, fd, names) || !ask(device, fd, state))
		return;
	for (unsigned int i = 0; i < count; i++) {
		const struct ethtool_get_features_block *block = &state->features[i / 32];
		enum net_feature feature =
			feature_of((const char *)names->data + (size_t)i * ETH_GSTRING_LEN);
		__u32 bit = 1U << (i % 32);

		if (feature == NET_FEATURE_MAX)
			continue;
		device->features[feature].on = block->active & bit;
		device->features[feature].fixed =
			!(block->available & bit) || (block->never_changed & bit);
	}
}

void net_device_read_ethtool(struct net_device *device)
{
	AUTO(close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	read_driver(device, fd);
	read_queues(device, fd);
	read_features(device, fd);
}
