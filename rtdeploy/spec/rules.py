"""What must hold between the values of one section; each value by itself is right already."""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rtdeploy.spec.model import (
    Budget,
    Fallback,
    Model,
    SagemakerTarget,
    Scale,
    Schedule,
    Section,
    Serve,
    TargetBase,
)
from rtdeploy.spec.units import Rate

__all__ = ["Broken", "Read", "broken_rules"]

Broken = tuple[str, str]
"""Name of the field to point at, empty for the section itself, and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read of one section, by field name: values that are right, with defaults; all names that are there."""

    values: Mapping[str, Any]
    given: Set[str]


Rule = Callable[[Read], Iterator[Broken]]


def broken_rules(section: type[Section], read: Read) -> Iterator[Broken]:
    """Find what does not go together in one section."""
    for owner, rule in _RULES:
        if issubclass(section, owner):
            yield from rule(read)


def _exactly_one(first: str, second: str) -> Rule:
    def rule(read: Read) -> Iterator[Broken]:
        if {first, second} <= read.given:
            yield second, f"either {first} or {second}, not both"
        elif not {first, second} & read.given:
            yield "", f"needs {first} or {second}"

    return rule


def _python_needs_a_sample(read: Read) -> Iterator[Broken]:
    if "python" in read.given and "sample" not in read.given:
        yield "", "needs sample: the inputs and outputs of a Python class are known from one request only"


def _percentiles_rise(read: Read) -> Iterator[Broken]:
    named = {"p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p99.9"}
    declared = [(name, read.values[name]) for name in named if read.values.get(name) is not None]
    for (lower, less), (higher, more) in pairwise(declared):
        if more < less:
            yield higher, f"{named[higher]} cannot be less than {named[lower]}: {more} is less than {less}"


def _batch_waits_less_than_a_request(read: Read) -> Iterator[Broken]:
    batch, timeout = read.values.get("batch"), read.values.get("timeout")
    if batch is not None and timeout is not None and batch.max_wait >= timeout:
        yield "batch", f"max_wait {batch.max_wait} must be less than serve.timeout {timeout}, or every request is late"


def _bounds_are_ordered(read: Read) -> Iterator[Broken]:
    least, most = read.values.get("min"), read.values.get("max")
    if least is not None and most is not None and least > most:
        yield "max" if "max" in read.given else "min", f"max {most} is less than min {least}"


def _target_fits_metric(read: Read) -> Iterator[Broken]:
    metric, target = read.values.get("metric"), read.values.get("target")
    if target is None:
        if metric is not None and "target" not in read.given:
            yield "metric", f"needs target: how much {metric} one replica shall bear"
    elif isinstance(target, Rate) and metric not in (None, "rate", "rps"):
        yield "target", f"must be a number for the metric {metric}; {target} is a rate"
    elif not isinstance(target, Rate) and metric in ("rate", "rps"):
        yield "target", f"must be a rate for the metric {metric}, like 70/s"
    elif not isinstance(target, Rate) and "metric" not in read.given:
        yield "target", "a number needs a metric to count (concurrency, cpu, memory); a rate is written like 70/s"


def _network_is_whole(read: Read) -> Iterator[Broken]:
    for there, missing in (("subnets", "security_groups"), ("security_groups", "subnets")):
        if read.values.get(there) and missing not in read.given:
            yield there, f"needs {missing}, too"


def _no_scale_without_instances(read: Read) -> Iterator[Broken]:
    if "serverless" in read.given and "scale" in read.given:
        yield "scale", "a serverless endpoint scales by itself: take scale out"


def _variables_can_be_set(read: Read) -> Iterator[Broken]:
    for name, value in (read.values.get("environment") or {}).items():
        if name.startswith("RTDEPLOY_"):
            yield "environment", f"{name}: names that begin with RTDEPLOY_ are the runtime's own"
        if "\0" in value.get_secret_value():
            yield "environment", f"{name}: a variable cannot hold a NUL character"


_RULES: tuple[tuple[type[Section], Rule], ...] = (
    (Model, _exactly_one("path", "python")),
    (Model, _python_needs_a_sample),
    (Budget, _percentiles_rise),
    (Fallback, _exactly_one("value", "python")),
    (Serve, _batch_waits_less_than_a_request),
    (Schedule, _bounds_are_ordered),
    (Scale, _bounds_are_ordered),
    (Scale, _target_fits_metric),
    (TargetBase, _variables_can_be_set),
    (SagemakerTarget, _exactly_one("instance", "serverless")),
    (SagemakerTarget, _network_is_whole),
    (SagemakerTarget, _no_scale_without_instances),
)
