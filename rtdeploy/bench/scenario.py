"""What is asked of an endpoint, and what it must hold: everything that makes two runs comparable."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rtdeploy.bench.payloads import Payloads
from rtdeploy.bench.schedule import Times, arrivals, peak, read_trace
from rtdeploy.bench.statistics import needed
from rtdeploy.endpoint import Protocol
from rtdeploy.errors import UsageError
from rtdeploy.spec import model

__all__ = ["PERCENTILES", "Budget", "Scenario", "announce", "budget_of", "label", "scenario_of"]

PERCENTILES = {"p50_ms": 0.5, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
"""Field of :class:`Budget` → share of the requests that must be as fast as it says."""

_LONGEST_TIMEOUT_S = 30.0
_GRACE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the endpoint must hold; None where nothing is declared.

    Attributes:
        p50_ms: And its like: from the scheduled start of a request to its last byte.
        error_rate: Share of the requests that may fail.
        throughput_rps: Requests answered per second.
        error_rate_declared: Whether somebody asked for this error rate. A default can be missed, but a run that is too
            short to prove it is not held against anybody.

    """

    p50_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    p999_ms: float | None = None
    error_rate: float | None = None
    throughput_rps: float | None = None
    error_rate_declared: bool = True

    def latencies(self) -> dict[str, float]:
        """Declared latency budgets in milliseconds, the lowest percentile first."""
        return {name: value for name in PERCENTILES if (value := getattr(self, name)) is not None}

    def declared(self) -> dict[str, float]:
        """All that there is, as result.json has it."""
        rest = {"error_rate": self.error_rate, "throughput_rps": self.throughput_rps}
        return self.latencies() | {name: value for name, value in rest.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The load of one bench.

    Attributes:
        rate_rps: Declared rate; of a trace its mean.
        arrivals: ``constant``, ``poisson``, ``trace`` or ``shape:spike`` and its like.
        duration_s: Length of the measured window.
        warmup_s: Length of the part of the schedule before it, which is sent and not measured.
        seed: Of the arrival times and of the choice of payloads.
        timeout_s: From the scheduled start of a request to its last byte.
        payloads_digest: Of all request bodies and their weights.
        protocol: How a request travels.
        trace: Times of a recorded schedule.
        until_decided: The run ends as soon as its budgets are decided; ``duration_s`` is the longest that it may last.

    """

    rate_rps: float
    arrivals: str = "poisson"
    duration_s: float = 60.0
    warmup_s: float = 10.0
    seed: int = 1
    timeout_s: float = _LONGEST_TIMEOUT_S
    payloads_digest: str = ""
    protocol: Protocol = Protocol.REST
    trace: tuple[float, ...] = field(default=(), repr=False)
    until_decided: bool = False

    def schedule(self) -> Times:
        """Start times in seconds from the start of the measured window."""
        return arrivals(
            self.arrivals,
            rate_rps=self.rate_rps,
            warmup_s=self.warmup_s,
            duration_s=self.duration_s,
            seed=self.seed,
            trace=np.array(self.trace),
        )

    @property
    def peak_rps(self) -> float:
        """The highest rate that the schedule asks for."""
        return peak(self.arrivals, self.rate_rps)

    def declared(self) -> dict[str, Any]:
        """As result.json has it; a trace is there as its digest."""
        fields = asdict(self)
        trace, until_decided = fields.pop("trace"), fields.pop("until_decided")
        fields |= {"trace_digest": _digest(repr(trace))} if trace else {}
        return fields | ({"until_decided": True} if until_decided else {})

    @property
    def digest(self) -> str:
        """``sha256:…``; only runs with the same one are compared."""
        return _digest(json.dumps(self.declared(), sort_keys=True))


def scenario_of(
    load: model.Load,
    serve: model.Serve,
    payloads: Payloads,
    *,
    budget: model.Budget | None = None,
    seed: int = 1,
    root: Path = Path(),
    until_decided: bool = False,
) -> Scenario:
    """Read the load section of a file; ``root`` is where a trace's path starts.

    A request may take a second longer than the server may, at most half a minute, and always twice its budget.
    """
    slowest = max(budget_of(budget).latencies().values(), default=0.0) if budget is not None else 0.0
    timeout_s = max(min(serve.timeout.seconds + _GRACE_S, _LONGEST_TIMEOUT_S), 2e-3 * slowest)
    span_s = load.warmup.seconds + load.duration.seconds
    trace = _trace(root / load.arrivals.trace, span_s) if isinstance(load.arrivals, model.Trace) else ()
    return Scenario(
        rate_rps=len(trace) / span_s if trace else load.rate.per_second,
        arrivals=_kind(load.arrivals),
        duration_s=load.duration.seconds,
        warmup_s=load.warmup.seconds,
        seed=seed,
        timeout_s=timeout_s,
        payloads_digest=payloads.digest,
        protocol=load.protocol,
        trace=trace,
        until_decided=until_decided,
    )


def budget_of(budget: model.Budget) -> Budget:
    """Read the budget section of a file."""
    latencies = {f"{name}_ms": getattr(budget, name) for name in ("p50", "p90", "p95", "p99", "p999")}
    return Budget(
        **{name: value.ms for name, value in latencies.items() if value is not None},
        error_rate=budget.errors.share,
        throughput_rps=budget.throughput.per_second if budget.throughput is not None else None,
        error_rate_declared="errors" in budget.model_fields_set,
    )


def announce(scenario: Scenario, budget: Budget) -> list[str]:
    """Say before the run what it can prove: a sentence for every budget that needs more requests than are planned."""
    planned = round(scenario.rate_rps * scenario.duration_s)
    return [
        f"{what} at 95 % needs at least {least:,} requests; this run plans {planned:,}."
        for what, least in _needs(budget).items()
        if planned < least
    ]


def label(name: str) -> str:
    """``p999_ms`` → ``p99.9``."""
    bare = name.removesuffix("_ms")
    return "p99.9" if bare == "p999" else bare


def _kind(arrivals: str | model.Trace | model.Shape) -> str:
    if isinstance(arrivals, model.Trace):
        return "trace"
    return f"shape:{arrivals.shape}" if isinstance(arrivals, model.Shape) else arrivals


def _needs(budget: Budget) -> dict[str, int]:
    needs = {label(name): needed(1 - PERCENTILES[name]) for name in budget.latencies()}
    if budget.error_rate and budget.error_rate_declared:
        needs[f"An error rate of {100 * budget.error_rate:.3g} %"] = needed(budget.error_rate)
    return needs


def _trace(path: Path, span_s: float) -> tuple[float, ...]:
    times = read_trace(path)
    if times[-1] < 0.99 * span_s:
        raise UsageError(
            f"The trace {path} ends after {times[-1]:.6g} s; warm-up and duration together are {span_s:.6g} s.",
            remedy="Shorten load.warmup and load.duration, or record a longer trace.",
        )
    return tuple(times[times < span_s].tolist())


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
