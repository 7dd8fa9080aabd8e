#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Boot each kernel of DIR/kernels under qemu, one after the other, and run tests/vm/guest.sh in it with
# what was built. usage: run.sh BUILD DIR [SERIES...]
#   DIR/results-<series>/   what the guest left: logs, counts; console.log is what it said
#   BUILD/vm.json           instructions that the verifier looked at, by kernel, as bench.py takes them
# VM_ACCEL=kvm|tcg        instead of trying; KVM is taken where a guest boots under it
# VM_SECONDS              how long a guest may take (default 3600)
# VM_NETNS=smoke|all|none which of tests/netns run (default: all under KVM, smoke under TCG)
set -euo pipefail
build=${1:?usage: run.sh BUILD DIR [SERIES...]}
dir=$(realpath "${2:?usage: run.sh BUILD DIR [SERIES...]}")
shift 2
mapfile -t kernels < <(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else ls -v "$dir/kernels"; fi)

command -v qemu-system-x86_64 >/dev/null || {
	echo "run.sh: qemu-system-x86_64 is missing: run \`make deps-vm\`" >&2
	exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# boot ACCEL SECONDS SERIES [kernel arguments]: run a guest to its end; its console goes to stdout. The
# root image stays as it is.
boot() {
	local accel=$1 seconds=$2 kernel=$dir/kernels/$3 cpu=max
	shift 3
	[ "$accel" = kvm ] && cpu=host
	[ "$accel" = tcg ] && accel=tcg,thread=multi
	timeout --kill-after=5 "$seconds" qemu-system-x86_64 -machine q35 -accel "$accel" -cpu $cpu \
		-smp 2 -m 4G -nic none -display none -monitor none -serial stdio -no-reboot \
		-device virtio-rng-pci -kernel "$kernel/vmlinuz" -initrd "$kernel/initrd" \
		-append "root=/dev/vda rw console=ttyS0 quiet panic=-1 net.ifnames=0 init=/sbin/tandem-vm-init $*" \
		-drive "file=$dir/root.img,format=raw,if=virtio,snapshot=on" \
		-drive "file=$work/files.tar,format=raw,if=virtio,readonly=on" \
		-drive "file=$work/results.tar,format=raw,if=virtio" \
		</dev/null | sed -u 's,\r$,,'
}

# Nested or emulated virtualisation may offer /dev/kvm and yet not carry a stock kernel, so try.
choose_accel() {
	local said=
	truncate -s 1M "$work/files.tar" "$work/results.tar"
	if [ -w /dev/kvm ]; then
		said=$(boot kvm 30 "${kernels[0]}" tandem_probe 2>&1) || true
	fi
	if [[ $said == *"tandem-vm: up"* ]]; then
		echo kvm
	else
		echo tcg
	fi
}

# What the guest runs: the programs without their objects, the tests, and what runs these.
pack() {
	local stage=$work/stage suite
	mkdir -p "$stage"
	cp -r include tests tools "$stage"
	for suite in packet unit bench; do
		mkdir -p "$stage/build/tests/$suite"
		find "$build/tests/$suite" -maxdepth 1 -type f -executable \
			-exec cp -t "$stage/build/tests/$suite" {} +
	done
	cp "$build/tandemd" "$build/tandemctl" "$stage/build"
	tar -c -f "$work/files.tar" --exclude=__pycache__ -C "$stage" .
}

accel=${VM_ACCEL:-$(choose_accel)}
if [ "$accel" = kvm ]; then
	netns=${VM_NETNS:-all} slowness=1
else
	netns=${VM_NETNS:-smoke} slowness=10
fi
pack
status=0
for series in "${kernels[@]}"; do
	release=$(cat "$dir/kernels/$series/release")
	results=$dir/results-$series
	rm -rf "$results"
	mkdir -p "$results"
	rm -f "$work/results.tar"
	truncate -s 256M "$work/results.tar"
	start=$SECONDS
	echo "  VM      $release under $accel, tests/netns: $netns"
	boot "$accel" "${VM_SECONDS:-3600}" "$series" "tandem_netns=$netns tandem_slowness=$slowness" |
		tee "$results/console.log" | sed -u 's/^/        /' || true
	tar -x -f "$work/results.tar" -C "$results" || true
	if [ "$(cat "$results/status" 2>/dev/null)" = 0 ]; then
		echo "  VM      $release: good ($((SECONDS - start)) s)"
	else
		echo "  FAILED  $release ($((SECONDS - start)) s): see $results"
		status=1
	fi
done

python3 "$(dirname "$0")/report.py" "$dir" "$build/vm.json" || status=1
exit $status
