"""The limits that charts draw: those that :mod:`rtdeploy.bench.validity` judges by."""

from rtdeploy.bench.result import Result
from rtdeploy.bench.validity import CPU_MEAN, lag_allowed_ms
from rtdeploy.report.lines import PERCENTILES

__all__ = ["CPU_SHARE", "furthest", "lag"]

CPU_SHARE = CPU_MEAN
"""Of a core, on average."""


def furthest(result: Result) -> tuple[str, float] | None:
    """The declared percentile that reaches furthest into the tail, and its budget in ms."""
    known = [
        (name, result.budget[f"{field}_ms"]) for field, name in PERCENTILES.items() if f"{field}_ms" in result.budget
    ]
    return known[-1] if known else None


def lag(result: Result) -> tuple[str, float]:
    """Which percentile of the schedule lag is limited, and to how many ms."""
    declared = furthest(result)
    return ("p99", lag_allowed_ms(None)) if declared is None else (declared[0], lag_allowed_ms(declared[1]))
