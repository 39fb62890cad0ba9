"""The budget line by line: what was asked, what was measured, what that proves."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from rtdeploy.bench.result import Result, Verdict
from rtdeploy.report import words

__all__ = ["PERCENTILES", "Line", "lines", "percentile"]

PERCENTILES = {"p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p99.9"}
"""Field of a result → how it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a budget.

    ``measured``, ``low`` and ``high`` (a 95 % interval) share the unit of ``budget``; None is not measured, infinite a
    failed request. ``at_most`` says on which side of the budget is good.
    """

    name: str
    budget: float
    budget_text: str
    measured: float | None
    low: float | None = None
    high: float | None = None
    at_most: bool = True
    verdict: Verdict
    write: words.Written

    @property
    def measured_text(self) -> str:
        """The measured value with as many digits as tell it from the budget."""
        if self.measured is None or self.measured == self.budget:
            return self.write(self.measured)
        told = [(self.write(self.measured, digits=more), self.write(self.budget, digits=more)) for more in range(6)]
        return next((measured for measured, budget in told if measured != budget), told[-1][0])

    @property
    def interval_text(self) -> str:
        """``2.9 ms to 3.4 ms``, empty where there is none."""
        return words.interval(self.low, self.high, self.write)

    @property
    def label(self) -> str:
        """``p99 ≤ 80 ms``."""
        return f"{self.name} {self.budget_text}"


def lines(result: Result) -> tuple[Line, ...]:
    """Every line of the budget in the order percentiles, error rate, throughput."""
    return (*_percentiles(result), *_shares(result))


def percentile(result: Result, field: str) -> float | None:
    """A percentile of latency in ms: infinite where so many requests failed that it is one of them."""
    value: float | None = getattr(result.latency_ms, field)
    return math.inf if value is None and result.errors else value


def _percentiles(result: Result) -> Iterator[Line]:
    for field, name in PERCENTILES.items():
        budget = result.budget.get(f"{field}_ms")
        if budget is not None:
            low, high = (result.p99_ci95_ms if field == "p99" else None) or (None, None)
            yield Line(
                name=name,
                budget=budget,
                budget_text=f"≤ {words.exact(budget, ' ms')}",
                measured=percentile(result, field),
                low=low,
                high=high,
                verdict=_verdict(result, f"{field}_ms"),
                write=words.ms,
            )


def _shares(result: Result) -> Iterator[Line]:
    known = result.requests > 0
    if "error_rate" in result.budget:
        budget = result.budget["error_rate"]
        yield Line(
            name="error rate",
            budget=budget,
            budget_text=f"≤ {words.exact(budget * 100, ' %')}",
            measured=result.errors / result.requests if known else None,
            verdict=_verdict(result, "error_rate"),
            write=words.percent,
        )
    if "throughput_rps" in result.budget:
        budget = result.budget["throughput_rps"]
        yield Line(
            name="throughput",
            budget=budget,
            budget_text=f"≥ {words.exact(budget, '/s')}",
            measured=result.achieved_rps if known else None,
            at_most=False,
            verdict=_verdict(result, "throughput_rps"),
            write=words.rate,
        )


def _verdict(result: Result, key: str) -> Verdict:
    """The line's own; a result of a version that kept none says no more than the verdict on all lines does."""
    whole = result.verdict if result.verdict in {Verdict.PASS, Verdict.INVALID} else Verdict.INCONCLUSIVE
    return result.verdicts.get(key, whole)
