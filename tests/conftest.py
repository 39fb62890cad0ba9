"""What holds for every test: where something is missing the reason is told, and CI may forbid it."""

import os
from collections.abc import Generator

import pytest

MAY_BE_MISSING_IN_CI = ("needs a cloud account", "needs ../shared/contracts", "needs a GPU")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With RTDEPLOY_NO_SKIP a skip is a failure, but for what no test machine has."""
    report = yield
    forbidden = os.environ.get("RTDEPLOY_NO_SKIP") and report.skipped and not hasattr(report, "wasxfail")
    if forbidden and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(MAY_BE_MISSING_IN_CI):
            report.outcome = "failed"
            report.longrepr = f"skipped where nothing may skip: {reason}"
    return report
