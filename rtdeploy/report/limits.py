"""The limits that charts draw; :mod:`rtdeploy.bench.validity` judges by them, and a test holds the two together."""

from rtdeploy.bench.result import Result
from rtdeploy.report.lines import PERCENTILES

__all__ = ["CPU_SHARE", "furthest", "lag"]

CPU_SHARE = 0.7
"""Of a core, on average."""

_LAG_MS = 1.0
_LAG_SHARE = 0.05
_LAG_WITHOUT_BUDGET_MS = 10.0


def furthest(result: Result) -> tuple[str, float] | None:
    """The declared percentile that reaches furthest into the tail, and its budget in ms."""
    known = [
        (name, result.budget[f"{field}_ms"]) for field, name in PERCENTILES.items() if f"{field}_ms" in result.budget
    ]
    return known[-1] if known else None


def lag(result: Result) -> tuple[str, float]:
    """Which percentile of the schedule lag is limited, and to how many ms."""
    declared = furthest(result)
    if declared is None:
        return "p99", _LAG_WITHOUT_BUDGET_MS
    name, budget = declared
    return name, max(_LAG_MS, _LAG_SHARE * budget)
