#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reduce a full vmlinux.h to the types that bpf/ uses.

    bpftool btf dump file /sys/kernel/btf/vmlinux format c > full.h
    tools/vmlinux-reduce.py full.h > vmlinux/vmlinux.h

A type that is only pointed to stays an incomplete one; what is held by value is
kept whole, however deep.
"""
import re
import sys

WANTED = """
    struct:xdp_md struct:ethhdr struct:iphdr struct:ipv6hdr struct:tcphdr struct:udphdr
    struct:icmphdr struct:icmp6hdr struct:bpf_fib_lookup struct:net_device struct:net
    struct:ns_common enum:xdp_action enum:bpf_map_type typedef:bool typedef:__u64
    typedef:__s32 typedef:__s64 typedef:__wsum typedef:size_t constant:true
    constant:IPPROTO_TCP constant:BPF_F_MMAPABLE constant:BPF_ANY
""".split()
# Only these members of a large kernel type are read; CO-RE finds their offsets.
TRIMMED = {
    "net_device": ["int ifindex;", "possible_net_t nd_net;"],
    "net": ["struct ns_common ns;"],
    "ns_common": ["unsigned int inum;"],
}


def definitions(text):
    """Yield (kind, name, source text) of each definition at the top level."""
    for block in re.split(r"\n\n", text):
        block = block.strip()
        match = re.match(r"(struct|union|enum) (\w+) \{", block)
        if match:
            yield match.group(1), match.group(2), block
            continue
        if block.startswith("enum {"):
            for constant in re.findall(r"^\t(\w+)", block, re.M):
                yield "constant", constant, block
            continue
        if block.startswith("typedef"):
            name = re.search(r"\(\*(\w+)\)\(", block) or re.search(r"(\w+)(\[\w*\])*;$", block)
            if name:
                yield "typedef", name.group(1), block


def main():
    text = open(sys.argv[1], encoding="ascii").read()
    known = {}
    for kind, name, source in definitions(text):
        known[f"{kind}:{name}"] = source

    done = {}

    def keep(key):
        if key in done or key not in known:
            return
        kind, name = key.split(":")
        source = known[key]
        if name in TRIMMED:
            source = f"{kind} {name} {{\n\t" + "\n\t".join(TRIMMED[name]) + "\n};"
        done[key] = None  # breaks cycles; the order below is that of the dump
        for reference in re.findall(r"(struct|union|enum) (\w+) [^*;]*;", source):
            keep(":".join(reference))
        for word in set(re.findall(r"\b\w+\b", source)) - {name}:
            keep(f"typedef:{word}")
        done[key] = source

    for key in WANTED:
        if key not in known:
            sys.exit(f"{sys.argv[1]} does not define {key}")
        keep(key)

    print("/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */")
    print("/* Made by tools/vmlinux-reduce.py from the BTF of Linux 6.18: do not edit. */")
    print("#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n")
    print("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX")
    print("#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)")
    print("#endif\n")
    printed = set()
    for key in known:
        if key in done and done[key] not in printed:
            print(done[key] + "\n")
            printed.add(done[key])
    print("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n\n#endif")


main()
