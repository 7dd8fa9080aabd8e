// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The moving parts of the live bench, run by bench.py inside a namespace:
 *   live generate IF DEST_MAC SOURCE DEST PORT FLOWS SECONDS   prints "seconds frames"
 *   live redirect IF OUT_IF DEST_MAC SOURCE_MAC                attaches the bare redirect
 *   live sink IF                                               attaches the sink
 *   live detach IF
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include "live.skel.h"

enum { FRAME_SIZE = 64, BURST = 1 << 18 };

static void die(const char *what)
{
	fprintf(stderr, "live: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned int device(const char *name)
{
	unsigned int index = if_nametoindex(name);

	if (!index)
		die(name);
	return index;
}

static void mac_parse(const char *text, uint8_t *ret)
{
	unsigned int bytes[6];

	if (sscanf(text, "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4],
		   &bytes[5]) != 6) {
		errno = EINVAL;
		die(text);
	}
	for (int i = 0; i < 6; i++)
		ret[i] = (uint8_t)bytes[i];
}

static struct live_bpf *opened(void)
{
	struct live_bpf *skel = live_bpf__open();

	if (!skel)
		die("open");
	return skel;
}

static void attach(const struct bpf_program *program, const char *name)
{
	int r = bpf_xdp_attach((int)device(name), bpf_program__fd(program), XDP_FLAGS_DRV_MODE,
			       NULL);

	if (r < 0) {
		errno = -r;
		die("attach");
	}
}

static uint16_t ip_checksum(const void *header)
{
	const uint16_t *words = header;
	uint32_t sum = 0;

	for (int i = 0; i < 10; i++)
		sum += words[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void frame_build(char **argv, uint8_t *frame)
{
	struct ethhdr *eth = (void *)frame;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);

	memset(frame, 0, FRAME_SIZE);
	mac_parse(argv[3], eth->h_dest);
	eth->h_source[0] = 2;
	eth->h_proto = htons(ETH_P_IP);
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	ip->tot_len = htons(FRAME_SIZE - sizeof(*eth));
	if (inet_pton(AF_INET, argv[4], &ip->saddr) != 1 ||
	    inet_pton(AF_INET, argv[5], &ip->daddr) != 1)
		die("address");
	ip->check = ip_checksum(ip);
	udp->dest = htons((uint16_t)atoi(argv[6]));
	udp->len = htons(FRAME_SIZE - sizeof(*eth) - sizeof(*ip));
}

static int generate(char **argv)
{
	struct live_bpf *skel = opened();
	uint8_t frame[FRAME_SIZE];
	double seconds = atof(argv[8]), elapsed;
	struct timespec start, now;
	unsigned long frames = 0;

	frame_build(argv, frame);
	skel->rodata->out_ifindex = device(argv[2]);
	skel->rodata->flow_mask = (uint32_t)atoi(argv[7]) - 1;
	memcpy((void *)skel->rodata->template, frame, sizeof(skel->rodata->template));
	if (live_bpf__load(skel) < 0)
		die("load");
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = FRAME_SIZE,
			    .repeat = BURST, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);

		if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.live_generate), &opts) < 0)
			die("live frames");
		frames += BURST;
		clock_gettime(CLOCK_MONOTONIC, &now);
		elapsed = (double)(now.tv_sec - start.tv_sec) +
			  (double)(now.tv_nsec - start.tv_nsec) / 1e9;
	} while (elapsed < seconds);
	printf("%.3f %lu\n", elapsed, frames);
	live_bpf__destroy(skel);
	return 0;
}

static int redirect(char **argv)
{
	struct live_bpf *skel = opened();
	unsigned int out = device(argv[3]);

	skel->rodata->out_ifindex = out;
	mac_parse(argv[4], (uint8_t *)skel->rodata->dest_mac);
	mac_parse(argv[5], (uint8_t *)skel->rodata->source_mac);
	if (live_bpf__load(skel) < 0)
		die("load");
	if (bpf_map_update_elem(bpf_map__fd(skel->maps.live_devices), &out, &out, BPF_ANY) < 0)
		die("device map");
	attach(skel->progs.live_redirect, argv[2]);
	live_bpf__destroy(skel);
	return 0;
}

static int sink(char **argv)
{
	struct live_bpf *skel = opened();

	if (live_bpf__load(skel) < 0)
		die("load");
	attach(skel->progs.live_sink, argv[2]);
	live_bpf__destroy(skel);
	return 0;
}

static int detach(char **argv)
{
	return bpf_xdp_detach((int)device(argv[2]), XDP_FLAGS_DRV_MODE, NULL) < 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		int (*run)(char **argv);
	} commands[] = {
		{"generate", 9, generate},
		{"redirect", 6, redirect},
		{"sink", 3, sink},
		{"detach", 3, detach},
	};

	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc == commands[i].arguments && strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argv);
	fprintf(stderr, "live: see the head of live.c\n");
	return 2;
}
