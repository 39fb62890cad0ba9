"""A capacity in words: on a terminal, and for a pull request."""

import math
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rtdeploy.bench.ceiling import Capacity, Step
from rtdeploy.bench.result import Verdict
from rtdeploy.report import words
from rtdeploy.report.comment import escape, table
from rtdeploy.report.screen import STYLE, Pen

__all__ = ["HEADS", "MEANING", "Ceiling", "cells", "markdown", "name"]

_INTERVAL = "95 % interval of p99"
HEADS = ("Rate", "Answered", "p50", "p99", _INTERVAL, "Errors", "Under way")
MEANING = {
    Verdict.PASS: "The highest rate within the budget was found.",
    Verdict.FAIL: "No rate holds the budget.",
    Verdict.INCONCLUSIVE: "The search was not over.",
    Verdict.INVALID: "The generator was the limit.",
}


class Ceiling:
    """A rich renderable: the rate, what it takes, and every rate that was tried."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        pen, capacity = Pen(ascii_only=options.ascii_only), self._capacity
        verdict = capacity.verdict
        told = f"  {name(capacity)} · {_rate(capacity)}" + (" · interrupted" if capacity.interrupted else "")
        head = pen.text(f"{words.SYMBOL[verdict]} {verdict.upper()}", STYLE[verdict])
        yield head.append_text(pen.text(told))
        for reason in capacity.reasons:
            yield Padding(pen.text(words.plain(reason)), (0, 0, 0, 2), expand=False)
        yield Text()
        yield _steps(pen, capacity)
        yield Padding(pen.text(f"Run {words.plain(capacity.run_id)}", "dim"), (1, 0, 0, 2), expand=False)


def name(capacity: Capacity) -> str:
    """Of what was measured."""
    return words.plain(capacity.target or "endpoint")


def cells(step: Step) -> tuple[str, ...]:
    """One rate, under :data:`HEADS`."""
    low, high = step.p99_ci95_ms or (None, None)
    return (
        words.rate(step.rate_rps),
        words.rate(step.achieved_rps),
        words.ms(_figure(step, step.latency_ms.p50)),
        words.ms(_figure(step, step.latency_ms.p99)),
        words.interval(low, high) or words.NOT_MEASURED,
        words.count(step.errors),
        f"{step.in_flight:.3g}",
    )


def _figure(step: Step, value: float | None) -> float | None:
    """Infinite where so many requests failed that the percentile is one of them."""
    return math.inf if value is None and step.errors else value


def markdown(capacity: Capacity) -> str:
    """For a pull request."""
    return "\n".join(_blocks(capacity)) + "\n"


def _blocks(capacity: Capacity) -> Iterator[str]:
    yield f"### {words.SYMBOL[capacity.verdict]} Capacity of {escape(name(capacity))}: {_rate(capacity)}"
    yield ""
    yield from (f"- {escape(reason)}" for reason in capacity.reasons)
    yield ""
    rows = ([*cells(step), step.verdict.value] for step in sorted(capacity.steps, key=lambda step: step.rate_rps))
    yield from table([*HEADS, ""], rows)


def _rate(capacity: Capacity) -> str:
    return "no rate is known to hold" if capacity.rate_rps is None else f"{words.rate(capacity.rate_rps)} within budget"


def _without_interval(row: tuple[str, ...]) -> tuple[str, ...]:
    """A terminal of 80 columns has no room for it."""
    place = HEADS.index(_INTERVAL)
    return (*row[:place], *row[place + 1 :])


def _steps(pen: Pen, capacity: Capacity) -> Padding:
    drawn = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading in (*_without_interval(HEADS), ""):
        drawn.add_column(pen.text(heading), justify="right" if heading else "left")
    for step in sorted(capacity.steps, key=lambda step: step.rate_rps):
        verdict = pen.text(f"{words.SYMBOL[step.verdict]} {step.verdict}", STYLE[step.verdict])
        drawn.add_row(*(pen.text(cell) for cell in _without_interval(cells(step))), verdict)
    return Padding(drawn, (0, 0, 0, 2), expand=False)
