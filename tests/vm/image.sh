#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Build the guests' root image, as root: Debian bookworm with what the tests need, its kernel 6.1 and the
# 6.12 of bookworm-backports. usage: image.sh DIR; leaves
#   DIR/root.img                          the root file system, with the modules of all kernels
#   DIR/kernels/<series>/{vmlinuz,initrd,release}
set -euo pipefail
dir=$(realpath -m "${1:?usage: image.sh DIR}")
here=$(dirname "$(realpath "$0")")

die() {
	echo "image.sh: $*" >&2
	exit 1
}

[ "$(id -u)" -eq 0 ] || die "needs root: it makes a Debian system"
for program in mmdebstrap mkfs.ext4; do
	command -v $program >/dev/null || die "$program is missing: run \`make deps-vm\`"
done
# Guests run what was built here, so they need the libraries of here.
# shellcheck source=/dev/null
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
[ "$codename" = bookworm ] ||
	die "guests are Debian bookworm and run the programs built on this host, which is $codename"

work=$(mktemp -d -p "${TMPDIR:-/tmp}" tandem-image.XXXXXX)
trap 'rm -rf "$work"' EXIT
root=$work/root

# The libraries that the programs are linked with, and what tests/netns runs.
libraries=(libbpf1 libnl-3-200 libnl-route-3-200 libjansson4 libsqlite3-0 libmicrohttpd12
	libsystemd0 libcurl3-gnutls libuuid1 libcmocka0)
programs=(bind9-dnsutils bpftool curl dnsmasq-base ethtool iperf3 iproute2 iputils-ping kmod
	nftables nginx-light procps python3-pytest python3-scapy tcpdump udev)

# The boot needs a disk and a file system; what else there is comes from the root file system.
cat >"$work/initramfs" <<'END'
virtio_pci
virtio_blk
ext4
END
mirror=${VM_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$dir"
# shellcheck disable=SC2016 # $1 is the hooks' own: the root
mmdebstrap --variant=minbase --include="$(
	IFS=,
	echo "${libraries[*]},${programs[*]}"
)" \
	--aptopt='APT::Install-Recommends "false"' \
	--aptopt='Acquire::Check-Valid-Until "false"' \
	--setup-hook='mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"' \
	--setup-hook='echo MODULES=list >"$1/etc/initramfs-tools/conf.d/tandem"' \
	--setup-hook="cp '$work/initramfs' \"\$1/usr/share/initramfs-tools/modules.d/tandem\"" \
	--customize-hook='chroot "$1" apt-get -qq -y install linux-image-amd64' \
	--customize-hook='chroot "$1" apt-get -qq -y install -t bookworm-backports linux-image-amd64' \
	--customize-hook='cd "$1" && rm -rf usr/share/doc usr/share/man usr/share/locale var/cache/apt' \
	bookworm "$root" \
	"deb $mirror bookworm main" \
	"deb ${VM_SECURITY_MIRROR:-http://deb.debian.org/debian-security} bookworm-security main" \
	"deb $mirror bookworm-backports main" >"$dir/image.log" 2>&1 || {
	tail -n 30 "$dir/image.log" >&2
	die "mmdebstrap failed; the whole log is in $dir/image.log"
}

install -m 0755 "$here/init.sh" "$root/sbin/tandem-vm-init"
rm -rf "$dir/kernels"
for kernel in "$root"/boot/vmlinuz-*; do
	release=${kernel##*/vmlinuz-}
	series=$(cut -d. -f1,2 <<<"${release%%[-+]*}")
	mkdir -p "$dir/kernels/$series"
	cp "$kernel" "$dir/kernels/$series/vmlinuz"
	cp "$root/boot/initrd.img-$release" "$dir/kernels/$series/initrd"
	echo "$release" >"$dir/kernels/$series/release"
done
for series in 6.1 6.12; do
	[ -e "$dir/kernels/$series" ] || die "no kernel $series was installed from $mirror"
done

truncate -s 4G "$work/root.img"
mkfs.ext4 -q -L tandem -d "$root" "$work/root.img"
cp --sparse=always "$work/root.img" "$dir/root.img"
