from dataclasses import replace

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


def test_each_line_has_the_verdict_that_the_bench_gave_it(result: Result) -> None:
    verdicts = {
        "p50_ms": Verdict.PASS,
        "p99_ms": Verdict.FAIL,
        "error_rate": Verdict.INCONCLUSIVE,
        "throughput_rps": Verdict.PASS,
    }

    missed = replace(result, verdict=Verdict.FAIL, verdicts=verdicts)

    assert [line.verdict for line in lines(missed)] == list(verdicts.values())


def test_a_result_without_verdicts_on_lines_claims_no_more_than_its_verdict_on_all(result: Result) -> None:
    old = replace(result, verdicts={})

    assert {line.verdict for line in lines(old)} == {Verdict.PASS}
    assert {line.verdict for line in lines(replace(old, verdict=Verdict.INVALID))} == {Verdict.INVALID}
    assert {line.verdict for line in lines(replace(old, verdict=Verdict.FAIL))} == {Verdict.INCONCLUSIVE}


def test_an_interval_without_an_upper_end_says_where_it_begins(result: Result) -> None:
    open_ended = replace(result, verdict=Verdict.INCONCLUSIVE, p99_ci95_ms=(2.9, None))

    assert line(open_ended, "p99").interval_text == "from 2.90 ms"


def test_a_value_just_over_the_budget_does_not_look_equal_to_it(result: Result) -> None:
    close = replace(result, verdict=Verdict.FAIL, p99_ci95_ms=None, latency_ms=Percentiles(p50=1.2, p99=80.004))

    assert line(close, "p99").measured_text == "80.004 ms"


def test_a_percentile_that_is_a_failed_request_says_so(result: Result) -> None:
    failed = replace(result, verdict=Verdict.FAIL, errors=6000, p99_ci95_ms=None, latency_ms=Percentiles(p50=1.2))

    assert line(failed, "p99").measured_text == "failed"


def test_nothing_measured_is_not_zero(result: Result) -> None:
    nothing = replace(result, verdict=Verdict.INVALID, requests=0, latency_ms=Percentiles(), p99_ci95_ms=None)

    assert {line.measured_text for line in lines(nothing)} == {"–"}  # noqa: RUF001
