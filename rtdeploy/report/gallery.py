"""Which charts a page shows, in which order, and the words beside them."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from rtdeploy.report.charts.distribution import distribution
from rtdeploy.report.charts.dots import Grid
from rtdeploy.report.charts.frame import Bounds, Frame
from rtdeploy.report.charts.generator import cpu_over_time, lag_over_time, rate_over_time
from rtdeploy.report.charts.latency import latency_over_time

__all__ = ["SECTIONS", "Chart", "Section", "draw"]

_WIDE: Grid = (320, 110)
_NARROW: Grid = (150, 80)
_FINE: Grid = (960, 330)
_FEW = 4000
"""So many requests take no more room on a fine grid than more would on a coarse one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One kind of chart: its legend (class of the sign → words) and how to read it."""

    key: str
    heading: str
    legend: Mapping[str, str]
    note: str
    missing: str = "Nothing was measured."
    wide: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Charts that answer one question."""

    heading: str
    charts: tuple[Chart, ...]


SECTIONS = (
    Section(
        heading="How long did requests take?",
        charts=(
            Chart(
                key="latency",
                heading="Latency over time",
                legend={
                    "dot": "a request",
                    "line p50": "p50",
                    "line p99": "p99",
                    "budget": "budget",
                    "failed": "failed request",
                },
                note="From the scheduled start of a request to its last byte, by its scheduled start; a stall is a "
                "falling edge of dots, one for each request that had to wait for its end. Every request is drawn: "
                "those on the same spot of a fine grid share one dot, darker the more they are. Lines are percentiles "
                "of each second, in a long run of the stretch that the chart names under the pointer.",
            ),
            Chart(
                key="distribution",
                heading="Distribution",
                legend={
                    "line latency": "from the scheduled start",
                    "line service": "from the actual send",
                    "interval": "p99 with its 95 % interval",
                    "forbidden": "over budget",
                },
                note="Every further nine takes the same width. The budget is met where the curve stays out of the "
                "shaded corner. Failed requests count as slower than all others: the curve leaves through the top.",
                missing="No request was answered.",
            ),
        ),
    ),
    Section(
        heading="Can the load generator be believed?",
        charts=(
            Chart(
                key="lag",
                heading="Schedule lag",
                legend={"dot lag": "a request", "line p99": "p99", "budget": "limit"},
                note="How late a request was sent after its scheduled start. Lag is part of the latency above; beyond "
                "the limit the generator, and not the endpoint, was measured.",
                missing="Nothing was sent.",
            ),
            Chart(
                key="rate",
                heading="Rate",
                legend={"line offered": "due", "line answered": "answered"},
                note="Requests per second that the schedule asked for, and that came back.",
                wide=False,
            ),
            Chart(
                key="cpu",
                heading="CPU of the generator",
                legend={"line cpu": "busiest process", "budget": "limit"},
                note="A generator short of CPU measures itself.",
                missing="Was not sampled.",
                wide=False,
            ),
        ),
    ),
)


def draw(frame: Frame, bounds: Bounds, *, several: bool) -> dict[str, Markup]:
    """Every chart of one run by its key; coarser dots where several runs share the width."""
    grid = _FINE if frame.t.size <= _FEW else _NARROW if several else _WIDE
    return {
        "latency": latency_over_time(frame, bounds, grid),
        "distribution": distribution(frame, bounds),
        "lag": lag_over_time(frame, bounds, grid),
        "rate": rate_over_time(frame, bounds),
        "cpu": cpu_over_time(frame, bounds),
    }
