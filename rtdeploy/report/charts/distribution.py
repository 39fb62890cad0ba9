"""The distribution of latency on an axis that gives every further nine the same width."""

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup

from rtdeploy.bench.result import Result
from rtdeploy.report import words
from rtdeploy.report.charts.axes import Axis, Floats, logarithmic, tail
from rtdeploy.report.charts.frame import Bounds, Frame
from rtdeploy.report.charts.plot import area, label, plot
from rtdeploy.report.charts.svg import element, group, polyline, share
from rtdeploy.report.lines import PERCENTILES

__all__ = ["distribution", "overlay"]

_SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
_POINTS = 300
_SLOWEST = 100
"""So many of the slowest requests are drawn one by one."""


def distribution(frame: Frame, bounds: Bounds) -> Markup:
    """Latency and service time of one run against its budget, with the interval of p99."""
    latency = _sorted(frame, frame.latency)
    if not np.isfinite(latency).any():
        return Markup("")
    x, y = _axes([latency.size], bounds)
    service = _sorted(frame, frame.service)
    return plot(
        title="Distribution of latency",
        desc=_told(frame.result, latency.size),
        x=x,
        y=y,
        under=group(_corners(frame.result, x, y)),
        data=group([_curve(service, x, y, "line service"), _curve(latency, x, y, "line latency")]),
        over=group([*_interval(frame.result, x, y), *_corner_labels(frame.result, y)]),
    )


def overlay(frames: Sequence[Frame], bounds: Bounds) -> Markup:
    """Latency of several runs on one pair of axes; curve *i* has the class ``run-i``."""
    measured = [_sorted(frame, frame.latency) for frame in frames]
    if not any(np.isfinite(values).any() for values in measured):
        return Markup("")
    x, y = _axes([values.size for values in measured], bounds)
    curves = (_curve(values, x, y, f"line run-{index}") for index, values in enumerate(measured))
    told = "; ".join(_told(frame.result, values.size) for frame, values in zip(frames, measured, strict=True))
    same = len({tuple(sorted(frame.result.budget.items())) for frame in frames}) == 1
    corners = group(_corners(frames[0].result, x, y)) if same else Markup("")
    labels = group(_corner_labels(frames[0].result, y)) if same else Markup("")
    return plot(title="Distributions of latency", desc=told, x=x, y=y, under=corners, data=group(curves), over=labels)


def _sorted(frame: Frame, values: Floats) -> Floats:
    chosen = values[frame.measured]
    return np.sort(np.where(np.isnan(chosen), np.inf, chosen))


def _axes(counts: Sequence[int], bounds: Bounds) -> tuple[Axis, Axis]:
    return tail(max(counts), "share of requests at or below"), logarithmic(*bounds.latency_ms, "latency, ms (log)")


def _curve(values: Floats, x: Axis, y: Axis, class_: str) -> Markup:
    """The value of rank r lies at (r - ½) / n, so that the slowest has a place; a failed request is above the top."""
    count = values.size
    if not count:
        return Markup("")
    spread = np.ceil(count * (1 - 10.0 ** -np.linspace(0, np.log10(2 * max(count, 1)), _POINTS))).astype(np.int64)
    ranks = np.unique(np.clip(np.concatenate((spread, np.arange(count - _SLOWEST, count + 1))), 1, count))
    across, drawn = x.place((ranks - 0.5) / count), values[ranks - 1]
    up = np.where(np.isinf(drawn), np.nan, y.place(drawn))
    fails = int(np.searchsorted(drawn, np.inf))
    if 0 < fails < drawn.size:
        across, up = np.insert(across, fails, across[fails - 1]), np.insert(up, fails, 1.0)
    return polyline(across, up, class_)


def _budgets(result: Result) -> Iterator[tuple[str, float, float]]:
    for field, name in PERCENTILES.items():
        if f"{field}_ms" in result.budget:
            yield name, _SHARES[name], result.budget[f"{field}_ms"]


def _corners(result: Result, x: Axis, y: Axis) -> Iterator[Markup]:
    """Where the curve must not go: left of the percentile and above its budget."""
    for _, part, budget in _budgets(result):
        across, up = share(x.at(part)), share(1 - y.at(budget))
        yield area(0, y.at(budget), x.at(part), 1 - y.at(budget), "forbidden")
        yield element("line", class_="budget", x1="0", x2=across, y1=up, y2=up)
        yield element("line", class_="budget", x1=across, x2=across, y1=up, y2="0")


def _corner_labels(result: Result, y: Axis) -> Iterator[Markup]:
    for name, _, budget in _budgets(result):
        yield label(0, y.at(budget), f"{name} ≤ {words.exact(budget, ' ms')}", "budget-label start", dx=6, dy=-6)


def _interval(result: Result, x: Axis, y: Axis) -> Iterator[Markup]:
    low, high = result.p99_ci95_ms or (None, None)
    if low is None and high is None:
        return
    across = share(x.at(0.99))
    bottom = 0.0 if low is None else y.at(low)
    top = 1.0 if high is None else y.at(high)
    yield element("line", class_="interval", x1=across, x2=across, y1=share(1 - bottom), y2=share(1 - top))
    if result.latency_ms.p99 is not None:
        yield element("circle", class_="interval-point", cx=across, cy=share(1 - y.at(result.latency_ms.p99)), r="3.5")


def _told(result: Result, count: int) -> str:
    written = ", ".join(
        f"{name} {words.ms(value)}"
        for field, name in PERCENTILES.items()
        if (value := getattr(result.latency_ms, field)) is not None
    )
    return f"{words.count(count, 'request')}: {written}."
