"""The highest rate within the budget: which rates are tried, when the search ends, and what it says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtdeploy.bench import Budget, Limits, Payloads, Run, Scenario, capacity, read, read_capacity, schema_of
from rtdeploy.bench import run as measure
from rtdeploy.bench.bracket import bracket_of, next_rate
from rtdeploy.bench.ceiling import Capacity, sizing_for
from rtdeploy.bench.climb import _climb, _judge, _tried
from rtdeploy.bench.result import Verdict
from rtdeploy.endpoint import Endpoint
from rtdeploy.errors import UsageError
from rtdeploy.exitcodes import ExitCode
from tests.bench.conftest import Serve
from tests.bench.evidence import samples

BUDGET = Budget(p50_ms=50.0)
SCENARIO = Scenario(rate_rps=100.0, duration_s=60.0, timeout_s=1.0)
AT_ONCE = Limits(rest_s=0.0)


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A real run, to be changed into any other."""
    from rtdeploy.bench.null import serving

    with serving() as url:
        scenario = Scenario(rate_rps=50.0, duration_s=0.5, warmup_s=0.1, timeout_s=5.0)
        out = tmp_path_factory.mktemp("runs")
        return measure(Endpoint(url=url), Payloads.one(b"{}"), scenario, Budget(p50_ms=1000.0), out=out)


class Endpoints:
    """What benches of an endpoint say that holds up to a rate; ``beyond_rps`` is more than the generator can."""

    def __init__(self, some: Run, holds_rps: float, *, beyond_rps: float = 1e9, grows: bool = False) -> None:
        self.some, self.holds_rps, self.beyond_rps, self.grows = some, holds_rps, beyond_rps, grows
        self.rates: list[float] = []

    def __call__(self, step: Scenario) -> Run:
        self.rates.append(step.rate_rps)
        verdict = Verdict.PASS if step.rate_rps <= self.holds_rps else Verdict.FAIL
        trusted = step.rate_rps <= self.beyond_rps
        result = replace(
            self.some.result,
            verdict=verdict if trusted else Verdict.INVALID,
            reasons=("as it is.",) if trusted else ("The generator was busy.",),
            generator=replace(self.some.result.generator, trusted=trusted),
            scenario=step.declared(),
        )
        latency = np.linspace(0.0, 20.0, 2000) if self.grows else np.full(2000, 0.01)
        return replace(self.some, result=result, samples=samples(latency, np.linspace(0.0, 20.0, 2000)))


def climbed(bench: Endpoints, start_rps: float = 100.0, limits: Limits = AT_ONCE) -> tuple[Verdict, str, float | None]:
    steps, _ = _climb(bench, replace(SCENARIO, rate_rps=start_rps), limits, lambda _: None)
    known = bracket_of(_tried(steps))
    return *_judge(steps, known), known.holds


@pytest.mark.parametrize("holds_rps", [1.3, 70.0, 100.0, 777.0, 12_345.0])
def test_the_rate_is_found_to_a_twentieth_in_few_steps_wherever_the_search_begins(some: Run, holds_rps: float) -> None:
    bench = Endpoints(some, holds_rps)
    verdict, reason, found = climbed(bench)
    assert verdict is Verdict.PASS, reason
    assert found is not None
    assert found <= holds_rps < 1.05 * found
    assert len(bench.rates) <= 15


def test_doubling_comes_before_bisecting() -> None:
    tried: list[tuple[float, Verdict]] = []
    for verdict in (Verdict.PASS, Verdict.PASS, Verdict.FAIL, Verdict.PASS):
        rate = next_rate(tried, 100.0)
        assert rate is not None
        tried.append((rate, verdict))
    assert [round(rate) for rate, _ in tried] == [100, 200, 400, 283]


def test_a_rate_that_held_above_one_that_did_not_is_no_capacity() -> None:
    known = bracket_of([(100.0, Verdict.PASS), (200.0, Verdict.INCONCLUSIVE), (400.0, Verdict.PASS)])
    assert (known.holds, known.fails) == (100.0, 200.0)


def test_an_endpoint_that_holds_nothing_is_a_miss(some: Run) -> None:
    verdict, reason, found = climbed(Endpoints(some, 0.1))
    assert (verdict, found) == (Verdict.FAIL, None)
    assert reason == "No rate holds the budget: not even 1/s."


def test_a_generator_that_cannot_go_on_is_the_limit_and_not_the_endpoint(some: Run) -> None:
    bench = Endpoints(some, 1e9, beyond_rps=300.0)
    verdict, reason, found = climbed(bench)
    assert (verdict, found) == (Verdict.INVALID, 200.0)
    assert reason.startswith("The generator, not the endpoint, is the limit at 400/s. 200/s holds the budget.")
    assert bench.rates == [100.0, 200.0, 400.0, 400.0]  # once more before it is believed


def test_a_generator_that_was_late_once_does_not_end_the_search(some: Run) -> None:
    class Hiccup(Endpoints):
        def __call__(self, step: Scenario) -> Run:
            self.beyond_rps = 1e9 if len(self.rates) != 1 else 0.0
            return super().__call__(step)

    bench = Hiccup(some, 150.0)
    verdict, reason, found = climbed(bench)
    assert verdict is Verdict.PASS, reason
    assert found is not None
    assert found <= 150.0 < 1.05 * found


def test_a_backlog_that_still_grows_is_not_held(some: Run) -> None:
    verdict, _, found = climbed(Endpoints(some, 1e9, grows=True))
    assert (verdict, found) == (Verdict.FAIL, None)


def test_when_time_is_up_the_search_says_what_it_knows(some: Run) -> None:
    verdict, reason, found = climbed(Endpoints(some, 1e9), limits=Limits(rest_s=0.0, whole_s=-1.0))
    assert (verdict, found) == (Verdict.INCONCLUSIVE, 100.0)
    assert reason == "The search was not over: 100/s holds the budget."


@pytest.mark.parametrize(("throughput", "rate", "replicas"), [(1000.0, 300.0, 5), (900.0, 300.0, 4), (10.0, 300.0, 2)])
def test_the_throughput_is_answered_with_one_lost(throughput: float, rate: float, replicas: int) -> None:
    sizing = sizing_for(throughput, rate)
    assert sizing.replicas == replicas
    assert (sizing.replicas - 1) * rate >= throughput
    assert sizing.cost is None


def searched(out: Path, url: str, budget: Budget, **asked: Any) -> tuple[Capacity, Path]:
    limits = asked.pop("limits", Limits(rest_s=0.0, whole_s=-1.0, step_s=20.0))
    scenario = Scenario(**{"rate_rps": 100.0, "duration_s": 60.0, "warmup_s": 0.2, "timeout_s": 20.0} | asked)
    return capacity(Endpoint(url=url), Payloads.one(b"{}"), scenario, budget, out=out, limits=limits, floor=False)


def test_a_search_is_stored_with_the_bench_of_every_rate(serve: Serve, tmp_path: Path) -> None:
    budget = Budget(p50_ms=5000.0, throughput_rps=1000.0, error_rate=0.001)
    found, directory = searched(tmp_path, serve().url, budget)
    assert found.verdict is Verdict.INCONCLUSIVE, found.reasons
    assert found.exit_code == ExitCode.INCONCLUSIVE
    assert (found.rate_rps, found.fails_rps) == (100.0, None)
    assert found.sizing is not None
    assert found.sizing.replicas == 11
    assert read_capacity(found.run_id, runs=tmp_path) == (found, directory)
    assert schema_of(found.run_id, runs=tmp_path) == "rtdeploy.capacity/1"
    assert read(found.steps[0].run_id, runs=tmp_path).result.scenario["rate_rps"] == 100.0


def test_an_endpoint_that_is_too_slow_at_any_rate_is_found_out(serve: Serve, tmp_path: Path) -> None:
    limits = Limits(rest_s=0.0, step_s=20.0)
    found, _ = searched(tmp_path, serve(service_ms=400).url, Budget(p50_ms=50.0), rate_rps=2.0, limits=limits)
    assert found.verdict is Verdict.FAIL, found.reasons
    assert [step.rate_rps for step in found.steps] == [2.0, 1.0]
    assert found.sizing is None


@pytest.mark.parametrize(
    ("budget", "asked", "said"),
    [
        (Budget(error_rate=0.01), {}, "no budget to hold"),
        (BUDGET, {"arrivals": "shape:spike"}, "shape:spike has none"),
        (Budget(p999_ms=50.0), {}, "No step of 20 s can prove a budget of p99.9"),
    ],
)
def test_what_cannot_be_searched_is_refused(tmp_path: Path, budget: Budget, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        searched(tmp_path, "http://127.0.0.1:9/", budget, **asked)


def test_a_damaged_capacity_is_not_read() -> None:
    with pytest.raises(ValueError, match="not a document"):
        Capacity.from_json({"schema": "rtdeploy.bench/1"})
    with pytest.raises(ValueError, match="incomplete"):
        Capacity.from_json({"schema": "rtdeploy.capacity/1", "verdict": "pass"})
