"""The way of one bench: check, record, judge, store."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from rtdeploy.bench.engine import Choice, check, choose
from rtdeploy.bench.figures import Rates, rates
from rtdeploy.bench.floor import floor_of
from rtdeploy.bench.machine import describe
from rtdeploy.bench.outcome import Observation, Subject, result_of
from rtdeploy.bench.payloads import Payloads
from rtdeploy.bench.record import Progress, Recording, record
from rtdeploy.bench.regression import TOLERANCE, against, check_comparable
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.scenario import Budget, Scenario
from rtdeploy.bench.sequential import Seen, Sequential
from rtdeploy.bench.store import Run, new_id, now, write
from rtdeploy.endpoint import Endpoint
from rtdeploy.errors import QuotaError

__all__ = ["environment_of", "kept", "run"]


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
    environment = environment_of(choose(engine), workers)
    check(endpoint, scenario, budget)
    if baseline is not None:
        check_comparable(baseline, scenario, environment)
    started_at, run_id = now(), new_id()
    with kept(out, run_id) as directory:
        subject = Subject(
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
        seen = _observed(recording, rule)
        result = result_of(subject, seen, run_id=run_id, started_at=started_at)
        if baseline is not None:
            result = replace(result, baseline=against(baseline, result, seen.measured, tolerance))
        stored = Run(result=result, samples=recording.samples, directory=directory)
        write(stored)
    return stored


@contextmanager
def kept(out: Path, run_id: str) -> Iterator[Path]:
    """A directory for a run, which is gone again where the run does not come to its end."""
    directory = out / run_id
    try:
        directory.mkdir(parents=True)
        yield directory
    except OSError as error:
        shutil.rmtree(directory, ignore_errors=True)
        raise QuotaError(
            f"The run cannot be kept in {out}.", remedy="Make room there, or make it writable.", detail=str(error)
        ) from error
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def environment_of(chosen: Choice, workers: int) -> dict[str, object]:
    """What measures: the machine, the versions, the generator."""
    return describe() | {"engine": chosen.engine.value, "engine_reason": chosen.why, "workers": workers}


def _observed(recording: Recording, rule: Sequential | None) -> Observation:
    samples, window_s = recording.samples, recording.window_s
    measured = samples.only((samples.measured == 1) & (samples.scheduled < max(window_s, 0.0)))
    if rule is not None:
        rule.look(_all(measured, window_s))
    return Observation(
        measured=measured,
        window_s=window_s,
        rates=rates(samples, recording.planned, window_s) if window_s > 0 else Rates(planned=0, offered=0, achieved=0),
        cpu=recording.cpu,
        steal=recording.steal,
        lost=recording.lost,
        interrupted=recording.interrupted,
        decided=None if rule is None else rule.decided,
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
