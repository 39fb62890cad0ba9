"""Looking until it is decided: how often that is wrong, and that it ends the run."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate

from rtdeploy.bench.result import Verdict
from rtdeploy.bench.scenario import Budget
from rtdeploy.bench.sequential import Seen, Sequential, decide, evidence
from rtdeploy.bench.verdict import judge
from rtdeploy.errors import UsageError
from tests.bench.conftest import Bench, Serve
from tests.bench.evidence import NO_DOUBTS, p99_budget
from tests.bench.evidence import evidence as made
from tests.bench.test_statistics import simulate

SEED = 20
LONGEST_S = 60.0
RATE = 100.0


def seen(times: "np.typing.NDArray[np.float64]", latency: "np.typing.NDArray[np.float64]", until_s: float) -> Seen:
    n = int(np.searchsorted(times, until_s))
    none = np.zeros(n, dtype=bool)
    return Seen(times=times[:n], latency=latency[:n], failed=none, waiting=none, span_s=until_s)


def steady(latency_s: float, span_s: float, *, rate: float = RATE) -> Seen:
    times = np.arange(int(span_s * rate)) / rate
    return seen(times, np.full(len(times), latency_s), span_s)


@pytest.mark.parametrize(("k", "n", "share"), [(0, 50, 0.1), (3, 80, 0.1), (9, 60, 0.1), (1, 30, 0.5)])
def test_the_evidence_is_the_mean_odds_over_the_shares_that_are_bet_on(k: int, n: int, share: float) -> None:
    a, b = 0.5, 0.5 / share - 0.5

    def mean_odds(low: float, high: float) -> float:
        def density(q: float) -> float:
            return math.pow(q, a - 1) * math.pow(1 - q, b - 1)

        def odds(q: float) -> float:
            return density(q) * math.pow(q / share, k) * math.pow((1 - q) / (1 - share), n - k)

        return float(integrate.quad(odds, low, high)[0] / integrate.quad(density, low, high)[0])

    few, many = evidence(k, n, share)
    assert math.exp(few) == pytest.approx(mean_odds(0, share), rel=1e-6)
    assert math.exp(many) == pytest.approx(mean_odds(share, 1), rel=1e-6)


def test_the_expectation_of_the_evidence_at_the_allowed_share_is_at_most_one() -> None:
    n, tenths = 40, Fraction(1, 10)
    chances = [float(math.comb(n, k) * tenths**k * (1 - tenths) ** (n - k)) for k in range(n + 1)]
    for side in (0, 1):
        mean = sum(chance * math.exp(evidence(k, n, 0.1)[side]) for k, chance in enumerate(chances))
        assert mean == pytest.approx(1.0, rel=1e-9)


def test_367_fast_requests_decide_p99_and_a_handful_of_slow_ones_do() -> None:
    assert decide(0, 366, 0.01) is Verdict.INCONCLUSIVE
    assert decide(0, 367, 0.01) is Verdict.PASS
    assert decide(5, 5, 0.01) is Verdict.FAIL
    assert decide(10, 1000, 0.01) is Verdict.INCONCLUSIVE


def test_a_share_of_nothing_is_missed_by_the_first() -> None:
    assert decide(1, 10, 0.0) is Verdict.FAIL
    assert decide(0, 10_000, 0.0) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("stall_s", "every_s"), [(0.0, 1.0), (0.05, 2.5), (0.2, 10.0)], ids=["independent", "short stalls", "long stalls"]
)
def test_looking_every_second_decides_wrongly_in_one_run_in_twenty_at_most(stall_s: float, every_s: float) -> None:
    rng = np.random.default_rng(SEED)
    _, truth = simulate(rng, 40_000.0, 50.0, stall_s, every_s)
    budget_ms = 1e3 * float(np.quantile(truth, 0.99))
    runs, verdicts = 80, []
    for _ in range(runs):
        times, latency = simulate(rng, LONGEST_S, RATE, stall_s, every_s)
        rule = Sequential(budget=p99_budget(budget_ms), longest_s=LONGEST_S)
        any(rule.look(seen(times, latency, float(now))) for now in range(1, int(LONGEST_S) + 1))
        verdicts.append(rule.decided.get("p99_ms"))
    allowed = 0.05 * runs + 2 * math.sqrt(0.05 * 0.95 * runs)  # two standard errors of the simulation itself
    assert verdicts.count(Verdict.PASS) <= allowed
    assert verdicts.count(Verdict.FAIL) <= allowed


def test_a_good_endpoint_does_not_pass_before_its_pauses_could_have_shown() -> None:
    rule = Sequential(budget=p99_budget(80), longest_s=600.0)
    assert not rule.look(steady(0.003, 36.0))
    assert rule.look(steady(0.003, 38.0))
    assert rule.decided == {"p99_ms": Verdict.PASS}


def test_a_bad_endpoint_is_missed_at_once() -> None:
    rule = Sequential(budget=p99_budget(80), longest_s=600.0)
    assert rule.look(steady(0.2, 1.0))
    assert rule.decided == {"p99_ms": Verdict.FAIL}


def test_one_missed_budget_ends_the_run_and_one_met_among_two_does_not() -> None:
    both = Budget(p50_ms=80.0, p99_ms=80.0)
    undecided = Sequential(budget=both, longest_s=600.0)
    assert not undecided.look(steady(0.003, 3.0))
    assert undecided.decided == {"p50_ms": Verdict.PASS}
    assert Sequential(budget=Budget(p50_ms=1.0, p99_ms=80.0), longest_s=600.0).look(steady(0.003, 3.0))


def test_what_is_decided_stays_decided() -> None:
    rule = Sequential(budget=p99_budget(80), longest_s=600.0)
    rule.look(steady(0.003, 40.0))
    rule.look(steady(0.2, 41.0))
    assert rule.decided == {"p99_ms": Verdict.PASS}


def test_requests_that_wait_are_held_against_a_pass_and_not_counted_as_errors() -> None:
    whole = steady(0.003, 100.0, rate=50.0)
    waiting = np.zeros(len(whole.times), dtype=bool)
    waiting[-1500:] = True
    rule = Sequential(budget=Budget(error_rate=0.2), longest_s=100.0)
    rule.look(Seen(times=whole.times, latency=whole.latency, failed=whole.failed, waiting=waiting, span_s=100.0))
    assert rule.decided == {}
    rule.look(whole)
    assert rule.decided == {"error_rate": Verdict.PASS}


def test_an_error_rate_that_nobody_declared_can_end_a_run_and_need_not_be_proved() -> None:
    budget = Budget(p50_ms=80.0, error_rate=0.001, error_rate_declared=False)
    assert Sequential(budget=budget, longest_s=600.0).look(steady(0.003, 2.0))
    failed = steady(math.inf, 2.0)
    broken = Sequential(budget=budget, longest_s=600.0)
    assert broken.look(
        Seen(times=failed.times, latency=failed.latency, failed=~failed.failed, waiting=failed.waiting, span_s=2.0)
    )
    assert broken.decided["error_rate"] is Verdict.FAIL


def test_the_reason_says_that_it_was_decided_and_after_how_much() -> None:
    passed = judge(made([0.003] * 4000, decided={"p99_ms": Verdict.PASS}), p99_budget(80), NO_DOUBTS)
    assert passed.reasons == ("p99 3 ms ≤ 80 ms (95 % interval 3 to 3 ms, decided after 4,000 requests).",)
    open_ = judge(made([0.003] * 4000, decided={}), p99_budget(80), NO_DOUBTS)
    assert open_.verdict is Verdict.INCONCLUSIVE
    assert open_.reasons[0].endswith("4,000 requests); not decided in 40 s.")


@pytest.mark.parametrize(("budget_ms", "verdict"), [(5_000.0, Verdict.PASS), (5.0, Verdict.FAIL)])
def test_a_run_ends_when_its_budget_is_decided(bench: Bench, serve: Serve, budget_ms: float, verdict: Verdict) -> None:
    budget = Budget(p50_ms=budget_ms, error_rate=0.5, error_rate_declared=False)
    run = bench(serve(service_ms=20).url, budget=budget, duration_s=60.0, until_decided=True, workers=2)
    assert run.result.verdict is verdict, run.result.reasons
    assert run.result.requests < 3000
    assert "decided after" in run.result.reasons[0]
    assert run.result.scenario["until_decided"] is True
    assert not run.result.interrupted
    assert run.result.errors == 0


def test_a_run_that_nothing_can_decide_is_refused(bench: Bench) -> None:
    with pytest.raises(UsageError, match="nothing to decide"):
        bench("http://127.0.0.1:9/", budget=Budget(throughput_rps=100.0), until_decided=True)
