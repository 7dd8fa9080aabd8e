// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "seeds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "lab.h"

enum { PCAP_MAGIC = 0xa1b2c3d4, PCAP_ETHERNET = 1, SEED_LENGTH_MAX = FRAME_MAX - 128 };

static int load_frames(struct captures *captures, FILE *file)
{
	uint32_t header[6], record[4];

	if (fread(header, sizeof(header), 1, file) != 1 || header[0] != PCAP_MAGIC ||
	    header[5] != PCAP_ETHERNET)
		return -EINVAL;
	while (captures->count < CAPTURES_MAX && fread(record, sizeof(record), 1, file) == 1) {
		struct capture *capture = &captures->frames[captures->count];

		capture->length = record[2];
		if (capture->length > 1 << 20)
			return -EINVAL;
		capture->bytes = malloc(capture->length + 1);
		if (fread(capture->bytes, 1, capture->length, file) != capture->length) {
			free(capture->bytes);
			return -EINVAL;
		}
		if (capture->length >= 14 && capture->length <= SEED_LENGTH_MAX)
			captures->count++;
		else
			free(capture->bytes);
	}
	return 0;
}

int captures_load(struct captures *captures, const char *path)
{
	FILE *file = fopen(path, "rb");
	int r;

	if (!file)
		return -errno;
	r = load_frames(captures, file);
	fclose(file);
	return r;
}

void captures_free(struct captures *captures)
{
	for (size_t i = 0; i < captures->count; i++)
		free(captures->frames[i].bytes);
	captures->count = 0;
}

/* What the texts of a frame point to. */
struct texts {
	char vip[INET6_ADDRSTRLEN];
	char server[INET6_ADDRSTRLEN];
	char tags[32];
};

static void text_address(int family, const uint8_t *addr, char text[INET6_ADDRSTRLEN])
{
	inet_ntop(family == 4 ? AF_INET : AF_INET6, addr, text, INET6_ADDRSTRLEN);
}

/* Now and then with a priority, which is not part of the VLAN. */
static void text_tags(struct random *random, const struct world_vlan *vlan, char text[32])
{
	unsigned int priority = random_percent(random, 30) ? random_below(random, 16) << 12 : 0;
	const char *outer = vlan->ad ? "88a8" : "8100";

	text[0] = '\0';
	if (vlan->tags == 1)
		snprintf(text, 32, "%s:%04x", outer, vlan->inner | priority);
	else if (vlan->tags == 2)
		snprintf(text, 32, "%s:%04x,8100:%04x", outer, vlan->outer | priority, vlan->inner);
}

static const char *some_client(struct random *random, int family)
{
	static const char *const clients4[] = {CLIENT4,	      CLIENT4,	    CLIENT4,  "192.0.2.77",
					       "192.0.2.99",  "172.16.0.1", GATEWAY4, "127.0.0.1",
					       "192.0.2.255", "203.0.113.8"};
	static const char *const clients6[] = {CLIENT6,	       CLIENT6,	    CLIENT6,
					       "2001:db8::77", GATEWAY6,    "2001:db8::99",
					       "2a00:1::5",    "2001:db8::"};

	return family == 4 ? RANDOM_OF(random, clients4) : RANDOM_OF(random, clients6);
}

/* Small, or about as much as just fits. */
static uint16_t some_payload(struct random *random, const struct frame *frame)
{
	static const uint16_t mtus[] = {LAB_NARROW_MTU, 1280, LAB_ETH0_MTU, 1500, LAB_INGRESS_MTU};
	uint16_t headers = (frame->family == 4 ? 20 : 40) + (frame->proto == IPPROTO_TCP ? 20 : 8);

	if (random_percent(random, 30))
		return (uint16_t)(RANDOM_OF(random, mtus) - headers + random_below(random, 3) - 1);
	return (uint16_t)random_below(random, random_percent(random, 30) ? 10 : 300);
}

static void some_details(struct random *random, struct frame *frame)
{
	static const char *const chains[] = {"h",  "r",	   "R",	     "d",      "a",	  "A",
					     "hd", "hrda", "hrdadA", "hddddd", "Hddddda", "hf",
					     "f",  "fd",   "R",	     "ddddddd"};
	static const uint8_t flags[] = {0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x01, 0x00, 0xff};
	static const uint16_t fragments[] = {0x4000, 0, 0x4000, 0x8000};

	frame->tos = (uint8_t)random_next(random);
	frame->id = random_below(random, 8);
	frame->fragment = RANDOM_OF(random, fragments);
	frame->tcp_flags = RANDOM_OF(random, flags);
	frame->seq = (uint32_t)random_next(random);
	frame->ack = (uint32_t)random_next(random);
	frame->payload = some_payload(random, frame);
	frame->fill = (uint8_t)random_next(random);
	frame->no_checksum = random_percent(random, 15);
	frame->bad_checksum = random_percent(random, 5);
	if (random_percent(random, 10))
		frame->ttl = (uint8_t)(1 + random_below(random, 2));
	if (frame->family == 4 && random_percent(random, 20))
		frame->options = (uint8_t)(4 * random_below(random, 11));
	if (frame->family == 6 && random_percent(random, 25)) {
		frame->headers = RANDOM_OF(random, chains);
		frame->fragment = random_percent(random, 50);
	}
}

/* A packet of a service: toward its VIP, from one of its servers, or as a server got or sent it. */
enum way { TOWARD_VIP, FROM_SERVER, AT_SERVER, FROM_VIP };

static struct frame some_packet(struct random *random, const struct world_service *service,
				enum way way, struct texts *texts)
{
	const struct world_server *server = &service->servers[random_below(random, 2)];
	const struct world_vlan *vlan = way == TOWARD_VIP ? &service->vlan : &server->vlan;
	const char *client = some_client(random, service->family);
	struct frame frame = {.family = service->family,
			      .source_mac = ROUTER_MAC,
			      .dest_mac = GATEWAY_MAC,
			      .proto = service->proto};
	bool to_server_side = way == TOWARD_VIP || way == AT_SERVER;
	bool vip_side = way == TOWARD_VIP || way == FROM_VIP;
	uint16_t port = vip_side ? service->port : server->port;

	text_address(service->family, service->vip, texts->vip);
	text_address(service->family, server->addr, texts->server);
	text_tags(random, vlan, texts->tags);
	frame.tags = texts->tags;
	frame.source = to_server_side ? client : vip_side ? texts->vip : texts->server;
	frame.dest = !to_server_side ? client : vip_side ? texts->vip : texts->server;
	frame.source_port = to_server_side ? (uint16_t)random_below(random, 65536) : port;
	frame.dest_port = to_server_side ? port : (uint16_t)random_below(random, 65536);
	some_details(random, &frame);
	return frame;
}

static size_t build_error(struct random *random, const struct world_service *service,
			  uint8_t *buffer)
{
	static const uint8_t types4[] = {3, 3, 3, 11, 12, 4, 5, 8};
	static const uint8_t types6[] = {1, 2, 2, 3, 4, 128, 135};
	bool to_server = random_percent(random, 50);
	struct texts texts, outer_texts;
	struct frame quoted =
		some_packet(random, service, to_server ? FROM_VIP : AT_SERVER, &texts);
	struct frame frame =
		some_packet(random, service, to_server ? TOWARD_VIP : FROM_SERVER, &outer_texts);
	uint8_t whole[FRAME_MAX];
	size_t size;

	quoted.tags = NULL;
	size = frame_build(&quoted, whole) - 14;
	frame.proto = frame.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	frame.headers = NULL;
	frame.payload = 0;
	frame.icmp_type = frame.family == 4 ? RANDOM_OF(random, types4) : RANDOM_OF(random, types6);
	frame.icmp_code = (uint8_t)random_below(random, 16);
	frame.icmp_rest = (uint32_t)random_next(random);
	frame.quoted = &quoted;
	/* Cut anywhere; as routers do, after eight bytes or when it gets too long. */
	if (random_percent(random, 50))
		frame.quoted_size = (uint16_t)(1 + random_below(random, (uint32_t)size));
	else if (random_percent(random, 50))
		frame.quoted_size = (uint16_t)(size < 548 ? size : 548);
	if (frame.quoted_size == 0 && size < 28)
		frame.quoted_size = (uint16_t)size;
	/* To whoever sent what is quoted; from a router on the way, or from where it went. */
	frame.dest = quoted.source;
	if (random_percent(random, 50))
		frame.source = quoted.dest;
	return frame_build(&frame, buffer);
}

static size_t build_piece(struct random *random, const struct frame *whole, uint8_t *buffer)
{
	struct frame datagram = *whole;
	uint8_t bytes[FRAME_MAX];
	struct frame_cut cut;
	size_t length;

	/* Pieces are cut from untagged frames; the mutation adds tags. */
	datagram.tags = NULL;
	datagram.headers = NULL;
	datagram.payload = (uint16_t)(datagram.payload + 40);
	length = frame_build(&datagram, bytes);
	cut.id = datagram.id;
	cut.offset = random_percent(random, 40) ? 0 : (uint16_t)(8 * random_below(random, 5));
	cut.size = (uint16_t)(8 + 8 * random_below(random, 6));
	return frame_piece(bytes, length, cut, buffer);
}

size_t seed_build(struct random *random, const struct world *world, uint8_t *frame)
{
	const struct world_service *service =
		&world->services[random_below(random, (uint32_t)world->service_count)];
	enum way way = random_below(random, 2);
	struct texts texts;
	struct frame packet;

	if (random_percent(random, 25))
		return build_error(random, service, frame);
	packet = some_packet(random, service, way, &texts);
	if (random_percent(random, 25))
		return build_piece(random, &packet, frame);
	return frame_build(&packet, frame);
}
