"""The ruler's arithmetic, against exact sums in integers and against simulated truth."""

import math
from fractions import Fraction

import numpy as np
import pytest

from rtdeploy.bench.figures import clustering
from rtdeploy.bench.result import Verdict
from rtdeploy.bench.statistics import above, at_most, design_effect, interval, needed, percentile, summary, upper_bound
from rtdeploy.bench.verdict import judge
from tests.bench.evidence import NO_DOUBTS, evidence, p99_budget

SEED = 20


def binomial_at_most(k: int, n: int, hundredths: int) -> float:
    """P(Bin(n, hundredths / 100) ≤ k) summed in integers."""
    ways = sum(math.comb(n, i) * hundredths**i * (100 - hundredths) ** (n - i) for i in range(k + 1))
    return float(Fraction(ways, 100**n))


@pytest.mark.parametrize(
    ("values", "p", "expected"),
    [
        ([1.0], 0.99, 1.0),
        ([1.0, 2.0], 0.5, 1.0),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
        (list(range(1, 101)), 0.99, 99),
        (list(range(1, 1001)), 0.999, 999),
        (list(range(1, 102)), 0.99, 100),
    ],
)
def test_a_percentile_is_the_smallest_measured_value_that_so_many_do_not_exceed(
    values: list[float], p: float, expected: float
) -> None:
    assert percentile(np.array(values, dtype=float), p) == expected
    assert expected == min(v for v in values if sum(other <= v for other in values) >= p * len(values))


def test_a_percentile_among_failed_requests_is_no_number_and_the_mean_is_of_those_that_succeeded() -> None:
    figures = summary(np.array([1.0] * 98 + [math.inf] * 2))
    assert figures.p95 == 1.0
    assert figures.p99 is None
    assert (figures.max, figures.mean) == (1.0, 1.0)


def test_nothing_measured_has_no_percentiles() -> None:
    assert summary(np.array([])).p99 is None
    assert summary(np.array([math.nan])).p50 is None
    assert interval(np.array([]), 0.99) is None


def test_nothing_is_rounded() -> None:
    values = np.random.default_rng(SEED).lognormal(size=1000)
    assert summary(values).p99 == sorted(values)[989]


@pytest.mark.parametrize("n", [100, 299, 300, 628, 1000, 2000])
def test_the_tests_decide_as_the_exact_binomial_sum_does(n: int) -> None:
    for k in range(45):
        assert at_most(k, n, 0.01) == (binomial_at_most(k, n, 1) <= 0.05), (n, k)
        assert above(k, n, 0.01) == (k > 0 and 1 - binomial_at_most(k - 1, n, 1) <= 0.05), (n, k)


def test_no_run_both_passes_and_fails() -> None:
    rng = np.random.default_rng(SEED)
    for n, k, share in zip(rng.uniform(1, 1e5, 500), rng.uniform(0, 1, 500), rng.uniform(1e-4, 0.5, 500), strict=True):
        assert not (at_most(k * n, n, share) and above(k * n, n, share))


@pytest.mark.parametrize(("share", "least"), [(0.01, 299), (0.05, 59), (0.001, 2995), (0.5, 5)])
def test_the_least_number_of_requests_is_exact(share: float, least: int) -> None:
    assert needed(share) == least
    assert (1 - share) ** least <= 0.05 < (1 - share) ** (least - 1)
    assert at_most(0, least, share)
    assert not at_most(0, least - 1, share)


@pytest.mark.parametrize(("n", "ranks"), [(500, (490, 500)), (1000, (983, 997)), (5000, (4936, 4964))])
def test_the_interval_of_p99_has_the_ranks_of_the_exact_binomial(n: int, ranks: tuple[int, int]) -> None:
    low, high = ranks
    assert interval(np.arange(1, n + 1, dtype=float), 0.99) == (float(low), float(high))
    assert binomial_at_most(low - 1, n, 99) <= 0.025 < binomial_at_most(low, n, 99)
    assert binomial_at_most(high - 1, n, 99) >= 0.975 > binomial_at_most(high - 2, n, 99)


def test_too_few_requests_leave_the_interval_open_above() -> None:
    low, high = interval(np.arange(1, 300, dtype=float), 0.99) or (None, None)
    assert low is not None
    assert high is None


def test_the_upper_bound_is_the_share_at_which_so_few_become_unlikely() -> None:
    bound = upper_bound(3, 1000)
    total = sum(math.comb(1000, i) * bound**i * (1 - bound) ** (1000 - i) for i in range(4))
    assert total == pytest.approx(0.05, rel=1e-6)
    assert upper_bound(0, 0) == 1.0


def test_independent_requests_are_all_evidence_and_clustered_ones_are_not() -> None:
    rng = np.random.default_rng(SEED)
    times = np.sort(rng.uniform(0, 600, 60_000))
    alone = rng.uniform(size=60_000) < 0.01
    together = np.isin(np.floor(times / 0.25), rng.choice(2400, 24, replace=False))
    assert design_effect(alone, times, 1.0) < 1.3
    assert 15 < design_effect(together, times, 1.0) < 40


def simulate(rng: np.random.Generator, span_s: float, rate: float, stall_s: float, every_s: float):  # type: ignore[no-untyped-def]
    """Lognormal service, all of it standing still for ``stall_s`` at random times."""
    times = np.sort(rng.uniform(0, span_s, rng.poisson(span_s * rate)))
    latency = rng.lognormal(math.log(0.005), 0.6, len(times))
    if stall_s:
        starts = np.sort(rng.uniform(-stall_s, span_s, rng.poisson((span_s + stall_s) / every_s)))
        last = np.searchsorted(starts, times, side="right") - 1
        ends = np.where(last >= 0, np.append(starts, 0.0)[last] + stall_s, 0.0)
        latency += np.maximum(ends - times, 0.0)
    return times, latency


@pytest.mark.parametrize(
    ("stall_s", "every_s", "span_s", "rate"),
    [(0.0, 1.0, 30.0, 200.0), (0.05, 2.5, 60.0, 200.0), (0.2, 10.0, 120.0, 200.0)],
    ids=["independent", "short stalls", "long stalls"],
)
def test_at_most_one_run_in_twenty_passes_whose_p99_is_just_over_the_budget(
    stall_s: float, every_s: float, span_s: float, rate: float
) -> None:
    rng = np.random.default_rng(SEED)
    _, truth = simulate(rng, 20_000.0, 50.0, stall_s, every_s)
    budget_s = float(np.sort(truth)[int(0.99 * len(truth))])
    runs = 300
    verdicts, covered = [], 0
    for _ in range(runs):
        times, latency = simulate(rng, span_s, rate, stall_s, every_s)
        found = judge(evidence(latency, times, window_s=span_s), p99_budget(1e3 * budget_s), NO_DOUBTS)
        verdicts.append(found.verdict)
        low, high = interval(np.sort(latency), 0.99, clustering(latency, times, span_s, 0.99)) or (None, None)
        covered += (low is None or low <= budget_s) and (high is None or budget_s <= high)
    allowed = 0.05 * runs + 2 * math.sqrt(0.05 * 0.95 * runs)  # two standard errors of the simulation itself
    assert verdicts.count(Verdict.PASS) <= allowed
    assert verdicts.count(Verdict.FAIL) <= allowed
    assert covered >= runs - 2 * allowed


def test_the_textbook_test_would_pass_one_run_in_five_with_stalls() -> None:
    """Why the design effect is there: without it the same runs pass far too often."""
    rng = np.random.default_rng(SEED)
    _, truth = simulate(rng, 20_000.0, 50.0, 0.2, 10.0)
    budget_s = float(np.sort(truth)[int(0.99 * len(truth))])
    passed = 0
    for _ in range(200):
        _, latency = simulate(rng, 60.0, 200.0, 0.2, 10.0)
        passed += at_most(int((latency > budget_s).sum()), len(latency), 0.01)
    assert passed > 40
