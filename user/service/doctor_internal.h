/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_SERVICE_DOCTOR_INTERNAL_H
#define TANDEM_SERVICE_DOCTOR_INTERNAL_H

/* What the files behind doctor.h share. */

#include "net/device.h"
#include "service/doctor.h"
#include "service/internal.h"

/* Packets that want an answer, and answers, since the last look that saw answers grow. */
struct gauge {
	uint64_t asked, answered;
	uint64_t since_us; /* CLOCK_MONOTONIC; 0: never */
};

/*
 * How many of @asked got no answer, not even a late one: 0 while @answered grows, or where too
 * little time went by to tell. @judged false starts afresh.
 */
uint64_t service_gauge_update(struct gauge *gauge, uint64_t asked, uint64_t answered, bool judged);

/* Server @slot of a listener as of the last look. */
struct look {
	struct table_node node;
	struct look_key {
		struct listener_key listener;
		uint8_t slot;
	} key;
	struct gauge packets, connections;
	unsigned int round;
};

/* What is remembered from one run to the next. */
struct doctor_memory {
	struct table looks;
	unsigned int round;
	uint64_t reverse_path_drops;
	struct {
		uint32_t ifindex;
		uint64_t frames;
	} send_errors[TD_MAX_DEVICES];
};

/* Counts of what the kernel dropped begin now. */
struct doctor_memory *service_doctor_memory_new(void);
/* NULL is fine; returns NULL. */
struct doctor_memory *service_doctor_memory_free(struct doctor_memory *memory);

/* The look at that server, a new one where there is none; kept until service_looks_sweep() after a
 * round without it. */
struct look *service_look_get(struct doctor_memory *memory, const struct listener_key *listener,
			      unsigned int slot);
void service_looks_sweep(struct doctor_memory *memory);

/* An address of this host. */
struct doctor_address {
	struct netaddr address;
	uint32_t ifindex;
};

/* How many servers (or VIPs, listeners) a check liked, of those that it looked at. */
struct doctor_tally {
	unsigned int good, all;
};

/* A run, or a preflight. */
struct doctor {
	struct service *service; /* NULL in a preflight */
	struct dataplane *dataplane;
	struct doctor_memory *memory; /* NULL in a preflight */
	service_finding_visit visit;
	void *userdata;
	int result;	     /* the visitor's */
	const char *check;   /* that is running: what doctor_say() speaks of */
	const char *subject; /* the same */
	struct error error;

	/* The interface that the checks of interfaces look at. */
	struct net_device device;
	struct dataplane_hook hook;

	/* What the listeners tell the checks after them. */
	bool serves4, serves6;
	bool unresolved4; /* an IPv4 server's next hop is */
	unsigned int targets;

	/* For the checks of listeners: read once, since there may be ten thousand. */
	uint32_t attached[TD_MAX_DEVICES]; /* indices of the interfaces */
	unsigned int attached_count;
	bool ports_known; /* the two below were read */
	unsigned long first_port, last_port;
	char reserved_ports[1024];
	uint32_t arp_ifindex; /* whose setting this is: */
	int64_t arp_ignore;
	struct doctor_address *addresses; /* sorted by address */
	size_t address_count;
	struct net_interface *interfaces;
	size_t interface_count;
	struct doctor_tally *tallies; /* of the table that is running, a row each */
};

/* Report what the check found; nothing after a visitor ended the run. @remedy may be NULL. */
void service_doctor_say(struct doctor *doctor, enum severity severity, const char *remedy,
			const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * Read one or two numbers with a character between them, as "6.1", "80-90" or "32768\t60999";
 * returns how many there are. The second is the first again where there is only one.
 */
int service_doctor_read_numbers(const char *text, unsigned long *ret_first,
				unsigned long *ret_second);

/* One check: a row of a table. */
struct doctor_check {
	const char *name;
	void (*run)(struct doctor *doctor);
};
/* Tables end with a name of NULL. */
extern const struct doctor_check service_device_checks[];  /* doctor_device.c: part of preflight */
extern const struct doctor_check service_network_checks[]; /* doctor_network.c */
extern const struct doctor_check service_host_checks[];	   /* doctor_host.c */

/* doctor_listener.c: VIPs, listeners, servers; fills what the others need of them. */
CHECKED int service_doctor_listeners(struct doctor *doctor);

#endif
