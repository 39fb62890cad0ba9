"""The truth of one run: what a perfect open loop would have seen from this very server with this very work.

The server's work is known draw by draw, and when it froze; what else it was late by is in its log. A tool that keeps
a schedule is judged by that schedule, laid over the server's clock so that its promptest request was on time; another
is taken at its word, a constant rate from its first request on. Both are replayed without any tool.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.ruler.peers import Schedule
from benchmarks.ruler.scenarios import Scenario
from benchmarks.ruler.truth import constant, finishes, percentile

__all__ = ["QS", "Offer", "Percentiles", "aligned", "nominal", "percentiles", "realised", "served"]

Seconds = NDArray[np.float64]
QS = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
Percentiles = dict[str, float]
_FIRST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The arrivals that a run stands for, on the server's clock, and which of them it counts."""

    arrivals_s: Seconds
    measured: NDArray[np.bool_]


def nominal(log: NDArray[np.void], *, rate_rps: float, warmup_s: float, duration_s: float) -> Offer:
    """A constant rate from the first request in the log on."""
    since = constant(rate_rps, round(rate_rps * (warmup_s + duration_s)))
    return Offer(arrivals_s=float(log["read"][0]) + since, measured=since >= warmup_s)


def aligned(log: NDArray[np.void], schedule: Schedule) -> Offer:
    """The tool's own schedule; nothing can be read before it was due, which fixes the shift between the clocks.

    Only the first requests count for that: a tool that sends one twice would put the later ones out of step.
    """
    few = min(_FIRST, len(log), len(schedule.arrivals_s))
    shift = float(np.min(log["read"][:few] - schedule.arrivals_s[:few]))
    return Offer(arrivals_s=schedule.arrivals_s + shift, measured=schedule.measured)


def realised(scenario: Scenario, draws: Seconds, log: NDArray[np.void], offer: Offer) -> Seconds:
    """Replay the offer through the server: seconds from due to answered of what is counted; infinity is a failure."""
    count = len(offer.arrivals_s)
    work = np.resize(draws, count)
    into_period = scenario.freeze.every_s / 2 if scenario.freeze else 0.0
    arrivals = offer.arrivals_s - float(log["read"][0]) + into_period
    latency = finishes(arrivals, work, fifo=scenario.fifo, freeze=scenario.freeze) - arrivals
    late = np.zeros(count)
    seen = min(count, len(log))
    late[:seen] = np.nan_to_num(log["write"] - log["due"])[:seen]
    return (latency + late)[offer.measured]


def served(log: NDArray[np.void], *, from_s: float) -> Percentiles:
    """What the server did with the requests that it got: from read to write, blind for those that were held back."""
    counted = log[log["read"] >= log["read"][0] + from_s]
    return percentiles(counted["write"] - counted["read"])


def percentiles(latencies_s: Seconds) -> Percentiles:
    """In milliseconds."""
    return {name: percentile(latencies_s, q) * 1e3 for name, q in QS.items()}
