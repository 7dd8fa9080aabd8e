#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Put tandem in place: install.sh BUILD DESTDIR PREFIX SYSCONFDIR UNITDIR. Can be run again; a
# configuration that is there is left alone. Prints errors only.
set -eu
if [ $# -ne 5 ]; then
	echo "usage: install.sh BUILD DESTDIR PREFIX SYSCONFDIR UNITDIR" >&2
	exit 2
fi
build=$1 dest=$2 prefix=$3 sysconfdir=$4 unitdir=$5
tools=$(dirname "$0")
# Where units live in lib/systemd/system, this is lib/sysusers.d.
sysusers=$(dirname "$(dirname "$unitdir")")/sysusers.d/tandem.conf

# put MODE FILE TARGET
put() {
	install -D -m "$1" "$2" "$dest$3"
}

# The same with the paths filled in.
fill() {
	mkdir -p "$(dirname "$dest$3")"
	sed -e "s|@SBINDIR@|$prefix/sbin|g" -e "s|@SYSCONFDIR@|$sysconfdir|g" "$2" >"$dest$3.new"
	chmod "$1" "$dest$3.new"
	mv "$dest$3.new" "$dest$3"
}

put 755 "$build/tandemd" "$prefix/sbin/tandemd"
put 755 "$build/tandemctl" "$prefix/bin/tandemctl"
put 644 "$tools/man/tandemctl.1" "$prefix/share/man/man1/tandemctl.1"
put 644 "$tools/man/tandem.json.5" "$prefix/share/man/man5/tandem.json.5"
put 644 "$tools/man/tandemd.8" "$prefix/share/man/man8/tandemd.8"
put 644 "$tools/completion/tandemctl.bash" "$prefix/share/bash-completion/completions/tandemctl"
put 644 "$tools/systemd/tandem.sysusers" "$sysusers"
put 644 "$tools/tandem.json.example" "$prefix/share/doc/tandem/tandem.json.example"
fill 644 "$tools/systemd/tandemd.service" "$unitdir/tandemd.service"
install -d -m 755 "$dest$sysconfdir/tandem"

# On this host itself, and not in a package's tree: make the group that may use the socket.
if [ -z "$dest" ] && [ "$(id -u)" -eq 0 ] && command -v systemd-sysusers >/dev/null; then
	said=$(systemd-sysusers "$sysusers" 2>&1) || {
		echo "$said" >&2
		exit 1
	}
fi
