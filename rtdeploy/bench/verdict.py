"""What a measurement proves about a budget, in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rtdeploy.bench.figures import Rates, clustering, unhindered
from rtdeploy.bench.result import Verdict
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.scenario import PERCENTILES, Budget, label
from rtdeploy.bench.statistics import (
    CAUTION,
    Values,
    above,
    at_most,
    block_length,
    design_effect,
    interval,
    percentile,
    upper_bound,
)
from rtdeploy.bench.validity import Doubts
from rtdeploy.bench.words import number, percent

__all__ = ["Evidence", "Finding", "judge"]

_KEPT_UP = 0.99
_CLUSTERED = 1.5
_FLOOR_LEVELS = (0.5, 0.9, 0.99, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict and why, one sentence per reason; ``lines`` has a verdict for each line of the budget."""

    verdict: Verdict
    reasons: tuple[str, ...]
    lines: Mapping[str, Verdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a verdict rests on.

    Attributes:
        measured: The requests of the measured window.
        window_s: Its length, as far as it went.
        planned_s: Its length as it was asked for.
        rate_rps: Declared rate.
        rates: What became of it.
        floor: What the generator measures of answers that take no time, in seconds, ascending; empty where not known.
        interrupted: Somebody stopped the run.
        decided: Name of a budget → what a run that may end at any moment has decided; None for a run of fixed length.

    """

    measured: Samples
    window_s: float
    planned_s: float
    rate_rps: float
    rates: Rates
    floor: Values = field(default_factory=lambda: np.zeros(0))
    interrupted: bool = False
    decided: Mapping[str, Verdict] | None = None


def judge(evidence: Evidence, budget: Budget, doubts: Doubts) -> Finding:
    """Weigh every budget and every doubt.

    One missed budget is a miss; one that cannot be decided leaves the whole undecided. A doubt about the load makes the
    measurement invalid, a doubt about the generator's delay too unless the miss shows without that delay.
    """
    invalid = dict.fromkeys(budget.declared(), Verdict.INVALID)
    nothing = _nothing(evidence)
    if nothing:
        return Finding(verdict=Verdict.INVALID, reasons=(nothing, *doubts.load), lines=invalid)
    found = _findings(evidence, budget, evidence.measured.latency)
    combined = _combine(found)
    lines = {name: line.verdict for name, line in found.items()}
    if doubts.lag:
        lines = _without_own_delay(lines, evidence, budget)
    if doubts.load or (doubts.lag and Verdict.FAIL not in lines.values()):
        return Finding(verdict=Verdict.INVALID, reasons=(*doubts.load, *doubts.lag, *combined.reasons), lines=invalid)
    told = Finding(verdict=combined.verdict, reasons=(*combined.reasons, *doubts.lag), lines=lines)
    return _interrupted(evidence, told) if evidence.interrupted else told


def _nothing(evidence: Evidence) -> str:
    """Why there is nothing to judge, or an empty string."""
    measured = evidence.measured
    if not len(measured):
        return "Nothing was measured: no request was sent in the measured window."
    if np.isnan(measured.done).all():
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in measured.errors().items())
        return f"Nothing was measured: none of {len(measured):,} requests was answered ({kinds})."
    return ""


def _without_own_delay(lines: Mapping[str, Verdict], evidence: Evidence, budget: Budget) -> dict[str, Verdict]:
    """What a late generator leaves of each line: a miss only where the miss shows without its delay."""
    most_ms = budget.latencies()
    return {
        name: Verdict.INVALID
        if verdict is Verdict.FAIL and name in most_ms and not _misses_anyway(evidence, name, most_ms[name])
        else verdict
        for name, verdict in lines.items()
    }


def _misses_anyway(evidence: Evidence, name: str, most_ms: float) -> bool:
    """Whether a budget is missed although all is taken off that the generator may have added.

    Its pauses are taken off the requests that were under way. What it adds when it does not pause is known as a
    distribution, the noise floor G; for any g, P(S > b) ≥ P(S + G > b + g) - P(G > g), and the best g counts.
    """
    p, most_s, latency = PERCENTILES[name], most_ms / 1e3, unhindered(evidence.measured)
    n = len(latency)
    effect = clustering(latency, evidence.measured.scheduled, evidence.window_s, p, most_s)
    exceeding = max(float((latency > most_s + g).sum()) - n * beyond for g, beyond in _floor_levels(evidence.floor))
    return above(exceeding / effect, n / effect, 1 - p)


def _floor_levels(floor: Values) -> list[tuple[float, float]]:
    """Levels g of the noise floor and the share of it that lies beyond."""
    if not len(floor):
        return [(0.0, 0.0)]
    return [(percentile(floor, level), 1 - level) for level in _FLOOR_LEVELS]


def _interrupted(evidence: Evidence, found: Finding) -> Finding:
    reason = f"Interrupted after {evidence.window_s:.1f} s of {evidence.planned_s:g} s: this run cannot pass."
    return Finding(
        verdict=_at_best_undecided(found.verdict),
        reasons=(reason, *found.reasons),
        lines={name: _at_best_undecided(verdict) for name, verdict in found.lines.items()},
    )


def _at_best_undecided(verdict: Verdict) -> Verdict:
    return Verdict.INCONCLUSIVE if verdict is Verdict.PASS else verdict


def _combine(found: Mapping[str, Finding]) -> Finding:
    """The worst of them; its reasons come first."""
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
    ranked = sorted(found.values(), key=lambda finding: order.index(finding.verdict))
    if not ranked:
        return Finding(verdict=Verdict.INCONCLUSIVE, reasons=("No budget is declared: there is nothing to judge.",))
    return Finding(verdict=ranked[0].verdict, reasons=tuple(reason for finding in ranked for reason in finding.reasons))


def _findings(evidence: Evidence, budget: Budget, latency: Values) -> dict[str, Finding]:
    """A finding for each line of the budget, under its name there."""
    found = {name: _latency(evidence, latency, name, most_ms) for name, most_ms in budget.latencies().items()}
    if budget.error_rate is not None:
        found["error_rate"] = _errors(evidence, budget.error_rate, strict=budget.error_rate_declared)
    if budget.throughput_rps is not None:
        found["throughput_rps"] = _throughput(evidence, budget.throughput_rps)
    return found


def _latency(evidence: Evidence, latency: Values, name: str, most_ms: float) -> Finding:
    p, most_s = PERCENTILES[name], most_ms / 1e3
    exceeding, n = int((latency > most_s).sum()), len(latency)
    effect = clustering(latency, evidence.measured.scheduled, evidence.window_s, p, most_s)
    most = clustering(latency, evidence.measured.scheduled, evidence.window_s, p, most_s, caution=CAUTION)
    verdict = _verdict(evidence, name, _decide(exceeding, n, 1 - p, (effect, most)))
    ascending = np.sort(latency) * 1e3
    relation = {Verdict.PASS: "≤", Verdict.FAIL: ">"}.get(verdict, "against")
    bounds = interval(ascending, p, clustering(latency, evidence.measured.scheduled, evidence.window_s, p))
    requests = _requests(evidence, name, n)
    detail = f"{_between(bounds, most_ms, verdict)}, {requests}{_clusters(effect, n)}"
    reason = f"{label(name)} {_figure(percentile(ascending, p))} {relation} {number(most_ms)} ms ({detail})"
    if verdict is Verdict.INCONCLUSIVE:
        reason += f"; {_undecided(exceeding, n, 1 - p, (effect, most), evidence)}"
    return Finding(verdict=verdict, reasons=(reason + ".",))


def _errors(evidence: Evidence, most: float, *, strict: bool) -> Finding:
    failed = evidence.measured.outcome != 0
    count, n = int(failed.sum()), len(failed)
    effect, cautious = _error_clusters(evidence, failed)
    verdict = _verdict(evidence, "error_rate", _decide(count, n, most, (effect, cautious)))
    if verdict is Verdict.INCONCLUSIVE and count <= most * n and (not strict or most == 0):
        verdict = Verdict.PASS  # no run can prove that nothing ever fails; that nothing did is what was asked for
    relation = {Verdict.PASS: "≤", Verdict.FAIL: ">"}.get(verdict, "against")
    bound = upper_bound(count / cautious, n / cautious)
    reason = (
        f"errors {percent(count / n)} {relation} {percent(most)} "
        f"({count:,} of {_requests(evidence, 'error_rate', n)}; at 95 % at most {percent(bound)})"
    )
    if verdict is Verdict.INCONCLUSIVE:
        reason += f"; {_undecided(count, n, most, (effect, cautious), evidence)}"
    return Finding(verdict=verdict, reasons=(reason + ".",))


def _error_clusters(evidence: Evidence, failed: npt.NDArray[np.bool_]) -> tuple[float, float]:
    times, block_s = evidence.measured.scheduled, block_length(evidence.measured.latency, evidence.window_s)
    return design_effect(failed, times, block_s), design_effect(failed, times, block_s, caution=CAUTION)


def _throughput(evidence: Evidence, least_rps: float) -> Finding:
    """The server answers what it is asked: where that is enough on average, chance in the arrivals is not its fault."""
    rates = evidence.rates
    if rates.achieved >= min(least_rps, _KEPT_UP * rates.offered) and evidence.rate_rps >= least_rps:
        return Finding(
            verdict=Verdict.PASS,
            reasons=(
                f"throughput {number(rates.achieved)}/s answered of {number(rates.offered)}/s sent, "
                f"{number(least_rps)}/s asked for.",
            ),
        )
    if evidence.rate_rps < least_rps and rates.achieved >= _KEPT_UP * rates.offered:
        load = f"a load of {number(evidence.rate_rps)}/s"
        reason = f"throughput {number(least_rps)}/s cannot be shown by {load}; raise the rate."
        return Finding(verdict=Verdict.INCONCLUSIVE, reasons=(reason,))
    reason = (
        f"throughput {number(rates.achieved)}/s < {number(least_rps)}/s, though {number(rates.offered)}/s were sent."
    )
    return Finding(verdict=Verdict.FAIL, reasons=(reason,))


def _verdict(evidence: Evidence, name: str, fixed: Verdict) -> Verdict:
    """A run that ended when it liked the look of it must be judged by what it was judged by then."""
    return fixed if evidence.decided is None else evidence.decided.get(name, Verdict.INCONCLUSIVE)


def _requests(evidence: Evidence, name: str, n: int) -> str:
    decided = evidence.decided is not None and name in evidence.decided
    return f"decided after {n:,} requests" if decided else f"{n:,} requests"


def _undecided(exceeding: int, n: int, share: float, effects: tuple[float, float], evidence: Evidence) -> str:
    if evidence.decided is None:
        return f"too little evidence either way: {_advice(exceeding, n, share, effects, evidence)}"
    return f"not decided in {evidence.window_s:.0f} s"


def _decide(exceeding: float, requests: float, share: float, effects: tuple[float, float]) -> Verdict:
    """``effects``: how many requests count as one for a miss, and for a pass."""
    likely, most = effects
    if at_most(exceeding / most, requests / most, share):
        return Verdict.PASS
    return Verdict.FAIL if above(exceeding / likely, requests / likely, share) else Verdict.INCONCLUSIVE


def _advice(exceeding: int, n: int, share: float, effects: tuple[float, float], evidence: Evidence) -> str:
    """How much longer a run would have to be if it went on like this."""
    factor = 1.0
    while factor < 100:
        factor *= 1.25
        if _decide(factor * exceeding, factor * n, share, effects) is not Verdict.INCONCLUSIVE:
            return f"about {factor * evidence.window_s:.0f} s at this rate would decide it"
    return "too close to the budget for any run of sensible length"


def _clusters(effect: float, n: int) -> str:
    if effect < _CLUSTERED:
        return ""
    return f" in clusters of about {effect:.0f}, as good as {n / effect:,.0f} independent ones"


def _between(bounds: tuple[float | None, float | None] | None, budget_ms: float, verdict: Verdict) -> str:
    """The interval in words; where order statistics do not reach, the test itself may have proved an end."""
    low, high = bounds or (None, None)
    below = f"{number(high)} ms" if high is not None else f"below {number(budget_ms)} ms"
    if high is None and verdict is not Verdict.PASS:
        return "too few for an interval" if low is None else f"95 % interval from {number(low)} ms on"
    return f"95 % interval up to {below}" if low is None else f"95 % interval {number(low)} to {below}"


def _figure(value: float) -> str:
    return f"{number(value)} ms" if np.isfinite(value) else "is a failed request, which counts as"
