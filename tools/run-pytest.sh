#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Run the tests in network namespaces and leave their counts for test-summary.sh.
# usage: run-pytest.sh BUILD [pytest arguments]
set -u
build=$1
shift
python=${PYTHON:-/usr/bin/python3}
results=$build/results
mkdir -p "$results"
report=$results/netns.xml
rm -f "$report"

TANDEM_BUILD=$build "$python" -m pytest -q -p no:cacheprovider --junit-xml="$report" \
	tests/netns "$@"
status=$?

# A run without a report is a failure by itself; it must not count as nothing.
"$python" - "$report" "$results/netns.count" <<'END'
import sys
import xml.etree.ElementTree as tree

passed, failed, skipped = 0, 1, 0
try:
    suites = list(tree.parse(sys.argv[1]).getroot().iter("testsuite"))
    total = sum(int(suite.get("tests")) for suite in suites)
    failed = sum(int(suite.get("failures")) + int(suite.get("errors")) for suite in suites)
    skipped = sum(int(suite.get("skipped")) for suite in suites)
    passed = total - failed - skipped
except (OSError, tree.ParseError) as error:
    print(f"no report: {error}", file=sys.stderr)
with open(sys.argv[2], "w", encoding="ascii") as out:
    print(passed, failed, skipped, file=out)
END
exit $status
