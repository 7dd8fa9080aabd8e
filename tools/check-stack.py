#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Check that every chain of calls of a BPF object fits into the stack of older kernels.

usage: check-stack.py OBJECT...

All functions of a chain share 512 bytes, and kernels before 6.8 count each function's part in whole
32 bytes, later ones in 16: a program may load here and not there. The deepest chain is printed.
"""

import re
import subprocess
import sys

LIMIT, UNIT = 512, 32
BPF_REG_FP, BPF_PSEUDO_CALL = 10, 1


class Function:
    """A function's stack and whom it calls."""

    def __init__(self, name):
        self.name = name
        self.stack = 0
        self.calls = set()


def disassemble(path):
    """Yield ("function", section, offset), ("code", offset, bytes) and ("call", symbol)."""
    text = subprocess.check_output(["llvm-objdump", "-d", "-r", path], text=True)
    section = None
    for line in text.splitlines():
        if found := re.match(r"Disassembly of section (.+):$", line):
            section = found[1]
        elif found := re.match(r"([0-9a-f]+) <.+>:$", line):
            yield "function", section, int(found[1], 16)
        elif found := re.search(r"R_BPF_64_32\s+(\S+)", line):
            yield "call", found[1], section
        elif found := re.match(r"\s+(\d+):\s+((?:[0-9a-f]{2}[ \t]){8})", line):
            yield "code", int(found[1]), bytes.fromhex(found[2])


def symbols(path):
    """Functions by section and offset, and by name."""
    places, names = {}, {}
    text = subprocess.check_output(["llvm-objdump", "-t", path], text=True)
    for line in text.splitlines():
        if found := re.match(r"([0-9a-f]+) .{6}F (\S+)\s+[0-9a-f]+ (?:\.\w+ )?(\S+)$", line):
            function = Function(found[3])
            places[found[2], int(found[1], 16)] = names[found[3]] = function
    return places, names


def stack_of(instruction, frame):
    """How far below the frame pointer the instruction reaches; @frame has the copies of it."""
    operation, dest, source = instruction[0], instruction[1] & 15, instruction[1] >> 4
    offset = int.from_bytes(instruction[2:4], "little", signed=True)
    value = int.from_bytes(instruction[4:8], "little", signed=True)
    kind = operation & 7
    reach = 0
    if kind in (1, 2, 3):  # loads (from source) and stores (to dest)
        if (source if kind == 1 else dest) == BPF_REG_FP:
            reach = -offset
    elif operation == 0x07 and dest in frame:  # dest += value
        reach = -value
    if operation == 0xBF and source == BPF_REG_FP:  # dest = source
        frame.add(dest)
    elif kind not in (2, 3):
        frame.discard(dest)
    return reach


def read(path):
    """The functions of the object."""
    places, names = symbols(path)
    current, called, frame = None, None, set()
    for kind, first, second in disassemble(path):
        if kind == "function":
            # Labels inside a function are none.
            current, here = places.get((first, second), current), first
        elif kind == "call" and called is not None:
            # A static function is its section and an offset in that.
            immediate, _ = called
            current.calls.add(names.get(first) or places[first, (immediate + 1) * 8])
            called = None
        elif kind == "code":
            if called is not None:
                immediate, at = called
                current.calls.add(places[here, (at + 1 + immediate) * 8])
            called = None
            if second[0] == 0x85 and second[1] >> 4 == BPF_PSEUDO_CALL:
                called = int.from_bytes(second[4:8], "little", signed=True), first
            current.stack = max(current.stack, stack_of(second, frame))
    return list(names.values())


def deepest(function):
    """The stack of the deepest chain from the function on, and the chain."""
    below, chain = max((deepest(called) for called in function.calls), default=(0, ""))
    stack = -(-max(function.stack, 1) // UNIT) * UNIT
    return stack + below, f"{function.name} {function.stack}" + (chain and f" > {chain}")


def main():
    """Check each object."""
    good = True
    for path in sys.argv[1:]:
        depth, chain = max(map(deepest, read(path)), default=(0, ""))
        print(f"{path}: {depth} of {LIMIT} bytes of stack: {chain}")
        good = good and depth <= LIMIT
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main())
