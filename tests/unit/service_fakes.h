/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TEST_SERVICE_FAKES_H
#define TANDEM_TEST_SERVICE_FAKES_H

/*
 * The data plane and the kernel's network as a model that can be compared and made to fail. What
 * works on it is in service_fake_calls.h.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>
#include <uthash.h>

#include "dataplane/dataplane.h"
#include "net/device.h"
#include "net/net.h"

struct fake_service {
	struct dataplane_service service; /* the first three fields of it are the key */
	uint32_t index;
	uint64_t state;
	unsigned int puts;
	bool kept; /* put since the agent's start */
	UT_hash_handle hh;
};

struct fake_address {
	struct netaddr address;
	unsigned int tracks; /* net_track() */
	bool nexthop;	     /* in the maps, and as it was put last: */
	bool resolved;
	bool vip;  /* on the host, put there by us */
	bool host; /* on the host before us */
	unsigned int announced;
	UT_hash_handle hh;
};

enum { FAKE_SYSCTLS = 4 };

static struct {
	struct fake_service *services;
	struct fake_address *addresses;
	unsigned int max_services;
	bool start_unresolved;
	unsigned int calls; /* that can fail, since fake_fail_at() */
	unsigned int fail_at;
	unsigned int resolves;
	size_t local_count, route_count;
	unsigned int route_sets;
	bool route_uniform;
	/* What a doctor sees; zero is as it should be, but for the device. */
	struct net_device device; /* without a name: there is none */
	struct dataplane_hook hook;
	bool pins_lost, no_route;
	uint32_t send_ifindex;
	uint64_t send_errors, reverse_path_drops;
	uint32_t map_used;	      /* of 100; 0: the index of the map */
	struct td_counters *counters; /* of both slots; NULL: as the index says */
	struct {
		const char *path, *value;
	} sysctls[FAKE_SYSCTLS];
	dataplane_on_trace on_trace; /* NULL: no trace runs */
	void *trace_userdata;
	struct dataplane_trace_filter trace_filter;
	uint64_t trace_matched;
	unsigned int trace_last_words; /* events that come with the end of a trace */
	sqlite3 *db;
} fake;

/* Make the @n-th call from now on fail, counted from 1; 0: none. */
static inline void fake_fail_at(unsigned int n)
{
	fake.calls = 0;
	fake.fail_at = n;
}

static inline bool fake_fails(void)
{
	return ++fake.calls == fake.fail_at;
}

static inline bool fake_has_failed(void)
{
	return fake.fail_at && fake.calls >= fake.fail_at;
}

/* The store is real; its commit fails by SQLite's hook. */
static inline int fake_on_commit(void *userdata)
{
	(void)userdata;
	return fake_fails();
}

static inline int fake_on_database(sqlite3 *db, const char **ret_message,
				   const struct sqlite3_api_routines *api)
{
	(void)ret_message;
	(void)api;
	fake.db = db;
	sqlite3_commit_hook(db, fake_on_commit, NULL);
	return SQLITE_OK;
}

enum { FAKE_KEY_SIZE = offsetof(struct dataplane_service, servers) };

static inline struct fake_service *fake_find(const struct dataplane_service *service)
{
	struct dataplane_service key;
	struct fake_service *found;

	memset(&key, 0, sizeof(key));
	key.vip = service->vip;
	key.port = service->port;
	key.protocol = service->protocol;
	HASH_FIND(hh, fake.services, &key, FAKE_KEY_SIZE, found);
	return found;
}

static inline struct fake_service *fake_find_index(uint32_t index)
{
	struct fake_service *found, *next;

	HASH_ITER(hh, fake.services, found, next)
	{
		if (found->index == index)
			return found;
	}
	abort();
}

static inline struct fake_address *fake_address(const struct netaddr *address)
{
	struct fake_address *found;

	HASH_FIND(hh, fake.addresses, address, sizeof(*address), found);
	if (found)
		return found;
	found = calloc(1, sizeof(*found));
	found->address = *address;
	HASH_ADD(hh, fake.addresses, address, sizeof(found->address), found);
	return found;
}

static inline void fake_add_service(const struct dataplane_service *service, uint32_t index,
				    uint64_t state)
{
	struct fake_service *added = calloc(1, sizeof(*added));

	added->service.vip = service->vip;
	added->service.port = service->port;
	added->service.protocol = service->protocol;
	memcpy(added->service.servers, service->servers, sizeof(service->servers));
	added->index = index;
	added->state = state;
	HASH_ADD(hh, fake.services, service, FAKE_KEY_SIZE, added);
}

/* As after a restart of the agent: everything is there, nothing is confirmed yet, net is new. */
static inline void fake_restart(void)
{
	struct fake_service *service, *next;
	struct fake_address *address, *next_address;

	HASH_ITER(hh, fake.services, service, next)
	{
		service->kept = false;
		service->puts = 0;
	}
	HASH_ITER(hh, fake.addresses, address, next_address)
	address->announced = 0;
}

static inline void fake_clear(void)
{
	struct fake_service *service, *next;
	struct fake_address *address, *next_address;

	HASH_ITER(hh, fake.services, service, next)
	{
		HASH_DEL(fake.services, service);
		free(service);
	}
	HASH_ITER(hh, fake.addresses, address, next_address)
	{
		HASH_DEL(fake.addresses, address);
		free(address);
	}
	memset(&fake, 0, sizeof(fake));
}

static inline unsigned int fake_service_count(void)
{
	return HASH_COUNT(fake.services);
}

/* Nothing of ours is on the host or in the maps. */
static inline bool fake_is_empty(void)
{
	struct fake_address *address, *next;

	HASH_ITER(hh, fake.addresses, address, next)
	{
		if (address->tracks || address->nexthop || address->vip)
			return false;
	}
	return !fake.services;
}

/* How many services have @address at @slot. */
static inline unsigned int fake_count_at(const char *address, int slot)
{
	struct fake_service *service, *next;
	struct netaddr wanted;
	unsigned int count = 0;

	if (netaddr_parse(address, &wanted) < 0)
		abort();
	HASH_ITER(hh, fake.services, service, next)
	count += netaddr_equal(&service->service.servers[slot].address, &wanted);
	return count;
}

static inline int fake_compare_services(const struct fake_service *a, const struct fake_service *b)
{
	return memcmp(&a->service, &b->service, FAKE_KEY_SIZE);
}

static inline int fake_compare_addresses(const struct fake_address *a, const struct fake_address *b)
{
	return memcmp(&a->address, &b->address, sizeof(a->address));
}

static inline void fake_dump_table(FILE *out, const char *table)
{
	char *sql = sqlite3_mprintf("SELECT * FROM %Q", table);
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(fake.db, sql, -1, &stmt, NULL) != SQLITE_OK)
		abort();
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		fprintf(out, "%s", table);
		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			fputs("|", out);
			if (sqlite3_column_bytes(stmt, i))
				fwrite(sqlite3_column_blob(stmt, i), sqlite3_column_bytes(stmt, i),
				       1, out);
		}
		fputs("\n", out);
	}
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
}

static inline void fake_dump_store(FILE *out)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(fake.db,
			       "SELECT name FROM sqlite_master WHERE type = 'table' "
			       "AND name NOT LIKE 'sqlite_%' ORDER BY name",
			       -1, &stmt, NULL) != SQLITE_OK)
		abort();
	while (sqlite3_step(stmt) == SQLITE_ROW)
		fake_dump_table(out, (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
}

/* All of it as text: services, next hops, VIPs, tracked addresses, and each row of the store. */
static inline char *fake_dump(void)
{
	struct fake_service *service, *next;
	struct fake_address *address, *next_address;
	char a[NETADDR_TEXT_MAX], b[NETADDR_TEXT_MAX], c[NETADDR_TEXT_MAX];
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	HASH_SORT(fake.services, fake_compare_services);
	HASH_ITER(hh, fake.services, service, next)
	fprintf(out, "service %s:%u/%u index=%u state=%" PRIx64 " %s:%u %s:%u\n",
		netaddr_format(&service->service.vip, a), service->service.port,
		service->service.protocol, service->index, service->state,
		netaddr_format(&service->service.servers[0].address, b),
		service->service.servers[0].port,
		netaddr_format(&service->service.servers[1].address, c),
		service->service.servers[1].port);
	HASH_SORT(fake.addresses, fake_compare_addresses);
	HASH_ITER(hh, fake.addresses, address, next_address)
	{
		if (address->tracks || address->nexthop || address->vip || address->host)
			fprintf(out, "address %s tracks=%u nexthop=%d vip=%d host=%d\n",
				netaddr_format(&address->address, a), address->tracks,
				address->nexthop, address->vip, address->host);
	}
	fake_dump_store(out);
	fclose(out);
	return text;
}

#endif
