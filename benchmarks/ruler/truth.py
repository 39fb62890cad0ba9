"""What an open loop sees: latencies computed from a schedule and the server's work, without any load generator.

Work time stands still while the server is frozen. A request that arrives at ``a`` starts at ``W(a)``, or, where
requests queue, at the finish of the one before it if that is later; it finishes a draw later, and its answer leaves at
the latest wall time whose work time that is. All times are seconds.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmarks.ruler.scenarios import Freeze, Scenario

__all__ = ["constant", "finishes", "monte_carlo", "percentile", "poisson", "quantile", "wall", "work"]

Seconds = NDArray[np.float64]
_ROUNDING = 1e-9
"""Of a period: work that ends with the last moment before a freeze is answered after it."""


def constant(rate_rps: float, count: int) -> Seconds:
    """Arrivals at equal distances from 0 on."""
    return np.arange(count) / rate_rps


def poisson(rate_rps: float, count: int, seed: int) -> Seconds:
    """Arrivals with independent exponential gaps."""
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate_rps, count))


def work(t: Seconds, freeze: Freeze | None) -> Seconds:
    """Seconds up to ``t`` in which the server was not frozen."""
    if freeze is None:
        return t
    awake = freeze.every_s - freeze.lasts_s
    period, rest = np.divmod(t, freeze.every_s)
    return np.asarray(period * awake + np.minimum(rest, awake))


def wall(w: Seconds, freeze: Freeze | None) -> Seconds:
    """The latest time whose work time is ``w``."""
    if freeze is None:
        return w
    periods = np.floor(w / (freeze.every_s - freeze.lasts_s) + _ROUNDING)
    return np.asarray(w + periods * freeze.lasts_s)


def finishes(arrivals: Seconds, draws: Seconds, *, fifo: bool, freeze: Freeze | None) -> Seconds:
    """When each answer leaves; a draw of NaN takes no work and never finishes.

    With ``fifo`` this is Lindley's recursion in closed form: f_k = S_k + max over j <= k of (W(a_j) - S_(j-1)), with S
    the running sum of the draws. ``arrivals`` ascend.
    """
    start, effort = work(arrivals, freeze), np.nan_to_num(draws)
    if fifo:
        done = np.cumsum(effort)
        finish = done + np.maximum.accumulate(start - (done - effort))
    else:
        finish = start + effort
    return np.where(np.isnan(draws), np.inf, wall(finish, freeze))


def percentile(values: Seconds, q: float) -> float:
    """The smallest value that at least a share ``q`` of the values do not exceed; infinity is a failure.

    NaN when there are no values.
    """
    if not len(values):
        return math.nan
    rank = max(math.ceil(q * len(values) - 1e-9), 1) - 1
    return float(np.partition(values, rank)[rank])


def monte_carlo(scenario: Scenario, *, arrivals: str, count: int, seed: int) -> Seconds:
    """Latencies of a long open loop; ``arrivals`` is ``constant`` or ``poisson``."""
    schedule = poisson(scenario.rate_rps, count, seed) if arrivals == "poisson" else constant(scenario.rate_rps, count)
    if arrivals == "constant" and scenario.freeze:
        schedule = schedule + _dither(schedule, scenario, seed)
    work = scenario.draw(count, seed + 1)
    return finishes(schedule, work, fifo=scenario.fifo, freeze=scenario.freeze) - schedule


def quantile(scenario: Scenario, q: float) -> float | None:
    """The exact percentile where there is a closed form: one lognormal, no queue, no freeze."""
    if scenario.fifo or scenario.freeze or len(scenario.mixture) > 1:
        return None
    (part,) = scenario.mixture
    answered = q / (1 - 1 / scenario.reset_every) if scenario.reset_every else q
    return part.median_s * math.exp(part.sigma * NormalDist().inv_cdf(answered)) if part.median_s else 0.0


def _dither(schedule: Seconds, scenario: Scenario, seed: int) -> Seconds:
    """Less than one gap for each period, so that arrivals meet the freezes at every phase and not only at one."""
    assert scenario.freeze is not None
    period = (schedule // scenario.freeze.every_s).astype(int)
    shift = np.random.default_rng(seed + 2).random(period[-1] + 1) / scenario.rate_rps
    return np.asarray(shift[period])
