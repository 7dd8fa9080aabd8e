/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_MODEL_H
#define TANDEM_TESTS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "tandem/abi.h"
#include "world.h"

/*
 * What the XDP program should do with a frame, written from the design and the RFCs and sharing
 * nothing with it but the names of reasons. It works on bytes, one after the other, and computes in
 * one's complement by remainders of 65535.
 */

enum model_counted { MODEL_NOT_COUNTED, MODEL_FORWARDED, MODEL_RETURNED, MODEL_REFUSED };

struct model_verdict {
	bool unsure; /* nothing below is set */
	int action;
	enum td_reason reason;
	uint8_t frame[FRAME_MAX];
	size_t length;
	enum model_counted counted;
	int service; /* of what is counted */
	int slot;
};

/* The first pieces of datagrams that were seen. */
enum { MODEL_PIECES = 8192 };

struct model_piece {
	uint8_t key[37]; /* family, source, destination, id; of IPv4 the protocol */
	uint16_t source_port;
	uint16_t dest_port;
	uint8_t proto;
	bool stale;
};

struct model {
	struct world world;
	struct model_piece pieces[MODEL_PIECES];
	int piece_count;
};

void model_run(struct model *model, const uint8_t *in, size_t length, struct model_verdict *ret);

#endif
