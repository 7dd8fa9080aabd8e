// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Changes of frames: blind ones, and such as know where a field is and what would be odd there. */
#include <string.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "bytes.h"
#include "seeds.h"

enum { LENGTH_MIN = 14, LENGTH_MAX = FRAME_MAX - 64 };

struct subject {
	struct random *random;
	const struct world *world;
	uint8_t *bytes;
	size_t length;
	size_t ip; /* 0 where there is none */
	bool v4;
};

static uint8_t *some_byte(struct subject *subject)
{
	/* Headers are where it matters. */
	size_t limit = subject->length > 100 && random_percent(subject->random, 90)
			       ? 100
			       : subject->length;

	return subject->bytes + random_below(subject->random, (uint32_t)limit);
}

static void flip_bit(struct subject *subject)
{
	*some_byte(subject) ^= (uint8_t)(1U << random_below(subject->random, 8));
}

static void set_byte(struct subject *subject)
{
	static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff};

	*some_byte(subject) = random_percent(subject->random, 50)
				      ? RANDOM_OF(subject->random, odd)
				      : (uint8_t)random_next(subject->random);
}

static void set_word(struct subject *subject)
{
	static const uint16_t odd[] = {0, 1, 0x00ff, 0x7fff, 0x8000, 0xffff, 0xfffe};
	uint8_t *at = some_byte(subject);

	if (at + 2 <= subject->bytes + subject->length)
		put16(at, RANDOM_OF(subject->random, odd));
}

static void cut(struct subject *subject)
{
	size_t less = random_percent(subject->random, 50)
			      ? random_below(subject->random, 24)
			      : random_below(subject->random, (uint32_t)subject->length);

	if (less + LENGTH_MIN <= subject->length)
		subject->length -= less;
}

static void extend(struct subject *subject)
{
	for (uint32_t more = random_below(subject->random, 64);
	     more > 0 && subject->length < LENGTH_MAX; more--)
		subject->bytes[subject->length++] = (uint8_t)random_next(subject->random);
}

/* The header bytes of another frame in front of this one's. */
static void splice(struct subject *subject)
{
	uint8_t other[FRAME_MAX];
	size_t length = seed_build(subject->random, subject->world, other);
	size_t size = 14 + random_below(subject->random, 60);

	if (size > length)
		size = length;
	if (size > subject->length)
		size = subject->length;
	memcpy(subject->bytes, other, size);
}

static void add_tag(struct subject *subject)
{
	static const uint16_t types[] = {0x8100, 0x8100, 0x88a8};
	static const uint16_t controls[] = {0, 100, 200, 0x2064, 300, 0xffff};

	if (subject->length > LENGTH_MAX)
		return;
	memmove(subject->bytes + 16, subject->bytes + 12, subject->length - 12);
	put16(subject->bytes + 12, RANDOM_OF(subject->random, types));
	put16(subject->bytes + 14, RANDOM_OF(subject->random, controls));
	subject->length += 4;
}

static void set_address(struct subject *subject)
{
	const struct world *world = subject->world;
	const struct world_service *service =
		&world->services[random_below(subject->random, (uint32_t)world->service_count)];
	size_t size = subject->v4 ? 4 : 16;
	size_t at = subject->ip + (subject->v4 ? 12 : 8);

	if (random_percent(subject->random, 50))
		at += size;
	if (at + size > subject->length)
		return;
	memcpy(subject->bytes + at,
	       random_percent(subject->random, 50)
		       ? service->vip
		       : service->servers[random_below(subject->random, 2)].addr,
	       size);
}

static void set_port(struct subject *subject)
{
	static const uint16_t ports[] = {80, 53, 443, 8080, 8081, 4433, 4434, 22, 0};
	const uint8_t *ip = subject->bytes + subject->ip;
	size_t at = subject->ip + (subject->v4 ? 4U * (ip[0] & 15) : 40);

	at += random_percent(subject->random, 50) ? 2 : 0;
	if (at + 2 <= subject->length)
		put16(subject->bytes + at, RANDOM_OF(subject->random, ports));
}

static void set_ttl(struct subject *subject)
{
	static const uint8_t ttls[] = {0, 1, 2, 255};

	subject->bytes[subject->ip + (subject->v4 ? 8 : 7)] = RANDOM_OF(subject->random, ttls);
}

static void set_proto(struct subject *subject)
{
	static const uint8_t protos[] = {IPPROTO_TCP,	   IPPROTO_UDP,	    IPPROTO_ICMP,
					 IPPROTO_ICMPV6,   IPPROTO_HOPOPTS, IPPROTO_ROUTING,
					 IPPROTO_FRAGMENT, IPPROTO_AH,	    IPPROTO_DSTOPTS,
					 IPPROTO_ESP,	   IPPROTO_NONE,    IPPROTO_SCTP};

	subject->bytes[subject->ip + (subject->v4 ? 9 : 6)] = RANDOM_OF(subject->random, protos);
}

static void set_total(struct subject *subject)
{
	uint8_t *at = subject->bytes + subject->ip + (subject->v4 ? 2 : 4);
	static const int changes[] = {-100, -40, -21, -20, -8, -1, 1, 8, 20, 40, 1000, 30000};

	put16(at, random_percent(subject->random, 20)
			  ? (uint16_t)random_below(subject->random, 80)
			  : (uint16_t)(get16(at) + RANDOM_OF(subject->random, changes)));
}

static void set_fragment(struct subject *subject)
{
	static const uint16_t words[] = {0, 0x2000, 0x4000, 1, 0x2001, 0x2002, 0x8000, 0x6000};

	if (!subject->v4)
		return;
	put16(subject->bytes + subject->ip + 4, (uint16_t)random_below(subject->random, 8));
	put16(subject->bytes + subject->ip + 6, RANDOM_OF(subject->random, words));
}

static void set_ihl(struct subject *subject)
{
	uint8_t *at = subject->bytes + subject->ip;

	*at = (uint8_t)((*at & 0xf0) | random_below(subject->random, 16));
}

/* The same inside of what an ICMP error quotes. */
static void descend(struct subject *subject)
{
	const uint8_t *ip = subject->bytes + subject->ip;
	size_t at = subject->ip + (subject->v4 ? 4U * (ip[0] & 15) : 40) + 8;
	uint8_t proto = ip[subject->v4 ? 9 : 6];

	if (proto == (subject->v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) && at + 40 <= subject->length)
		subject->ip = at;
}

static void find_ip(struct subject *subject)
{
	size_t at = 12;

	while (at + 6 <= subject->length &&
	       (get16(subject->bytes + at) == 0x8100 || get16(subject->bytes + at) == 0x88a8))
		at += 4;
	subject->ip = 0;
	if (at + 42 > subject->length)
		return;
	subject->v4 = get16(subject->bytes + at) == 0x0800;
	if (subject->v4 || get16(subject->bytes + at) == 0x86dd)
		subject->ip = at + 2;
}

/* A header that speaks of more than there is ends the way of a frame early: most often it is not
 * so. */
static void mend_total(struct subject *subject)
{
	uint8_t *at = subject->bytes + subject->ip + (subject->v4 ? 2 : 4);
	size_t most = subject->length - subject->ip - (subject->v4 ? 0 : 40);

	if (get16(at) > most)
		put16(at, (uint16_t)most);
}

size_t mutate(struct random *random, const struct world *world, uint8_t *frame, size_t length)
{
	static void (*const blind[])(struct subject *) = {
		flip_bit, flip_bit, set_byte, set_byte, set_word, cut, cut, extend, splice, add_tag,
	};
	static void (*const aware[])(struct subject *) = {
		set_address, set_address, set_port,  set_ttl,	   set_proto,
		set_total,   set_total,	  set_total, set_fragment, set_ihl,
	};
	struct subject subject = {random, world, frame, length, 0, false};

	for (uint32_t left = 1 + random_below(random, 4); left > 0; left--) {
		find_ip(&subject);
		if (subject.ip == 0 || random_percent(random, 40)) {
			RANDOM_OF(random, blind)(&subject);
			continue;
		}
		if (random_percent(random, 25))
			descend(&subject);
		RANDOM_OF(random, aware)(&subject);
	}
	find_ip(&subject);
	if (subject.ip && random_percent(random, 75))
		mend_total(&subject);
	return subject.length;
}
