#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Add up the lines "passed failed skipped" in BUILD/results/*.count. Exit code 1 where a test failed or
# none passed.
set -eu

if [ $# -ne 1 ]; then
	echo "usage: $0 BUILD" >&2
	exit 2
fi
set -- "$1"/results/*.count
if [ ! -e "$1" ]; then
	echo "no results in ${1%/*}" >&2
	exit 1
fi
exec awk '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		printf "%d passed, %d failed", passed, failed
		if (skipped)
			printf ", %d skipped", skipped
		printf "\n"
		exit failed || !passed
	}' "$@"
