/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/params.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

void params_add(struct params *params, const char *name, const char *value)
{
	params->items = xreallocarray(params->items, params->count + 1, sizeof(params->items[0]));
	params->items[params->count++] = (struct param){
		.name = xstrdup(name),
		.value = xstrdup(value),
	};
}

const char *params_get(const struct params *params, const char *name)
{
	for (size_t i = 0; i < params->count; i++)
		if (!strcmp(params->items[i].name, name))
			return params->items[i].value;
	return NULL;
}

void params_add_tag(struct params *params, const char *key, const char *value)
{
	char name[sizeof("Tag.4294967295.Value")];
	unsigned int index = 0;

	do
		snprintf(name, sizeof(name), "Tag.%u.Key", ++index);
	while (params_get(params, name));
	params_add(params, name, key);
	snprintf(name, sizeof(name), "Tag.%u.Value", index);
	params_add(params, name, value);
}

void params_clear(struct params *params)
{
	for (size_t i = 0; i < params->count; i++) {
		free(params->items[i].name);
		free(params->items[i].value);
	}
	free(params->items);
	*params = (struct params){};
}
