"""The way of one bench: check, record, judge, store."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rtdeploy.bench.engine import check, choose
from rtdeploy.bench.figures import Rates, p99_interval, phases, rates
from rtdeploy.bench.floor import Floor, floor_of
from rtdeploy.bench.histogram import encode
from rtdeploy.bench.machine import describe
from rtdeploy.bench.payloads import Payloads
from rtdeploy.bench.record import Progress, Recording, record
from rtdeploy.bench.regression import TOLERANCE, against, check_comparable
from rtdeploy.bench.result import Generator, Result
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.scenario import PERCENTILES, Budget, Scenario
from rtdeploy.bench.sequential import Seen, Sequential
from rtdeploy.bench.statistics import summary
from rtdeploy.bench.store import Run, new_id, now, write
from rtdeploy.bench.validity import Conduct, Doubts, doubts
from rtdeploy.bench.verdict import Evidence, judge
from rtdeploy.endpoint import Endpoint
from rtdeploy.errors import QuotaError

__all__ = ["run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What is measured, in the words of the caller."""

    scenario: Scenario
    budget: Budget
    target: str | None
    provider: str | None
    bundle_digest: str | None
    environment: Mapping[str, object]
    floor: Floor


def run(  # noqa: PLR0913 - the question and where the answer goes; all but five have defaults
    endpoint: Endpoint,
    payloads: Payloads,
    scenario: Scenario,
    budget: Budget,
    *,
    out: Path,
    target: str | None = None,
    provider: str | None = None,
    bundle_digest: str | None = None,
    workers: int = 1,
    engine: str = "auto",
    floor: bool = True,
    baseline: Run | None = None,
    tolerance: float = TOLERANCE,
    progress: Progress | None = None,
) -> Run:
    """Measure an endpoint and judge it; the run lies in a directory of its own under ``out``.

    With ``floor`` the generator's own noise is measured first, for three seconds at most.

    A ``baseline`` is an earlier run; ``tolerance`` is the share of its figures by which this one may be worse.

    The first Ctrl-C or SIGTERM ends the load and gives the result so far, marked interrupted and never a pass.

    Raises:
        UsageError: This version cannot drive that protocol, engine or kind of authentication, or the baseline is of
            another scenario or machine.
        MeasurementError: Nothing could be sent: no such host, a load generator that does not start.
        StoppedError: Stopped before anything was sent.
        QuotaError: No room for the samples, or no more processes or files.

    """
    chosen = choose(engine)
    check(endpoint, scenario, budget)
    environment = describe() | {"engine": chosen.engine.value, "engine_reason": chosen.why, "workers": workers}
    if baseline is not None:
        check_comparable(baseline, scenario, environment)
    started_at, run_id = now(), new_id()
    directory = out / run_id
    try:
        directory.mkdir(parents=True)
        subject = _Subject(
            scenario=scenario,
            budget=budget,
            target=target,
            provider=provider,
            bundle_digest=bundle_digest,
            environment=environment,
            floor=floor_of(payloads, scenario, directory=directory, workers=workers, wanted=floor),
        )
        rule = Sequential(budget=budget, longest_s=scenario.duration_s) if scenario.until_decided else None
        recording = record(
            endpoint, payloads, scenario, directory=directory, workers=workers, progress=progress, rule=rule
        )
        result = _result(subject, recording, rule, run_id, started_at)
        if baseline is not None:
            measured = _measured(recording)
            result = replace(result, baseline=against(baseline, result, measured, tolerance))
        stored = Run(result=result, samples=recording.samples, directory=directory)
        write(stored)
    except OSError as error:
        shutil.rmtree(directory, ignore_errors=True)
        raise QuotaError(
            f"The run cannot be kept in {out}.", remedy="Make room there, or make it writable.", detail=str(error)
        ) from error
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return stored


def _measured(recording: Recording) -> Samples:
    samples = recording.samples
    return samples.only((samples.measured == 1) & (samples.scheduled < max(recording.window_s, 0.0)))


def _result(subject: _Subject, recording: Recording, rule: Sequential | None, run_id: str, started_at: str) -> Result:
    samples, window_s = recording.samples, recording.window_s
    measured = _measured(recording)
    if rule is not None:
        rule.look(_all(measured, window_s))
    counted = rates(samples, recording.planned, window_s) if window_s > 0 else Rates(planned=0, offered=0, achieved=0)
    doubted = doubts(_conduct(subject, recording, measured, counted), _budgets(subject.budget))
    finding = judge(
        Evidence(
            measured=measured,
            window_s=window_s,
            planned_s=subject.scenario.duration_s,
            rate_rps=subject.scenario.rate_rps,
            rates=counted,
            floor_s=subject.floor.highest_s,
            interrupted=recording.interrupted,
            decided=None if rule is None else rule.decided,
        ),
        subject.budget,
        doubted,
    )
    errors = measured.errors()
    return Result(
        run_id=run_id,
        target=subject.target,
        provider=subject.provider,
        started_at=started_at,
        bundle_digest=subject.bundle_digest,
        scenario_digest=subject.scenario.digest,
        scenario=subject.scenario.declared(),
        budget=subject.budget.declared(),
        verdict=finding.verdict,
        verdicts=finding.lines,
        reasons=finding.reasons,
        requests=len(measured),
        errors=sum(errors.values()),
        errors_by_kind=errors,
        offered_rps=counted.offered,
        achieved_rps=counted.achieved,
        latency_ms=summary(measured.latency * 1e3),
        service_ms=summary(measured.service * 1e3),
        p99_ci95_ms=p99_interval(measured.latency, measured.scheduled, window_s),
        generator=_generator(subject, recording, measured, doubted),
        phases_ms=phases(measured),
        histogram=encode(measured.latency),
        environment=_environment(subject),
        interrupted=recording.interrupted,
    )


def _all(measured: Samples, window_s: float) -> Seen:
    """The last look: every request has come to its end."""
    failed = measured.outcome != 0
    return Seen(
        times=measured.scheduled,
        latency=measured.latency,
        failed=failed,
        waiting=np.zeros_like(failed),
        span_s=window_s,
    )


def _environment(subject: _Subject) -> dict[str, object]:
    note = {"noise_floor": subject.floor.note} if subject.floor.note else {}
    return dict(subject.environment) | note


def _conduct(subject: _Subject, recording: Recording, measured: Samples, counted: Rates) -> Conduct:
    return Conduct(
        planned_rps=counted.planned,
        offered_rps=counted.offered,
        lag_s=measured.lag,
        cpu=recording.cpu,
        steal=recording.steal,
        not_sent=measured.errors().get("not_sent", 0),
        lost=recording.lost,
        floor=subject.floor.measured,
    )


def _generator(subject: _Subject, recording: Recording, measured: Samples, doubted: Doubts) -> Generator:
    shares = [float(np.mean(series)) for series in recording.cpu if series]
    floor = subject.floor.measured
    return Generator(
        trusted=not doubted,
        workers=len(recording.cpu),
        schedule_lag_ms=summary(measured.lag * 1e3),
        cpu_share=max(shares, default=None),
        floor_ms=None if floor is None else summary(floor.latency * 1e3),
    )


def _budgets(budget: Budget) -> dict[float, float]:
    return {PERCENTILES[name]: value for name, value in budget.latencies().items()}
