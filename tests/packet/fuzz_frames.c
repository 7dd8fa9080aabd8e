// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_frames [--seconds N] [--batches N] [--first N] CAPTURE.pcap...
 *
 * Compare the program with the model on mutated frames, for a time or for so many batches of
 * DIFFER_BATCH frames, from batch --first on. Each difference ends it with exit code 1.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "differ.h"
#include "lab.h"

struct options {
	uint64_t seconds;
	uint64_t batches;
	uint64_t first;
};

static int usage(const char *name)
{
	fprintf(stderr, "usage: %s [--seconds N] [--batches N] [--first N] [CAPTURE.pcap...]\n",
		name);
	return 2;
}

static bool parse_number(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0';
}

static bool parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"seconds", required_argument, NULL, 's'},
		{"batches", required_argument, NULL, 'b'},
		{"first", required_argument, NULL, 'f'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		uint64_t *to = option == 's'   ? &options->seconds
			       : option == 'b' ? &options->batches
			       : option == 'f' ? &options->first
					       : NULL;

		if (!to || !parse_number(optarg, to))
			return false;
	}
	return options->seconds || options->batches;
}

static bool load(struct captures *captures, char **paths)
{
	for (; *paths; paths++) {
		int r = captures_load(captures, *paths);

		if (r < 0) {
			fprintf(stderr, "%s: %s\n", *paths, strerror(-r));
			return false;
		}
	}
	return true;
}

/* How often each reason was met: what never was, is not tested. */
static void print_reasons(void)
{
#define NAME_OF_REASON(symbol, name, action) name,
	static const char *const names[] = {TD_REASONS(NAME_OF_REASON)};

	for (uint32_t reason = 1; reason < TD_REASON_MAX; reason++)
		printf("  %-24s %llu\n", names[reason],
		       (unsigned long long)lab_read_reason(reason));
}

int main(int argc, char **argv)
{
	struct options options = {0};
	static struct captures captures;
	uint64_t batch;
	time_t end;

	if (!parse_options(argc, argv, &options))
		return usage(argv[0]);
	if (!load(&captures, argv + optind) || lab_setup(NULL) < 0)
		return 2;
	end = time(NULL) + (time_t)options.seconds;
	for (batch = options.first;; batch++) {
		if (options.batches ? batch - options.first >= options.batches : time(NULL) >= end)
			break;
		if (!differ_batch(batch, &captures))
			return 1;
	}
	printf("%llu frames, from %zu captured ones and built ones; no difference\n",
	       (unsigned long long)((batch - options.first) * DIFFER_BATCH), captures.count);
	print_reasons();
	captures_free(&captures);
	lab_teardown(NULL);
	return 0;
}
