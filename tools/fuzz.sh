#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Fuzz each tests/fuzz/fuzz_*.c for FUZZ_SECONDS (default 60) from a copy of its corpus.
# A target names what it is linked with: /* sources: FILE... */ and /* libs: PKG... */, one or more lines.
# Then, as root, the XDP program is compared with its model on frames that start from what real programs
# said (tests/packet); FUZZ_FIRST repeats a run of that.
set -eu

if [ $# -ne 1 ]; then
	echo "usage: $0 BUILD" >&2
	exit 2
fi
dir=$1/fuzz
seconds=${FUZZ_SECONDS:-60}
clang=${CLANG:-clang}
failed=

# What the lines of kind $2 in file $1 list.
listed() {
	sed -n "s|^/\* $2: \(.*\) \*/\$|\1|p" "$1" | tr '\n' ' '
}

build() {
	libs=$(listed "$1" libs)
	# Lists of words, so without quotes.
	# shellcheck disable=SC2046,SC2086
	$clang -std=gnu17 -D_GNU_SOURCE -O1 -g -Iinclude -Iuser \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		"$1" $(listed "$1" sources) \
		${libs:+$(pkg-config --cflags --libs $libs)} -o "$2"
}

run() {
	mkdir -p "$dir/corpus/$1"
	if [ -d "tests/fuzz/corpus/$1" ]; then
		cp -R "tests/fuzz/corpus/$1/." "$dir/corpus/$1/"
	fi
	"$dir/fuzz_$1" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="$dir/$1-" "$dir/corpus/$1" \
		>"$dir/$1.log" 2>&1
}

# Each run is of other frames; a difference names its batch.
frames() {
	first=${FUZZ_FIRST:-$(($(date +%s) * 1000))}
	"${PYTHON:-/usr/bin/python3}" tests/packet/capture.py "$dir/captures" &&
		"$1/tests/packet/fuzz_frames" --seconds "$seconds" --first "$first" \
			"$dir/captures/client.pcap" "$dir/captures/server.pcap" >"$dir/frames.log" 2>&1
}

mkdir -p "$dir"
for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	name=${name#fuzz_}
	build "$source" "$dir/fuzz_$name"
	if run "$name"; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$name.log")
		echo "  FUZZ    $name: $runs runs in $seconds s, nothing found"
	else
		echo "  FUZZ    $name: failed; the input is in $dir/$name-*, the log:" >&2
		tail -n 40 "$dir/$name.log" >&2
		failed=1
	fi
done
if [ "$(id -u)" -ne 0 ]; then
	echo "  FUZZ    frames: left out, the XDP program needs root" >&2
elif frames "$1"; then
	echo "  FUZZ    frames: $(head -n 1 "$dir/frames.log") in $seconds s"
else
	echo "  FUZZ    frames: failed from batch $first on; the log:" >&2
	head -n 40 "$dir/frames.log" >&2
	echo "to repeat: $1/tests/packet/fuzz_frames --first BATCH --batches 1 $dir/captures/*.pcap" >&2
	failed=1
fi
[ -z "$failed" ]
