"""Verdicts on a server with one thread and a queue, whose p99 is known in closed form (M/M/1)."""

import math

import numpy as np
import pytest

from rtdeploy.bench.result import Verdict
from rtdeploy.bench.sequential import Seen, Sequential
from rtdeploy.bench.statistics import Values
from rtdeploy.bench.verdict import judge
from tests.bench.evidence import NO_DOUBTS, evidence, p99_budget

RATE, SERVICE_RATE, SPAN_S = 100.0, 200.0, 60.0
P99_MS = 1e3 * math.log(100) / (SERVICE_RATE - RATE)
"""The time in an M/M/1 system is exponential with rate µ - λ."""


def run(random: np.random.Generator) -> tuple[Values, Values]:
    """A minute after a warm-up of ten seconds: arrivals and the times in the system, by Lindley's recursion."""
    times = np.sort(random.uniform(-10, SPAN_S, random.poisson(RATE * (SPAN_S + 10))))
    service = random.exponential(1 / SERVICE_RATE, len(times))
    steps = np.concatenate(([0.0], np.cumsum(service[:-1] - np.diff(times))))
    latency = steps - np.minimum.accumulate(steps) + service
    return times[times >= 0], latency[times >= 0]


def fixed(times: Values, latency: Values) -> Verdict:
    return judge(evidence(latency, times, window_s=SPAN_S), p99_budget(P99_MS), NO_DOUBTS).verdict


def looked_at(times: Values, latency: Values) -> Verdict:
    rule = Sequential(budget=p99_budget(P99_MS), longest_s=SPAN_S)
    none = np.zeros(len(times), dtype=bool)
    for second in range(2, int(SPAN_S) + 1, 2):
        n = int(np.searchsorted(times, second))
        rule.look(Seen(times=times[:n], latency=latency[:n], failed=none[:n], waiting=none[:n], span_s=float(second)))
    return rule.decided.get("p99_ms", Verdict.INCONCLUSIVE)


@pytest.mark.parametrize("judged", [fixed, looked_at])
def test_a_queue_whose_p99_is_the_budget_is_judged_wrongly_once_in_twenty_at_most(judged) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(11)
    runs = 150
    verdicts = [judged(*run(random)) for _ in range(runs)]
    allowed = 0.05 * runs + 2 * math.sqrt(0.05 * 0.95 * runs)  # two standard errors of the simulation itself
    assert verdicts.count(Verdict.PASS) <= allowed
    assert verdicts.count(Verdict.FAIL) <= allowed
