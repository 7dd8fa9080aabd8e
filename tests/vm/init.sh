#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The guest's first process: unpack the files of the second disk, run tests/vm/guest.sh of them, leave
# its results on the third disk, power off. The console goes to the host.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8

# What the initrd has mounted stays.
place() {
	mkdir -p "$2"
	mountpoint -q "$2" || mount -t "$1" "$1" "$2"
}

place proc /proc
place sysfs /sys
place devtmpfs /dev
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
place devpts /dev/pts
place tmpfs /dev/shm
place tmpfs /run
place tmpfs /tmp
place bpf /sys/fs/bpf
place cgroup2 /sys/fs/cgroup
mkdir -p /run/netns /tmp/tandem /tmp/results
ip link set lo up

if grep -qw tandem_probe /proc/cmdline; then
	echo "tandem-vm: up"
else
	tar -x -f /dev/vdb -C /tmp/tandem
	cd /tmp/tandem && bash tests/vm/guest.sh /tmp/results
	echo $? >/tmp/results/status
	tar -c -f /dev/vdc -C /tmp/results .
	sync
fi
echo o >/proc/sysrq-trigger
exec sleep 60
