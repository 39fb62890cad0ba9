"""Whether the load generator can be believed: lag behind its schedule, the rate it offered, its CPU."""

from collections.abc import Iterator

import numpy as np
from markupsafe import Markup

from rtdeploy.report import limits, words
from rtdeploy.report.charts.axes import Axis, Floats, linear, logarithmic, time
from rtdeploy.report.charts.dots import Grid, dots
from rtdeploy.report.charts.frame import Bounds, Frame, Windows, windows_of
from rtdeploy.report.charts.latency import readouts
from rtdeploy.report.charts.plot import label, plot, rule
from rtdeploy.report.charts.svg import group, polyline, steps

__all__ = ["cpu_over_time", "lag_over_time", "rate_over_time"]


def lag_over_time(frame: Frame, bounds: Bounds, grid: Grid) -> Markup:
    """How long after its scheduled start each request was really sent."""
    if not np.isfinite(frame.lag).any():
        return Markup("")
    x = time(*bounds.time_s, "scheduled start")
    low, high = bounds.lag_ms
    name, limit_ms = limits.lag(frame.result)
    y = logarithmic(low, max(high, limit_ms), "lag, ms (log)")
    windows = windows_of(frame, frame.lag)
    lag = frame.result.generator.schedule_lag_ms
    return plot(
        title="Schedule lag over time",
        desc=f"Lag median {words.ms(lag.p50)}, p99 {words.ms(lag.p99)}, worst {words.ms(lag.max)}.",
        x=x,
        y=y,
        data=_lag_data(frame, windows, x, y, grid),
        over=group(
            [rule(y.at(limit_ms), "budget"), _limit(y.at(limit_ms), f"limit for {name} {words.exact(limit_ms, ' ms')}")]
        ),
    )


def rate_over_time(frame: Frame, bounds: Bounds) -> Markup:
    """Requests that were due, and that were answered, per second."""
    windows = windows_of(frame, frame.latency)
    if not windows.count.size:
        return Markup("")
    due, answered = windows.count / windows.width_s, windows.finished / windows.width_s
    x = time(*bounds.time_s, "time")
    y = linear(0, float(max(due.max(), answered.max(), 1)) * 1.1, "requests per second", count=4)
    middle = x.place(windows.middle)
    return plot(
        title="Offered and answered rate over time",
        desc=f"Offered {words.rate(frame.result.offered_rps)}, achieved {words.rate(frame.result.achieved_rps)}.",
        x=x,
        y=y,
        data=group(
            [polyline(middle, y.place(due), "line offered"), polyline(middle, y.place(answered), "line answered")]
        ),
        over=group(readouts(windows, x, _rates)),
    )


def cpu_over_time(frame: Frame, bounds: Bounds) -> Markup:
    """CPU of the busiest load generator process as a share of one core; empty where it was not sampled."""
    t, busiest = _busiest(frame.samples.cpu_t, frame.samples.cpu_share)
    if not t.size:
        return Markup("")
    x = time(*bounds.time_s, "time")
    y = linear(0, max(1.0, float(busiest.max())) * 100, "CPU, % of a core", count=4)
    limit = y.at(limits.CPU_SHARE * 100)
    return plot(
        title="CPU of the load generator over time",
        desc=f"Mean {words.percent(float(busiest.mean()))}, highest {words.percent(float(busiest.max()))} of a core.",
        x=x,
        y=y,
        data=polyline(x.place(t), y.place(busiest * 100), "line cpu"),
        over=group([rule(limit, "budget"), _limit(limit, f"limit on average {words.percent(limits.CPU_SHARE)}")]),
    )


def _lag_data(frame: Frame, windows: Windows, x: Axis, y: Axis, grid: Grid) -> Markup:
    return group(_lag_layers(frame, windows, x, y, grid))


def _lag_layers(frame: Frame, windows: Windows, x: Axis, y: Axis, grid: Grid) -> Iterator[Markup]:
    for chosen, class_ in ((~frame.measured, "dot ahead"), (frame.measured, "dot lag")):
        yield dots(x.place(frame.t[chosen]), y.place(frame.lag[chosen]), grid=grid, class_=class_)
    yield steps(x.place(windows.start), x.place(windows.end), y.place(windows.p99), "line p99")


def _rates(windows: Windows, index: int) -> str:
    due, answered = windows.count[index] / windows.width_s, windows.finished[index] / windows.width_s
    return f"{words.rate(float(due))} due, {words.rate(float(answered))} answered"


def _limit(height: float, text: str) -> Markup:
    return label(1, height, text, "budget-label", dx=-4, dy=-5)


def _busiest(t: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """One point a second: the highest share of any worker in it."""
    known = np.isfinite(t) & np.isfinite(shares)
    second, index = np.unique(np.floor(t[known]), return_inverse=True)
    highest = np.zeros(second.size)
    np.maximum.at(highest, index, shares[known])
    return second + 0.5, highest
