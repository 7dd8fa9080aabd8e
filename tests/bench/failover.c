// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who answers, connection by connection:
 *   failover serve NAME PORT      accepts and says NAME, at once and to everybody
 *   failover watch ADDRESS PORT   opens a connection each millisecond, whether or not the others
 * were answered, and prints "change OLD NEW GAP_US LOST" whenever another server answers than
 * before: GAP_US from the last answer of OLD to the first of NEW, LOST connections that failed or
 * went unanswered meanwhile
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

enum { NAME_MAX_SIZE = 32, CONNECTIONS_MAX = 4096, GIVE_UP_US = 1000000, PERIOD_US = 1000 };

struct connection {
	uint64_t started_us; /* 0: free */
};

struct watch {
	struct sockaddr_in address;
	int epoll;
	uint64_t last_answer_us;
	char last_name[NAME_MAX_SIZE];
	uint64_t lost;
	struct connection connections[CONNECTIONS_MAX]; /* by fd */
};

static void die(const char *what)
{
	fprintf(stderr, "failover: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static _Noreturn void serve(const char *name, uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0)
		die("listen");
	for (;;) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			continue;
		if (send(client, name, strlen(name), MSG_NOSIGNAL) < 0)
			fprintf(stderr, "failover: send: %s\n", strerror(errno));
		close(client);
	}
}

static void forget(struct watch *watch, int fd)
{
	watch->connections[fd].started_us = 0;
	close(fd);
}

static void open_connection(struct watch *watch)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP};
	struct linger no_wait = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || fd >= CONNECTIONS_MAX)
		die("socket");
	/* Closing by RST frees the port at once: a thousand a second would run out of them. */
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &no_wait, sizeof(no_wait)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
		die("setsockopt");
	if (connect(fd, (struct sockaddr *)&watch->address, sizeof(watch->address)) < 0 &&
	    errno != EINPROGRESS) {
		watch->lost++;
		close(fd);
		return;
	}
	event.data.fd = fd;
	if (epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
	watch->connections[fd].started_us = now_us();
}

static void on_answer(struct watch *watch, const char *name)
{
	uint64_t now = now_us();

	if (watch->last_name[0] && strcmp(watch->last_name, name) != 0) {
		printf("change %s %s %lu %lu\n", watch->last_name, name,
		       (unsigned long)(now - watch->last_answer_us), (unsigned long)watch->lost);
		fflush(stdout);
	} else if (!watch->last_name[0]) {
		printf("first %s\n", name);
		fflush(stdout);
	}
	snprintf(watch->last_name, sizeof(watch->last_name), "%s", name);
	watch->last_answer_us = now;
	watch->lost = 0;
}

static void on_readable(struct watch *watch, int fd)
{
	char name[NAME_MAX_SIZE];
	ssize_t size = recv(fd, name, sizeof(name) - 1, 0);

	if (size > 0) {
		name[size] = '\0';
		on_answer(watch, name);
	} else {
		watch->lost++;
	}
	forget(watch, fd);
}

static void give_up(struct watch *watch)
{
	uint64_t now = now_us();

	for (int fd = 0; fd < CONNECTIONS_MAX; fd++) {
		uint64_t started = watch->connections[fd].started_us;

		if (started && now - started > GIVE_UP_US) {
			watch->lost++;
			forget(watch, fd);
		}
	}
}

static _Noreturn void watch_run(const char *address, uint16_t port)
{
	static struct watch watch;
	struct itimerspec period = {.it_interval.tv_nsec = PERIOD_US * 1000L,
				    .it_value.tv_nsec = PERIOD_US * 1000L};
	struct rlimit files = {CONNECTIONS_MAX, CONNECTIONS_MAX};
	struct epoll_event event = {.events = EPOLLIN}, events[64];
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	watch.address.sin_family = AF_INET;
	watch.address.sin_port = htons(port);
	watch.epoll = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = timer;
	if (inet_pton(AF_INET, address, &watch.address.sin_addr) != 1 ||
	    setrlimit(RLIMIT_NOFILE, &files) < 0 || timer < 0 || watch.epoll < 0 ||
	    timerfd_settime(timer, 0, &period, NULL) < 0 ||
	    epoll_ctl(watch.epoll, EPOLL_CTL_ADD, timer, &event) < 0)
		die("set-up");
	for (;;) {
		int count = epoll_wait(watch.epoll, events, 64, -1);

		for (int i = 0; i < count; i++) {
			uint64_t expirations;

			if (events[i].data.fd != timer) {
				on_readable(&watch, events[i].data.fd);
			} else if (read(timer, &expirations, sizeof(expirations)) > 0) {
				open_connection(&watch);
				give_up(&watch);
			}
		}
	}
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		serve(argv[2], (uint16_t)atoi(argv[3]));
	if (argc == 4 && strcmp(argv[1], "watch") == 0)
		watch_run(argv[2], (uint16_t)atoi(argv[3]));
	fprintf(stderr, "failover: see the head of failover.c\n");
	return 2;
}
