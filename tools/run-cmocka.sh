#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Run cmocka programs. Of each, RESULTS_DIR/<name>.count gets a line "passed failed skipped" and
# RESULTS_DIR/<name>.log the output, which is shown where something failed. CMOCKA_SECONDS (default 600)
# is how long one program may take. Exit code 1 where anything failed.
set -u

if [ $# -lt 2 ]; then
	echo "usage: $0 RESULTS_DIR PROGRAM..." >&2
	exit 2
fi
results=$1
shift
mkdir -p "$results" || exit 1
status=0

# The count in $2 of a program that left its output in $1 and exit code $3. Each group of tests says
# how many it runs and ends with a summary. Where that is missing, the program died in the middle: the
# tests that ended well count, and the death is a failure.
count() {
	awk -v code="$3" '
		/^\[==========\] Running [0-9]+ test/ { begun++; expected += $3 }
		/^\[==========\] [0-9]+ test\(s\) run\./ { ended++ }
		/^\[  PASSED  \] [0-9]+ test/ { passed += $4; ok = 0 }
		/^\[  SKIPPED \] [0-9]+ test.*listed below/ { skipped += $4 }
		/^\[  FAILED  \] [0-9]+ test.*listed below/ { failed += $4 }
		/^\[       OK \]/ { ok++ }
		END {
			if (begun != ended) {
				passed += ok
				failed++
			} else if (!begun) {
				failed++
			} else if (passed + failed + skipped < expected) {
				failed += expected - passed - failed - skipped
			}
			if (code != 0 && !failed)
				failed = 1
			print passed + 0, failed + 0, skipped + 0
		}' "$1" >"$2"
}

for program in "$@"; do
	name=$(basename "$program")
	log=$results/$name.log
	CMOCKA_MESSAGE_OUTPUT=STDOUT timeout --kill-after=10 "${CMOCKA_SECONDS:-600}" \
		"$program" >"$log" 2>&1
	code=$?
	count "$log" "$results/$name.count" "$code"
	read -r passed failed skipped <"$results/$name.count"
	if [ "$failed" -gt 0 ]; then
		cat "$log"
		echo "  FAILED  $name: $passed passed, $failed failed, $skipped skipped (exit code $code)"
		status=1
	else
		echo "  TEST    $name: $passed passed, $skipped skipped"
	fi
done
exit "$status"
