"""Ten thousand simulated verdicts on endpoints whose p99 is exactly the budget; writes result.json beside this file.

Such an endpoint is the hardest: a pass and a fail are both wrong, and each may happen in one run of twenty. Half of the
runs are of a fixed length, the others are looked at every second until they are decided. Requests arrive as a Poisson
process at servers of four kinds:

independent  every request has a thread of its own; service is lognormal
M/M/1        one thread and a queue, utilisation 0.5; service is exponential, and p99 is known in closed form
M/G/1        one thread and a queue, utilisation 0.5; service is lognormal
stalls       as independent, and all of it stands still for 100 ms, every 4 s on average

The budget is measured in a simulation of three million requests of its own, which M/M/1 checks.
"""

import json
import math
import platform
import sys
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from rtdeploy.bench.result import Verdict  # noqa: E402
from rtdeploy.bench.scenario import Budget  # noqa: E402
from rtdeploy.bench.sequential import Seen, Sequential  # noqa: E402
from rtdeploy.bench.validity import Doubts  # noqa: E402
from rtdeploy.bench.verdict import judge  # noqa: E402
from tests.bench.evidence import evidence  # noqa: E402

Values = npt.NDArray[np.float64]
Server = Callable[[np.random.Generator, Values], Values]
"""Arrivals in seconds → latencies in seconds."""

RUNS = 10_000
RATE = 100.0
SPAN_S = 60.0
SEED = 20_261_125
TRUTH = 3_000_000


def independent(random: np.random.Generator, times: Values) -> Values:
    return random.lognormal(math.log(0.005), 0.6, len(times))


def queued(times: Values, service: Values) -> Values:
    """Lindley: W' = max(0, W + S - A), which is the random walk of S - A less its minimum so far."""
    steps = np.concatenate(([0.0], np.cumsum(service[:-1] - np.diff(times))))
    return steps - np.minimum.accumulate(steps) + service


def mm1(random: np.random.Generator, times: Values) -> Values:
    return queued(times, random.exponential(0.5 / RATE, len(times)))


def mg1(random: np.random.Generator, times: Values) -> Values:
    sigma = 0.6
    return queued(times, random.lognormal(math.log(0.5 / RATE) - sigma**2 / 2, sigma, len(times)))


def stalls(random: np.random.Generator, times: Values) -> Values:
    length_s, every_s = 0.1, 4.0
    span_s = times[-1] + 1.0
    starts = np.sort(random.uniform(-length_s, span_s, random.poisson((span_s + length_s) / every_s)))
    last = np.searchsorted(starts, times, side="right") - 1
    ends = np.where(last >= 0, np.append(starts, 0.0)[last] + length_s, 0.0)
    return independent(random, times) + np.maximum(ends - times, 0.0)


SERVERS: dict[str, Server] = {"independent": independent, "M/M/1": mm1, "M/G/1": mg1, "stalls": stalls}


def arrivals(random: np.random.Generator, span_s: float) -> Values:
    return np.sort(random.uniform(0.0, span_s, random.poisson(RATE * span_s)))


def p99_s(server: Server) -> float:
    random = np.random.default_rng(SEED)
    return float(np.quantile(server(random, arrivals(random, TRUTH / RATE)), 0.99))


def begun(random: np.random.Generator, server: Server) -> tuple[Values, Values]:
    """A run after a warm-up of ten seconds, so that queues are not empty at its start."""
    times = arrivals(random, SPAN_S + 10.0) - 10.0
    latency = server(random, times)
    return times[times >= 0], latency[times >= 0]


def fixed(times: Values, latency: Values, budget: Budget) -> tuple[Verdict, float]:
    return judge(evidence(latency, times, window_s=SPAN_S), budget, Doubts()).verdict, SPAN_S


def sequential(times: Values, latency: Values, budget: Budget) -> tuple[Verdict, float]:
    rule = Sequential(budget=budget, longest_s=SPAN_S)
    none = np.zeros(len(times), dtype=bool)
    for second in range(1, int(SPAN_S) + 1):
        n = int(np.searchsorted(times, second))
        seen = Seen(times=times[:n], latency=latency[:n], failed=none[:n], waiting=none[:n], span_s=float(second))
        if rule.look(seen):
            return rule.decided["p99_ms"], float(second)
    return Verdict.INCONCLUSIVE, SPAN_S


def cell(name: str, kind: str, runs: int, share: float) -> dict[str, object]:
    """Verdicts on runs whose true share over the budget is ``share``."""
    server = SERVERS[name]
    random = np.random.default_rng([SEED, *name.encode(), *kind.encode(), round(1e6 * share)])
    limits = np.random.default_rng(SEED)
    truth = server(limits, arrivals(limits, TRUTH / RATE))
    budget = Budget(p99_ms=1e3 * float(np.quantile(truth, 1 - share)))
    judged = fixed if kind == "fixed" else sequential
    outcomes = [judged(*begun(random, server), budget) for _ in range(runs)]
    counts = Counter(verdict.value for verdict, _ in outcomes)
    return {
        "server": name,
        "test": kind,
        "share_over_budget": share,
        "runs": runs,
        **{verdict: round(counts[verdict] / runs, 4) for verdict in ("pass", "fail", "inconclusive")},
        "median_s": float(np.median([seconds for _, seconds in outcomes])),
    }


def main() -> None:
    runs = RUNS // (2 * len(SERVERS))
    kinds = ("fixed", "sequential")
    cells = [cell(name, kind, runs, 0.01) for name in SERVERS for kind in kinds]
    power = [cell(name, kind, 100, share) for share in (0.002, 0.03) for name in SERVERS for kind in kinds]
    known_ms = 1e3 * math.log(100) / (RATE / 0.5 - RATE)
    result = {
        "at_the_budget": cells,
        "off_the_budget": power,
        "worst_pass": max(float(str(one["pass"])) for one in cells),
        "worst_fail": max(float(str(one["fail"])) for one in cells),
        "verdicts_at_the_budget": runs * len(cells),
        "mm1_p99_ms": {"closed_form": round(known_ms, 3), "simulated": round(1e3 * p99_s(mm1), 3)},
        "rate_rps": RATE,
        "span_s": SPAN_S,
        "seed": SEED,
        "python": platform.python_version(),
        **{package: version(package) for package in ("numpy", "scipy")},
    }
    Path(__file__).with_name("result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
