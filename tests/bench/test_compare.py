"""Several endpoints in one run: what is measured of each, and what is said about the difference."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtdeploy.bench import Budget, Contender, Payloads, Scenario, compare, read, read_comparison, schema_of
from rtdeploy.bench.comparison import Comparison, order, verdict_of
from rtdeploy.bench.result import Result, Verdict
from rtdeploy.bench.store import Compared
from rtdeploy.endpoint import Endpoint
from rtdeploy.errors import UsageError
from rtdeploy.exitcodes import ExitCode
from tests.bench.conftest import Serve

WIDE = Budget(p50_ms=10_000.0, error_rate=0.5)


def compared(out: Path, *urls: str, budget: Budget = WIDE, **scenario: Any) -> Compared:
    contenders = [Contender(name=name, endpoint=Endpoint(url=url)) for name, url in zip("abc", urls, strict=False)]
    payloads = Payloads.one(b'{"x": 1}')
    asked = {"rate_rps": 100.0, "duration_s": 8.0, "warmup_s": 0.3, "timeout_s": 25.0} | scenario
    return compare(
        contenders, payloads, Scenario(payloads_digest=payloads.digest, **asked), budget, out=out, floor=False
    )


def result_of(compared: Compared, verdict: Verdict, p99: float) -> Result:
    some = compared.comparison.results[0]
    return replace(some, verdict=verdict, latency_ms=replace(some.latency_ms, p99=p99))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Two that do nothing, compared for a moment; to be changed into whatever a test needs."""
    from rtdeploy.bench.null import serving

    with serving() as one, serving() as two:
        return compared(tmp_path_factory.mktemp("runs"), one, two, duration_s=1.0)


def test_a_slow_endpoint_is_told_from_a_fast_one_in_one_run(serve: Serve, tmp_path: Path) -> None:
    fast, slow = serve(), serve(service_ms=40)
    made = compared(tmp_path, fast.url, slow.url)
    comparison = made.comparison
    assert comparison.verdict is Verdict.PASS, comparison.results
    assert (comparison.rounds, comparison.block_s) == (8, 1.0)
    assert comparison.pairs[0].told[0].startswith("b is slower than a by")
    p50 = comparison.pairs[0].differences[0]
    assert 20 < p50.low < p50.high < 200
    assert made.runs[0].result.requests == made.runs[1].result.requests
    assert np.array_equal(made.runs[0].samples.scheduled, made.runs[1].samples.scheduled)

    # No request of one while the other played: by the servers' own clocks.
    reads = [np.array([read for read, _ in server.end()]) for server in (fast, slow)]
    turns = np.concatenate([np.zeros(len(reads[0])), np.ones(len(reads[1]))])
    changes = np.count_nonzero(np.diff(turns[np.argsort(np.concatenate(reads))]))
    assert changes < 40


def test_half_of_a_short_block_counts_and_the_rates_are_of_that_half(both: Compared) -> None:
    run = both.runs[0]
    assert run.samples.measured.sum() == run.result.requests
    assert 20 < run.result.requests < 80
    assert run.result.offered_rps == pytest.approx(2 * run.result.requests, rel=0.1)


def test_too_few_rounds_say_nothing_about_the_difference(both: Compared) -> None:
    assert both.comparison.rounds == 1
    assert both.comparison.pairs == ()


def test_what_is_stored_is_read_back_whole_and_target_by_target(both: Compared) -> None:
    runs = both.directory.parent
    again = read_comparison(both.comparison.run_id, runs=runs)
    assert again.comparison == both.comparison
    assert schema_of(both.comparison.run_id[:-2], runs=runs) == "rtdeploy.compare/1"
    second = read(f"{both.comparison.run_id}/2", runs=runs)
    assert second.result == both.runs[1].result
    assert schema_of(f"{both.comparison.run_id}/2", runs=runs) == "rtdeploy.bench/1"
    document = json.loads((both.directory / "result.json").read_text())
    assert document["schema"] == "rtdeploy.compare/1"
    assert [result["schema"] for result in document["results"]] == ["rtdeploy.bench/1"] * 2


def test_a_damaged_comparison_is_not_read() -> None:
    with pytest.raises(ValueError, match="not a document"):
        Comparison.from_json({"schema": "rtdeploy.bench/1"})
    with pytest.raises(ValueError, match="incomplete"):
        Comparison.from_json({"schema": "rtdeploy.compare/1", "verdict": "pass"})


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ((Verdict.PASS, Verdict.FAIL), ExitCode.OK),
        ((Verdict.FAIL, Verdict.FAIL), ExitCode.BUDGET_MISSED),
        ((Verdict.FAIL, Verdict.INCONCLUSIVE), ExitCode.INCONCLUSIVE),
        ((Verdict.PASS, Verdict.INVALID), ExitCode.INVALID),
    ],
)
def test_one_that_holds_the_budget_is_enough(both: Compared, verdicts: tuple[Verdict, ...], code: ExitCode) -> None:
    results = [result_of(both, verdict, 1.0) for verdict in verdicts]
    comparison = replace(both.comparison, verdict=verdict_of(results))
    assert comparison.exit_code == code
    assert replace(comparison, interrupted=True).exit_code == ExitCode.INTERRUPTED


def test_who_holds_the_budget_is_said_cheapest_first_and_the_faster_first_where_cost_is_not_known(
    both: Compared,
) -> None:
    slow, fast, bad = (
        result_of(both, verdict, p99)
        for verdict, p99 in ((Verdict.PASS, 9.0), (Verdict.PASS, 2.0), (Verdict.FAIL, 1.0))
    )
    assert order(["slow", "fast", "bad"], [slow, fast, bad]) == (
        "fast and slow meet the budget.",
        "bad misses the budget.",
        "Cost is not known, so that the lower p99 comes first.",
    )
    cheap = replace(slow, cost={"per_million_requests": 1.0})
    dear = replace(fast, cost={"per_million_requests": 2.0})
    assert order(["cheap", "dear"], [cheap, dear]) == ("cheap and dear meet the budget.",)


def test_why_a_target_was_not_measured_validly_is_said(both: Compared) -> None:
    bad = replace(result_of(both, Verdict.INVALID, 9.0), reasons=("The generator was busy.", "p99 9 ms."))
    good = result_of(both, Verdict.PASS, 2.0)
    assert order(["good", "bad"], [good, bad])[:3] == (
        "good meets the budget.",
        "bad was not measured validly.",
        "bad: The generator was busy.",
    )


def test_one_target_alone_is_no_comparison(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to compare"):
        compared(tmp_path, "http://127.0.0.1:9/")
