"""Endpoint + scenario → result: open-loop load, statistics, verdict.

The method is in docs/measuring.md. Names are loaded when they are used: who only reads a result pays for no scipy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtdeploy.bench.ceiling import Capacity
    from rtdeploy.bench.climb import Limits, capacity
    from rtdeploy.bench.comparison import Comparison
    from rtdeploy.bench.match import Contender, compare
    from rtdeploy.bench.measure import run
    from rtdeploy.bench.payloads import Payloads
    from rtdeploy.bench.progress import Tick
    from rtdeploy.bench.result import Result, Verdict
    from rtdeploy.bench.samples import Samples
    from rtdeploy.bench.scenario import Budget, Scenario, announce, budget_of, scenario_of
    from rtdeploy.bench.store import Compared, Run, read, read_capacity, read_comparison, schema_of

__all__ = [
    "Budget",
    "Capacity",
    "Compared",
    "Comparison",
    "Contender",
    "Limits",
    "Payloads",
    "Result",
    "Run",
    "Samples",
    "Scenario",
    "Tick",
    "Verdict",
    "announce",
    "budget_of",
    "capacity",
    "compare",
    "read",
    "read_capacity",
    "read_comparison",
    "run",
    "scenario_of",
    "schema_of",
]

_HOMES = {
    "Budget": "scenario",
    "Capacity": "ceiling",
    "Compared": "store",
    "Comparison": "comparison",
    "Contender": "match",
    "Limits": "climb",
    "Payloads": "payloads",
    "Result": "result",
    "Run": "store",
    "Samples": "samples",
    "Scenario": "scenario",
    "Tick": "progress",
    "Verdict": "result",
    "announce": "scenario",
    "budget_of": "scenario",
    "capacity": "climb",
    "compare": "match",
    "read": "store",
    "read_capacity": "store",
    "read_comparison": "store",
    "run": "measure",
    "scenario_of": "scenario",
    "schema_of": "store",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
