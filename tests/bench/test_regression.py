"""A bench against an earlier one: what may be compared, and what it proves."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtdeploy.bench import Run, Scenario, read
from rtdeploy.bench import run as measure
from rtdeploy.bench.payloads import Payloads
from rtdeploy.bench.regression import TOLERANCE, against, check_comparable
from rtdeploy.bench.result import Result, Verdict
from rtdeploy.bench.scenario import Budget
from rtdeploy.endpoint import Endpoint
from rtdeploy.errors import UsageError
from rtdeploy.exitcodes import ExitCode
from tests.bench.conftest import Bench, Serve
from tests.bench.evidence import samples

SCENARIO = Scenario(rate_rps=100.0, duration_s=60.0, timeout_s=1.0)
HERE: dict[str, Any] = {
    "platform": "Linux",
    "architecture": "x86_64",
    "cpu_model": "a CPU",
    "cpu_count": 2,
    "engine": "locust",
    "workers": 1,
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A real result, to be changed into any other."""
    from rtdeploy.bench.null import serving

    with serving() as url:
        scenario = Scenario(rate_rps=50.0, duration_s=0.5, warmup_s=0.1, timeout_s=5.0)
        out = tmp_path_factory.mktemp("runs")
        return measure(Endpoint(url=url), Payloads.one(b"{}"), scenario, Budget(p50_ms=1000.0), out=out).result


def stored(result: Result, latency_s: Any, *, seed: int = 1, failed: Any = None, **changed: Any) -> Run:
    asked = {
        "scenario": SCENARIO.declared(),
        "scenario_digest": SCENARIO.digest,
        "environment": HERE,
        "verdict": Verdict.PASS,
    }
    times = np.sort(np.random.default_rng(seed).uniform(0, 60, len(latency_s)))
    made = samples(latency_s, times, failed=failed)
    return Run(result=replace(result, **asked | changed), samples=made, directory=Path("nowhere"))


def latencies(seed: int, factor: float = 1.0) -> Any:
    return factor * np.random.default_rng(seed).lognormal(np.log(0.01), 0.3, 6000)


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, Verdict.PASS), (0.5, Verdict.PASS), (1.5, Verdict.FAIL), (1.1, Verdict.INCONCLUSIVE)]
)
def test_only_what_is_proven_to_be_worse_by_more_than_the_tolerance_is_a_regression(
    result: Result, factor: float, verdict: Verdict
) -> None:
    then, now = stored(result, latencies(1)), stored(result, latencies(2, factor), seed=2)
    found = against(then, now.result, now.samples, TOLERANCE)
    assert found.verdict is verdict, found.reasons
    assert {one.figure for one in found.differences} == {"p50", "p99", "errors"}


def test_the_reasons_say_what_changed_and_how_much_may(result: Result) -> None:
    then, now = stored(result, [0.01] * 6000), stored(result, [0.015] * 6000)
    assert against(then, now.result, now.samples, 0.1).reasons == (
        "p50 is worse than the baseline: 10 ms then, 15 ms now, a change of +5 ms to +5 ms (95 % interval) where +1 ms "
        "may be.",
        "p99 is worse than the baseline: 10 ms then, 15 ms now, a change of +5 ms to +5 ms (95 % interval) where +1 ms "
        "may be.",
        "error rate is no worse than the baseline: 0 % then, 0 % now, a change of +0 % to +0 % (95 % interval) where "
        "+0.1 % may be.",
    )


def test_more_errors_are_a_regression(result: Result) -> None:
    failed = np.arange(6000) % 200 == 0
    then, now = stored(result, [0.01] * 6000), stored(result, [0.01] * 6000, failed=failed)
    assert (
        against(then, now.result, now.samples, 0.1)
        .reasons[0]
        .startswith("error rate is worse than the baseline: 0 % then")
    )


def test_an_invalid_or_interrupted_run_proves_nothing_against_a_baseline(result: Result) -> None:
    then = stored(result, latencies(1))
    invalid = stored(result, latencies(1, 9.0), verdict=Verdict.INVALID)
    stopped = stored(result, latencies(1, 9.0), interrupted=True)
    assert against(then, invalid.result, invalid.samples, 0.1).verdict is Verdict.INVALID
    assert against(then, stopped.result, stopped.samples, 0.1).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"scenario_digest": "sha256:other", "scenario": {**SCENARIO.declared(), "rate_rps": 50.0}},
            "rate_rps: 50.0 then",
        ),
        ({"environment": {**HERE, "cpu_model": "another CPU"}}, "cpu_model: another CPU then, a CPU now"),
        ({"environment": {**HERE, "workers": 2}}, "workers: 2 then, 1 now"),
        ({"verdict": Verdict.INVALID}, "not a valid measurement"),
        ({"interrupted": True}, "was interrupted"),
    ],
)
def test_what_does_not_compare_is_refused_and_what_differs_is_said(
    result: Result, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        check_comparable(stored(result, latencies(1), **changed), SCENARIO, HERE)
    assert said in refused.value.summary + refused.value.detail


def test_the_exit_code_is_the_worse_of_budget_and_baseline(result: Result) -> None:
    codes = {}
    for budget in Verdict:
        for baseline in Verdict:
            then, now = stored(result, latencies(1)), stored(result, latencies(1), verdict=budget)
            against_it = replace(against(then, now.result, now.samples, 0.1), verdict=baseline)
            codes[budget, baseline] = replace(now.result, baseline=against_it).exit_code
    assert codes[Verdict.PASS, Verdict.PASS] == ExitCode.OK
    assert codes[Verdict.PASS, Verdict.FAIL] == codes[Verdict.FAIL, Verdict.PASS] == ExitCode.BUDGET_MISSED
    assert codes[Verdict.PASS, Verdict.INCONCLUSIVE] == ExitCode.INCONCLUSIVE
    assert codes[Verdict.INCONCLUSIVE, Verdict.FAIL] == ExitCode.BUDGET_MISSED
    assert codes[Verdict.INVALID, Verdict.FAIL] == ExitCode.INVALID


def test_a_bench_is_stored_with_what_it_proves_against_its_baseline(bench: Bench, serve: Serve) -> None:
    budget = Budget(p50_ms=2000.0)
    before = bench(serve().url, budget=budget)
    after = bench(serve(service_ms=30).url, budget=budget, baseline=before)
    found = after.result.baseline
    assert found is not None
    assert found.run_id == before.result.run_id
    assert found.verdict in {Verdict.FAIL, Verdict.INCONCLUSIVE}, found.reasons  # a busy machine leaves too few blocks
    assert read(after.directory).result == after.result


def test_a_baseline_of_another_scenario_is_refused_before_anything_is_sent(bench: Bench, serve: Serve) -> None:
    before = bench(serve().url, budget=Budget(p50_ms=2000.0), duration_s=0.5)
    with pytest.raises(UsageError, match="another scenario"):
        bench("http://127.0.0.1:9/", budget=Budget(p50_ms=2000.0), duration_s=1.0, baseline=before)
