from dataclasses import replace

import pytest

from rtdeploy.bench.result import Percentiles, Result, Verdict
from rtdeploy.report.lines import Line, lines


def line(result: Result, name: str) -> Line:
    return next(line for line in lines(result) if line.name == name)


def test_every_declared_budget_has_a_line_and_no_other_has(result: Result) -> None:
    assert [line.label for line in lines(result)] == [
        "p50 ≤ 2 ms",
        "p99 ≤ 80 ms",
        "error rate ≤ 0.1 %",
        "throughput ≥ 150/s",
    ]


def test_a_passed_run_has_only_passed_lines_and_an_invalid_one_none(result: Result) -> None:
    invalid = replace(result, verdict=Verdict.INVALID)

    assert {line.verdict for line in lines(result)} == {Verdict.PASS}
    assert {line.verdict for line in lines(invalid)} == {Verdict.INVALID}


def test_a_missed_line_shows_which_budget_was_missed(result: Result) -> None:
    missed = replace(
        result, verdict=Verdict.FAIL, p99_ci95_ms=(90.0, 120.0), latency_ms=Percentiles(p50=1.2, p99=100.0)
    )

    assert line(missed, "p99").verdict is Verdict.FAIL
    assert line(missed, "p50").verdict is Verdict.PASS


def test_an_interval_around_the_budget_decides_nothing(result: Result) -> None:
    unsure = replace(
        result, verdict=Verdict.FAIL, p99_ci95_ms=(70.0, 120.0), latency_ms=Percentiles(p50=9.0, p99=100.0)
    )

    assert line(unsure, "p99").verdict is Verdict.INCONCLUSIVE


def test_an_interval_without_an_upper_end_never_passes(result: Result) -> None:
    open_ended = replace(result, verdict=Verdict.INCONCLUSIVE, p99_ci95_ms=(2.9, None))

    assert line(open_ended, "p99").verdict is Verdict.INCONCLUSIVE
    assert line(open_ended, "p99").interval_text == "from 2.90 ms"


def test_a_value_just_over_the_budget_does_not_look_equal_to_it(result: Result) -> None:
    close = replace(result, verdict=Verdict.FAIL, p99_ci95_ms=None, latency_ms=Percentiles(p50=1.2, p99=80.004))

    assert line(close, "p99").measured_text == "80.004 ms"
    assert line(close, "p99").verdict is Verdict.FAIL


def test_a_percentile_that_is_a_failed_request_says_so(result: Result) -> None:
    failed = replace(result, verdict=Verdict.FAIL, errors=6000, p99_ci95_ms=None, latency_ms=Percentiles(p50=1.2))

    assert line(failed, "p99").measured_text == "failed"
    assert line(failed, "p99").verdict is Verdict.FAIL


def test_nothing_measured_is_not_zero(result: Result) -> None:
    nothing = replace(result, verdict=Verdict.INVALID, requests=0, latency_ms=Percentiles(), p99_ci95_ms=None)

    assert {line.measured_text for line in lines(nothing)} == {"–"}  # noqa: RUF001


@pytest.mark.parametrize(("achieved", "verdict"), [(149.0, Verdict.FAIL), (151.0, Verdict.PASS)])
def test_throughput_is_missed_from_below(result: Result, achieved: float, verdict: Verdict) -> None:
    assert line(replace(result, verdict=Verdict.FAIL, achieved_rps=achieved), "throughput").verdict is verdict
