/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CONFIG_H
#define TANDEM_CONFIG_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"

#ifndef TANDEM_CONFIG_PATH
#define TANDEM_CONFIG_PATH "/etc/tandem/tandem.json"
#endif

/* The configuration of an agent: tandem.json(5). Owns its texts. */
struct config {
	char **interfaces; /* names, NULL-terminated, at least one, no duplicates */
	char *vip_interface;
	bool manage_vip;
	char *state_dir;
	char *socket;
	char *socket_group;
	char *pin_dir;
	char *region_id;
	int log_level; /* LOG_ERR ... LOG_DEBUG */
};

/*
 * Read the file. Absent keys take their defaults; an unknown key, a value of the wrong type or out
 * of range, and a missing "interfaces" are -EINVAL, with the file, the key and what would be right
 * in
 * @reterr. Does not look whether the interfaces exist.
 */
CHECKED int config_load(const char *path, struct config **ret, struct error *reterr);
/* The same from text; @path is for messages. */
CHECKED int config_parse(const char *text, const char *path, struct config **ret,
			 struct error *reterr);
/* NULL is fine; returns NULL. */
struct config *config_free(struct config *config);
DEFINE_AUTO(struct config, config_free)

#endif
