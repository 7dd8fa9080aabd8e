// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* tandemd: see tandemd(8). */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "base/log.h"
#include "config.h"

enum { EXIT_USAGE = 2 };

enum mode { RUN, CHECK, PURGE, PURGE_ALL, SHOW_VERSION, SHOW_HELP };

static const char usage[] =
	"usage: tandemd [--config FILE] [--check | --purge[=all]]\n"
	"       tandemd --version | --help\n"
	"\n"
	"  -c, --config FILE  read FILE instead of " TANDEM_CONFIG_PATH "\n"
	"      --check        check the configuration and exit\n"
	"      --purge        remove links, programs, maps and VIPs; the database stays\n"
	"      --purge=all    remove the database too\n"
	"      --version      print the version and exit\n"
	"  -h, --help         print this and exit\n"
	"\n"
	"tandemd(8) and tandem.json(5) say more; tandemctl talks to a running agent.\n";

struct options {
	enum mode mode;
	const char *config_path;
};

/* Returns 0, or -1 after it said what is wrong. */
static int options_parse(int argc, char **argv, struct options *ret)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
		{"purge", optional_argument, NULL, 'p'},  {"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			ret->config_path = optarg;
			break;
		case 'k':
			ret->mode = CHECK;
			break;
		case 'p':
			if (optarg && strcmp(optarg, "all") != 0) {
				fprintf(stderr, "tandemd: --purge=%s: only --purge=all is known\n",
					optarg);
				return -1;
			}
			ret->mode = optarg ? PURGE_ALL : PURGE;
			break;
		case 'v':
			ret->mode = SHOW_VERSION;
			break;
		case 'h':
			ret->mode = SHOW_HELP;
			break;
		default:
			return -1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tandemd: unexpected argument \"%s\"\n", argv[optind]);
		return -1;
	}
	return 0;
}

static int run(const struct options *options, struct error *reterr)
{
	AUTO(config_free) struct config *config = NULL;
	int r;

	r = config_load(options->config_path, &config, reterr);
	if (r < 0)
		return r;
	log_set_level(config->log_level);
	switch (options->mode) {
	case CHECK:
		printf("%s is good\n", options->config_path);
		return 0;
	case PURGE:
	case PURGE_ALL:
		return agent_purge(config, options->mode == PURGE_ALL, reterr);
	default:
		return agent_run(config, reterr);
	}
}

int main(int argc, char **argv)
{
	struct options options = {.mode = RUN, .config_path = TANDEM_CONFIG_PATH};
	struct error error = {0};

	if (options_parse(argc, argv, &options) < 0) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (options.mode == SHOW_VERSION) {
		printf("tandemd %s\n", TANDEM_VERSION);
		return EXIT_SUCCESS;
	}
	if (options.mode == SHOW_HELP) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	if (run(&options, &error) < 0) {
		log_error("%s", error.message);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
