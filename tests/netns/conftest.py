# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fixtures: a lab for each test, always removed, and shown when the test fails."""

import os

import lab as lab_module
import pytest


def pytest_collection_modifyitems(items):
    """All of these tests need root and namespaces."""
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="network namespaces need root"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Attach what the lab knows to the report of a failed test."""
    outcome = yield
    report = outcome.get_result()
    the_lab = getattr(item, "funcargs", {}).get("lab")
    if report.when == "call" and report.failed and the_lab:
        try:
            report.sections.append(("lab", the_lab.diagnose()))
        except Exception as error:  # the report matters more than its appendix
            report.sections.append(("lab", f"no diagnosis: {error}"))


@pytest.fixture(params=["two"])
def lab(request):
    """A lab with its agent running; parametrise indirectly with "one" for one arm."""
    the_lab = lab_module.Lab(request.param)
    try:
        the_lab.start_agent()
        yield the_lab
    finally:
        the_lab.close()
