"""The search for the highest rate within the budget: one bench per rate, each until it is decided."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rtdeploy.bench.bracket import Bracket, bracket_of, next_rate
from rtdeploy.bench.ceiling import Capacity, Sizing, Step, sizing_for
from rtdeploy.bench.engine import choose
from rtdeploy.bench.measure import environment_of, kept, run
from rtdeploy.bench.payloads import Payloads
from rtdeploy.bench.record import Progress
from rtdeploy.bench.result import Result, Verdict
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.scenario import PERCENTILES, Budget, Scenario, label
from rtdeploy.bench.sequential import provable
from rtdeploy.bench.store import Run, new_id, now, write_document
from rtdeploy.bench.words import number
from rtdeploy.endpoint import Endpoint
from rtdeploy.errors import UsageError

__all__ = ["Limits", "capacity"]

_WARMUP_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a search may take.

    Attributes:
        step_s: Longest measured time at one rate.
        whole_s: After which no other rate is tried.
        rest_s: Between two rates, so that what the last has left behind is over.

    """

    step_s: float = 30.0
    whole_s: float = 600.0
    rest_s: float = 2.0


def capacity(  # noqa: PLR0913 - the question and where the answer goes; all but five have defaults
    endpoint: Endpoint,
    payloads: Payloads,
    scenario: Scenario,
    budget: Budget,
    *,
    out: Path,
    limits: Limits | None = None,
    target: str | None = None,
    provider: str | None = None,
    bundle_digest: str | None = None,
    workers: int = 1,
    engine: str = "auto",
    floor: bool = True,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Capacity, Path]:
    """Start at the scenario's rate and find the highest that holds the budget; the outcome and where it lies.

    Each rate is benched until it is decided. An error rate can be missed, but no step has to prove it. A step whose
    generator was in doubt is measured once more; when it is in doubt again, the generator is the limit.

    Raises:
        UsageError: No latency budget, a schedule of a changing rate, or what a bench would refuse.
        MeasurementError: Nothing could be sent.
        StoppedError: Stopped before anything was sent.
        QuotaError: No room for the samples, or no more processes or files.

    """
    limits = limits or Limits()
    held = replace(budget, throughput_rps=None, error_rate_declared=False)
    _check(scenario, held, limits)
    environment = environment_of(choose(engine), workers)
    started_at, run_id = now(), new_id()
    with kept(out, run_id) as directory:

        def bench(step: Scenario) -> Run:
            return run(
                endpoint,
                payloads,
                step,
                held,
                out=directory,
                target=target,
                provider=provider,
                bundle_digest=bundle_digest,
                workers=workers,
                engine=engine,
                floor=floor,
                progress=progress,
            )

        steps, interrupted = _climb(bench, scenario, limits, tell)
        known = bracket_of(_tried(steps))
        verdict, reason = _judge(steps, known)
        wanted_rps = budget.throughput_rps or scenario.rate_rps
        sizing = None if known.holds is None else sizing_for(wanted_rps, known.holds)
        found = Capacity(
            run_id=run_id,
            started_at=started_at,
            target=target,
            provider=provider,
            bundle_digest=bundle_digest,
            scenario=scenario.declared(),
            budget=budget.declared(),
            verdict=verdict,
            reasons=(reason, *_sized(sizing, known)),
            rate_rps=known.holds,
            fails_rps=known.fails,
            steps=tuple(replace(step, run_id=f"{run_id}/{step.run_id}") for step in steps),
            sizing=sizing,
            environment=environment,
            interrupted=interrupted,
        )
        write_document(directory, found.to_json())
    return found, directory


def _climb(
    bench: Callable[[Scenario], Run], scenario: Scenario, limits: Limits, tell: Callable[[str], None]
) -> tuple[list[Step], bool]:
    """Every rate that was tried, and whether somebody asked for an end."""
    deadline = time.monotonic() + limits.whole_s
    steps: list[Step] = []
    while (rate := _next(steps, scenario.rate_rps)) is not None:
        if steps:
            if time.monotonic() > deadline:
                break
            time.sleep(limits.rest_s)
        done = bench(_at(scenario, rate, limits, len(steps)))
        steps.append(_step(rate, done))
        tell(f"{number(rate)}/s: {steps[-1].verdict}, p99 {_p99(done.result)}")
        if done.result.interrupted:
            return steps, True
    return steps, False


def _check(scenario: Scenario, budget: Budget, limits: Limits) -> None:
    if not budget.latencies():
        raise UsageError("There is no budget to hold.", remedy="Declare a latency budget, like --p99 80ms.")
    for name in budget.latencies():
        if not provable(1 - PERCENTILES[name], limits.step_s):
            raise UsageError(
                f"No step of {limits.step_s:g} s can prove a budget of {label(name)}.",
                remedy="Let each step take longer (--step 400s), or leave that budget out.",
            )
    if scenario.arrivals not in {"constant", "poisson"}:
        raise UsageError(
            f"The capacity is a rate, and {scenario.arrivals} has none.", remedy="Set load.arrivals: poisson."
        )


def _at(scenario: Scenario, rate: float, limits: Limits, number: int) -> Scenario:
    return replace(
        scenario,
        rate_rps=rate,
        duration_s=limits.step_s,
        warmup_s=min(scenario.warmup_s, _WARMUP_S),
        seed=scenario.seed + number,
        until_decided=True,
    )


def _next(steps: list[Step], start_rps: float) -> float | None:
    """The next rate; the same once more after a step whose generator was in doubt, and none after two of them."""
    doubted = [step for step in steps if step.verdict is Verdict.INVALID]
    if steps and steps[-1].verdict is Verdict.INVALID:
        again = sum(step.rate_rps == steps[-1].rate_rps for step in doubted)
        return steps[-1].rate_rps if again == 1 else None
    return next_rate(_tried(steps), start_rps)


def _tried(steps: list[Step]) -> list[tuple[float, Verdict]]:
    return [(step.rate_rps, step.verdict) for step in steps if step.verdict is not Verdict.INVALID]


def _step(rate: float, done: Run) -> Step:
    result, measured = done.result, done.samples.only(done.samples.measured == 1)
    in_flight, arriving = _little(measured, result)
    step = Step(
        rate_rps=rate,
        verdict=_verdict(result),
        reasons=result.reasons,
        requests=result.requests,
        errors=result.errors,
        achieved_rps=result.achieved_rps,
        latency_ms=result.latency_ms,
        p99_ci95_ms=result.p99_ci95_ms,
        in_flight=in_flight,
        arriving=arriving,
        cpu_share=result.generator.cpu_share,
        run_id=result.run_id,
    )
    if step.verdict is Verdict.PASS and not step.steady:
        grown = f"{number(in_flight)} requests were under way on average, where {number(arriving)} would be steady."
        return replace(step, verdict=Verdict.INCONCLUSIVE, reasons=(f"The backlog still grew: {grown}", *step.reasons))
    return step


def _verdict(result: Result) -> Verdict:
    """An endpoint that answers nothing at a rate does not hold it; only a doubt of the generator is no answer."""
    if result.verdict is Verdict.INVALID and result.generator.trusted:
        return Verdict.FAIL
    return result.verdict


def _little(measured: Samples, result: Result) -> tuple[float, float]:
    """Requests under way on average, and rate times mean latency; a request that never ended took until the timeout."""
    if not len(measured):
        return 0.0, 0.0
    timeout_s = float(result.scenario["timeout_s"])
    end_s = float(measured.scheduled[-1])
    done = np.where(np.isnan(measured.done), measured.scheduled + timeout_s, measured.done)
    window_s = max(end_s, 1e-9)
    in_window = np.clip(np.minimum(done, end_s) - measured.scheduled, 0.0, None)
    return float(in_window.sum() / window_s), float((done - measured.scheduled).sum() / window_s)


def _judge(steps: list[Step], known: Bracket) -> tuple[Verdict, str]:
    up_to = "No rate is known to hold" if known.holds is None else f"{number(known.holds)}/s holds the budget"
    if steps[-1].verdict is Verdict.INVALID:
        return Verdict.INVALID, (
            f"The generator, not the endpoint, is the limit at {number(steps[-1].rate_rps)}/s. {up_to}. "
            f"{steps[-1].reasons[0]}"
        )
    if known.closed and known.holds is not None and known.fails is not None:
        return Verdict.PASS, (
            f"The budget holds up to {number(known.holds)}/s and is not shown to hold at {number(known.fails)}/s."
        )
    if known.holds is None and next_rate(_tried(steps), 0.0) is None:
        return Verdict.FAIL, f"No rate holds the budget: not even {number(known.fails or 0.0)}/s."
    above = "" if known.fails is None else f", {number(known.fails)}/s is not shown to"
    return Verdict.INCONCLUSIVE, f"The search was not over: {up_to}{above}."


def _sized(sizing: Sizing | None, known: Bracket) -> tuple[str, ...]:
    if sizing is None or known.holds is None:
        return ()
    return (
        f"{number(sizing.throughput_rps)}/s with one lost takes {sizing.replicas:,} endpoints like this one, each good "
        f"for {number(known.holds)}/s; cost is not known.",
    )


def _p99(result: Result) -> str:
    return "is a failed request" if result.latency_ms.p99 is None else f"{number(result.latency_ms.p99)} ms"
