"""Runs with known samples: simulated arrivals at a server of known service times, summarised independently."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rtdeploy.bench.result import Generator, Percentiles, Regression, Result, Verdict
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.store import Run

Array = npt.NDArray[Any]
FIELDS = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9, "max": 100.0}


Simulate = Callable[..., Run]


def percentiles(values: Array) -> Percentiles:
    known = values[~np.isnan(values)]
    if not known.size:
        return Percentiles()
    told = {name: float(np.percentile(known, share, method="inverted_cdf")) for name, share in FIELDS.items()}
    return Percentiles(**told, mean=float(known.mean()))


def simulate(
    *,
    rate: float = 100,
    duration: float = 15,
    warmup: float = 2,
    stall_every: float = 0,
    error_share: float = 0,
    lag_ms: float = 0.05,
    kinds: tuple[str, ...] = ("timeout", "http_503"),
    seed: int = 1,
    server_timing: bool = True,
    **result: Any,
) -> Run:
    """One run; ``result`` overrides what :func:`summarise` says."""
    random = np.random.default_rng(seed)
    count = int(rate * (duration + warmup))
    scheduled = np.sort(random.uniform(-warmup, duration, count)) if count != 1 else np.asarray([0.5])
    sent = scheduled + random.exponential(lag_ms / 1e3, count)
    predict = random.lognormal(np.log(0.8), 0.35, count)
    queue = random.exponential(0.08, count)
    server = queue + predict + 0.12
    network = random.lognormal(np.log(0.35), 0.3, count)
    finished = sent + (server + network) / 1e3
    if stall_every:
        stalls = (sent // stall_every) * stall_every
        stalled = (sent - stalls < 0.2) & (sent > 0)
        finished = np.where(stalled, stalls + 0.2 + (server + network) / 1e3, finished)
        queue = np.where(stalled, (finished - sent) * 1e3 - network - predict - 0.12, queue)
        server = queue + predict + 0.12
    outcome = np.where(random.uniform(size=count) < error_share, random.integers(1, len(kinds) + 1, count), 0)
    done = np.where(outcome == 1, np.nan, finished)
    unknown = np.full(count, np.nan)
    samples = Samples(
        scheduled=scheduled,
        dispatched=sent,
        sent=sent,
        first_byte=np.where(outcome == 1, np.nan, finished - 0.00002),
        done=done,
        outcome=outcome.astype(np.uint8),
        kinds=np.asarray(["ok", *kinds]),
        connect=np.where(np.arange(count) < 8, 0.2, 0.0).astype(np.float32),
        server=server.astype(np.float32) if server_timing else unknown.astype(np.float32),
        queue=queue.astype(np.float32) if server_timing else unknown.astype(np.float32),
        predict=predict.astype(np.float32) if server_timing else unknown.astype(np.float32),
        measured=(scheduled >= 0).astype(np.uint8),
        worker=np.zeros(count, np.uint16),
        cpu_t=np.arange(0.5, max(duration, 1)),
        cpu_share=np.clip(random.normal(0.3, 0.02, np.arange(0.5, max(duration, 1)).size), 0, 1),
    )
    made = replace(summarise(samples, rate, duration, warmup), **result)
    return Run(result=made, samples=samples, directory=Path())


def summarise(samples: Samples, rate: float, duration: float, warmup: float) -> Result:
    measured = samples.measured.astype(bool)
    failed = samples.outcome[measured] != 0
    latency = np.where(failed, np.nan, (samples.done - samples.scheduled)[measured] * 1e3)
    service = np.where(failed, np.nan, (samples.done - samples.sent)[measured] * 1e3)
    lag = (samples.sent - samples.scheduled)[measured] * 1e3
    known = np.sort(latency[~np.isnan(latency)])
    interval = (
        (float(known[int(known.size * 0.982)]), float(known[min(int(known.size * 0.997), known.size - 1)]))
        if known.size > 400
        else None
    )
    counts = {str(kind): int(np.sum(samples.outcome[measured] == i)) for i, kind in enumerate(samples.kinds) if i}
    errors = int(failed.sum())
    return Result(
        run_id="20261124T184200Z-3f9a1c",
        target="local",
        provider="process",
        started_at="2026-11-24T18:42:00Z",
        bundle_digest="sha256:" + "9b" * 32,
        scenario_digest="sha256:" + "1c" * 32,
        scenario={
            "rate_rps": rate,
            "arrivals": "poisson",
            "duration_s": duration,
            "warmup_s": warmup,
            "protocol": "rest",
            "seed": 1,
        },
        budget={"p99_ms": 80.0, "error_rate": 0.001},
        verdict=Verdict.PASS,
        reasons=("p99 3.1 ms ≤ 80 ms (95 % interval 2.9 to 3.4 ms, 1,500 requests)", "no errors in 1,500 requests"),
        requests=int(measured.sum()),
        errors=errors,
        errors_by_kind={kind: number for kind, number in counts.items() if number},
        offered_rps=float(measured.sum() / duration) if duration else 0.0,
        achieved_rps=float((measured.sum() - errors) / duration) if duration else 0.0,
        latency_ms=percentiles(latency),
        service_ms=percentiles(service),
        p99_ci95_ms=interval,
        generator=Generator(trusted=True, workers=1, schedule_lag_ms=percentiles(lag), cpu_share=0.31),
        phases_ms={
            "connect": percentiles(samples.connect[measured]),
            "first_byte": percentiles((samples.first_byte - samples.sent)[measured] * 1e3),
            "server": percentiles(samples.server[measured]),
            "network": percentiles(((samples.done - samples.sent) * 1e3 - samples.server)[measured]),
        },
        histogram="",
        environment={"python": "3.11.7", "locust": "2.47.0", "cpu": {"model": "a CPU", "count": 2}, "engine": "locust"},
    )


def cases() -> Mapping[str, Run]:
    """The runs that a page must be good at."""
    stalled = simulate(stall_every=4, error_share=0.004, duration=30, verdict=Verdict.FAIL)
    share, p99 = stalled.result.errors / stalled.result.requests, stalled.result.latency_ms.p99
    missed = (
        f"p99 {p99:.1f} ms > 80 ms",
        f"errors {share:.2%} > 0.1 %",
        "stalls dominate: the verdict rests on 7 events",
    )
    verdicts = {"p99_ms": Verdict.FAIL, "error_rate": Verdict.FAIL}
    stalled = replace(stalled, result=replace(stalled.result, reasons=missed, verdicts=verdicts))
    late = simulate(lag_ms=40, rate=400, duration=3, verdict=Verdict.INVALID)
    generator = replace(late.result.generator, trusted=False, cpu_share=0.99)
    why = ("schedule lag p99 184 ms exceeds 4 ms: the generator was the bottleneck. Lower --rate, or add --workers.",)
    late = replace(late, result=replace(late.result, generator=generator, reasons=why))
    return {
        "pass": simulate(),
        "stalls": stalled,
        "invalid": late,
        "all errors": simulate(
            error_share=1,
            verdict=Verdict.FAIL,
            verdicts={"p99_ms": Verdict.FAIL, "error_rate": Verdict.FAIL},
            reasons=("errors 100 % > 0.1 %", "no request was answered"),
        ),
        "nothing": simulate(
            rate=0, verdict=Verdict.INVALID, reasons=("nothing was measured",), errors=0, p99_ci95_ms=None
        ),
        "single": simulate(
            rate=1, duration=1, warmup=0, verdict=Verdict.INCONCLUSIVE, reasons=("1 request is too few",)
        ),
        "interrupted": simulate(interrupted=True, duration=4, verdict=Verdict.INCONCLUSIVE, reasons=("too few",)),
    }


def written() -> Result:
    """A result with figures chosen by hand, every optional field null."""
    lag = Percentiles(p50=0.05, p90=0.1, p95=0.15, p99=0.2, p999=0.6, max=1.1, mean=0.06)
    return Result(
        run_id="20261124T184200Z-3f9a1c",
        target="local",
        provider="process",
        started_at="2026-11-24T18:42:00Z",
        bundle_digest="sha256:9b9b",
        scenario_digest="sha256:1c1c",
        scenario={
            "rate_rps": 200,
            "arrivals": "poisson",
            "duration_s": 60,
            "warmup_s": 10,
            "protocol": "rest",
            "seed": 1,
        },
        budget={"p50_ms": 2.0, "p99_ms": 80.0, "error_rate": 0.001, "throughput_rps": 150.0},
        verdict=Verdict.PASS,
        reasons=("p99 3.1 ms ≤ 80 ms (95 % interval 2.9 to 3.4 ms, 12,000 requests).",),
        requests=12000,
        errors=0,
        errors_by_kind={},
        offered_rps=200.1,
        achieved_rps=200.1,
        latency_ms=Percentiles(p50=1.2, p90=1.9, p95=2.2, p99=3.1, p999=8.0, max=9.1, mean=1.3),
        service_ms=Percentiles(p50=1.1, p90=1.8, p95=2.1, p99=3.0, p999=7.9, max=9.0, mean=1.2),
        p99_ci95_ms=(2.9, 3.4),
        generator=Generator(trusted=True, workers=1, schedule_lag_ms=lag, cpu_share=0.31),
        phases_ms={"connect": Percentiles(p50=0.0, p99=0.0, max=0.4)},
        histogram="",
        environment={"python": "3.11.7", "cpu": {"model": "a CPU", "count": 2}},
    )


HOSTILE = "<script>window.hacked=1</script>\"'><img src=x onerror=window.hacked=1>\x1b[31m|`@all\x00"


def hostile() -> Result:
    """A result whose every text tries to be something else."""
    return replace(
        written(),
        target=HOSTILE,
        provider=HOSTILE,
        run_id=HOSTILE,
        started_at=HOSTILE,
        verdict=Verdict.FAIL,
        reasons=(HOSTILE,),
        errors=3,
        errors_by_kind={HOSTILE: 3},
        baseline=Regression(run_id=HOSTILE, tolerance=0.1, verdict=Verdict.FAIL, reasons=(HOSTILE,)),
        scenario={"rate_rps": 200, "arrivals": HOSTILE, HOSTILE: HOSTILE},
        environment={HOSTILE: {"nested": [HOSTILE]}},
        cost={HOSTILE: HOSTILE},
        phases_ms={HOSTILE: Percentiles()},
    )


@pytest.fixture(name="result")
def result_fixture() -> Result:
    return written()


@pytest.fixture(name="regressed")
def regressed_fixture() -> Result:
    """A result that meets its budget and is worse than an earlier one."""
    reason = "p99 is worse than the baseline: 3 ms then, 3.1 ms now."
    worse = Regression(run_id="20261101-000000-aaaaaa", tolerance=0.01, verdict=Verdict.FAIL, reasons=(reason,))
    return replace(written(), baseline=worse)


@pytest.fixture(name="hostile")
def hostile_fixture() -> Result:
    return hostile()


@pytest.fixture(name="simulate")
def simulate_fixture() -> Simulate:
    return simulate


@pytest.fixture(scope="session", name="cases")
def cases_fixture() -> Mapping[str, Run]:
    return cases()
