/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_STORE_FIXTURE_H
#define TANDEM_STORE_FIXTURE_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
/* clang-format on */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

/* Objects for the tests of the store, numbered from 1, and a folder for its files. */

enum { CREATE_TIME = 1700000000, LISTENER_PORT = 80 };

static inline void given_tags(struct tags *tags, size_t count)
{
	tags->count = count;
	for (size_t i = 0; i < count; i++) {
		/* Against the order of the alphabet, which must not matter. */
		snprintf(tags->items[i].key, sizeof(tags->items[i].key), "key%zu", count - i);
		snprintf(tags->items[i].value, sizeof(tags->items[i].value), "value %zu", i);
	}
}

static inline struct load_balancer given_balancer(unsigned int n)
{
	struct load_balancer balancer;

	memset(&balancer, 0, sizeof(balancer));
	snprintf(balancer.id, sizeof(balancer.id), "lb-%u", n);
	snprintf(balancer.name, sizeof(balancer.name), "balancer %u", n);
	balancer.address.family = AF_INET;
	memcpy(balancer.address.bytes, (uint8_t[]){10, 1, (uint8_t)(n >> 8), (uint8_t)n}, 4);
	balancer.intranet = true;
	snprintf(balancer.vpc_id, sizeof(balancer.vpc_id), "vpc-%u", n);
	snprintf(balancer.spec, sizeof(balancer.spec), "slb.s1.small");
	balancer.create_time = CREATE_TIME + n;
	given_tags(&balancer.tags, 2);
	return balancer;
}

static inline struct server_group given_group(unsigned int n, unsigned int balancer)
{
	struct server_group group;

	memset(&group, 0, sizeof(group));
	snprintf(group.id, sizeof(group.id), "rsp-%u", n);
	snprintf(group.load_balancer_id, sizeof(group.load_balancer_id), "lb-%u", balancer);
	snprintf(group.name, sizeof(group.name), "group %u", n);
	group.create_time = CREATE_TIME + n;
	group.server_count = GROUP_SERVERS;
	for (unsigned int i = 0; i < GROUP_SERVERS; i++) {
		struct backend_server *server = &group.servers[i];

		snprintf(server->server_id, sizeof(server->server_id), "i-%u", n + i);
		server->port = (uint16_t)(8080 + i);
		server->weight = (uint8_t)(100 - i);
		server->type = i ? SERVER_ENI : SERVER_ECS;
		server->role = (enum server_role)i;
		snprintf(server->description, sizeof(server->description), "number %u", i);
	}
	group.servers[1].server_ip.family = AF_INET6;
	memcpy(group.servers[1].server_ip.bytes, (uint8_t[]){0xfd, [15] = (uint8_t)n}, 16);
	given_tags(&group.tags, 3);
	return group;
}

static inline struct listener given_listener(unsigned int balancer, unsigned int group,
					     enum protocol protocol, uint16_t port)
{
	struct listener listener;

	memset(&listener, 0, sizeof(listener));
	snprintf(listener.load_balancer_id, sizeof(listener.load_balancer_id), "lb-%u", balancer);
	snprintf(listener.group_id, sizeof(listener.group_id), "rsp-%u", group);
	listener.protocol = protocol;
	listener.port = port;
	listener.none_healthy = NONE_HEALTHY_LAST;
	listener.check.enabled = true;
	listener.check.type = CHECK_HTTP;
	listener.check.interval_ms = 50000;
	listener.check.timeout_ms = 300000;
	listener.check.healthy_threshold = 2;
	listener.check.unhealthy_threshold = 10;
	listener.check.connect_port = 65535;
	snprintf(listener.check.domain, sizeof(listener.check.domain), "www.example.com");
	snprintf(listener.check.uri, sizeof(listener.check.uri), "/health");
	listener.check.http_codes = HTTP_2XX | HTTP_5XX;
	listener.check.method = CHECK_GET;
	snprintf(listener.check.request, sizeof(listener.check.request), "ping");
	snprintf(listener.check.expect, sizeof(listener.check.expect), "pong");
	listener.check.assume_up_on_silence = true;
	snprintf(listener.description, sizeof(listener.description), "a listener");
	listener.create_time = CREATE_TIME;
	given_tags(&listener.tags, 1);
	return listener;
}

static inline struct server given_server(unsigned int n)
{
	struct server server;

	memset(&server, 0, sizeof(server));
	snprintf(server.id, sizeof(server.id), "i-%u", n);
	server.type = SERVER_ECI;
	server.address.family = AF_INET;
	memcpy(server.address.bytes, (uint8_t[]){10, 2, (uint8_t)(n >> 8), (uint8_t)n}, 4);
	snprintf(server.zone, sizeof(server.zone), "zone-a");
	snprintf(server.network, sizeof(server.network), "vpc-%u", n);
	snprintf(server.description, sizeof(server.description), "server %u", n);
	server.create_time = CREATE_TIME + n;
	return server;
}

static inline struct store *given_store(const char *path)
{
	struct error error = {0};
	struct store *store = NULL;
	bool created;
	int r;

	r = store_open(path, &store, &created, &error);
	if (r < 0)
		fail_msg("open %s: %d %s", path, r, error.message);
	return store;
}

/*
 * Two load balancers, lb-1 with the groups rsp-1 and rsp-2, lb-2 with rsp-3, a TCP listener of lb-1
 * on rsp-1 and one of lb-2 on rsp-3, and the servers i-1 and i-2. Returns 0 or a negative errno.
 */
static inline int fill_store(struct store *store)
{
	int r = store_begin(store);

	for (unsigned int n = 1; r >= 0 && n <= 2; n++) {
		struct load_balancer balancer = given_balancer(n);
		struct server server = given_server(n);

		r = store_load_balancer_insert(store, &balancer);
		if (r >= 0)
			r = store_server_insert(store, &server);
	}
	for (unsigned int n = 1; r >= 0 && n <= 3; n++) {
		struct server_group group = given_group(n, n <= 2 ? 1 : 2);

		r = store_group_insert(store, &group);
	}
	for (unsigned int n = 1; r >= 0 && n <= 2; n++) {
		struct listener listener =
			given_listener(n, n == 1 ? 1 : 3, PROTOCOL_TCP, LISTENER_PORT);

		r = store_listener_insert(store, &listener);
	}
	return r < 0 ? r : store_commit(store);
}

static inline int open_empty(void **state)
{
	*state = given_store(":memory:");
	return 0;
}

static inline int open_filled(void **state)
{
	*state = given_store(":memory:");
	return fill_store(*state);
}

static inline int close_store(void **state)
{
	store_free(*state);
	return 0;
}

#define ON_EMPTY(test)	cmocka_unit_test_setup_teardown(test, open_empty, close_store)
#define ON_FILLED(test) cmocka_unit_test_setup_teardown(test, open_filled, close_store)

/* Try every change; each must be refused with @want. */
static inline void assert_changes_refused(struct store *store, int want)
{
	struct load_balancer balancer = given_balancer(7);
	struct server_group group = given_group(7, 1);
	struct listener listener = given_listener(1, 1, PROTOCOL_UDP, 81);
	struct server server = given_server(1);

	assert_int_equal(store_load_balancer_insert(store, &balancer), want);
	assert_int_equal(store_load_balancer_delete(store, "lb-1"), want);
	assert_int_equal(store_group_insert(store, &group), want);
	assert_int_equal(store_group_delete(store, "rsp-2"), want);
	assert_int_equal(store_listener_insert(store, &listener), want);
	assert_int_equal(
		store_listener_set_running(store, "lb-1", PROTOCOL_TCP, LISTENER_PORT, true), want);
	assert_int_equal(store_listener_delete(store, "lb-1", PROTOCOL_TCP, LISTENER_PORT), want);
	assert_int_equal(store_server_insert(store, &server), want);
	assert_int_equal(store_server_update(store, &server), want);
	assert_int_equal(store_server_delete(store, "i-1"), want);
}

/* Everything in a store, for comparison. */
struct snapshot {
	char *bytes;
	size_t size;
};

static inline void snapshot_clear(struct snapshot *snapshot)
{
	free(snapshot->bytes);
	*snapshot = (struct snapshot){0};
}

static inline int snapshot_balancer(const struct load_balancer *balancer, void *file)
{
	return fwrite(balancer, sizeof(*balancer), 1, file) == 1 ? 0 : -EIO;
}

static inline int snapshot_group(const struct server_group *group, void *file)
{
	return fwrite(group, sizeof(*group), 1, file) == 1 ? 0 : -EIO;
}

static inline int snapshot_listener(const struct listener *listener, void *file)
{
	return fwrite(listener, sizeof(*listener), 1, file) == 1 ? 0 : -EIO;
}

static inline int snapshot_server(const struct server *server, void *file)
{
	return fwrite(server, sizeof(*server), 1, file) == 1 ? 0 : -EIO;
}

static inline struct snapshot snapshot_take(struct store *store)
{
	struct snapshot snapshot = {0};
	FILE *file = open_memstream(&snapshot.bytes, &snapshot.size);

	assert_non_null(file);
	assert_int_equal(store_load_balancer_walk(store, snapshot_balancer, file), 0);
	assert_int_equal(store_group_walk(store, NULL, snapshot_group, file), 0);
	assert_int_equal(store_listener_walk(store, NULL, NULL, snapshot_listener, file), 0);
	assert_int_equal(store_server_walk(store, snapshot_server, file), 0);
	fclose(file);
	return snapshot;
}

static inline bool snapshot_equal(const struct snapshot *a, const struct snapshot *b)
{
	return a->size == b->size && (!a->size || !memcmp(a->bytes, b->bytes, a->size));
}

/* The folder of one test, with the path of a database in it. */
struct folder {
	char name[64];
	char path[96];
};

static inline int folder_create(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return -1;
	/* In memory where that can be: what is tested is what a process leaves behind. */
	snprintf(folder->name, sizeof(folder->name), "%s/tandem-store-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder->name))
		return -1;
	snprintf(folder->path, sizeof(folder->path), "%s/tandem.db", folder->name);
	*state = folder;
	return 0;
}

/* Remove the files in the folder and return how many there were. */
static inline unsigned int folder_empty(const struct folder *folder)
{
	DIR *dir = opendir(folder->name);
	unsigned int count = 0;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			count++;
	}
	if (dir)
		closedir(dir);
	return count;
}

static inline int folder_remove(void **state)
{
	struct folder *folder = *state;

	folder_empty(folder);
	rmdir(folder->name);
	free(folder);
	return 0;
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_create, folder_remove)

static inline struct snapshot file_read(const char *path)
{
	struct snapshot content = {0};
	FILE *file = fopen(path, "re");
	int byte;

	if (!file)
		return content;
	FILE *copy = open_memstream(&content.bytes, &content.size);

	while ((byte = getc(file)) != EOF)
		putc(byte, copy);
	fclose(copy);
	fclose(file);
	return content;
}

static inline void file_write(const char *path, const struct snapshot *content)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(content->bytes, 1, content->size, file), content->size);
	assert_int_equal(fclose(file), 0);
}

#endif
