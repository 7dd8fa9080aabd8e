#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Print how many instructions each guest's verifier looked at, and write them for bench.py."""

import json
import pathlib
import sys

LIMIT = 500000  # half of what kernels allow; beyond it the next change may not load


def main():
    """Read DIR/results-<series>, write OUT."""
    folder, out = map(pathlib.Path, sys.argv[1:])
    figures, good = {}, True
    for results in sorted(folder.glob("results-*")):
        series = results.name.removeprefix("results-")
        try:
            count = int((results / "verified_insns").read_text())
        except (OSError, ValueError):
            print(f"  FAILED  {series}: no count of instructions: the program was not loaded")
            good = False
            continue
        print(f"  VM      {series}: the verifier looked at {count} instructions")
        good = good and count < LIMIT
        figures[f"verified_insns_{series}"] = {"median": count, "min": count, "max": count}
    out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
