"""The samples of one run as the quantities that charts show, and the ranges that several runs share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtdeploy.bench.result import Result
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.store import Run
from rtdeploy.report.charts.axes import Floats

__all__ = ["Bounds", "Frame", "Mask", "Windows", "bounds_of", "frame_of", "windows_of"]

Mask = npt.NDArray[np.bool_]

_WINDOWS = 240
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_SMALLEST_MS = 0.01
"""Less is drawn at the bottom: below it the clocks tell more about themselves than about a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One value per request, warm-up included: ``t`` in seconds, the rest in milliseconds.

    ``latency`` and ``service`` are infinite for a request that failed; ``lag`` is NaN for one that was never sent.
    """

    result: Result
    samples: Samples
    t: Floats
    measured: Mask
    failed: Mask
    latency: Floats
    service: Floats
    lag: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Ranges of the axes, the same for all runs of a report so that the eye may compare."""

    time_s: tuple[float, float]
    latency_ms: tuple[float, float]
    lag_ms: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Equal stretches of the measured time: one value per stretch, NaN where nothing was scheduled."""

    start: Floats
    width_s: float
    count: npt.NDArray[np.int64]
    failed: npt.NDArray[np.int64]
    finished: npt.NDArray[np.int64]
    p50: Floats
    p99: Floats
    high: Floats

    @property
    def end(self) -> Floats:
        """Seconds."""
        return self.start + self.width_s

    @property
    def middle(self) -> Floats:
        """Seconds."""
        return self.start + self.width_s / 2


def frame_of(run: Run) -> Frame:
    """Compute every quantity once."""
    samples = run.samples
    latency = samples.latency * 1e3
    return Frame(
        result=run.result,
        samples=samples,
        t=samples.scheduled,
        measured=samples.measured.astype(bool),
        failed=~np.isfinite(latency),
        latency=np.where(np.isnan(latency), np.inf, latency),
        service=samples.service * 1e3,
        lag=np.maximum(samples.lag * 1e3, 0),
    )


def bounds_of(frames: Sequence[Frame]) -> Bounds:
    """Ranges that hold all that was measured and every budget."""
    budgets = [value for frame in frames for key, value in frame.result.budget.items() if key.endswith("_ms")]
    return Bounds(
        time_s=_range([times for frame in frames for times in (frame.t, frame.samples.cpu_t)], default=(0.0, 1.0)),
        latency_ms=_positive(
            [*(values for frame in frames for values in (frame.latency, frame.service)), np.asarray(budgets)]
        ),
        lag_ms=_positive([*(frame.lag for frame in frames), np.asarray([_SMALLEST_MS, 1.0])]),
    )


def windows_of(frame: Frame, values: Floats) -> Windows:
    """Summarise ``values`` of the measured requests by the second of their schedule, or by more where a run is long.

    Percentiles are order statistics (the smallest value with at least that share at or below it).
    """
    t, values = frame.t[frame.measured], values[frame.measured]
    span = float(t.max()) if t.size else 0.0
    width = next((step for step in _STEPS_S if span / step <= _WINDOWS), _STEPS_S[-1])
    total = int(span // width) + 1 if t.size else 0
    index = np.clip(t // width, 0, total - 1).astype(np.int64) if total else np.zeros(0, np.int64)
    order = np.argsort(index, kind="stable")
    parts = np.split(values[order], np.cumsum(np.bincount(index, minlength=total))[:-1]) if total else []
    done = frame.samples.done[frame.measured & ~frame.failed]
    return Windows(
        start=np.arange(total) * float(width),
        width_s=float(width),
        count=np.bincount(index, minlength=total),
        failed=np.bincount(index, weights=frame.failed[frame.measured], minlength=total).astype(np.int64),
        finished=np.histogram(done, bins=total, range=(0, total * width))[0] if total else np.zeros(0, np.int64),
        p50=np.asarray([_rank(part, 0.5) for part in parts], dtype=float),
        p99=np.asarray([_rank(part, 0.99) for part in parts], dtype=float),
        high=np.asarray([_rank(part[np.isfinite(part)], 1.0) for part in parts], dtype=float),
    )


def _rank(values: Floats, share: float) -> float:
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan")
    rank = max(int(np.ceil(known.size * share)), 1) - 1
    return float(np.partition(known, rank)[rank])


def _range(arrays: Sequence[Floats], *, default: tuple[float, float]) -> tuple[float, float]:
    values = np.concatenate(arrays)
    values = values[np.isfinite(values)]
    return (min(0.0, float(values.min())), max(float(values.max()), 1.0)) if values.size else default


def _positive(arrays: Sequence[Floats]) -> tuple[float, float]:
    values = np.concatenate(arrays)
    values = values[np.isfinite(values) & (values > 0)]
    low, high = (float(values.min()), float(values.max())) if values.size else (1.0, 100.0)
    return max(low, _SMALLEST_MS), max(high, _SMALLEST_MS)
