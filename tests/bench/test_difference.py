"""Intervals for differences: how often they hold the truth, and what is said about them."""

from typing import Any

import numpy as np
import pytest

from rtdeploy.bench.difference import Side, differences, side_of, told
from rtdeploy.bench.result import Difference
from rtdeploy.bench.statistics import Values
from tests.bench.evidence import samples
from tests.bench.test_statistics import simulate

SEED = 20


def side(latency_s: Values, times: Values, blocks: int, *, failed: Any = None) -> Side:
    made = samples(latency_s, times, failed=failed)
    span = float(times[-1]) + 1e-9
    return side_of(made, (times / span * blocks).astype(np.int64), blocks, timeout_s=1.0)


def difference(figure: str, low: float, high: float) -> Difference:
    return Difference(figure=figure, first=1.0, second=2.0, low=low, high=high)


@pytest.mark.parametrize(("stall_s", "every_s"), [(0.0, 1.0), (0.1, 2.0)], ids=["independent", "stalls"])
def test_two_measurements_of_the_same_differ_significantly_once_in_twenty(stall_s: float, every_s: float) -> None:
    rng = np.random.default_rng(SEED)
    runs, found = 30, {"p50": 0, "p99": 0}
    for _ in range(runs):
        pair = [simulate(rng, 60.0, 60.0, stall_s, every_s) for _ in range(2)]
        first, second = (side(latency, times, 60) for times, latency in pair)
        for one in differences(first, second, paired=False):
            if one.figure in found:
                found[one.figure] += one.low > 0 or one.high < 0
    assert max(found.values()) <= 0.05 * runs + 2 * np.sqrt(0.05 * 0.95 * runs), found


def test_a_difference_that_is_there_is_found_with_its_size() -> None:
    rng = np.random.default_rng(SEED)
    times, latency = simulate(rng, 60.0, 200.0, 0.0, 1.0)
    p50, p99, errors = differences(side(latency, times, 60), side(latency + 0.002, times, 60), paired=True)
    assert [p50.low, p50.high, p99.low, p99.high] == pytest.approx([2.0] * 4)
    assert (errors.low, errors.high) == (0.0, 0.0)


def test_drift_that_hits_both_alike_cancels_out_where_they_are_paired() -> None:
    rng = np.random.default_rng(SEED)
    times, noise = simulate(rng, 60.0, 100.0, 0.0, 1.0)
    drift = 1 + times / 20
    first, second = side(noise * drift, times, 60), side(rng.permutation(noise) * drift, times, 60)
    paired, apart = (differences(first, second, paired=paired)[0] for paired in (True, False))
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)


def test_failed_requests_are_the_slowest_and_are_counted() -> None:
    times = np.arange(600) / 10
    latency, failed = np.full(600, 0.01), np.arange(600) % 20 == 0
    _, p99, errors = differences(side(latency, times, 60), side(latency, times, 60, failed=failed), paired=True)
    assert [p99.first, p99.second] == pytest.approx([10.0, 1000.0])
    assert errors.second == pytest.approx(0.05)
    assert errors.low > 0.02


def test_many_requests_are_grouped_without_moving_the_figures() -> None:
    rng = np.random.default_rng(SEED)
    times = np.arange(50_000) / 500
    latency = rng.lognormal(-5, 0.6, 50_000)
    one = side(latency, times, 50)
    p50, p99, _ = differences(one, side(latency * 1.5, times, 50), paired=True)
    assert p50.low <= p50.second - p50.first <= p50.high
    assert p99.low <= p99.second - p99.first <= p99.high


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (difference("p99", -4.0, -3.1), "b is faster than a by 3.1 to 4 ms at p99"),
        (difference("p50", 0.5, 1.5), "b is slower than a by 0.5 to 1.5 ms at p50"),
        (
            difference("p99", -0.2, 0.3),
            "no difference shown at p99: b takes between 0.2 ms less and 0.3 ms more than a",
        ),
        (difference("errors", 0.01, 0.02), "b fails more often than a by 1 % to 2 % of all requests"),
        (difference("errors", 0.0, 0.0), "b and a do not differ in failed requests"),
    ],
)
def test_a_difference_is_said_in_words(one: Difference, words: str) -> None:
    assert told(one, "a", "b") == words
