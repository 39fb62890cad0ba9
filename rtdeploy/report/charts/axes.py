"""Axes: where a value lies between 0 and 1, and ticks at round numbers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Axis", "Floats", "Tick", "linear", "logarithmic", "tail", "time"]

Floats = npt.NDArray[np.floating[Any]]

_TIME_UNITS = ((7200.0, 3600.0, "h"), (300.0, 60.0, "min"), (0.0, 1.0, "s"))
"""From this span on, this many seconds, called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """``at`` is between 0 and 1; a tick without a label is a faint line."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """``place`` maps values to 0…1, clipped; NaN stays NaN. The title names the quantity and its unit."""

    title: str
    ticks: tuple[Tick, ...]
    place: Callable[[Floats], Floats]

    def at(self, value: float) -> float:
        """Where one value lies."""
        return float(self.place(np.asarray([value], dtype=float))[0])


def linear(low: float, high: float, title: str, *, factor: float = 1, count: int = 6) -> Axis:
    """An even axis; ``factor`` turns values into the unit of the labels."""
    high = high if high > low else low + 1
    place = partial(_even, low=low, high=high)
    step = _round_up((high - low) / factor / count)
    first = math.ceil(low / factor / step)
    last = math.floor(high / factor / step + 1e-9)
    values = [index * step for index in range(first, last + 1)]
    ticks = tuple(Tick(at=float(place(np.asarray(v * factor))), label=f"{round(v, 9):,.6g}") for v in values)
    return Axis(title=title, ticks=ticks, place=place)


def time(low: float, high: float, title: str) -> Axis:
    """Seconds, labelled in the unit that reads best."""
    factor, unit = next((factor, unit) for span, factor, unit in _TIME_UNITS if high - low >= span)
    return linear(low, high, f"{title}, {unit}", factor=factor, count=9)


def logarithmic(low: float, high: float, title: str, *, top: float = 1) -> Axis:
    """A log axis that starts and ends at 1, 2 or 5 times a power of ten; ``top`` leaves room above its end."""
    low, high = _below(low), _above(high)
    high = max(high, low * 10)
    place = partial(_even_log, low=low, high=high, top=top)
    narrow = high / low <= 1e3
    ticks = [
        Tick(
            at=float(place(np.asarray(digit * 10.0**power))),
            label=_plain(digit * 10.0**power) if narrow or digit == 1 else "",
        )
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for digit in (1, 2, 5)
        if low * 0.999 <= digit * 10.0**power <= high * 1.001
    ]
    return Axis(title=title, ticks=tuple(ticks), place=place)


def tail(count: int, title: str) -> Axis:
    """Shares of requests, stretched so that every further nine takes the same width; ends at the slowest of them."""
    decades = math.log10(2 * max(count, 500))
    place = partial(_even_tail, decades=decades)
    shares = [0.0, 0.5, 0.9, *(1 - 10.0**-nines for nines in range(2, math.ceil(decades)))]
    labels = ["0 %", "50 %", "90 %", "99 %", *(f"99.{'9' * more} %" for more in range(1, len(shares)))]
    ticks = tuple(Tick(at=float(place(np.asarray(s))), label=text) for s, text in zip(shares, labels, strict=False))
    return Axis(title=title, ticks=ticks, place=place)


def _even(values: Floats, *, low: float, high: float) -> Floats:
    return np.asarray(np.clip((values - low) / (high - low), 0, 1))


def _even_log(values: Floats, *, low: float, high: float, top: float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.clip(np.log10(np.maximum(values, low) / low) / math.log10(high / low), 0, 1) * top)


def _even_tail(values: Floats, *, decades: float) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.clip(-np.log10(1 - values) / decades, 0, 1))


def _round_up(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= step * 0.999)


def _below(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return max(digit * power for digit in (1, 2, 5) if digit * power <= value * 1.001)


def _above(value: float) -> float:
    return _round_up(value)


def _plain(value: float) -> str:
    return f"{value:,.12g}"
