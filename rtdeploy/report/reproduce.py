"""The command line that measures the same again."""

import shlex
from collections.abc import Iterator

from rtdeploy.bench.result import Result
from rtdeploy.report.words import plain

__all__ = ["command"]

_SCENARIO = {
    "rate_rps": ("--rate", "/s"),
    "duration_s": ("--duration", "s"),
    "warmup_s": ("--warmup", "s"),
    "protocol": ("--protocol", ""),
    "seed": ("--seed", ""),
}
_BUDGET = {"p99_ms": ("--p99", "ms", 1), "error_rate": ("--errors", "%", 100)}
_ARRIVALS = ("constant", "poisson")


def command(result: Result) -> str:
    """What to type.

    What a flag cannot say comes from rtdeploy.yaml: traces and shapes, other percentiles of the budget. The address
    of a run without a target, which may be secret, is not kept; it and the request body are left to be filled in.
    """
    return shlex.join(_words(result))


def _words(result: Result) -> Iterator[str]:
    yield from ("rtdeploy", "bench")
    yield from (plain(result.target),) if result.target else ("--url", "URL", "--data", "FILE")
    if result.scenario.get("arrivals") in _ARRIVALS:
        yield from ("--arrivals", result.scenario["arrivals"])
    if result.scenario.get("until_decided"):
        yield "--until-decided"
    for key, (flag, unit) in _SCENARIO.items():
        if key in result.scenario:
            if key == "duration_s" and result.scenario.get("until_decided"):
                flag = "--max-duration"  # noqa: PLW2901
            yield from (flag, f"{_number(result.scenario[key])}{unit}")
    for key, (flag, unit, factor) in _BUDGET.items():
        if key in result.budget:
            yield from (flag, f"{_number(result.budget[key] * factor)}{unit}")


def _number(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, int | float) else plain(value)
