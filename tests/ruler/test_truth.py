"""The truth against closed forms, and against a server that is simulated step by step."""

import math

import numpy as np
import pytest

from benchmarks.ruler.scenarios import SCENARIOS, Freeze, LogNormal, Scenario
from benchmarks.ruler.truth import constant, finishes, monte_carlo, percentile, poisson, quantile, wall, work

FREEZE = Freeze(every_s=10.0, lasts_s=0.2)
TICK_S = 0.001


def test_percentile_is_the_smallest_value_that_enough_values_do_not_exceed() -> None:
    values = np.arange(1.0, 101.0)
    assert percentile(values, 0.99) == 99
    assert percentile(values, 0.999) == 100
    assert percentile(np.array([7.0]), 0.5) == 7
    assert math.isnan(percentile(np.array([]), 0.5))


def test_a_failure_is_slower_than_every_answer() -> None:
    values = np.array([1.0] * 98 + [math.inf] * 2)
    assert percentile(values, 0.98) == 1
    assert percentile(values, 0.99) == math.inf


@pytest.mark.parametrize("name", ["short", "lognormal", "reset"])
def test_an_endless_open_loop_has_the_percentiles_of_its_distribution(name: str) -> None:
    latencies = monte_carlo(SCENARIOS[name], arrivals="constant", count=400_000, seed=1)
    for q in (0.5, 0.99):
        exact = quantile(SCENARIOS[name], q)
        assert exact is not None
        assert percentile(latencies, q) == pytest.approx(exact, rel=0.02)


def test_the_short_scenario_is_what_it_is_called() -> None:
    assert quantile(SCENARIOS["short"], 0.99) == pytest.approx(0.0008, rel=0.01)


def test_there_is_no_closed_form_where_requests_wait_for_each_other() -> None:
    assert quantile(SCENARIOS["queue"], 0.99) is None
    assert quantile(SCENARIOS["stall"], 0.99) is None


def test_waiting_for_equal_work_is_as_long_as_pollaczek_and_khinchine_say() -> None:
    rate, service = 400.0, 0.002
    arrivals = poisson(rate, 400_000, seed=2)
    latency = finishes(arrivals, np.full(len(arrivals), service), fifo=True, freeze=None) - arrivals
    load = rate * service
    assert latency.mean() - service == pytest.approx(load * service / (2 * (1 - load)), rel=0.03)
    assert np.mean(latency <= service * 1.0000001) == pytest.approx(1 - load, rel=0.03)


def test_exponential_work_in_a_queue_has_the_p99_of_the_closed_form() -> None:
    rate, speed = 400.0, 500.0
    arrivals = poisson(rate, 1_000_000, seed=3)
    draws = np.random.default_rng(4).exponential(1 / speed, len(arrivals))
    latency = finishes(arrivals, draws, fifo=True, freeze=None) - arrivals
    assert percentile(latency, 0.99) == pytest.approx(math.log(100) / (speed - rate), rel=0.05)


def test_work_at_constant_arrivals_never_waits_while_it_fits_into_the_gap() -> None:
    arrivals = constant(100.0, 1000)
    latency = finishes(arrivals, np.full(1000, 0.009), fifo=True, freeze=None) - arrivals
    assert latency == pytest.approx(np.full(1000, 0.009))


def test_a_server_without_work_answers_frozen_requests_when_it_wakes() -> None:
    arrivals = constant(1000.0, 100_000)
    latency = finishes(arrivals, np.zeros(len(arrivals)), fifo=False, freeze=FREEZE) - arrivals
    assert np.mean(latency > 1e-6) == pytest.approx(0.02, rel=0.01)
    assert percentile(latency, 0.99) == pytest.approx(0.1, abs=0.002)
    assert latency.max() == pytest.approx(0.2, abs=0.002)


def test_work_time_and_wall_time_are_inverse_where_the_server_is_awake() -> None:
    t = np.random.default_rng(5).uniform(0, 100, 10_000)
    awake = t[(t % FREEZE.every_s) < FREEZE.every_s - FREEZE.lasts_s - 1e-6]
    assert wall(work(awake, FREEZE), FREEZE) == pytest.approx(awake)


def test_a_reset_takes_no_work_and_never_finishes() -> None:
    finish = finishes(np.array([0.0, 0.1]), np.array([np.nan, 0.3]), fifo=True, freeze=None)
    assert finish[0] == math.inf
    assert finish[1] == pytest.approx(0.4)


@pytest.mark.parametrize("freeze", [None, Freeze(every_s=1.0, lasts_s=0.2)])
@pytest.mark.parametrize("fifo", [False, True])
def test_the_formula_agrees_with_a_server_that_is_simulated_in_small_steps(fifo: bool, freeze: Freeze | None) -> None:
    ticks = np.random.default_rng(6).integers([[1], [1]], [[50], [40]], size=(2, 120))
    arrivals, draws = np.cumsum(ticks[0]), ticks[1]
    finish = finishes(arrivals * TICK_S, draws * TICK_S, fifo=fifo, freeze=freeze)
    assert finish / TICK_S == pytest.approx(_stepped(arrivals.tolist(), draws.tolist(), fifo, freeze), abs=1.01)


def test_the_median_of_a_mixture_lies_where_most_of_it_is() -> None:
    scenario = Scenario(
        name="two",
        about="",
        rate_rps=100,
        mixture=(LogNormal(share=0.9, median_s=0.001), LogNormal(share=0.1, median_s=1.0)),
    )
    latencies = monte_carlo(scenario, arrivals="poisson", count=10_000, seed=8)
    assert percentile(latencies, 0.5) == pytest.approx(0.001)
    assert percentile(latencies, 0.95) == pytest.approx(1.0)


def _stepped(arrivals: list[int], draws: list[int], fifo: bool, freeze: Freeze | None) -> list[int]:
    """The same server by the clock: in every tick that it is awake, whoever is served has a tick less to go.

    An answer leaves at the start of the next tick that the server is awake.
    """
    left, finish, now = dict(enumerate(draws)), [0] * len(draws), -1
    while 0 in finish:
        now += 1
        if freeze and now * TICK_S % freeze.every_s >= freeze.every_s - freeze.lasts_s - 1e-9:
            continue
        for index in [index for index in left if left[index] == 0]:
            finish[index] = now
            del left[index]
        present = [index for index in left if arrivals[index] <= now]
        for index in present[:1] if fifo else present:
            left[index] -= 1
    return finish
