/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Elements of maps, and the keys of places and addresses in them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/log.h"
#include "base/memory.h"
#include "dataplane/internal.h"

int dataplane_fail(struct error *reterr, int r, const char *format, ...)
{
	char text[sizeof(reterr->message)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error_set(reterr, 0, NULL, "%s", text);
	return r;
}

void dataplane_log_leftover(int r, const char *what)
{
	if (r < 0)
		log_error_errno(r, "cleanup_failed what=\"%s\" (the next start mends it)", what);
}

const char *dataplane_map_name(enum map_id map)
{
#define MAP_NAME(symbol, name) [symbol] = #name,
	static const char *const names[] = {DATAPLANE_MAPS(MAP_NAME)};

	return names[map];
}

int dataplane_map_write(const struct dataplane *dataplane, enum map_id map, const void *key,
			const void *value)
{
	bool mirrored = dataplane_quick_mirrors(map, key), known = false;
	int r;

	if (mirrored) {
		__u64 old;

		known = bpf_map_lookup_elem(dataplane->maps[map], key, &old) == 0;
	}
	r = bpf_map_update_elem(dataplane->maps[map], key, value, BPF_ANY);
	if (r == 0 && mirrored)
		dataplane_quick_put(dataplane->quick, map, key, value, known);
	/* A hash is full, though not of what we know to be in it. */
	return r == -E2BIG ? -ENOSPC : r;
}

int dataplane_map_read(const struct dataplane *dataplane, enum map_id map, const void *key,
		       void *ret_value)
{
	return bpf_map_lookup_elem(dataplane->maps[map], key, ret_value);
}

int dataplane_map_delete(const struct dataplane *dataplane, enum map_id map, const void *key)
{
	int r = bpf_map_delete_elem(dataplane->maps[map], key);

	if (r == 0 && dataplane_quick_mirrors(map, key))
		dataplane_quick_remove(dataplane->quick, map, key);
	return r == -ENOENT ? 0 : r;
}

int dataplane_map_keys(const struct dataplane *dataplane, enum map_id map, size_t key_size,
		       void **ret_keys, size_t *ret_count)
{
	AUTO(free_memory) char *keys = NULL;
	size_t count = 0, room = 0;
	const void *last = NULL;
	int r;

	for (;;) {
		if (count == room) {
			room = room ? 2 * room : 64;
			keys = xreallocarray(keys, room, key_size);
			last = count ? keys + (count - 1) * key_size : NULL;
		}
		r = bpf_map_get_next_key(dataplane->maps[map], last, keys + count * key_size);
		if (r == -ENOENT)
			break;
		if (r < 0)
			return r;
		last = keys + count * key_size;
		count++;
	}
	*ret_keys = TAKE(keys);
	*ret_count = count;
	return 0;
}

struct place dataplane_place(const struct netaddr *address, uint16_t port, uint8_t protocol)
{
	struct place place;

	memset(&place, 0, sizeof(place));
	place.address = *address;
	place.port = port;
	place.protocol = protocol;
	return place;
}

char *dataplane_place_format(const struct place *place, char *buffer)
{
	char address[NETADDR_TEXT_MAX];

	snprintf(buffer, PLACE_TEXT_MAX, "%s port %u/%s", netaddr_format(&place->address, address),
		 place->port, place->protocol == IPPROTO_UDP ? "udp" : "tcp");
	return buffer;
}

void dataplane_address_words(const struct netaddr *address, __be32 *ret_words)
{
	memcpy(ret_words, address->bytes, sizeof(address->bytes));
}

void dataplane_address_from_words(const __be32 *words, unsigned int family, struct netaddr *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->family = family ? AF_INET6 : AF_INET;
	memcpy(ret->bytes, words, family ? 16 : 4);
}

void dataplane_place_key(const struct place *place, union place_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (family_of(&place->address)) {
		memcpy(ret->v6.addr, place->address.bytes, sizeof(ret->v6.addr));
		ret->v6.port = htons(place->port);
		ret->v6.proto = place->protocol;
	} else {
		memcpy(&ret->v4.addr, place->address.bytes, sizeof(ret->v4.addr));
		ret->v4.port = htons(place->port);
		ret->v4.proto = place->protocol;
	}
}

void dataplane_place_from_key(const union place_key *key, unsigned int family, struct place *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (family) {
		dataplane_address_from_words(key->v6.addr, 1, &ret->address);
		ret->port = ntohs(key->v6.port);
		ret->protocol = key->v6.proto;
	} else {
		dataplane_address_from_words(&key->v4.addr, 0, &ret->address);
		ret->port = ntohs(key->v4.port);
		ret->protocol = key->v4.proto;
	}
}

size_t dataplane_place_key_size(unsigned int family)
{
	return family ? sizeof(struct td_service_key6) : sizeof(struct td_service_key4);
}
