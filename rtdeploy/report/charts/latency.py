"""Latency over time: every request, the percentiles of every second, failures, the budget."""

from collections.abc import Callable, Iterator

import numpy as np
from markupsafe import Markup

from rtdeploy.report import words
from rtdeploy.report.charts.axes import Axis, Floats, logarithmic, time
from rtdeploy.report.charts.dots import Grid, dots, marks
from rtdeploy.report.charts.frame import Bounds, Frame, Windows, windows_of
from rtdeploy.report.charts.plot import area, label, plot, rule
from rtdeploy.report.charts.svg import element, group, steps
from rtdeploy.report.limits import furthest

__all__ = ["latency_over_time", "readouts"]

_ROOM = 0.9
"""Of the height is for latencies; failed requests, which have none, are marked above."""
_FAILED = 0.965
_NAMED = 0.06
"""A warm-up that takes less of the width is shaded without its name."""


def latency_over_time(frame: Frame, bounds: Bounds, grid: Grid) -> Markup:
    """The chart of one run; empty where nothing was scheduled."""
    if not frame.t.size:
        return Markup("")
    x = time(*bounds.time_s, "scheduled start")
    y = logarithmic(*bounds.latency_ms, "latency, ms (log)", top=_ROOM)
    windows = windows_of(frame, frame.latency)
    return plot(
        title="Latency over time",
        desc=_told(frame, windows),
        x=x,
        y=y,
        under=_warmup(x),
        data=_data(frame, windows, x, y, grid),
        over=group([*_budget(frame, y), *readouts(windows, x, _readout)]),
    )


def readouts(windows: Windows, x: Axis, write: Callable[[Windows, int], str]) -> Iterator[Markup]:
    """A strip over every window that shows its figures while the pointer is on it."""
    for index, start in enumerate(windows.start.tolist()):
        left, right = x.at(start), x.at(start + windows.width_s)
        if right > left:
            text = f"{start:,.0f} to {start + windows.width_s:,.0f} s: {write(windows, index)}"
            yield element(
                "g", area(left, 0, right - left, 1, "strip"), label(1, 1, text, "readout", dy=-12), class_="window"
            )


def _readout(windows: Windows, index: int) -> str:
    told = [words.count(int(windows.count[index]), "request")]
    if windows.count[index]:
        told += [f"p50 {words.ms(windows.p50[index])}", f"p99 {words.ms(windows.p99[index])}"]
        told += [f"max {words.ms(windows.high[index])}"]
    if windows.failed[index]:
        told.append(f"{words.count(int(windows.failed[index]))} failed")
    return ", ".join(told)


def _data(frame: Frame, windows: Windows, x: Axis, y: Axis, grid: Grid) -> Markup:
    across, up = x.place(frame.t), y.place(frame.latency)
    answered = ~frame.failed
    ahead, counted = answered & ~frame.measured, answered & frame.measured
    left, right = x.place(windows.start), x.place(windows.end)
    return group(
        [
            dots(across[ahead], up[ahead], grid=grid, class_="dot ahead"),
            dots(across[counted], up[counted], grid=grid, class_="dot"),
            steps(left, right, _level(windows.p50, y), "line p50"),
            steps(left, right, _level(windows.p99, y), "line p99"),
            marks(across[frame.failed], columns=grid[0], top=1 - _FAILED - 0.02, height=0.04, class_="failed"),
        ]
    )


def _level(values: Floats, y: Axis) -> Floats:
    """A percentile that is a failed request lies among the failed ones."""
    return np.where(np.isinf(values), _FAILED, y.place(values))


def _warmup(x: Axis) -> Markup:
    start = x.at(0)
    if start <= 0:
        return Markup("")
    name = label(0, 0, "warm-up", "hint", dx=4, dy=-6) if start > _NAMED else Markup("")
    return group([area(0, 0, start, 1, "warmup"), name])


def _budget(frame: Frame, y: Axis) -> Iterator[Markup]:
    shown = furthest(frame.result)
    if shown:
        name, value = shown
        height = y.at(value)
        yield rule(height, "budget")
        yield label(1, height, f"{name} budget {words.exact(value, ' ms')}", "budget-label", dx=-4, dy=-5)
    if frame.failed.any():
        yield label(0, _FAILED, "failed", "tick y bad", dx=-8, dy=4)


def _told(frame: Frame, windows: Windows) -> str:
    result = frame.result
    return (
        f"{words.count(result.requests, 'request')}, {words.count(result.errors)} failed; median "
        f"{words.ms(result.latency_ms.p50)}, p99 {words.ms(result.latency_ms.p99)}, slowest "
        f"{words.ms(result.latency_ms.max)}. Lines: p50 and p99 of every {windows.width_s:g} s."
    )
