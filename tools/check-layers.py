#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fail when a part under user/ includes a header of a part that it may not know.

Usage: check-layers.py BUILD. Reads the .d files that the compiler wrote there. A part may use those
of the layers below its own; parts of one layer never know each other.
"""
import pathlib
import re
import sys

LAYERS = [
    {"base"},
    {"model"},
    {"store", "dataplane", "net", "health", "cli"},
    {"service"},
    {"api"},
    {"agent"},
]
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}


def included(dep):
    """The files of user/ that one object depends on, as (part, file), its own source first."""
    rule = dep.read_text().replace("\\\n", " ").split("\n", 1)[0]
    return re.findall(r"(?<!\S)user/(\w+)/(\S+)", rule.split(":", 1)[1])


def findings(files):
    (part, source), *headers = files
    if part not in RANK:
        yield f"user/{part}: tools/check-layers.py does not know this part"
        return
    for other, name in headers:
        if other == part or (RANK.get(other, len(LAYERS)) < RANK[part] and other != "cli"):
            continue
        yield f"user/{part}/{source}: may not include {other}/{name}"


def main():
    deps = sorted(pathlib.Path(sys.argv[1], "user").rglob("*.d"))
    if not deps:
        print(f"{sys.argv[1]}/user: no .d files; build first")
        return 1
    found = []
    for dep in deps:
        files = included(dep)
        # The rest of an earlier build says nothing: its source went away.
        if files and pathlib.Path("user", *files[0]).exists():
            found += findings(files)
    print("".join(f"{line}\n" for line in found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
