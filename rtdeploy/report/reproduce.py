"""The command line that measures the same again."""

import shlex
from collections.abc import Iterator

from rtdeploy.bench.result import Result
from rtdeploy.report.words import plain

__all__ = ["command"]

_SCENARIO = {
    "rate_rps": ("--rate", "{:.12g}/s"),
    "arrivals": ("--arrivals", "{}"),
    "duration_s": ("--duration", "{:.12g}s"),
    "warmup_s": ("--warmup", "{:.12g}s"),
    "protocol": ("--protocol", "{}"),
    "seed": ("--seed", "{}"),
}
_BUDGET = {"p99_ms": ("--p99", "{:.12g}ms"), "error_rate": ("--errors", "{:.12g}%")}


def command(result: Result) -> str:
    """What to type; a run against a URL leaves the file of its request body to be named."""
    return shlex.join(_words(result))


def _words(result: Result) -> Iterator[str]:
    yield from ("rtdeploy", "bench")
    if result.target:
        yield plain(result.target)
    else:
        yield from ("--url", plain(result.scenario.get("url", "URL")), "--data", "FILE")
    for key, (flag, form) in _SCENARIO.items():
        if result.scenario.get(key) is not None:
            yield from (flag, plain(form.format(result.scenario[key])))
    for key, (flag, form) in _BUDGET.items():
        if key in result.budget:
            yield from (flag, form.format(result.budget[key] * (100 if key == "error_rate" else 1)))
