"""One finished run as the entry that is stored: what the tool said, what was true, what it cost."""

import math
import subprocess
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ruler import judge
from benchmarks.ruler.meter import Finished
from benchmarks.ruler.peers import Peer, Reported
from benchmarks.ruler.scenarios import Scenario
from benchmarks.ruler.server import RESET, Running, read_log
from benchmarks.ruler.truth import monte_carlo

__all__ = ["endless", "entry"]

_MONTE_CARLO = 2_000_000


def entry(
    peer: Peer, scenario: Scenario, duration_s: float, draws: NDArray[np.float64], server: Running, finished: Finished
) -> dict[str, Any]:
    """The figures of a run, or ``failed`` and why there are none."""
    log = read_log(server.log)
    if finished.timed_out or not len(log):
        return {"failed": "did not end in time" if finished.timed_out else "sent nothing"}
    try:
        reported = peer.read(finished)
    except (KeyError, ValueError, IndexError, OSError, subprocess.SubprocessError) as error:
        return {"failed": f"no result to read: {type(error).__name__}"}
    begin, end = (server.epoch_s + float(moment) for moment in (log["read"][0], log["read"][-1]))
    return {
        "reported_ms": {"p50": reported.p50_ms, "p99": reported.p99_ms, "p999": reported.p999_ms},
        **_truth(peer, scenario, duration_s, reported, draws, log),
        "served_ms": _finite(judge.served(log, from_s=peer.warmup_s)),
        "requests": reported.requests,
        "errors": reported.errors,
        "server": {
            "requests": len(log),
            "resets": int(np.count_nonzero(log["flags"] & RESET)),
            "late_p99_ms": round(float(np.nanpercentile(log["write"] - log["due"], 99)) * 1e3, 4),
            "real_time": server.real_time,
        },
        "offered_rps": round((len(log) - 1) / max(end - begin, 1e-9), 2),
        "cpu_us_per_request": round(finished.cpu_between(begin, end) / len(log) * 1e6, 1),
        "said": dict(reported.said),
    }


def endless(scenario: Scenario, arrivals: str) -> dict[str, float | None]:
    """Percentiles in milliseconds of the open loop without end; None is beyond every answer."""
    latencies = monte_carlo(scenario, arrivals=arrivals, count=_MONTE_CARLO, seed=7)
    return _finite(judge.percentiles(latencies))


def _truth(
    peer: Peer,
    scenario: Scenario,
    duration_s: float,
    reported: Reported,
    draws: NDArray[np.float64],
    log: NDArray[np.void],
) -> dict[str, Any]:
    if not peer.paced:
        return {"truth_ms": endless(scenario, peer.arrivals), "true_errors": None}
    if reported.schedule is None:
        counted_s = peer.counted_s(duration_s)
        offer = judge.nominal(log, rate_rps=scenario.rate_rps, warmup_s=peer.warmup_s, duration_s=counted_s)
    else:
        offer = judge.aligned(log, reported.schedule)
    latencies = judge.realised(scenario, draws, log, offer)
    return {
        "truth_ms": _finite(judge.percentiles(latencies)),
        "true_errors": int(np.count_nonzero(np.isinf(latencies))),
    }


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    return {name: round(value, 4) if math.isfinite(value) else None for name, value in values.items()}
