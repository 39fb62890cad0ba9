import re
from typing import Any, Protocol

import numpy as np
import pytest

from rtdeploy.bench.validity import Conduct, doubts
from rtdeploy.report import limits
from rtdeploy.report.charts.axes import linear, logarithmic, tail, time
from rtdeploy.report.charts.dots import dots
from rtdeploy.report.charts.frame import bounds_of, frame_of, windows_of
from rtdeploy.report.charts.phases import compositions


class Simulate(Protocol):
    def __call__(self, **settings: Any) -> Any: ...


def test_a_log_axis_gives_every_decade_the_same_width() -> None:
    axis = logarithmic(1, 100, "latency, ms")

    assert [axis.at(value) for value in (1, 10, 100)] == pytest.approx([0, 0.5, 1])
    assert [tick.label for tick in axis.ticks] == ["1", "2", "5", "10", "20", "50", "100"]


def test_the_tail_axis_gives_every_nine_the_same_width() -> None:
    axis = tail(5000, "share")

    assert [axis.at(value) for value in (0, 0.9, 0.99, 0.999)] == pytest.approx([0, 0.25, 0.5, 0.75])
    assert [tick.label for tick in axis.ticks] == ["0 %", "50 %", "90 %", "99 %", "99.9 %"]


@pytest.mark.parametrize(
    ("high", "unit", "last"), [(15, "s", "14"), (299, "s", "250"), (1800, "min", "30"), (86400, "h", "20")]
)
def test_time_has_round_ticks_in_the_unit_that_reads_best(high: float, unit: str, last: str) -> None:
    axis = time(0, high, "time")

    assert axis.title == f"time, {unit}"
    assert axis.ticks[-1].label == last


@pytest.mark.parametrize(("low", "high"), [(0, 1e-6), (0, 1e9), (5, 5), (-3, 7)])
def test_an_even_axis_has_a_few_ticks_whatever_its_range(low: float, high: float) -> None:
    assert 2 <= len(linear(low, high, "x").ticks) <= 8


def test_every_request_lies_in_a_drawn_dot() -> None:
    random = np.random.default_rng(1)
    x, y = random.uniform(size=20_000), np.concatenate((random.normal(0.2, 0.01, 19_999), [0.97]))

    paths = re.findall(r' d="M\.5 \.5([^"]*)"', dots(x, y, grid=(100, 50), class_="dot"))

    drawn = set()
    for path in paths:
        steps = np.array([[int(a), int(b)] for a, b in re.findall(r"m(-?\d+) (-?\d+)h0", path)])
        drawn |= {tuple(cell) for cell in np.cumsum(steps, axis=0).tolist()}
    assert drawn == set(zip((x * 100).astype(int).tolist(), ((1 - y) * 50).astype(int).tolist(), strict=True))


def test_values_that_never_happened_are_not_drawn() -> None:
    assert dots(np.array([0.5, 0.5]), np.array([np.nan, np.inf]), grid=(10, 10), class_="dot").count("h0") == 0


def test_windows_tell_the_percentiles_of_their_second(simulate: Simulate) -> None:
    frame = frame_of(simulate(rate=300, duration=5, stall_every=2))
    latency = (frame.samples.done - frame.samples.scheduled) * 1e3
    third = latency[(frame.t >= 2) & (frame.t < 3)]

    windows = windows_of(frame, frame.latency)

    assert windows.width_s == 1
    assert windows.count.sum() == frame.result.requests
    assert windows.p99[2] == np.percentile(third, 99, method="inverted_cdf")
    assert windows.p50[2] == np.percentile(third, 50, method="inverted_cdf")


def test_a_long_run_has_longer_windows(simulate: Simulate) -> None:
    frame = frame_of(simulate(rate=1, duration=3600))

    windows = windows_of(frame, frame.latency)

    assert windows.width_s == 15
    assert windows.count.size <= 240


def test_a_failed_request_is_slower_than_every_other(simulate: Simulate) -> None:
    frame = frame_of(simulate(error_share=0.5))

    assert np.isinf(frame.latency[frame.failed]).all()
    assert np.isfinite(frame.latency[~frame.failed]).all()
    assert np.isinf(np.nanmax(windows_of(frame, frame.latency).p99))


def test_the_parts_of_a_request_add_up_to_its_latency(simulate: Simulate) -> None:
    frame = frame_of(simulate(stall_every=4, duration=30))
    slow = next(composition for composition in compositions(frame) if composition.name == "p99")

    assert slow.total == pytest.approx(frame.result.latency_ms.p99, rel=0.1)
    assert max(slow.parts, key=lambda part: slow.parts[part]) == "queue"


def test_without_server_timing_server_and_network_are_one_part(simulate: Simulate) -> None:
    typical = compositions(frame_of(simulate(server_timing=False)))[0]

    assert typical.names["network"] == "server and network"
    assert not typical.split
    assert typical.parts["network"] > 0.9 * typical.total


def test_several_runs_share_their_axes(simulate: Simulate) -> None:
    short, long = frame_of(simulate(duration=5)), frame_of(simulate(duration=20, stall_every=4))

    bounds = bounds_of([short, long])

    assert bounds.time_s[1] > 19
    assert bounds.latency_ms[1] > 190


@pytest.mark.parametrize("budget", [{"p99_ms": 80.0}, {"p99_ms": 4.0}, {"p50_ms": 10.0, "p95_ms": 60.0}, {}])
def test_the_drawn_lag_limit_is_the_one_that_validity_judges_by(simulate: Simulate, budget: dict[str, float]) -> None:
    name, limit_ms = limits.lag(simulate(budget=budget).result)
    budgets = {
        float(key.removesuffix("_ms")[1:]) / 100: value for key, value in budget.items() if f"p{name[1:]}_ms" == key
    }

    def doubted(lag_ms: float) -> bool:
        lag = np.full(1000, lag_ms / 1e3)
        return bool(doubts(Conduct(planned_rps=100, offered_rps=100, lag_s=lag), budgets))

    assert not doubted(limit_ms * 0.999)
    assert doubted(limit_ms * 1.001)
