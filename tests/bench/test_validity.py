"""When the generator is not to be believed, and what to change."""

from typing import Any

import numpy as np
import pytest

from rtdeploy.bench.validity import Conduct, doubts
from tests.bench.evidence import samples

BUDGET = {0.99: 80.0}


def conduct(**changed: Any) -> Conduct:
    good: dict[str, Any] = {
        "planned_rps": 200.0,
        "offered_rps": 200.0,
        "lag_s": np.full(1000, 0.0001),
        "cpu": [[0.2] * 10],
    }
    return Conduct(**good | changed)


def test_a_generator_that_kept_its_schedule_raises_no_doubt() -> None:
    assert not doubts(conduct(), BUDGET)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"offered_rps": 197.0}, "The load was not offered: 197/s of 200/s"),
        ({"not_sent": 12}, "12 requests were not sent"),
        ({"cpu": [[0.2] * 10, [0.8] * 10]}, "The generator was busy: 80 % of a core"),
        ({"cpu": [[0.3] * 8 + [0.99] * 2]}, "99 % at its peak"),
        ({"steal": 0.05}, "gave 5 % of its time to others"),
        ({"lost": ["Load generator process 1 was killed by SIGKILL."]}, "was killed by SIGKILL"),
    ],
)
def test_a_load_that_cannot_be_trusted_is_named(changed: dict[str, Any], said: str) -> None:
    found = doubts(conduct(**changed), BUDGET)
    assert len(found.load) == 1
    assert said in found.load[0]
    assert not found.lag


def test_lag_may_be_a_millisecond_or_a_twentieth_of_the_budget_whichever_is_more() -> None:
    lag = np.full(1000, 0.003)
    assert not doubts(conduct(lag_s=lag), {0.99: 80.0})
    assert "p99 3 ms, 1 ms may be" in doubts(conduct(lag_s=lag), {0.99: 10.0}).lag[0]


def test_lag_is_looked_at_where_the_budget_is() -> None:
    lag = np.zeros(1000)
    lag[:20] = 0.005
    assert not doubts(conduct(lag_s=lag), {0.5: 10.0})
    assert doubts(conduct(lag_s=lag), {0.99: 10.0})


def test_the_generator_may_delay_only_a_tenth_of_what_the_budget_allows_beyond_it() -> None:
    lag = np.zeros(10_000)
    lag[:9] = 0.1
    assert not doubts(conduct(lag_s=lag), BUDGET)
    lag[:11] = 0.1
    assert "delayed 11 requests by more than the p99 budget of 80 ms" in doubts(conduct(lag_s=lag), BUDGET).lag[0]


def test_without_a_latency_budget_ten_milliseconds_may_be() -> None:
    assert not doubts(conduct(lag_s=np.full(100, 0.009)), {})
    assert doubts(conduct(lag_s=np.full(100, 0.011)), {})


def test_a_generator_that_measures_a_tenth_of_the_budget_where_there_is_nothing_is_doubted() -> None:
    quiet, noisy = samples([0.0079] * 400), samples([0.0081] * 400)
    assert not doubts(conduct(floor=quiet), BUDGET)
    found = doubts(conduct(floor=noisy), BUDGET)
    assert not found.load
    assert found.lag[0].startswith("The generator alone measures p99 8.1 ms of a server that does nothing")
    assert "use a budget of 81 ms or more" in found.lag[0]


def test_a_single_pause_while_the_floor_is_measured_proves_nothing() -> None:
    latency = np.full(400, 0.0002)
    latency[200:206] = 0.05
    assert not doubts(conduct(floor=samples(latency)), BUDGET)
