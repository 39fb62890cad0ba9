"""The highest rate that an endpoint holds, as other programs read it: schema ``rtdeploy.capacity/1``."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from rtdeploy.bench.result import Percentiles, Verdict
from rtdeploy.exitcodes import ExitCode

__all__ = ["SCHEMA", "Capacity", "Sizing", "Step", "sizing_for"]

SCHEMA = "rtdeploy.capacity/1"

_STEADY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rate that was tried.

    Attributes:
        rate_rps: Asked for.
        verdict: Of the bench at this rate; a pass whose backlog still grew is inconclusive.
        reasons: Of the bench, in words.
        requests: That were measured.
        errors: Of these, failed.
        achieved_rps: Answered per second.
        latency_ms: From the scheduled start.
        p99_ci95_ms: 95 % interval.
        in_flight: Requests under way, on average over the measured time.
        arriving: Rate times mean latency. Little's law: where nothing piles up, it is the same.
        cpu_share: Of a core, of the busiest worker of the generator.
        run_id: Of the bench.

    """

    rate_rps: float
    verdict: Verdict
    reasons: tuple[str, ...]
    requests: int
    errors: int
    achieved_rps: float
    latency_ms: Percentiles
    p99_ci95_ms: tuple[float | None, float | None] | None
    in_flight: float
    arriving: float
    cpu_share: float | None
    run_id: str

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what ``asdict`` wrote."""
        known = {place.name: values[place.name] for place in fields(cls) if place.name in values}
        interval = values["p99_ci95_ms"]
        read = {
            "verdict": Verdict(values["verdict"]),
            "reasons": tuple(values["reasons"]),
            "latency_ms": Percentiles(**values["latency_ms"]),
            "p99_ci95_ms": None if interval is None else tuple(interval),
        }
        return cls(**known | read)

    @property
    def steady(self) -> bool:
        """Whether Little's law holds to a tenth, or to a request."""
        return abs(self.in_flight - self.arriving) <= max(_STEADY * self.arriving, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How many of what was measured answer a throughput with one of them lost.

    Attributes:
        throughput_rps: What is to be answered.
        replicas: How many it takes; each is one endpoint like the measured one.
        cost: Where prices are known.

    """

    throughput_rps: float
    replicas: int
    cost: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Attributes as in :class:`rtdeploy.bench.result.Result`, and what the search found.

    Attributes:
        verdict: Pass where the highest rate was found, fail where none holds, inconclusive where time was up before,
            invalid where the generator was the limit.
        rate_rps: The highest rate that holds the budget; None where none does.
        fails_rps: The lowest that does not; None where none was reached.
        steps: In the order in which they were tried.
        sizing: For the declared throughput; None where nothing holds.

    """

    run_id: str
    started_at: str
    target: str | None
    provider: str | None
    bundle_digest: str | None
    scenario: Mapping[str, Any]
    budget: Mapping[str, float]
    verdict: Verdict
    reasons: tuple[str, ...]
    rate_rps: float | None
    fails_rps: float | None
    steps: tuple[Step, ...]
    sizing: Sizing | None
    environment: Mapping[str, Any]
    interrupted: bool = False
    schema: str = field(default=SCHEMA)

    @property
    def exit_code(self) -> ExitCode:
        """What a CI job sees."""
        return ExitCode.INTERRUPTED if self.interrupted else self.verdict.exit_code

    def to_json(self) -> dict[str, Any]:
        """JSON values only, ``schema`` first."""
        values = asdict(self)
        return {"schema": values.pop("schema"), **values}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read what :meth:`to_json` wrote; ``ValueError`` where it is something else."""
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ValueError(f"not a document of schema {SCHEMA}")
        known = {place.name: document[place.name] for place in fields(cls) if place.name in document}
        try:
            read = {
                "verdict": Verdict(document["verdict"]),
                "reasons": tuple(document["reasons"]),
                "steps": tuple(Step.from_json(step) for step in document["steps"]),
                "sizing": None if document["sizing"] is None else Sizing(**document["sizing"]),
            }
            return cls(**known | read)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"incomplete or damaged: {error}") from error


def sizing_for(throughput_rps: float, rate_rps: float) -> Sizing:
    """As many as answer all of it, and one more that may be lost."""
    return Sizing(throughput_rps=throughput_rps, replicas=math.ceil(throughput_rps / rate_rps - 1e-9) + 1)
