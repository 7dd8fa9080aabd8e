// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <syslog.h>

#include <jansson.h>
#include <net/if.h>

#include "base/memory.h"

enum key_type { KEY_NAMES, KEY_NAME, KEY_PATH, KEY_WORD, KEY_BOOL, KEY_LEVEL };

struct key {
	const char *name;
	enum key_type type;
	size_t offset;
	const char *wanted; /* what would be right, for the message */
};

#define KEY(type, member, wanted)                                                                  \
	{                                                                                          \
#member, type, offsetof(struct config, member), wanted                             \
	}

static const struct key keys[] = {
	KEY(KEY_NAMES, interfaces, "a list of at least one name of a network interface"),
	KEY(KEY_NAME, vip_interface, "the name of a network interface"),
	KEY(KEY_BOOL, manage_vip, "true or false"),
	KEY(KEY_PATH, state_dir, "an absolute path"),
	KEY(KEY_PATH, socket, "an absolute path"),
	KEY(KEY_WORD, socket_group, "the name of a group"),
	KEY(KEY_PATH, pin_dir, "an absolute path in bpffs, such as /sys/fs/bpf/tandem"),
	KEY(KEY_WORD, region_id, "a name without blanks"),
	KEY(KEY_LEVEL, log_level, "\"error\", \"warning\", \"notice\", \"info\" or \"debug\""),
};

static const struct {
	const char *name;
	int level;
} levels[] = {
	{"error", LOG_ERR}, {"warning", LOG_WARNING}, {"notice", LOG_NOTICE},
	{"info", LOG_INFO}, {"debug", LOG_DEBUG},
};

static void names_free(char **names)
{
	for (char **name = names; name && *name; name++)
		free(*name);
	free(names);
}

struct config *config_free(struct config *config)
{
	if (!config)
		return NULL;
	names_free(config->interfaces);
	free(config->vip_interface);
	free(config->state_dir);
	free(config->socket);
	free(config->socket_group);
	free(config->pin_dir);
	free(config->region_id);
	free(config);
	return NULL;
}

static struct config *config_new(void)
{
	struct config *config = xcalloc(1, sizeof(*config));

	config->manage_vip = true;
	config->state_dir = xstrdup("/var/lib/tandem");
	config->socket = xstrdup("/run/tandem/tandem.sock");
	config->socket_group = xstrdup("tandem");
	config->pin_dir = xstrdup("/sys/fs/bpf/tandem");
	config->region_id = xstrdup("local");
	config->log_level = LOG_INFO;
	return config;
}

static bool is_interface_name(const char *name)
{
	return name && *name && strlen(name) < IF_NAMESIZE && !strpbrk(name, "/ \t\n") &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool is_word(const char *text)
{
	return *text && strlen(text) <= 64 && !strpbrk(text, " \t\r\n");
}

static int set_text(char **member, const char *text, bool good)
{
	if (!good)
		return -EINVAL;
	free(*member);
	*member = xstrdup(text);
	return 0;
}

static int set_names(char ***member, const json_t *value)
{
	size_t count = json_array_size(value);
	char **names;

	if (!json_is_array(value) || count == 0)
		return -EINVAL;
	names = xcalloc(count + 1, sizeof(*names));
	for (size_t i = 0; i < count; i++) {
		const char *name = json_string_value(json_array_get(value, i));
		bool good = is_interface_name(name);

		for (size_t j = 0; good && j < i; j++)
			good = strcmp(names[j], name) != 0;
		if (!good) {
			names_free(names);
			return -EINVAL;
		}
		names[i] = xstrdup(name);
	}
	*member = names;
	return 0;
}

static int set_level(int *member, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(levels[i].name, name) == 0) {
			*member = levels[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_key(const struct key *key, const json_t *value, struct config *config)
{
	void *member = (char *)config + key->offset;
	const char *text = json_string_value(value);

	if (key->type == KEY_NAMES)
		return set_names(member, value);
	if (key->type == KEY_BOOL) {
		*(bool *)member = json_is_true(value);
		return json_is_boolean(value) ? 0 : -EINVAL;
	}
	if (!text)
		return -EINVAL;
	switch (key->type) {
	case KEY_NAME:
		return set_text(member, text, is_interface_name(text));
	case KEY_PATH:
		return set_text(member, text, text[0] == '/');
	case KEY_WORD:
		return set_text(member, text, is_word(text));
	case KEY_LEVEL:
		return set_level(member, text);
	default:
		return -EINVAL;
	}
}

static const struct key *key_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static int config_read(json_t *root, const char *path, struct config *config, struct error *reterr)
{
	const char *name;
	json_t *value;

	if (!json_is_object(root))
		return error_set(reterr, 0, NULL, "%s: the file must hold one JSON object", path);
	json_object_foreach (root, name, value) {
		const struct key *key = key_find(name);

		if (!key)
			return error_set(reterr, 0, name,
					 "%s: unknown key \"%s\": tandem.json(5) lists the keys",
					 path, name);
		if (set_key(key, value, config) < 0) {
			AUTO(free_memory) char *text = json_dumps(value, JSON_ENCODE_ANY);

			return error_set(reterr, 0, name, "%s: %s is %s, but must be %s", path,
					 name, text ? text : "unprintable", key->wanted);
		}
	}
	if (!config->interfaces)
		return error_set(
			reterr, 0, "interfaces",
			"%s: interfaces is missing: list the interfaces that clients and servers "
			"are reached by",
			path);
	if (!config->vip_interface)
		config->vip_interface = xstrdup(config->interfaces[0]);
	return 0;
}

static int config_build(json_t *root, const json_error_t *fault, const char *path,
			struct config **ret, struct error *reterr)
{
	AUTO(config_free) struct config *config = config_new();
	int r;

	if (!root && json_error_code(fault) == json_error_cannot_open_file)
		return error_errno(reterr, -ENOENT, "%s", fault->text);
	if (!root)
		return error_set(reterr, 0, NULL, "%s:%d: %s", path, fault->line, fault->text);

	r = config_read(root, path, config, reterr);
	json_decref(root);
	if (r < 0)
		return r;
	*ret = TAKE(config);
	return 0;
}

int config_load(const char *path, struct config **ret, struct error *reterr)
{
	json_error_t fault;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &fault);

	return config_build(root, &fault, path, ret, reterr);
}

int config_parse(const char *text, const char *path, struct config **ret, struct error *reterr)
{
	json_error_t fault;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &fault);

	return config_build(root, &fault, path, ret, reterr);
}
