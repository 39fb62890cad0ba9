"""The outcome of a comparison as other programs read it: schema ``rtdeploy.compare/1``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from rtdeploy.bench.result import Difference, Result, Verdict
from rtdeploy.exitcodes import ExitCode

__all__ = ["SCHEMA", "Comparison", "Pair", "order", "verdict_of"]

SCHEMA = "rtdeploy.compare/1"

_RANK = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.INVALID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two of the targets: second less first, for every figure, as numbers and in words."""

    first: str
    second: str
    differences: tuple[Difference, ...]
    told: tuple[str, ...]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what ``asdict`` wrote."""
        return cls(
            first=values["first"],
            second=values["second"],
            differences=tuple(Difference(**one) for one in values["differences"]),
            told=tuple(values["told"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Several targets under the same load at the same time.

    Attributes:
        run_id: Of the whole; the result of the n-th target is the run ``<run_id>/<n>``.
        started_at: UTC.
        scenario_digest: As each target's own bench would have it.
        names: Of the targets, in the order in which they were given.
        verdict: Pass where one target at least meets the budget; fail where all miss it.
        reasons: Who meets the budget, cheapest first where cost is known.
        rounds: In how many rounds they took turns.
        block_s: How long a turn was; its beginning does not count.
        results: What was measured of each, as ``rtdeploy.bench/1``.
        pairs: Each target against each.
        interrupted: Somebody asked for an end; the rounds that were complete count.

    """

    run_id: str
    started_at: str
    scenario_digest: str
    names: tuple[str, ...]
    verdict: Verdict
    reasons: tuple[str, ...]
    rounds: int
    block_s: float
    results: tuple[Result, ...]
    pairs: tuple[Pair, ...]
    interrupted: bool = False
    schema: str = field(default=SCHEMA)

    @property
    def exit_code(self) -> ExitCode:
        """What a CI job sees."""
        return ExitCode.INTERRUPTED if self.interrupted else self.verdict.exit_code

    def to_json(self) -> dict[str, Any]:
        """JSON values only, ``schema`` first."""
        values = {place.name: getattr(self, place.name) for place in fields(self)}
        return {
            "schema": values.pop("schema"),
            **values,
            "verdict": self.verdict.value,
            "names": list(self.names),
            "reasons": list(self.reasons),
            "results": [result.to_json() for result in self.results],
            "pairs": [asdict(pair) for pair in self.pairs],
        }

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read what :meth:`to_json` wrote; ``ValueError`` where it is something else."""
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ValueError(f"not a document of schema {SCHEMA}")
        known = {place.name: document[place.name] for place in fields(cls) if place.name in document}
        try:
            read = {
                "verdict": Verdict(document["verdict"]),
                "names": tuple(document["names"]),
                "reasons": tuple(document["reasons"]),
                "results": tuple(Result.from_json(result) for result in document["results"]),
                "pairs": tuple(Pair.from_json(pair) for pair in document["pairs"]),
            }
            return cls(**known | read)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"incomplete or damaged: {error}") from error


def verdict_of(results: Sequence[Result]) -> Verdict:
    """One that is invalid spoils the comparison; else the best of them."""
    verdicts = {result.verdict for result in results}
    if Verdict.INVALID in verdicts:
        return Verdict.INVALID
    return min(verdicts, key=_RANK.index)


def order(names: Sequence[str], results: Sequence[Result]) -> tuple[str, ...]:
    """Who meets the budget and who does not, in sentences; the cheaper first, the faster where cost is not known."""
    groups = {
        Verdict.PASS: "meet the budget",
        Verdict.INCONCLUSIVE: "are undecided",
        Verdict.FAIL: "miss the budget",
        Verdict.INVALID: "were not measured validly",
    }
    said = []
    for verdict, told in groups.items():
        members = [pair for pair in zip(names, results, strict=True) if pair[1].verdict is verdict]
        if members:
            ranked = sorted(members, key=lambda pair: _expense(pair[1]))
            verb = told if len(ranked) > 1 else _singular(told)
            said.append(f"{_listed([name for name, _ in ranked])} {verb}.")
    for name, result in zip(names, results, strict=True):
        if result.verdict is Verdict.INVALID:
            said.append(f"{name}: {result.reasons[0]}")
    if all(result.cost is None for result in results):
        said.append("Cost is not known, so that the lower p99 comes first.")
    return tuple(said)


def _expense(result: Result) -> tuple[float, float]:
    cost = (result.cost or {}).get("per_million_requests")
    p99 = result.latency_ms.p99
    return (float("inf") if cost is None else float(cost), float("inf") if p99 is None else p99)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _singular(told: str) -> str:
    verb, _, rest = told.partition(" ")
    return f"{ {'meet': 'meets', 'are': 'is', 'miss': 'misses', 'were': 'was'}[verb] } {rest}"
