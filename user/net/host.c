/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "net/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parse.h"

int net_sysctl_read(const char *path, char *ret, size_t size)
{
	AUTO(free_memory) char *file = xasprintf("/proc/sys/%s", path);
	AUTO(close_fd) int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, ret, size - 1);
	if (length < 0)
		return -errno;
	ret[length] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

int net_sysctl_integer(const char *path, int64_t *ret)
{
	char text[32];
	int r;

	r = net_sysctl_read(path, text, sizeof(text));
	if (r < 0)
		return r;
	return parse_integer(text, INT64_MIN, INT64_MAX, ret);
}

static void close_filep(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* The file has pairs of lines: names, and below them their values. */
static bool find_value(char *names, char *values, const char *wanted, uint64_t *ret)
{
	char *save_names = NULL, *save_values = NULL;
	const char *name = strtok_r(names, " \n", &save_names);
	const char *value = strtok_r(values, " \n", &save_values);

	while (name && value) {
		if (!strcmp(name, wanted)) {
			*ret = strtoull(value, NULL, 10);
			return true;
		}
		name = strtok_r(NULL, " \n", &save_names);
		value = strtok_r(NULL, " \n", &save_values);
	}
	return false;
}

int net_reverse_path_drops(uint64_t *ret)
{
	AUTO(close_file) FILE *file = fopen("/proc/thread-self/net/netstat", "re");
	AUTO(free_memory) char *names = NULL;
	AUTO(free_memory) char *values = NULL;
	size_t names_size = 0, values_size = 0;

	if (!file)
		return -errno;
	while (getline(&names, &names_size, file) > 0 && getline(&values, &values_size, file) > 0) {
		if (!strncmp(names, "TcpExt:", 7) &&
		    find_value(names, values, "IPReversePathFilter", ret))
			return 0;
	}
	return -ENOENT;
}
