"""Which load generator drives a run, and why."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from rtdeploy.bench.scenario import Budget, Scenario
from rtdeploy.bench.sequential import Sequential
from rtdeploy.endpoint import Auth, Endpoint, Protocol
from rtdeploy.errors import MeasurementError, UsageError

__all__ = ["Choice", "Engine", "check", "choose"]

_MOST_REQUESTS = 20_000_000


class Engine(StrEnum):
    """Load generators."""

    LOCUST = "locust"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An engine, and a sentence that says why."""

    engine: Engine
    why: str


def choose(asked: str) -> Choice:
    """``auto`` or the name of an engine; ``UsageError`` for any other."""
    if asked == "auto":
        return Choice(engine=Engine.LOCUST, why="auto: locust is the engine that this version has")
    if asked == Engine.LOCUST:
        return Choice(engine=Engine.LOCUST, why="asked for")
    raise UsageError(f"There is no load generator {asked!r} in this version.", remedy="Use --engine locust, or auto.")


def check(endpoint: Endpoint, scenario: Scenario, budget: Budget) -> None:
    """Refuse before the run what it could only pretend to do."""
    if scenario.protocol is not Protocol.REST or endpoint.protocol is not Protocol.REST:
        spoken = scenario.protocol if scenario.protocol is not Protocol.REST else endpoint.protocol
        raise UsageError(f"This version cannot bench {spoken} yet.", remedy="Set load.protocol: rest.")
    if endpoint.auth not in (Auth.NONE, Auth.HEADERS):
        raise UsageError(f"This version cannot sign requests with {endpoint.auth}.", remedy="Use fixed headers.")
    _check_url(endpoint.url)
    for name, value in budget.latencies().items():
        if value >= 1e3 * scenario.timeout_s:
            raise UsageError(
                f"A budget of {value:g} ms ({name}) cannot be judged when a request is given up after "
                f"{scenario.timeout_s:g} s.",
                remedy="Lower the budget or raise serve.timeout.",
            )
    if scenario.until_decided and not Sequential(budget=budget, longest_s=scenario.duration_s).needing:
        raise UsageError("There is nothing to decide.", remedy="Declare a latency budget, like --p99 80ms.")
    planned = scenario.peak_rps * (scenario.duration_s + scenario.warmup_s)
    if planned > _MOST_REQUESTS:
        raise MeasurementError(
            f"{planned:,.0f} requests are more than one run can keep ({_MOST_REQUESTS:,}).",
            remedy="Lower the rate or shorten the duration.",
        )


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise UsageError(f"{url} is not an http:// or https:// address.", remedy="Correct the URL.")
    if parts.username is not None:
        raise UsageError("The URL holds credentials.", remedy="Send them as a header.")
