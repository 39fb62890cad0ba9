"""The generator's own noise, measured against a server that does nothing."""

from pathlib import Path

import pytest

from rtdeploy.bench import Payloads, Scenario
from rtdeploy.bench.floor import floor_of
from rtdeploy.bench.result import Result
from tests.bench.conftest import Bench, Serve


def test_a_run_shows_what_its_generator_measures_of_nothing_at_the_same_rate(bench: Bench, serve: Serve) -> None:
    result = bench(serve(service_ms=20).url, duration_s=5.0, warmup_s=0.1, floor=True).result
    floor = result.generator.floor_ms
    assert floor is not None
    assert floor.p50 is not None
    assert result.latency_ms.p50 is not None
    assert 0 < floor.p50 < result.latency_ms.p50
    assert "noise_floor" not in result.environment
    assert Result.from_json(result.to_json()).generator == result.generator


def test_bodies_of_any_size_are_read_to_their_end(tmp_path: Path) -> None:
    payloads = Payloads(bodies=(b"", b"x" * 300_000), weights=(1.0, 1.0))
    scenario = Scenario(rate_rps=60.0, duration_s=5.0, arrivals="shape:ramp", seed=3)
    measured = floor_of(payloads, scenario, directory=tmp_path, workers=2).measured
    assert measured is not None
    assert measured.errors() == {}
    assert 10 < len(measured) < 60
    assert set(measured.worker) == {0, 1}


@pytest.mark.parametrize(
    ("scenario", "wanted", "note"),
    [
        (Scenario(rate_rps=50.0, duration_s=60.0), False, "not measured: --no-floor"),
        (Scenario(rate_rps=50.0, duration_s=4.0), True, "not measured: the run is shorter than 5 s"),
        (Scenario(rate_rps=0.1, duration_s=50.0, arrivals="trace", trace=(40.0,)), True, "no request is due in 2.5 s"),
    ],
)
def test_a_floor_that_is_not_measured_says_why(tmp_path: Path, scenario: Scenario, wanted: bool, note: str) -> None:
    floor = floor_of(Payloads.one(b"{}"), scenario, directory=tmp_path, workers=1, wanted=wanted)
    assert floor.measured is None
    assert note in floor.note
