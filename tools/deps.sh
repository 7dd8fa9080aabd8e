#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Install what building, testing and checking tandem needs and what is not there yet. Debian and
# Ubuntu only; elsewhere it names what to install. a|b: the first that the distribution has.
# usage: deps.sh [vm]; vm: only what `make test-vm` needs besides, which is large.
set -euo pipefail

build=(gcc make clang llvm libbpf-dev 'bpftool|linux-tools-generic' libnl-3-dev libnl-route-3-dev
	libjansson-dev libsqlite3-dev libmicrohttpd-dev libsystemd-dev libcurl4-gnutls-dev uuid-dev
	uthash-dev pkg-config)
tests=(libcmocka-dev python3-pytest python3-scapy nginx-light curl iperf3 dnsmasq-base
	bind9-dnsutils nftables iproute2 iputils-ping ethtool tcpdump openssl procps kmod util-linux)
lint=(git clang-format clang-tidy cppcheck shellcheck black flake8 mandoc)
fuzz=('libclang-rt-dev|libclang-rt-18-dev|libclang-common-14-dev')
vm=(qemu-system-x86 mmdebstrap e2fsprogs)

case ${1:-} in
'') wanted=("${build[@]}" "${tests[@]}" "${lint[@]}" "${fuzz[@]}") ;;
vm) wanted=("${vm[@]}") ;;
*)
	echo "tools/deps.sh: '$1' is no set of packages; there is vm, and without a word all others" >&2
	exit 2
	;;
esac

if ! command -v apt-get >/dev/null; then
	{
		echo "tools/deps.sh: there is no apt-get here. Install what these Debian packages hold:"
		echo "  to build: ${build[*]}"
		echo "  to test:  ${tests[*]}"
		echo "  to lint:  ${lint[*]}"
		echo "  to fuzz:  ${fuzz[*]}"
		echo "  to test under other kernels: ${vm[*]}"
	} >&2
	exit 1
fi

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

has_candidate() {
	apt-cache policy "$1" | grep -q 'Candidate: [^(]'
}

# Nothing where one of the alternatives is installed, else the first that can be.
choose() {
	local package alternatives
	IFS='|' read -ra alternatives <<<"$1"
	for package in "${alternatives[@]}"; do
		if is_installed "$package"; then
			return
		fi
	done
	for package in "${alternatives[@]}"; do
		if has_candidate "$package"; then
			echo "$package"
			return
		fi
	done
	echo "${alternatives[0]}"
}

missing() {
	local entry
	for entry in "${wanted[@]}"; do
		choose "$entry"
	done
}

mapfile -t packages < <(missing)
if [ ${#packages[@]} -eq 0 ]; then
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "tools/deps.sh: only root can install what is missing: ${packages[*]}" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# With fresh lists another alternative may be the one that exists.
mapfile -t packages < <(missing)
apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends install "${packages[@]}"
