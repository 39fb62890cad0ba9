"""Latency against load: every rate that was tried, with the budget."""

from collections.abc import Iterator

import numpy as np
from markupsafe import Markup

from rtdeploy.bench.ceiling import Capacity, Step
from rtdeploy.bench.result import Verdict
from rtdeploy.report import words
from rtdeploy.report.charts.axes import Axis, linear, logarithmic
from rtdeploy.report.charts.plot import label, plot, rule
from rtdeploy.report.charts.svg import element, group, polyline, share
from rtdeploy.report.lines import PERCENTILES

__all__ = ["latency_against_load"]

_ROOM = 1.08


def latency_against_load(capacity: Capacity) -> Markup:
    """p50 and p99 by rate; empty where no rate was answered."""
    steps = sorted((step for step in capacity.steps if step.latency_ms.p50 is not None), key=lambda step: step.rate_rps)
    if not steps:
        return Markup("")
    budgets = {key: value for key, value in capacity.budget.items() if key.endswith("_ms")}
    known = [value for step in steps for value in _values(step)] + list(budgets.values())
    x = linear(0.0, max(step.rate_rps for step in steps) * _ROOM, "offered load, requests per second")
    y = logarithmic(min(known) * 0.8, max(known) * 1.25, "latency, ms (log)")
    return plot(
        title="Latency against load",
        desc="; ".join(_told(step) for step in steps),
        x=x,
        y=y,
        data=group([_line(steps, "p50", x, y), _line(steps, "p99", x, y)]),
        over=group([*_budgets(budgets, y), *(mark for step in steps for mark in _marks(step, x, y))]),
    )


def _values(step: Step) -> list[float]:
    low, high = step.p99_ci95_ms or (None, None)
    return [value for value in (step.latency_ms.p50, step.latency_ms.p99, low, high) if value is not None]


def _line(steps: list[Step], figure: str, x: Axis, y: Axis) -> Markup:
    known = [getattr(step.latency_ms, figure) for step in steps]
    values = np.array([np.nan if value is None else value for value in known], dtype=float)
    rates = np.array([step.rate_rps for step in steps], dtype=float)
    return polyline(x.place(rates), y.place(values), f"line {figure}")


def _marks(step: Step, x: Axis, y: Axis) -> Iterator[Markup]:
    across = share(x.at(step.rate_rps))
    low, high = step.p99_ci95_ms or (None, None)
    if low is not None and high is not None:
        yield element(
            "line", class_="interval", x1=across, x2=across, y1=share(1 - y.at(low)), y2=share(1 - y.at(high))
        )
    if step.latency_ms.p99 is not None:
        told = element("title", _told(step))
        centre = share(1 - y.at(step.latency_ms.p99))
        yield element("circle", told, class_=f"tried {step.verdict.value}", cx=across, cy=centre, r="4.5")


def _budgets(budgets: dict[str, float], y: Axis) -> Iterator[Markup]:
    for key, value in budgets.items():
        yield rule(y.at(value), "budget")
        told = f"{PERCENTILES[key.removesuffix('_ms')]} budget {words.exact(value, ' ms')}"
        yield label(0, y.at(value), told, "budget-label start", dx=6, dy=-6)


def _told(step: Step) -> str:
    meaning = {Verdict.PASS: "holds", Verdict.FAIL: "does not hold"}.get(step.verdict, step.verdict.value)
    figures = f"p50 {words.ms(step.latency_ms.p50)}, p99 {words.ms(step.latency_ms.p99)}"
    return f"{words.rate(step.rate_rps)}: {figures}, {meaning}"
