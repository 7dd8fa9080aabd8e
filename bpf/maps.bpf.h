/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_MAPS_BPF_H
#define TANDEM_MAPS_BPF_H

/* All maps are pinned by the agent and outlive it and every program that uses them. */

/* What is served. Written by the agent, the last step of a publication; read per packet. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct td_service_key4);
	__type(value, struct td_service_ref);
	__uint(max_entries, TD_MAX_SERVICES);
} services4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct td_service_key6);
	__type(value, struct td_service_ref);
	__uint(max_entries, TD_MAX_SERVICES);
} services6 SEC(".maps");

/* What replies are rewritten to. Written by the agent before an endpoint names the element. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct td_service);
	__uint(max_entries, TD_MAX_SERVICES);
} service_table SEC(".maps");

/* The two servers of a service. Written by the agent before a service names the element. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct td_group);
	__uint(max_entries, TD_MAX_GROUPS);
} groups SEC(".maps");

/* The state word of each group (select.h). The agent's store into it is the failover. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, TD_MAX_GROUPS);
} group_state SEC(".maps");

/* Whose replies are rewritten. Written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct td_service_key4);
	__type(value, struct td_endpoint);
	__uint(max_entries, TD_MAX_ENDPOINTS);
} endpoints4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct td_service_key6);
	__type(value, struct td_endpoint);
	__uint(max_entries, TD_MAX_ENDPOINTS);
} endpoints6 SEC(".maps");

/* The two maps above for IPv4, as the packet path reads them. Written by the agent together with
 * them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct td_quick4);
	__uint(max_entries, TD_QUICK_BUCKETS);
} quick4 SEC(".maps");

/* Next hops toward servers. Written by the agent from netlink events. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct td_nexthop);
	__uint(max_entries, TD_MAX_NEXTHOPS);
} nexthops SEC(".maps");

/* One element each, written by the agent, read per packet. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct td_settings);
	__uint(max_entries, 1);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct td_ports);
	__uint(max_entries, 1);
} ports SEC(".maps");

/* This host's own addresses. Written by the agent; read where settings.local_filter says "maybe".
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct td_local_key);
	__type(value, __u32);
	__uint(max_entries, TD_MAX_LOCAL_ADDRESSES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} local_addresses SEC(".maps");

/* Next hops toward clients, direct-mapped. Written and read by the program; void by generation. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct td_route4);
	__uint(max_entries, TD_ROUTE_CACHE_SIZE);
} route_cache4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct td_route6);
	__uint(max_entries, TD_ROUTE_CACHE_SIZE);
} route_cache6 SEC(".maps");

/*
 * What is asked of bpf_fib_lookup(), which is too large for the stack of the functions that ask.
 * Written and read by the program; says nothing after it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct bpf_fib_lookup);
	__uint(max_entries, 1);
} route_question SEC(".maps");

/* Interfaces on top of others, and the host's addresses on interfaces. Written by the agent; read
 * rarely. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct td_upper);
	__uint(max_entries, TD_MAX_INTERFACES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} uppers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct td_interface_key);
	__type(value, struct td_interface);
	__uint(max_entries, TD_MAX_INTERFACES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} interfaces SEC(".maps");

/* Datagrams in pieces. Written and read by the program; the oldest make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct td_fragment_key4);
	__type(value, struct td_fragment);
	__uint(max_entries, TD_MAX_FRAGMENTS);
} fragments4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct td_fragment_key6);
	__type(value, struct td_fragment);
	__uint(max_entries, TD_MAX_FRAGMENTS);
} fragments6 SEC(".maps");

/* Interfaces that frames may be sent to: ifindex to itself. Written by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, TD_MAX_DEVICES);
} devices SEC(".maps");

/* Per service and server; per reason. Written per packet, summed by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct td_counters);
	__uint(max_entries, 2 * TD_MAX_SERVICES);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct td_reason_counter);
	__uint(max_entries, TD_REASON_MAX);
} reasons SEC(".maps");

/* Frames that a device refused to send. Written by the tracepoint programs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct td_send_errors);
	__uint(max_entries, TD_MAX_DEVICES);
} send_errors SEC(".maps");

/* struct td_event_unresolved. Written by the program, read by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TD_EVENTS_BYTES);
} events SEC(".maps");

#endif
