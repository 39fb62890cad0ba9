"""How much two measurements differ, with an interval that knows that latencies come in clusters.

A block bootstrap: whole stretches of time are drawn with replacement, so that the requests of one stall stay together.
Paired, both sides are made of the same stretches, and what hits both alike cancels out. A failed request counts as one
that took until the timeout. See Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 8, and Künsch, "The
jackknife and the bootstrap for general stationary observations", Annals of Statistics 17 (1989).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtdeploy.bench.result import Difference
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.statistics import ALPHA, Values, percentile
from rtdeploy.bench.words import number, percent

__all__ = ["FIGURES", "Side", "differences", "side_of", "told"]

FIGURES: Mapping[str, float] = {"p50": 0.5, "p99": 0.99}
"""Percentiles that are compared; the error rate is the third figure."""

_RESAMPLES = 2000
_SEED = 1
_RANKS = 1024
_TAIL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two measurements: a value and a block per request.

    Attributes:
        latency_ms: From the schedule; the timeout where the request failed.
        failed: Whether it did.
        block: Number of the stretch of time that it belongs to, from 0.
        blocks: How many there are.

    """

    latency_ms: Values
    failed: npt.NDArray[np.bool_]
    block: npt.NDArray[np.int64]
    blocks: int


def side_of(measured: Samples, block: npt.NDArray[np.int64], blocks: int, *, timeout_s: float) -> Side:
    """The measured requests, each with the number of its block."""
    return Side(
        latency_ms=np.minimum(measured.latency, timeout_s) * 1e3,
        failed=measured.outcome != 0,
        block=block,
        blocks=blocks,
    )


def differences(first: Side, second: Side, *, paired: bool) -> tuple[Difference, ...]:
    """Second less first, for every figure; ``paired`` sides have the same blocks at the same times."""
    random = np.random.default_rng(_SEED)
    drawn = _draw(random, first.blocks)
    other = drawn if paired else _draw(random, second.blocks)
    one, two = _resampled(first, drawn), _resampled(second, other)
    return tuple(
        Difference(
            figure=figure,
            first=_measured(first, figure),
            second=_measured(second, figure),
            low=float(np.quantile(two[figure] - one[figure], ALPHA / 2)),
            high=float(np.quantile(two[figure] - one[figure], 1 - ALPHA / 2)),
        )
        for figure in one
    )


def told(difference: Difference, first: str, second: str) -> str:
    """``b is faster than a by 3.1 to 4 ms at p99``, or that no difference is shown."""
    errors = difference.figure == "errors"
    better, worse = ("fails less often", "fails more often") if errors else ("is faster", "is slower")
    at = "" if errors else f" at {difference.figure}"
    low, high = difference.low, difference.high
    if low == high == 0:
        return f"{second} and {first} do not differ{at or ' in failed requests'}"
    if high < 0:
        return f"{second} {better} than {first} by {_span(-high, -low, errors=errors)}{at}"
    if low > 0:
        return f"{second} {worse} than {first} by {_span(low, high, errors=errors)}{at}"
    verb, where = ("fails on", " in failed requests") if errors else ("takes", at)
    less, more = _amount(-low, errors=errors), _amount(high, errors=errors)
    return f"no difference shown{where}: {second} {verb} between {less} less and {more} more than {first}"


def _draw(random: np.random.Generator, blocks: int) -> Values:
    """How often each block occurs in each resample."""
    return random.multinomial(blocks, np.full(blocks, 1 / blocks), size=_RESAMPLES).astype(np.float64)


def _measured(side: Side, figure: str) -> float:
    if figure == "errors":
        return float(side.failed.mean())
    return percentile(np.sort(side.latency_ms), FIGURES[figure])


def _resampled(side: Side, drawn: Values) -> dict[str, Values]:
    """Every figure of every resample."""
    values, counts = _grouped(side)
    cumulative = np.cumsum(drawn @ counts, axis=1)
    requests = np.maximum(cumulative[:, -1], 1.0)
    found = {
        figure: values[np.minimum((cumulative < (p * requests - 1e-9)[:, None]).sum(axis=1), len(values) - 1)]
        for figure, p in FIGURES.items()
    }
    failed = np.bincount(side.block, weights=side.failed, minlength=side.blocks)
    return found | {"errors": (drawn @ failed) / requests}


def _grouped(side: Side) -> tuple[Values, Values]:
    """Distinct levels, ascending, and how many requests of each block lie at each.

    Many requests share a level with their neighbours in rank: a thousandth of all, or of the slowest twentieth.
    """
    n = len(side.latency_ms)
    order = np.argsort(side.latency_ms, kind="stable")
    ranks = np.concatenate((np.linspace(0, n, _RANKS + 1), np.linspace((1 - _TAIL) * n, n, _RANKS + 1)))
    ends = np.unique(np.ceil(ranks).astype(np.int64))[1:] if n > _RANKS else np.arange(1, n + 1)
    level = np.searchsorted(ends, np.arange(n), side="right")
    counts = np.bincount(side.block[order] * len(ends) + level, minlength=side.blocks * len(ends))
    return side.latency_ms[order][ends - 1], counts.reshape(side.blocks, len(ends)).astype(np.float64)


def _span(low: float, high: float, *, errors: bool) -> str:
    if errors:
        return f"{percent(low)} to {percent(high)} of all requests"
    return f"{number(low)} to {number(high)} ms"


def _amount(value: float, *, errors: bool) -> str:
    return f"{percent(value)} of all requests" if errors else f"{number(value)} ms"
