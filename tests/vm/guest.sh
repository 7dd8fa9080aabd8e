#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a guest runs, from the top of the tree that run.sh packed. usage: guest.sh RESULTS
set -u
shopt -s nullglob
results=$1
status=0
# option NAME: what run.sh says on the kernel's command line.
option() {
	sed -n "s/.*tandem_$1=\([a-z0-9]*\).*/\1/p" /proc/cmdline
}

netns=$(option netns)
uname -r >"$results/release"
echo "$(uname -r): up after $(cut -d' ' -f1 /proc/uptime) s"

TANDEM_SLOWNESS=$(option slowness)
export TANDEM_SLOWNESS
export CMOCKA_SECONDS=$((300 * TANDEM_SLOWNESS))

# Of tests/netns, a selection for guests without acceleration: every way of a packet, but no rates (rings
# run over at a tenth of the speed), no seconds, and no long runs twice.
smoke="test_traffic and not iperf3_over_udp and not every_packet_is_counted"
smoke+=" and not (random_payloads and one-v)"
smoke+=" or with_nobody_healthy_reject or with_nobody_healthy_udp"

# expect NAME COUNT_FILE: say how it went; a suite of which nothing passed, or that was skipped, proves
# nothing about this kernel.
expect() {
	local passed failed skipped
	read -r passed failed skipped <"$2"
	echo "$1: $passed passed, $failed failed, $skipped skipped (at $(cut -d' ' -f1 /proc/uptime) s)"
	if [ "$failed" -gt 0 ] || [ "$skipped" -gt 0 ] || [ "$passed" -eq 0 ]; then
		status=1
	fi
}

tools/run-cmocka.sh "$results" build/tests/packet/test_* build/tests/unit/test_{dataplane,net}* \
	>"$results/cmocka.log" 2>&1 || { status=1 && grep -v ' OK \]\| RUN ' "$results/cmocka.log" | tail -n 100; }
for count in "$results"/*.count; do
	expect "$(basename "$count" .count)" "$count"
done
sed -n 's/^tandem_xdp: the verifier looked at \([0-9]*\) instructions.*/\1/p' "$results"/test_*.log |
	head -n 1 >"$results/verified_insns"

selection=()
if [ "$netns" = smoke ]; then
	selection=(-k "$smoke")
fi
if [ "$netns" != none ]; then
	PYTHONDONTWRITEBYTECODE=1 tools/run-pytest.sh build --durations=10 "${selection[@]}" >"$results/netns.log" 2>&1 ||
		{ status=1 && tail -n 100 "$results/netns.log"; }
	cp build/results/netns.* "$results"
	expect netns "$results/netns.count"
fi
exit $status
