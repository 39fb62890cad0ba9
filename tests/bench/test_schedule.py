"""Arrival times are drawn before the run, and are what they say."""

from pathlib import Path

import numpy as np
import pytest

from rtdeploy.bench.schedule import SHAPES, arrivals, read_trace
from rtdeploy.errors import UsageError


def draw(kind: str, seed: int = 1, rate_rps: float = 500.0, warmup_s: float = 10.0, duration_s: float = 100.0):  # type: ignore[no-untyped-def]
    return arrivals(kind, rate_rps=rate_rps, warmup_s=warmup_s, duration_s=duration_s, seed=seed)


@pytest.mark.parametrize("kind", ["constant", "poisson", *(f"shape:{shape}" for shape in SHAPES)])
def test_the_schedule_ascends_within_the_run_and_its_warm_up_comes_before_zero(kind: str) -> None:
    times = draw(kind)
    assert (np.diff(times) >= 0).all()
    assert times[0] < 0 < times[-1]
    assert times[0] >= -10
    assert times[-1] < 100


@pytest.mark.parametrize("kind", ["poisson", "shape:spike"])
def test_the_same_seed_gives_the_same_schedule_and_another_seed_another(kind: str) -> None:
    assert np.array_equal(draw(kind), draw(kind))
    assert not np.array_equal(draw(kind)[:50], draw(kind, seed=2)[:50])


def test_constant_arrivals_are_evenly_spaced_and_exactly_as_many_as_asked_for() -> None:
    times = draw("constant", rate_rps=100)
    assert len(times) == 11_000
    assert np.allclose(np.diff(times), 0.01)


def test_poisson_arrivals_have_exponential_gaps() -> None:
    gaps = np.diff(draw("poisson", rate_rps=2000)) * 2000
    assert abs(gaps.mean() - 1) < 0.02
    assert abs(gaps.var() - 1) < 0.05
    assert abs((gaps > 3).mean() - np.exp(-3)) < 0.005


def test_poisson_arrivals_are_as_bursty_as_independent_callers() -> None:
    counts = np.histogram(draw("poisson"), bins=np.arange(-10, 100, 0.01))[0]
    assert abs(counts.var() / counts.mean() - 1) < 0.05


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("ramp", [0.145, 0.235, 0.505, 0.955]),
        ("step", [0.25, 0.25, 0.75, 1.0]),
        ("spike", [1.0, 1.0, 3.0, 1.0]),
        ("soak", [1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_a_shape_has_the_rate_that_is_documented(shape: str, expected: list[float]) -> None:
    times = draw(f"shape:{shape}", rate_rps=1000)
    windows = [(0, 10), (10, 20), (45, 55), (90, 100)]
    if shape == "step":
        windows[2] = (50, 60)
    found = [((times >= low) & (times < high)).sum() / 1000 / (high - low) for low, high in windows]
    assert found == pytest.approx(expected, abs=0.05)


def test_a_shape_warms_up_at_the_rate_with_which_it_starts() -> None:
    times = draw("shape:ramp", rate_rps=1000)
    assert (times < 0).sum() / 10 == pytest.approx(100, abs=15)


def test_a_trace_is_replayed_as_it_is_its_beginning_as_the_warm_up() -> None:
    trace = np.array([0.0, 1.0, 1.5, 2.0, 99.0])
    times = arrivals("trace", rate_rps=1, warmup_s=1.0, duration_s=2.0, seed=1, trace=trace)
    assert times.tolist() == [-1.0, 0.0, 0.5, 1.0]


def test_a_trace_file_may_have_a_header_other_columns_and_any_order(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.csv"
    path.write_text("seconds,user\n2.5,b\n0.5,a\n\n1,c\n")
    assert read_trace(path).tolist() == [0.5, 1.0, 2.5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1\nsoon\n2\n", "arrivals.csv:2: 'soon'"),
        ("1\n-2\n", "arrivals.csv:2: '-2'"),
        ("1\nnan\n", "arrivals.csv:2: 'nan'"),
        ("seconds\n", "no arrivals"),
        ("", "no arrivals"),
    ],
)
def test_a_broken_trace_is_refused_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "arrivals.csv"
    path.write_text(text)
    with pytest.raises(UsageError) as refused:
        read_trace(path)
    assert said in refused.value.summary


def test_a_missing_trace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Cannot read the trace"):
        read_trace(tmp_path / "none.csv")
