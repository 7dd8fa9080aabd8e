// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "differ.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bpf.h>

#include "base/cleanup.h"
#include "lab.h"
#include "model.h"

enum { CASES_PER_WORLD = 64 };

struct differ {
	struct model model;
	struct random random;
	uint64_t batch;
	uint64_t reasons[TD_REASON_MAX]; /* as the program should have counted */
	struct td_counters before[SERVICE_MAX][2];
	struct td_counters counters[SERVICE_MAX][2]; /* what the model counted */
};

static const char *reason_name(uint32_t reason)
{
#define NAME_OF_REASON(symbol, name, action) name,
	static const char *const names[] = {TD_REASONS(NAME_OF_REASON)};

	return reason < TD_REASON_MAX ? names[reason] : "none";
}

static void dump(const char *what, const uint8_t *bytes, size_t length)
{
	fprintf(stderr, "%s, %zu bytes:", what, length);
	for (size_t i = 0; i < length; i++)
		fprintf(stderr, "%s%02x", i % 32 == 0 ? "\n\t" : i % 2 ? "" : " ", bytes[i]);
	fprintf(stderr, "\n");
}

static struct world_vlan some_vlan(struct random *random)
{
	static const struct world_vlan vlans[] = {
		{.tags = 0},
		{.tags = 0},
		{.tags = 1, .inner = 100},
		{.tags = 1, .inner = 200},
		{.tags = 1, .ad = true, .inner = 100},
		{.tags = 2, .outer = 100, .inner = 200},
		{.tags = 2, .ad = true, .outer = 300, .inner = 301},
	};

	return RANDOM_OF(random, vlans);
}

static void change_hop(struct random *random, struct world_hop *hop)
{
	static const uint16_t mtus[] = {1500, 1500, 1500, 600, 1280, 65535};
	uint32_t chance = random_below(random, 100);

	hop->resolved = random_percent(random, 85);
	hop->mtu = RANDOM_OF(random, mtus);
	hop->ifindex = chance < 60 ? LAB_INGRESS : chance < 90 ? lab.other_device : 4711;
	hop->sendable = hop->ifindex == lab.other_device;
	if (random_percent(random, 30))
		hop->vlan = some_vlan(random);
}

static void change_world(struct differ *differ)
{
	struct random *random = &differ->random;

	for (int i = 0; i < differ->model.world.service_count; i++) {
		struct world_service *service = &differ->model.world.services[i];
		uint32_t chance = random_below(random, 100);

		service->active = chance < 45 ? 0 : chance < 80 ? 1 : -1;
		service->reject = random_percent(random, 70);
		if (random_percent(random, 10))
			service->vlan = some_vlan(random);
		for (int slot = 0; slot < 2; slot++) {
			if (random_percent(random, 10))
				service->servers[slot].vlan = some_vlan(random);
			change_hop(random, &service->servers[slot].hop);
		}
	}
	lab_publish(&differ->model.world);
}

static size_t some_frame(struct differ *differ, const struct captures *captures, uint8_t *frame)
{
	struct random *random = &differ->random;
	size_t length;

	if (captures->count && random_percent(random, 30)) {
		const struct capture *capture =
			&captures->frames[random_below(random, (uint32_t)captures->count)];

		length = capture->length;
		memcpy(frame, capture->bytes, length);
	} else {
		length = seed_build(random, &differ->model.world, frame);
	}
	if (random_percent(random, 75))
		length = mutate(random, &differ->model.world, frame, length);
	return length;
}

static void count(struct differ *differ, const struct model_verdict *verdict, size_t length)
{
	struct td_counters *counter = &differ->counters[verdict->service][verdict->slot];

	switch (verdict->counted) {
	case MODEL_NOT_COUNTED:
		break;
	case MODEL_FORWARDED:
		counter->packets_in++;
		counter->bytes_in += length;
		break;
	case MODEL_RETURNED:
		counter->packets_out++;
		counter->bytes_out += length;
		break;
	case MODEL_REFUSED:
		counter->refused++;
		break;
	}
}

static enum td_reason counted_reason(const struct differ *differ)
{
	for (uint32_t reason = 0; reason < TD_REASON_MAX; reason++)
		if (lab_read_reason(reason) != differ->reasons[reason])
			return reason;
	return TD_REASON_MAX;
}

static bool same(struct differ *differ, const struct model_verdict *verdict, int action,
		 const uint8_t *out, uint32_t length)
{
	if (action != verdict->action)
		return false;
	/* Nobody sees what is left of a frame that is dropped. */
	if (action != XDP_DROP &&
	    (length != verdict->length || memcmp(out, verdict->frame, length) != 0))
		return false;
	return lab_read_reason(verdict->reason) == differ->reasons[verdict->reason] + 1;
}

static bool run_case(struct differ *differ, const struct captures *captures, uint32_t number)
{
	uint8_t in[FRAME_MAX], out[FRAME_MAX];
	size_t length = some_frame(differ, captures, in);
	struct model_verdict verdict;
	uint32_t out_length;
	int action;

	model_run(&differ->model, in, length, &verdict);
	action = lab_run(in, length, out, &out_length);
	if (verdict.unsure) {
		lab_read_reasons(differ->reasons);
		for (uint32_t i = 0; i < 2 * SERVICE_MAX; i++)
			lab_read_counters(i / 2, i % 2, &differ->before[i / 2][i % 2]);
		memset(differ->counters, 0, sizeof(differ->counters));
		return true;
	}
	if (same(differ, &verdict, action, out, out_length)) {
		differ->reasons[verdict.reason]++;
		count(differ, &verdict, length);
		return true;
	}
	fprintf(stderr, "batch %llu, case %u: the model says %s (action %d), the program %s (%d)\n",
		(unsigned long long)differ->batch, number, reason_name(verdict.reason),
		verdict.action, reason_name(counted_reason(differ)), action);
	dump("in", in, length);
	if (verdict.length != length || memcmp(verdict.frame, in, length) != 0)
		dump("model", verdict.frame, verdict.length);
	if (out_length != length || memcmp(out, in, length) != 0)
		dump("program", out, out_length);
	return false;
}

static bool counters_agree(struct differ *differ)
{
	for (uint32_t i = 0; i < 2 * SERVICE_MAX; i++) {
		const struct td_counters *before = &differ->before[i / 2][i % 2];
		const struct td_counters *want = &differ->counters[i / 2][i % 2];
		struct td_counters now;

		lab_read_counters(i / 2, i % 2, &now);
		if (now.packets_in - before->packets_in == want->packets_in &&
		    now.bytes_in - before->bytes_in == want->bytes_in &&
		    now.packets_out - before->packets_out == want->packets_out &&
		    now.bytes_out - before->bytes_out == want->bytes_out &&
		    now.refused - before->refused == want->refused)
			continue;
		fprintf(stderr, "batch %llu: counters of service %u, server %u differ\n",
			(unsigned long long)differ->batch, i / 2, i % 2);
		return false;
	}
	return true;
}

static void age_pieces(struct differ *differ)
{
	for (int i = 0; i < differ->model.piece_count; i++)
		differ->model.pieces[i].stale = true;
	lab_age_pieces();
}

static bool run_batch(struct differ *differ, const struct captures *captures)
{
	for (uint32_t i = 0; i < DIFFER_BATCH; i++) {
		if (i % CASES_PER_WORLD == 0)
			change_world(differ);
		if (random_below(&differ->random, 1024) == 0)
			age_pieces(differ);
		if (!run_case(differ, captures, i))
			return false;
	}
	return counters_agree(differ);
}

bool differ_batch(uint64_t batch, const struct captures *captures)
{
	struct differ *differ = calloc(1, sizeof(*differ));
	bool ok;

	differ->batch = batch;
	differ->random.state = batch * 0x2545f4914f6cdd1dULL + 1;
	lab_world(&differ->model.world);
	lab_forget_pieces();
	lab_read_reasons(differ->reasons);
	for (uint32_t i = 0; i < 2 * SERVICE_MAX; i++)
		lab_read_counters(i / 2, i % 2, &differ->before[i / 2][i % 2]);
	ok = run_batch(differ, captures);
	free(differ);
	return ok;
}
