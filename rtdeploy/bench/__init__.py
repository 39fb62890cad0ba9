"""Endpoint + scenario → result: open-loop load, statistics, verdict.

The method is in docs/measuring.md. Names are loaded when they are used: who only reads a result pays for no scipy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtdeploy.bench.measure import run
    from rtdeploy.bench.payloads import Payloads
    from rtdeploy.bench.progress import Tick
    from rtdeploy.bench.result import Result, Verdict
    from rtdeploy.bench.samples import Samples
    from rtdeploy.bench.scenario import Budget, Scenario, announce, budget_of, scenario_of
    from rtdeploy.bench.store import Run, read

__all__ = [
    "Budget",
    "Payloads",
    "Result",
    "Run",
    "Samples",
    "Scenario",
    "Tick",
    "Verdict",
    "announce",
    "budget_of",
    "read",
    "run",
    "scenario_of",
]

_HOMES = {
    "Budget": "scenario",
    "Payloads": "payloads",
    "Result": "result",
    "Run": "store",
    "Samples": "samples",
    "Scenario": "scenario",
    "Tick": "progress",
    "Verdict": "result",
    "announce": "scenario",
    "budget_of": "scenario",
    "read": "store",
    "run": "measure",
    "scenario_of": "scenario",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
