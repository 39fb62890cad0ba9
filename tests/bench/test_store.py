"""Stored runs: what is written reads back, and what is not a run says so."""

import base64
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from rtdeploy.bench import Run, read
from rtdeploy.bench.histogram import encode
from rtdeploy.bench.result import SCHEMA, Generator, Percentiles, Result, Verdict
from rtdeploy.bench.store import new_id, write
from rtdeploy.errors import UsageError
from tests.bench.evidence import samples

RESULT = Result(
    run_id="20260101-000000-abcdef",
    target="local",
    provider="process",
    started_at="2026-01-01T00:00:00.000Z",
    bundle_digest=None,
    scenario_digest="sha256:0",
    scenario={"rate_rps": 100.0},
    budget={"p99_ms": 80.0},
    verdict=Verdict.PASS,
    reasons=("p99 3 ms ≤ 80 ms.",),
    requests=3,
    errors=0,
    errors_by_kind={},
    offered_rps=100.0,
    achieved_rps=100.0,
    latency_ms=Percentiles(p50=1.0, p99=3.0),
    service_ms=Percentiles(),
    p99_ci95_ms=(2.0, None),
    generator=Generator(trusted=True, workers=1, schedule_lag_ms=Percentiles(p99=0.1), cpu_share=0.2),
    phases_ms={"connect": Percentiles(p50=0.0)},
    histogram="",
    environment={"python": "3"},
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    directory = tmp_path / "runs" / RESULT.run_id
    directory.mkdir(parents=True)
    stored = Run(result=RESULT, samples=samples([0.001, 0.002, 0.003]), directory=directory)
    write(stored)
    return stored


def test_a_run_is_found_by_directory_file_id_and_the_beginning_of_its_id(run: Run) -> None:
    runs = run.directory.parent
    for name in (run.directory, run.directory / "result.json", RESULT.run_id, "20260101"):
        assert read(name, runs=runs).result == RESULT


def test_samples_keep_every_value(run: Run) -> None:
    stored = read(run.directory).samples
    for column in stored.__slots__:
        assert np.array_equal(getattr(stored, column), getattr(run.samples, column), equal_nan=column != "kinds"), (
            column
        )


def test_result_json_has_the_documented_schema_and_no_temporary_file_beside_it(run: Run) -> None:
    document = json.loads((run.directory / "result.json").read_text())
    assert next(iter(document)) == "schema"
    assert document["schema"] == SCHEMA
    assert document["p99_ci95_ms"] == [2.0, None]
    assert set(document) == {field.name for field in dataclasses.fields(Result)}
    assert sorted(path.name for path in run.directory.iterdir()) == ["result.json", "samples.npz"]


def test_a_field_that_a_later_version_adds_is_left_out(run: Run) -> None:
    assert Result.from_json(RESULT.to_json() | {"carbon_g": 1}) == RESULT


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"schema": "rtdeploy.compare/1"}', '{"schema": "rtdeploy.bench/1"}', "\x00\xff"],
)
def test_a_damaged_or_foreign_result_is_refused_by_name(run: Run, text: str) -> None:
    (run.directory / "result.json").write_text(text)
    with pytest.raises(UsageError) as refused:
        read(run.directory)
    assert "result.json is not a stored run, or is damaged" in refused.value.summary
    assert refused.value.detail


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"\x93NUMPY"])
def test_damaged_samples_are_refused_by_name(run: Run, content: bytes) -> None:
    (run.directory / "samples.npz").write_bytes(content)
    with pytest.raises(UsageError, match=r"samples\.npz is not a stored run"):
        read(run.directory)


def test_samples_of_another_kind_are_refused(run: Run) -> None:
    path = run.directory / "samples.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(UsageError, match="is damaged") as refused:
        read(run.directory)
    assert refused.value.detail == "not an npz archive"


def test_samples_that_hold_python_objects_are_refused_and_not_loaded(run: Run) -> None:
    np.savez(run.directory / "samples.npz", scheduled=np.array([object()], dtype=object))
    with pytest.raises(UsageError, match=r"samples\.npz is not a stored run"):
        read(run.directory)


def test_a_run_that_is_not_there_and_one_that_is_ambiguous_are_refused(run: Run) -> None:
    with pytest.raises(UsageError, match="There is no run 2027"):
        read("2027", runs=run.directory.parent)
    other = run.directory.parent / "20260101-000001-aaaaaa"
    other.mkdir()
    write(Run(result=RESULT, samples=run.samples, directory=other))
    with pytest.raises(UsageError, match="More than one run begins with 20260101"):
        read("20260101", runs=run.directory.parent)


def test_run_ids_sort_by_time_and_never_collide() -> None:
    made = [new_id() for _ in range(200)]
    assert len(set(made)) == 200
    assert sorted(name[:15] for name in made) == [name[:15] for name in made]


def test_the_histogram_is_one_that_other_tools_decode() -> None:
    latency = np.random.default_rng(1).lognormal(-5, 1, 2000)
    encoded = encode(np.append(latency, np.inf))
    base64.b64decode(encoded, validate=True)
    decoded = HdrHistogram.decode(encoded)
    assert decoded.get_total_count() == 2000
    expected = sorted(latency)[1979] * 1e6
    assert decoded.get_value_at_percentile(99) == pytest.approx(expected, rel=0.002)
