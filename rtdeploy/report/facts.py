"""What a run comes to in a few figures, as label and text, for every format."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from rtdeploy.bench.result import Percentiles, Result
from rtdeploy.report import words
from rtdeploy.report.lines import PERCENTILES

__all__ = ["errors", "flat", "generator", "key_figures", "load", "percentiles", "trust"]


def load(result: Result) -> str:
    """``100.1/s offered, 100.1/s achieved``."""
    return f"{words.rate(result.offered_rps)} offered, {words.rate(result.achieved_rps)} achieved"


def errors(result: Result) -> str:
    """``12 (0.8 %)``; just ``0`` where there are none."""
    if not result.errors or not result.requests:
        return words.count(result.errors)
    return f"{words.count(result.errors)} ({words.percent(result.errors / result.requests)})"


def trust(result: Result) -> str:
    """One word on the generator."""
    return "trusted" if result.generator.trusted else "not trusted"


def generator(result: Result) -> str:
    """What the trust rests on: lag behind the schedule, noise floor, CPU, how many workers."""
    known = result.generator
    told = [f"schedule lag p99 {words.ms(known.schedule_lag_ms.p99)}"]
    if known.floor_ms is not None:
        told.append(f"noise floor p99 {words.ms(known.floor_ms.p99)}")
    if known.cpu_share is not None:
        told.append(f"CPU {words.percent(known.cpu_share)}")
    return ", ".join([*told, words.count(known.workers, "worker")])


def percentiles(summary: Percentiles, *, failures: bool) -> Iterator[tuple[str, str]]:
    """Name and value of every percentile, then maximum and mean of what was answered.

    Where there were ``failures``, a percentile without a value is one of them.
    """
    for field, name in PERCENTILES.items():
        value = getattr(summary, field)
        yield name, words.ms(math.inf if value is None and failures else value)
    yield "max", words.ms(summary.max)
    yield "mean", words.ms(summary.mean)


def key_figures(result: Result) -> Iterator[tuple[str, str]]:
    """What a reader looks for after the verdict."""
    yield "Requests", words.count(result.requests)
    yield "Errors", errors(result)
    yield "Offered", words.rate(result.offered_rps)
    yield "Achieved", words.rate(result.achieved_rps)
    for name, value in percentiles(result.latency_ms, failures=result.errors > 0):
        if name in {"p50", "p95", "p99", "p99.9", "max"}:
            yield name, value
    yield "Generator", trust(result)


def flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested facts as dotted keys and one-line texts; what is null or empty is left out."""
    found: dict[str, str] = {}
    for key, value in mapping.items():
        name = f"{prefix}{words.plain(key)}"
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}.")
        elif value is not None and value != "":
            found[name] = _text(value)
    return found


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return words.plain(value)
