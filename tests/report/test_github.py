from dataclasses import replace

import pytest

from rtdeploy import report
from rtdeploy.bench.result import Result, Verdict

MISSED = {
    "p50_ms": Verdict.PASS,
    "p99_ms": Verdict.FAIL,
    "error_rate": Verdict.PASS,
    "throughput_rps": Verdict.PASS,
}


@pytest.mark.parametrize(
    ("verdict", "level"),
    [
        (Verdict.PASS, "notice"),
        (Verdict.FAIL, "error"),
        (Verdict.INCONCLUSIVE, "warning"),
        (Verdict.INVALID, "error"),
    ],
)
def test_the_level_of_an_annotation_follows_the_verdict(result: Result, verdict: Verdict, level: str) -> None:
    first = report.github(replace(result, verdict=verdict))[0]

    assert first.startswith(f"::{level} title=rtdeploy bench local%3A {verdict}::")


def test_a_missed_line_has_an_annotation_of_its_own(result: Result) -> None:
    commands = report.github(replace(result, verdict=Verdict.FAIL, verdicts=MISSED, p99_ci95_ms=(90.0, 120.0)))

    assert commands[1:] == ["::error title=local%3A p99 ≤ 80 ms::measured 3.10 ms, 95 %25 interval 90.0 ms to 120 ms"]


def test_foreign_text_cannot_start_a_command_of_its_own(result: Result) -> None:
    hostile = replace(result, target="a\n::error::b", reasons=("c\r\n::add-mask::d",))

    assert all("\n" not in command and "\r" not in command for command in report.github(hostile))
    assert report.github(hostile)[0].startswith("::notice title=rtdeploy bench a %3A%3Aerror%3A%3Ab%3A pass::")


def test_a_regression_has_an_annotation_of_its_own(regressed: Result) -> None:
    second = report.github(regressed)[1]

    assert second.startswith("::error title=local%3A Worse than the baseline.::p99 is worse than the baseline")
