/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_TESTS_EXPECT_H
#define TANDEM_TESTS_EXPECT_H

#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "tandem/abi.h"

/* Frames run through the program, compared whole; and the packets of the lab's services. */

/* Byte by byte; names those that differ. */
void expect_equal(const uint8_t *got, size_t got_length, const uint8_t *want, size_t want_length);

/* Verdict, its reason, counted once and alone, and the frame that comes out. */
void expect_bytes(const uint8_t *in, size_t in_length, const uint8_t *want, size_t want_length,
		  int action, enum td_reason reason);
/* @out NULL: untouched. */
void expect_frame(const struct frame *in, const struct frame *out, int action,
		  enum td_reason reason);

/* TCP is the web service, UDP the name service (lab.h). From a client toward the VIP, and what the
 * server in @slot gets of it. */
struct frame packet_to_vip(int family, uint8_t proto);
struct frame packet_at_server(struct frame packet, int slot);
/* From the server in @slot to a client, and what that client gets. */
struct frame packet_from_server(int family, uint8_t proto, int slot);
struct frame packet_at_client(struct frame packet);

/* How what is sent to a client leaves: IPv4 by the interface it came in on. */
int action_to_client(int family);
enum td_reason reason_to_client(int family);

#endif
