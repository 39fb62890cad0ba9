"""What is asked for: read from the file, told in advance, and recognisable by its digest."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from rtdeploy.bench import Budget, Payloads, Scenario, announce, budget_of, scenario_of
from rtdeploy.errors import UsageError
from rtdeploy.spec import model
from rtdeploy.spec.units import Duration, Rate, Ratio

ONE = Payloads.one(b"{}")


def test_the_load_section_becomes_a_scenario() -> None:
    load = model.Load(rate=Rate(200), duration=Duration(30), warmup=Duration(5), arrivals="constant")
    scenario = scenario_of(load, model.Serve(timeout=Duration(0.5)), ONE, seed=7)
    assert (scenario.rate_rps, scenario.duration_s, scenario.warmup_s, scenario.seed) == (200, 30, 5, 7)
    assert (scenario.arrivals, scenario.timeout_s) == ("constant", 1.5)
    assert scenario.payloads_digest == ONE.digest


def test_a_request_is_given_more_time_than_its_budget_and_no_more_than_half_a_minute_otherwise() -> None:
    slow = model.Budget(p99=Duration(40))
    assert scenario_of(model.Load(), model.Serve(), ONE).timeout_s == 30
    assert scenario_of(model.Load(), model.Serve(), ONE, budget=slow).timeout_s == 80


def test_a_shape_and_a_trace_are_part_of_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "arrivals.csv").write_text("\n".join(str(i / 10) for i in range(101)))
    shaped = scenario_of(model.Load(arrivals=model.Shape(shape="ramp")), model.Serve(), ONE)
    load = model.Load(
        arrivals=model.Trace(trace=PurePosixPath("arrivals.csv")), duration=Duration(8), warmup=Duration(2)
    )
    traced = scenario_of(load, model.Serve(), ONE, root=tmp_path)
    assert shaped.arrivals == "shape:ramp"
    assert (traced.arrivals, traced.rate_rps) == ("trace", 10.0)
    assert len(traced.schedule()) == 100
    assert "trace" not in traced.declared()
    assert traced.declared()["trace_digest"].startswith("sha256:")


def test_a_trace_that_ends_before_the_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "arrivals.csv").write_text("0\n1\n2\n")
    load = model.Load(arrivals=model.Trace(trace=PurePosixPath("arrivals.csv")))
    with pytest.raises(UsageError, match=r"ends after 2 s; warm-up and duration together are 70 s"):
        scenario_of(load, model.Serve(), ONE, root=tmp_path)


def test_the_digest_tells_two_scenarios_apart_by_every_field() -> None:
    base = Scenario(rate_rps=100.0)
    changes = {
        "rate_rps": 101.0,
        "arrivals": "constant",
        "duration_s": 61.0,
        "warmup_s": 11.0,
        "seed": 2,
        "timeout_s": 29.0,
        "payloads_digest": "sha256:1",
        "protocol": "grpc",
        "trace": (1.0, 2.0),
    }
    digests = {replace(base, **{name: value}).digest for name, value in changes.items()}  # type: ignore[arg-type]
    assert base.digest == Scenario(rate_rps=100.0).digest
    assert len(digests | {base.digest}) == len(changes) + 1


def test_the_budget_section_becomes_a_budget_and_knows_what_was_declared() -> None:
    declared = budget_of(model.Budget(p99=Duration(0.08), errors=Ratio(0.01), throughput=Rate(200)))
    default = budget_of(model.Budget(p50=Duration(0.001), p999=Duration(0.2)))
    assert declared.declared() == {"p99_ms": 80.0, "error_rate": 0.01, "throughput_rps": 200.0}
    assert declared.error_rate_declared
    assert default.declared() == {"p50_ms": 1.0, "p999_ms": 200.0, "error_rate": 0.001}
    assert not default.error_rate_declared


def test_a_run_that_is_too_short_to_prove_anything_is_told_so_in_advance() -> None:
    budget = Budget(p99_ms=80.0, p999_ms=200.0, error_rate=0.001)
    assert announce(Scenario(rate_rps=100.0, duration_s=2.0), budget) == [
        "p99 at 95 % needs at least 299 requests; this run plans 200.",
        "p99.9 at 95 % needs at least 2,995 requests; this run plans 200.",
        "An error rate of 0.1 % at 95 % needs at least 2,995 requests; this run plans 200.",
    ]
    assert announce(Scenario(rate_rps=100.0, duration_s=60.0), budget) == []


def test_payloads_are_read_from_json_lines_with_and_without_weights(tmp_path: Path) -> None:
    path = tmp_path / "payloads.jsonl"
    path.write_text('{"x": 1}\n\n{"weight": 3, "body": {"x": 2}}\n{"weight": 1, "body": 2, "more": 3}\n')
    payloads = Payloads.read(path)
    assert payloads.bodies == (b'{"x": 1}', b'{"x":2}', b'{"weight": 1, "body": 2, "more": 3}')
    assert payloads.weights == (1.0, 3.0, 1.0)


def test_payloads_are_drawn_by_weight_and_the_same_for_the_same_seed() -> None:
    payloads = Payloads(bodies=(b"a", b"b"), weights=(1.0, 3.0))
    drawn = payloads.draw(10_000, seed=1)
    assert drawn.mean() == pytest.approx(0.75, abs=0.02)
    assert (drawn == payloads.draw(10_000, seed=1)).all()


def test_the_digest_of_payloads_depends_on_order_weight_and_boundaries() -> None:
    made = [
        Payloads(bodies=(b"ab", b"c"), weights=(1.0, 1.0)),
        Payloads(bodies=(b"a", b"bc"), weights=(1.0, 1.0)),
        Payloads(bodies=(b"c", b"ab"), weights=(1.0, 1.0)),
        Payloads(bodies=(b"ab", b"c"), weights=(1.0, 2.0)),
    ]
    assert len({payloads.digest for payloads in made}) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no payloads"),
        ('{"x": 1}\n{"x": \n', r"payloads\.jsonl:2: not JSON"),
        ('{"weight": 0, "body": 1}', r"payloads\.jsonl:1: the weight must be"),
        ('{"weight": true, "body": 1}', r"payloads\.jsonl:1: the weight must be"),
        ('{"weight": "2", "body": 1}', r"payloads\.jsonl:1: the weight must be"),
    ],
)
def test_a_broken_payload_file_is_refused_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "payloads.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        Payloads.read(path)


def test_a_payload_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(UsageError, match="Cannot read the payloads"):
            Payloads.read(path)
