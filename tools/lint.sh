#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# All checks that need no run of tandem. Usage: lint.sh BUILD, after a build, from the top of the tree.
# Says what each check is and what it found; fails when one found something.
# shellcheck disable=SC2317 # check() calls the functions
set -u
build=${1:?usage: lint.sh BUILD}
jobs=2
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# check NAME COMMAND...: run it, show its output only where it fails.
check() {
	local name=$1 start=$SECONDS
	shift
	if "$@" >"$log" 2>&1; then
		printf '  ok    %s (%d s)\n' "$name" $((SECONDS - start))
	else
		printf '  FAIL  %s\n' "$name"
		sed 's/^/        /' "$log"
		failed=1
	fi
}

# The newest LLVM 14 tools where there are several: other versions format otherwise.
tool() {
	command -v "$1-14" || command -v "$1"
}

sources() {
	git ls-files -- "$@" | while read -r file; do
		test -f "$file" && echo "$file"
	done
}

mapfile -t c_files < <(sources '*.c' '*.h' | grep -v '^vmlinux/')
mapfile -t tidy_files < <(sources 'user/*.c' 'tests/unit/*.c')
mapfile -t shell_files < <(sources '*.sh' .ci/run)
mapfile -t python_files < <(sources '*.py')
mapfile -t man_pages < <(sources 'tools/man/*')

clang_format() {
	local found
	found=$("$(tool clang-format)" --dry-run -Werror "${c_files[@]}" 2>&1 |
		grep -o '^[^ :]*:[0-9]*:' | sort -u -t: -k1,1)
	test -z "$found" || { echo "not as \`make format\` would have it (first line of each):" && echo "$found" && false; }
}

# One file a run: in one process the analyzer of version 14 mistakes va_list from the second file on.
# "N warnings generated" counts those of other people's headers, which it does not show.
clang_tidy() {
	local status
	printf '%s\n' "${tidy_files[@]}" |
		xargs -P "$jobs" -n 1 "$(tool clang-tidy)" -p . --quiet 2>&1 |
		grep -v 'warnings generated\.$'
	status=${PIPESTATUS[1]}
	return "$status"
}

# It does not look into system headers, so the shape of the macros of <sys/queue.h> and uthash is told here.
# One thread: functions that are not reentrant are fine. It does not know what AUTO() frees and closes.
cppcheck_c() {
	mkdir -p "$build/cppcheck"
	cat >"$build/cppcheck/macros.h" <<-END
		#define LIST_HEAD(name, type) struct name { struct type *lh_first; }
		#define LIST_ENTRY(type) struct { struct type *le_next; struct type **le_prev; }
		#define LIST_FOREACH(item, head, field) for (item = (head)->lh_first; item; item = item->field.le_next)
		#define TAILQ_HEAD(name, type) struct name { struct type *tqh_first; struct type **tqh_last; }
		#define TAILQ_ENTRY(type) struct { struct type *tqe_next; struct type **tqe_prev; }
		#define LIBBPF_OPTS(type, name, ...) struct type name = {__VA_ARGS__}
		#define HASH_ITER(hh, head, item, next) for (item = head; item; item = item->hh.next)
	END
	cppcheck -q -j "$jobs" --std=c11 --language=c --enable=warning,performance,portability \
		--inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem \
		--suppress=getgrnamCalled --suppress=getpwnamCalled --suppress=readdirCalled \
		--suppress=resourceLeak --suppress=memleak \
		--include="$build/cppcheck/macros.h" --library=posix \
		--cppcheck-build-dir="$build/cppcheck" -Iinclude -Iuser user
}

abi_padding() {
	gcc -x c -Wpadded -Werror -fsyntax-only include/tandem/abi.h include/tandem/trace.h
}

layers() {
	/usr/bin/python3 tools/check-layers.py "$build"
}

bpf_stack() {
	/usr/bin/python3 tools/check-stack.py "$build/bpf/tandem.bpf.o" \
		"$build/bpf/tandem_trace.bpf.o"
}

python_style() {
	local status=0
	black -q --check -l 100 "${python_files[@]}" ||
		{ black -q --diff -l 100 "${python_files[@]}"; status=1; }
	flake8 --max-line-length 100 --extend-ignore E203,W503 "${python_files[@]}" || status=1
	return "$status"
}

manuals() {
	local status=0 page
	for page in "${man_pages[@]}"; do
		mandoc -T lint -W warning "$page" || status=1
	done
	return "$status"
}

# Tests wait for what they need, with a deadline, and never for a time. wait_until() is the one that sleeps.
no_bare_sleep() {
	local file found
	found=$(sources 'tests/netns/*.py' | while read -r file; do
		awk -v file="$file" '/^ *def / { helper = /def wait_until\(/ }
			/(time\.|[^.a-z_])sleep\(/ && !helper { print file ":" NR ": " $0 }' "$file"
	done)
	test -z "$found" || { echo "$found" && false; }
}

licence_lines() {
	local file status=0
	for file in "${c_files[@]}" "${shell_files[@]}" "${python_files[@]}" "${man_pages[@]}" Makefile; do
		if ! head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause'; then
			echo "$file: no SPDX-License-Identifier in its first lines"
			status=1
		fi
	done
	return "$status"
}

check "layout of C (clang-format)" clang_format
check "licence lines" licence_lines
check "padding in the ABI (gcc -Wpadded)" abi_padding
check "direction of dependencies" layers
check "stack of BPF programs on older kernels" bpf_stack
check "shell (shellcheck)" shellcheck "${shell_files[@]}"
check "Python (black, flake8)" python_style
check "manual pages (mandoc)" manuals
check "no bare sleep in tests" no_bare_sleep
check "C (cppcheck)" cppcheck_c
check "C (clang-tidy)" clang_tidy
exit $failed
