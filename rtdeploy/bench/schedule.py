"""When each request starts, drawn before the run from a seed: nothing that happens later can change it."""

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rtdeploy.errors import UsageError

__all__ = ["SHAPES", "Times", "arrivals", "constant", "peak", "poisson", "read_trace", "shaped"]

Times: TypeAlias = npt.NDArray[np.float64]
"""Seconds, ascending."""

Profile: TypeAlias = Callable[[Times], Times]
"""Share of the measured window that has passed (0 to 1) → rate relative to the declared one."""


def _ramp(passed: Times) -> Times:
    return 0.1 + 0.9 * passed


def _step(passed: Times) -> Times:
    quarters: Times = np.floor(passed * 4.0)
    return np.minimum(quarters + 1.0, 4.0) / 4.0


def _spike(passed: Times) -> Times:
    return np.where((passed >= 0.45) & (passed < 0.55), 3.0, 1.0)


def _soak(passed: Times) -> Times:
    return np.ones_like(passed)


SHAPES: dict[str, tuple[Profile, float]] = {
    "ramp": (_ramp, 1.0),
    "soak": (_soak, 1.0),
    "spike": (_spike, 3.0),
    "step": (_step, 1.0),
}
"""Profile and its peak, both relative to the declared rate.

ramp   a tenth of the rate at first, rising linearly to all of it
soak   all of it all the time; what makes it a soak is the duration
spike  all of it, and three times as much in the middle tenth of the window
step   a quarter, half, three quarters, all of it, for a quarter of the window each
"""


def arrivals(
    kind: str,
    *,
    rate_rps: float,
    warmup_s: float,
    duration_s: float,
    seed: int,
    trace: Times | None = None,
) -> Times:
    """Start times in seconds from the start of the measured window; those of the warm-up are negative.

    Args:
        kind: ``constant``, ``poisson``, ``trace``, or ``shape:`` and a name of :data:`SHAPES`.
        rate_rps: Declared rate; a trace has its own.
        warmup_s: Length of the part before the measured window: an earlier part of the same schedule.
        duration_s: Length of the measured window.
        seed: The same seed gives the same times.
        trace: Times of a trace from its own start, which is the start of the warm-up.

    """
    span = warmup_s + duration_s
    random = np.random.default_rng(seed)
    if kind == "trace":
        assert trace is not None
        times = trace[trace < span]
    elif kind == "constant":
        times = constant(rate_rps, span)
    elif kind == "poisson":
        times = poisson(rate_rps, span, random)
    else:
        times = shaped(kind.removeprefix("shape:"), rate_rps, warmup_s, duration_s, random)
    return times - warmup_s


def constant(rate_rps: float, span_s: float) -> Times:
    """Evenly spaced from 0 up to, but without, ``span_s``."""
    return np.arange(math.ceil(rate_rps * span_s - 1e-9), dtype=np.float64) / rate_rps


def poisson(rate_rps: float, span_s: float, random: np.random.Generator) -> Times:
    """A Poisson process: a Poisson number of arrivals, uniform over the span given their number."""
    return np.sort(random.uniform(0.0, span_s, random.poisson(rate_rps * span_s)))


def shaped(shape: str, rate_rps: float, warmup_s: float, duration_s: float, random: np.random.Generator) -> Times:
    """A Poisson process whose rate follows a profile, by thinning one that runs at the peak.

    The warm-up runs at the rate with which the measured window starts. Lewis and Shedler, "Simulation of
    nonhomogeneous Poisson processes by thinning", Naval Research Logistics 26 (1979).
    """
    profile, peak = SHAPES[shape]
    times = poisson(rate_rps * peak, warmup_s + duration_s, random)
    passed = np.clip((times - warmup_s) / duration_s, 0.0, 1.0)
    kept: Times = times[random.uniform(0.0, peak, len(times)) < profile(passed)]
    return kept


def peak(kind: str, rate_rps: float) -> float:
    """The highest rate that a schedule of this kind asks for over any length of time."""
    return rate_rps * SHAPES[kind.removeprefix("shape:")][1] if kind.startswith("shape:") else rate_rps


def read_trace(path: Path) -> Times:
    """Read arrivals recorded elsewhere: CSV whose first column is seconds; one header line may come first.

    ``UsageError`` names the line that is no number of seconds.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            cells = [(number, row[0]) for number, row in enumerate(csv.reader(file), start=1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"Cannot read the trace {path}.", remedy=_REMEDY, detail=str(error)) from error
    if cells and _seconds(cells[0][1]) is None:
        del cells[0]
    times = []
    for number, text in cells:
        seconds = _seconds(text)
        if seconds is None:
            raise UsageError(f"{path}:{number}: {text!r} is not a number of seconds.", remedy=_REMEDY)
        times.append(seconds)
    if not times:
        raise UsageError(f"The trace {path} has no arrivals.", remedy=_REMEDY)
    return np.sort(np.array(times, dtype=np.float64))


_REMEDY = "A trace is a CSV file whose first column is seconds from the start."


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None
