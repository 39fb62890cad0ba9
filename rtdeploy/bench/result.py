"""The outcome of one bench as other programs read it: schema ``rtdeploy.bench/1``."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

from rtdeploy.exitcodes import ExitCode

__all__ = ["SCHEMA", "Difference", "Generator", "Interval", "Percentiles", "Regression", "Result", "Verdict"]

SCHEMA = "rtdeploy.bench/1"

Interval = tuple[float, float]


class Verdict(StrEnum):
    """What the measurement proves about the budget."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"

    @property
    def exit_code(self) -> ExitCode:
        """What a CI job sees."""
        return {
            Verdict.PASS: ExitCode.OK,
            Verdict.FAIL: ExitCode.BUDGET_MISSED,
            Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
            Verdict.INVALID: ExitCode.INVALID,
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Summary of raw values in milliseconds; every field is None where nothing was measured."""

    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None
    mean: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """Whether the load generator kept its schedule."""

    trusted: bool
    workers: int
    schedule_lag_ms: Percentiles
    cpu_share: float | None
    """CPU time of the busiest worker over its wall time, 0 to 1."""
    floor_ms: Percentiles | None = None
    """Latency that the generator measures of a server that does nothing; None where that was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A figure of two measurements: milliseconds, or for ``errors`` a share of the requests.

    Attributes:
        figure: ``p50``, ``p99`` or ``errors``.
        first: As measured; a failed request counts as one that took until the timeout.
        second: Likewise.
        low: Of the 95 % interval of second less first.
        high: Of the same.

    """

    figure: str
    first: float
    second: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """A bench against an earlier run of the same scenario.

    Attributes:
        run_id: Of the earlier run.
        tolerance: Share of each of its figures by which it may have become worse.
        verdict: Pass: no worse than that. Fail: proven to be worse. Inconclusive: neither.
        reasons: A sentence for each figure, the worst first.
        differences: Now less then; empty where nothing could be compared.

    """

    run_id: str
    tolerance: float
    verdict: Verdict
    reasons: tuple[str, ...]
    differences: tuple[Difference, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what ``asdict`` wrote."""
        known = {place.name: values[place.name] for place in fields(cls) if place.name in values}
        read = {
            "verdict": Verdict(values["verdict"]),
            "reasons": tuple(values["reasons"]),
            "differences": tuple(Difference(**one) for one in values["differences"]),
        }
        return cls(**known | read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One bench: what was asked, what was measured, what it proves.

    The field names are the keys of result.json; DESIGN's "Bench result" explains each.
    """

    run_id: str
    target: str | None
    provider: str | None
    started_at: str
    bundle_digest: str | None
    scenario_digest: str
    scenario: Mapping[str, Any]
    """``rate_rps, arrivals, duration_s, warmup_s, protocol, seed`` and whatever else tells two scenarios apart."""
    budget: Mapping[str, float]
    """``p99_ms`` and its like, ``error_rate``, ``throughput_rps``; absent where not declared."""
    verdict: Verdict
    reasons: tuple[str, ...]
    requests: int
    errors: int
    errors_by_kind: Mapping[str, int]
    offered_rps: float
    achieved_rps: float
    latency_ms: Percentiles
    service_ms: Percentiles
    p99_ci95_ms: tuple[float | None, float | None] | None
    generator: Generator
    phases_ms: Mapping[str, Percentiles]
    histogram: str
    """HdrHistogram V2 compressed, base64; microseconds."""
    environment: Mapping[str, Any]
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """One for each line of the budget, under its key there."""
    interrupted: bool = False
    baseline: Regression | None = None
    """How it compares with an earlier run, where one was named."""
    stream_ms: Mapping[str, Any] | None = None
    cost: Mapping[str, Any] | None = None
    schema: str = field(default=SCHEMA)

    @property
    def exit_code(self) -> ExitCode:
        """What a CI job sees: the worse of what it proves about the budget and against the baseline."""
        verdicts = {self.verdict} if self.baseline is None else {self.verdict, self.baseline.verdict}
        order = (Verdict.INVALID, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
        return next(verdict.exit_code for verdict in order if verdict in verdicts)

    def to_json(self) -> dict[str, Any]:
        """As result.json has it: JSON values only, ``schema`` first."""
        values = asdict(self)
        return {
            "schema": values.pop("schema"),
            **values,
            "verdict": self.verdict.value,
            "verdicts": {name: verdict.value for name, verdict in self.verdicts.items()},
            "reasons": list(self.reasons),
            "p99_ci95_ms": None if self.p99_ci95_ms is None else list(self.p99_ci95_ms),
        }

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read what :meth:`to_json` wrote; fields that a later version may add are left out.

        Raises:
            ValueError: It is no such document; the message says what is wrong.

        """
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ValueError(f"not a document of schema {SCHEMA}")
        known = {place.name for place in fields(cls)}
        values: dict[str, Any] = {name: value for name, value in document.items() if name in known}
        try:
            return cls(
                **values
                | {
                    "verdict": Verdict(values["verdict"]),
                    "verdicts": {name: Verdict(value) for name, value in values.get("verdicts", {}).items()},
                    "reasons": tuple(values["reasons"]),
                    "baseline": Regression.from_json(values["baseline"]) if values.get("baseline") else None,
                    "latency_ms": Percentiles(**values["latency_ms"]),
                    "service_ms": Percentiles(**values["service_ms"]),
                    "generator": _generator(values["generator"]),
                    "phases_ms": {name: Percentiles(**phase) for name, phase in values["phases_ms"].items()},
                    "p99_ci95_ms": None if values["p99_ci95_ms"] is None else tuple(values["p99_ci95_ms"]),
                }
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"incomplete or damaged: {error}") from error


def _generator(values: Mapping[str, Any]) -> Generator:
    known = {place.name: values[place.name] for place in fields(Generator) if place.name in values}
    floor = known.get("floor_ms")
    return Generator(
        **known
        | {
            "schedule_lag_ms": Percentiles(**values["schedule_lag_ms"]),
            "floor_ms": None if floor is None else Percentiles(**floor),
        }
    )
