"""What was observed in one run → its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rtdeploy.bench.figures import Rates, p99_interval, phases
from rtdeploy.bench.floor import Floor
from rtdeploy.bench.histogram import encode
from rtdeploy.bench.result import Generator, Result, Verdict
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.scenario import PERCENTILES, Budget, Scenario
from rtdeploy.bench.statistics import summary
from rtdeploy.bench.validity import Conduct, Doubts, doubts
from rtdeploy.bench.verdict import Evidence, judge

__all__ = ["Observation", "Subject", "result_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is measured, and by what."""

    scenario: Scenario
    budget: Budget
    target: str | None
    provider: str | None
    bundle_digest: str | None
    environment: Mapping[str, object]
    floor: Floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What happened to it.

    Attributes:
        measured: The requests that count.
        window_s: Seconds from the first that may count to the last.
        rates: What became of the load.
        cpu: Share of a core in every second, per worker.
        steal: Share of the machine's time that its host gave to others.
        lost: Why a worker did not finish, a sentence each.
        interrupted: Somebody asked for an end.
        decided: Name of a budget → what a run that may end at any moment has decided; None for a run of fixed length.

    """

    measured: Samples
    window_s: float
    rates: Rates
    cpu: Sequence[Sequence[float]]
    steal: float
    lost: Sequence[str]
    interrupted: bool
    decided: Mapping[str, Verdict] | None = None


def result_of(subject: Subject, seen: Observation, *, run_id: str, started_at: str) -> Result:
    """Judge, and put everything into its field."""
    measured = seen.measured
    doubted = doubts(_conduct(subject, seen), _budgets(subject.budget))
    finding = judge(_evidence(subject, seen), subject.budget, doubted)
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
        offered_rps=seen.rates.offered,
        achieved_rps=seen.rates.achieved,
        latency_ms=summary(measured.latency * 1e3),
        service_ms=summary(measured.service * 1e3),
        p99_ci95_ms=p99_interval(measured.latency, measured.scheduled, seen.window_s),
        generator=_generator(subject, seen, doubted),
        phases_ms=phases(measured),
        histogram=encode(measured.latency),
        environment=_environment(subject),
        interrupted=seen.interrupted,
    )


def _evidence(subject: Subject, seen: Observation) -> Evidence:
    return Evidence(
        measured=seen.measured,
        window_s=seen.window_s,
        planned_s=subject.scenario.duration_s,
        rate_rps=subject.scenario.rate_rps,
        rates=seen.rates,
        floor=subject.floor.latencies,
        interrupted=seen.interrupted,
        decided=seen.decided,
    )


def _conduct(subject: Subject, seen: Observation) -> Conduct:
    return Conduct(
        planned_rps=seen.rates.planned,
        offered_rps=seen.rates.offered,
        lag_s=seen.measured.lag,
        cpu=seen.cpu,
        steal=seen.steal,
        not_sent=seen.measured.errors().get("not_sent", 0),
        lost=seen.lost,
        floor=subject.floor.measured,
    )


def _generator(subject: Subject, seen: Observation, doubted: Doubts) -> Generator:
    shares = [float(np.mean(series)) for series in seen.cpu if len(series)]
    floor = subject.floor.measured
    return Generator(
        trusted=not doubted,
        workers=len(seen.cpu),
        schedule_lag_ms=summary(seen.measured.lag * 1e3),
        cpu_share=max(shares, default=None),
        floor_ms=None if floor is None else summary(floor.latency * 1e3),
    )


def _environment(subject: Subject) -> dict[str, object]:
    note = {"noise_floor": subject.floor.note} if subject.floor.note else {}
    return dict(subject.environment) | note


def _budgets(budget: Budget) -> dict[float, float]:
    return {PERCENTILES[name]: value for name, value in budget.latencies().items()}
