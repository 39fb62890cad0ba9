"""A bench against an earlier run: the same scenario on the same machine, and whether it has become worse."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rtdeploy.bench.difference import Side, differences, side_of
from rtdeploy.bench.result import Difference, Regression, Result, Verdict
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.scenario import Scenario
from rtdeploy.bench.statistics import block_length
from rtdeploy.bench.store import Run
from rtdeploy.bench.words import number, percent
from rtdeploy.errors import UsageError

__all__ = ["TOLERANCE", "against", "check_comparable"]

TOLERANCE = 0.1
"""Share of a figure by which it may become worse where nobody says otherwise."""

_LEAST_MS = 0.1
_LEAST_ERRORS = 0.001
_FEWEST_BLOCKS = 8
_MACHINE = ("platform", "architecture", "cpu_model", "cpu_count", "engine", "workers")


def check_comparable(baseline: Run, scenario: Scenario, environment: Mapping[str, Any]) -> None:
    """Refuse a baseline before the run whose figures would not compare with it; ``UsageError`` says what differs."""
    then = baseline.result
    if then.scenario_digest != scenario.digest:
        raise UsageError(
            f"The baseline {then.run_id} is of another scenario.",
            remedy="Bench with the same load, payloads and seed, or make a new baseline.",
            detail=_unlike(then.scenario, scenario.declared()),
        )
    if scenario.until_decided:
        raise UsageError("Runs until decided have no common length.", remedy="Use --duration with --baseline.")
    if then.verdict is Verdict.INVALID or then.interrupted:
        what = "was interrupted" if then.interrupted else "is not a valid measurement"
        raise UsageError(f"The baseline {then.run_id} {what}.", remedy="Make a new baseline.")
    machine = ({name: then.environment.get(name) for name in _MACHINE}, {name: environment[name] for name in _MACHINE})
    if machine[0] != machine[1]:
        raise UsageError(
            f"The baseline {then.run_id} was measured by another machine or generator.",
            remedy="Make a new baseline here, with the same engine and workers.",
            detail=_unlike(*machine),
        )


def against(baseline: Run, result: Result, measured: Samples, tolerance: float) -> Regression:
    """Compare what was measured now with what was measured then, by an independent block bootstrap."""

    def verdict(verdict: Verdict, *reasons: str, found: tuple[Difference, ...] = ()) -> Regression:
        return Regression(
            run_id=baseline.result.run_id, tolerance=tolerance, verdict=verdict, reasons=reasons, differences=found
        )

    if result.verdict is Verdict.INVALID:
        return verdict(Verdict.INVALID, "Not compared with the baseline: this measurement is not valid.")
    if result.interrupted:
        return verdict(Verdict.INCONCLUSIVE, "Not compared with the baseline: this run was interrupted.")
    then, now = _sides(baseline, result, measured)
    if then.blocks < _FEWEST_BLOCKS:
        reason = f"Not compared with the baseline: {then.blocks} independent stretches of time are too few."
        return verdict(Verdict.INCONCLUSIVE, reason)
    found = differences(then, now, paired=False)
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
    judged = sorted(((_judge(one, tolerance), one) for one in found), key=lambda pair: order.index(pair[0]))
    return verdict(judged[0][0], *(_reason(what, one, tolerance) for what, one in judged), found=found)


def _sides(baseline: Run, result: Result, measured: Samples) -> tuple[Side, Side]:
    """Both, cut into blocks of the same length: as long as the longer stall of the two."""
    timeout_s, span_s = float(result.scenario["timeout_s"]), float(result.scenario["duration_s"])
    runs = [baseline.samples.only(baseline.samples.measured == 1), measured]
    blocks = max(1, int(span_s / max(block_length(run.latency, span_s) for run in runs)))

    def side(run: Samples) -> Side:
        block = np.clip(run.scheduled / span_s * blocks, 0, blocks - 1).astype(np.int64)
        return side_of(run, block, blocks, timeout_s=timeout_s)

    return side(runs[0]), side(runs[1])


def _judge(one: Difference, tolerance: float) -> Verdict:
    most = _most(one, tolerance)
    if one.low > most:
        return Verdict.FAIL
    return Verdict.PASS if one.high <= most else Verdict.INCONCLUSIVE


def _most(one: Difference, tolerance: float) -> float:
    return max(tolerance * one.first, _LEAST_ERRORS if one.figure == "errors" else _LEAST_MS)


def _reason(verdict: Verdict, one: Difference, tolerance: float) -> str:
    write = percent if one.figure == "errors" else _ms
    figures = f"{write(one.first)} then, {write(one.second)} now"
    change = f"{_signed(one.low, write)} to {_signed(one.high, write)}"
    relation = {
        Verdict.PASS: "is no worse than the baseline",
        Verdict.FAIL: "is worse than the baseline",
        Verdict.INCONCLUSIVE: "may be worse than the baseline",
    }[verdict]
    allowed = _signed(_most(one, tolerance), write)
    what = "error rate" if one.figure == "errors" else one.figure
    return f"{what} {relation}: {figures}, a change of {change} (95 % interval) where {allowed} may be."


def _ms(value: float) -> str:
    return f"{number(value)} ms"


def _signed(value: float, write: Callable[[float], str]) -> str:
    return f"{'-' if value < 0 else '+'}{write(abs(value))}"


def _unlike(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    return "\n".join(f"{name}: {then.get(name)} then, {now.get(name)} now" for name in names)
