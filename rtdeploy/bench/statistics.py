"""What raw values prove: percentiles, their intervals, and exact tests that know that latencies come in clusters.

Definitions. The p-percentile of n values is the smallest value that at least p·n of them do not exceed, so always a
value that was measured. A request that failed is slower than everything: its value is infinite.

Everything is distribution-free: what counts is how many requests exceed a value, and that number is binomial. It is
binomial in *independent* requests. A stall hits all the requests of its duration at once, which are then one piece of
evidence and not hundreds; :func:`design_effect` measures how many requests make one, and the tests are given so many
fewer. Binomial probabilities for real-valued counts are the incomplete beta function, of which they are a special case.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from rtdeploy.bench.result import Percentiles

__all__ = [
    "ALPHA",
    "CAUTION",
    "Values",
    "above",
    "at_most",
    "block_length",
    "design_effect",
    "interval",
    "needed",
    "percentile",
    "summary",
    "upper_bound",
]

Values = npt.NDArray[np.float64]

ALPHA = 0.05
"""Level of every one-sided test: 95 %."""
CAUTION = 3.5
"""Standard errors by which a pass takes requests to be more clustered than they look.

A run with few exceeding requests, by chance, shows few clusters too, so that the two errors add up to a pass: of queues
with one thread whose p99 is the budget 8 % passed without this, and fewer than 5 % do with it (benchmarks/verdicts).
"""

_P = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
_BLOCK_S = 1.0
_BLOCKS = 20


def percentile(ascending: Values, p: float) -> float:
    """The smallest of the values that at least the share ``p`` of them does not exceed; NaN where there are none."""
    n = len(ascending)
    return float(ascending[max(0, math.ceil(p * n - 1e-9) - 1)]) if n else math.nan


def summary(values: Values) -> Percentiles:
    """Percentiles of all values, infinite ones included; maximum and mean of the finite ones.

    A percentile that falls on an infinite value is None: so many failed that there is no such number.
    """
    ascending = np.sort(values[~np.isnan(values)])
    finite = ascending[np.isfinite(ascending)]
    if not len(ascending):
        return Percentiles()
    return Percentiles(
        **{name: _finite(percentile(ascending, p)) for name, p in _P.items()},
        max=float(finite[-1]) if len(finite) else None,
        mean=float(finite.mean()) if len(finite) else None,
    )


def interval(ascending: Values, p: float, effect: float = 1.0) -> tuple[float | None, float | None] | None:
    """Two-sided 95 % interval of a percentile from order statistics; None at an end that the evidence does not reach.

    With n/effect independent values the ranks r and s are the tightest for which
    P(Bin ≤ r-1) ≤ 2.5 % and P(Bin ≤ s-1) ≥ 97.5 %; they are scaled back to the n values there are.
    """
    independent = int(len(ascending) / effect)
    if independent < 1:
        return None
    ranks = np.arange(1, independent + 1)
    below = special.bdtr(ranks - 1, independent, p)
    low = int(np.searchsorted(below, ALPHA / 2, side="right"))
    high = int(np.searchsorted(below, 1 - ALPHA / 2, side="left")) + 1
    scale = len(ascending) / independent
    lower = _finite(float(ascending[max(math.floor(low * scale), 1) - 1])) if low >= 1 else None
    upper = _finite(float(ascending[min(math.ceil(high * scale), len(ascending)) - 1])) if high <= independent else None
    return (lower, upper)


def at_most(exceeding: float, requests: float, share: float) -> bool:
    """Whether so few exceeding requests prove, at 95 %, that no more than ``share`` of all requests exceed."""
    return requests > 0 and _binomial_below(exceeding, requests, share) <= ALPHA


def above(exceeding: float, requests: float, share: float) -> bool:
    """Whether so many exceeding requests prove, at 95 %, that more than ``share`` of all requests exceed."""
    return exceeding > 0 and 1 - _binomial_below(exceeding - 1, requests, share) <= ALPHA


def upper_bound(exceeding: float, requests: float) -> float:
    """The share of exceeding requests is below this, at 95 % (Clopper and Pearson)."""
    if requests <= 0 or exceeding >= requests:
        return 1.0
    return float(special.betaincinv(exceeding + 1, requests - exceeding, 1 - ALPHA))


def needed(share: float) -> int:
    """How many requests, none of them exceeding, prove that no more than ``share`` exceed: 299 for p99."""
    return math.ceil(math.log(ALPHA) / math.log1p(-share)) if share > 0 else 0


def block_length(latencies: Values, span_s: float) -> float:
    """Seconds that are taken as one piece: as long as the longest stall, a second at least, a fifth of the run at most.

    A short run is cut into twenty pieces instead of seconds.
    """
    finite = latencies[np.isfinite(latencies)]
    longest = 5 * float(np.quantile(finite, 0.999)) if len(finite) else 0.0
    return max(min(longest, span_s / 5), min(_BLOCK_S, span_s / _BLOCKS))


def design_effect(exceeding: npt.NDArray[np.bool_], times: Values, block_s: float, *, caution: float = 0.0) -> float:
    """How many requests make one independent piece of evidence, at least 1.

    Variance over mean of the number of exceeding requests per block of time: 1 for independent ones, the size of a
    cluster for clustered ones. What is above 1 grows by as many standard errors of a variance as ``caution`` says.
    """
    if not exceeding.any():
        return 1.0
    blocks = np.floor((times - times[0]) / block_s).astype(np.int64)
    counts = np.bincount(blocks, weights=exceeding)
    if len(counts) < 2:
        return 1.0
    beyond = float(counts.var(ddof=1) / counts.mean()) - 1.0
    return 1.0 + max(0.0, beyond) * (1.0 + caution * math.sqrt(2 / (len(counts) - 1)))


def _binomial_below(k: float, n: float, share: float) -> float:
    """P(Bin(n, share) ≤ k), continued to real k and n."""
    if k >= n:
        return 1.0
    return float(special.betainc(n - k, k + 1, 1 - share))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
