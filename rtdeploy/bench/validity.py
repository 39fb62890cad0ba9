"""Whether the generator can be believed; a slow server is none of its business."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rtdeploy.bench.figures import clustering
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.statistics import Values, above, percentile
from rtdeploy.bench.words import number, percent

__all__ = ["CPU_MEAN", "Conduct", "Doubts", "doubts", "lag_allowed_ms"]

CPU_MEAN = 0.7
"""Of a core: a generator that is busier on average times answers late."""
_LAG_MS = 1.0
_LAG_SHARE = 0.05
_LAG_WITHOUT_BUDGET_MS = 10.0
_OFFERED = 0.99
_CPU_SECOND = 0.9
_STEAL = 0.02
_FLOOR_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How the generator did in the measured window.

    Attributes:
        planned_rps: What the schedule asks for.
        offered_rps: What was sent.
        lag_s: How late it took up each request.
        cpu: Share of a core, per worker, every second.
        steal: Share of the machine's time that its host gave to others.
        not_sent: Requests for which no connection was left.
        lost: Why a worker did not finish, a sentence each.
        floor: Requests to a server that does nothing, at the same rate; None where that was not measured.

    """

    planned_rps: float
    offered_rps: float
    lag_s: Values
    cpu: Sequence[Sequence[float]] = ()
    steal: float = 0.0
    not_sent: int = 0
    lost: Sequence[str] = ()
    floor: Samples | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """Reasons not to believe a measurement, and what to change.

    Attributes:
        load: The load was not what was asked for, or the generator was too busy to time it: nothing is proved.
        lag: The generator added its own delay. That can make a good endpoint look bad, never a bad one good, so that a
            miss that no delay of the generator explains still counts.

    """

    load: list[str] = field(default_factory=list)
    lag: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.load or self.lag)


def lag_allowed_ms(budget_ms: float | None) -> float:
    """How late the generator may be at the percentile of a budget; None is no latency budget."""
    return _LAG_WITHOUT_BUDGET_MS if budget_ms is None else max(_LAG_MS, _LAG_SHARE * budget_ms)


def doubts(conduct: Conduct, budgets_ms: Mapping[float, float]) -> Doubts:
    """Apply every rule; ``budgets_ms`` is percentile (0 to 1) → milliseconds."""
    load = [*conduct.lost, *_offered(conduct), *_busy(conduct), *_stolen(conduct)]
    late = _late(conduct.lag_s * 1e3, budgets_ms)
    return Doubts(load=load, lag=[*late, *_noisy(conduct.floor, budgets_ms)])


def _offered(conduct: Conduct) -> list[str]:
    found = []
    if conduct.offered_rps < _OFFERED * conduct.planned_rps:
        found.append(
            f"The load was not offered: {number(conduct.offered_rps)}/s of {number(conduct.planned_rps)}/s; "
            "lower the rate or use more --workers."
        )
    if conduct.not_sent:
        found.append(
            f"{conduct.not_sent:,} requests were not sent, because as many connections as the generator may open were "
            "waiting for an answer; lower the rate, or raise the limit of open files (ulimit -n)."
        )
    return found


def _busy(conduct: Conduct) -> list[str]:
    series = [np.array(shares) for shares in conduct.cpu if len(shares)]
    if not series:
        return []
    mean = max(float(shares.mean()) for shares in series)
    peak = max(float(np.quantile(shares, 0.95)) for shares in series)
    if mean <= CPU_MEAN and peak <= _CPU_SECOND:
        return []
    return [
        f"The generator was busy: {percent(mean)} of a core on average, {percent(peak)} at its peak, so that it timed "
        "answers late; lower the rate or use more --workers."
    ]


def _stolen(conduct: Conduct) -> list[str]:
    if conduct.steal <= _STEAL:
        return []
    return [
        f"The host of this machine gave {percent(conduct.steal)} of its time to others; bench on a quieter machine."
    ]


def _late(lag_ms: Values, budgets_ms: Mapping[float, float]) -> list[str]:
    ascending = np.sort(lag_ms)
    if not len(ascending):
        return []
    allowed = {p: lag_allowed_ms(budget) for p, budget in budgets_ms.items()} or {0.99: lag_allowed_ms(None)}
    found = [
        f"The generator started requests late: p{100 * p:.4g} {number(lag)} ms, {number(most)} ms may be; "
        "lower the rate, use more --workers or free a core."
        for p, most in allowed.items()
        if (lag := percentile(ascending, p)) > most
    ]
    for p, budget in budgets_ms.items():
        beyond = int((ascending > max(budget, _LAG_MS)).sum())
        if not found and beyond > 0.1 * (1 - p) * len(ascending):
            found.append(
                f"The generator itself delayed {beyond:,} requests by more than the p{100 * p:.4g} budget of "
                f"{number(budget)} ms; free a core or bench on a quieter machine."
            )
    return found


def _noisy(floor: Samples | None, budgets_ms: Mapping[float, float]) -> list[str]:
    """Only a floor that is proven to be too high counts: a single pause in so short a time proves nothing."""
    if floor is None or not len(floor):
        return []
    latency, times = floor.latency, floor.scheduled
    found = []
    for p, budget in budgets_ms.items():
        most_s = _FLOOR_SHARE * budget / 1e3
        effect = clustering(latency, times, float(times[-1]), p, most_s)
        if above((latency > most_s).sum() / effect, len(latency) / effect, 1 - p):
            own = percentile(np.sort(latency), p) * 1e3
            found.append(
                f"The generator alone measures p{100 * p:.4g} {number(own)} ms of a server that does nothing, more "
                f"than a tenth of the budget of {number(budget)} ms; use a budget of {number(own / _FLOOR_SHARE)} ms "
                "or more, more --workers, or another machine."
            )
    return found
