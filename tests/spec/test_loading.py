"""What a right file means."""

from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from rtdeploy.endpoint import Protocol
from rtdeploy.errors import SpecError
from rtdeploy.spec import measures, precedence, providers
from rtdeploy.spec.model import ExternalTarget, KserveTarget, ProcessTarget, SagemakerTarget, Scale, Shape, Trace
from rtdeploy.spec.units import Duration, Rate, Ratio, Size
from tests.spec.project import SMALLEST, Project


@pytest.fixture
def shipyard(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that brings the provider ``shipyard``, installed."""
    site = tmp_path_factory.mktemp("site")
    info = site / "shipyard-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shipyard\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rtdeploy.providers]\nshipyard = shipyard:connect\n")
    monkeypatch.syspath_prepend(str(site))
    providers.external_names.cache_clear()
    yield
    monkeypatch.undo()
    providers.external_names.cache_clear()


def test_what_is_not_said_has_its_default(project: Project) -> None:
    spec = project.load(SMALLEST)
    assert spec.budget.errors == Ratio(0.001)
    assert spec.budget.p99 is None
    assert spec.serve.timeout == Duration(60)
    assert spec.load.rate == Rate(100)
    assert spec.load.protocol is Protocol.REST
    assert spec.targets["local"] == ProcessTarget(provider="process")


def test_what_was_declared_can_be_told_from_defaults(project: Project) -> None:
    spec = project.load(SMALLEST + "budget: {p99: 80ms}\n")
    assert spec.budget.model_fields_set == {"p99"}


def test_every_quantity_carries_its_unit(project: Project) -> None:
    spec = project.load(
        SMALLEST + "  box: {provider: docker, memory: 8GiB, ttl: 1.5h}\n"
        "budget: {p50: 500us, p99: .08s, p99.9: 1 s, errors: 0.5%, throughput: 600/m}\n"
    )
    budget = spec.budget
    assert (budget.p50, budget.p99, budget.p999) == (Duration(0.0005), Duration(0.08), Duration(1))
    assert budget.errors == Ratio(0.005)
    assert budget.throughput == Rate(10)
    assert spec.targets["box"].model_dump(include={"memory", "ttl"}) == {"memory": "8GiB", "ttl": "1.5h"}
    assert Size.parse("8GiB").bytes == 8 * 2**30


def test_arrivals_are_a_word_a_trace_or_a_shape(project: Project) -> None:
    def arrivals(text: str) -> object:
        return project.load(SMALLEST + f"load: {{arrivals: {text}}}\n").load.arrivals

    assert arrivals("constant") == "constant"
    assert arrivals("{trace: arrivals.csv}") == Trace(trace=PurePosixPath("arrivals.csv"))
    assert arrivals("{shape: ramp}") == Shape(shape="ramp")


def test_a_replica_bears_a_rate_or_a_number(project: Project) -> None:
    aws = "provider: sagemaker, region: a, role: b, instance: c"
    spec = project.load(
        SMALLEST + f"  aws: {{{aws}, scale: {{max: 6, target: 70/s}}}}\n"
        "  k8s: {provider: kserve, scale: {min: 0, max: 8, metric: concurrency, target: 4}}\n"
    )
    assert isinstance(spec.targets["aws"], SagemakerTarget)
    assert spec.targets["aws"].scale == Scale(max=6, target=Rate(70))
    assert isinstance(spec.targets["k8s"], KserveTarget)
    assert spec.targets["k8s"].scale.target == 4


def test_words_of_other_yaml_versions_are_text(project: Project) -> None:
    spec = project.load(SMALLEST + "  box: {provider: docker, restart: no, host: on}\n")
    assert spec.targets["box"].model_dump(include={"restart", "host"}) == {"restart": "no", "host": "on"}


def test_a_section_left_empty_is_its_defaults(project: Project) -> None:
    spec = project.load(SMALLEST + "serve:\n  # queue: 64\nbudget:\nload:\n")
    assert spec == project.load(SMALLEST)


def test_a_switch_left_empty_is_a_mistake(project: Project) -> None:
    assert project.problems(SMALLEST + "serve:\n  batch:\n") == [
        "rtdeploy.yaml:6:9 serve.batch: has no value: give it one, or take the key out"
    ]
    assert project.load(SMALLEST + "serve:\n  batch: {}\n").serve.batch is not None


def test_targets_share_what_an_anchor_holds(project: Project) -> None:
    spec = project.load(
        "name: fraud\nmodel: {path: model.onnx}\ntargets:\n"
        "  one: &one {provider: process, replicas: 3}\n"
        "  two: *one\n"
        "  three: {<<: *one, port: 80}\n"
        "  four: {replicas: 5, <<: [*one, {port: 81, replicas: 9}]}\n"
    )
    assert spec.targets["two"] == spec.targets["one"] == ProcessTarget(provider="process", replicas=3)
    assert spec.targets["three"] == ProcessTarget(provider="process", replicas=3, port=80)
    assert spec.targets["four"] == ProcessTarget(provider="process", replicas=5, port=81)


def test_variables_of_a_server_are_taken_as_they_are_written(project: Project) -> None:
    spec = project.load(SMALLEST + "  box: {provider: process, environment: {PORT: 0080, ON: true, V: 1.10, Q: 'x'}}\n")
    held = {name: value.get_secret_value() for name, value in spec.targets["box"].environment.items()}
    assert held == {"PORT": "0080", "ON": "true", "V": "1.10", "Q": "x"}


def test_a_free_value_keeps_its_types(project: Project) -> None:
    spec = project.load(SMALLEST + "serve: {fallback: {value: {score: [0.5, 1], label: no, safe: true, why: null}}}\n")
    assert spec.serve.fallback is not None
    assert spec.serve.fallback.value == {"score": [0.5, 1], "label": "no", "safe": True, "why": None}


@pytest.mark.usefixtures("shipyard")
def test_a_provider_from_another_package_reads_its_own_keys(project: Project) -> None:
    spec = project.load(SMALLEST + "  far: {provider: shipyard, dock: 7, crane: {arms: 2}, ttl: 1h}\n")
    assert spec.targets["far"] == ExternalTarget.model_validate(
        {"provider": "shipyard", "dock": 7, "crane": {"arms": 2}, "ttl": Duration(3600)}
    )


@pytest.mark.usefixtures("shipyard")
def test_a_provider_from_another_package_is_suggested(project: Project) -> None:
    assert project.problems(SMALLEST + "  far: {provider: shipyrad}\n") == [
        "rtdeploy.yaml:5:19 targets.far.provider: unknown provider shipyrad, did you mean shipyard?"
    ]


def test_a_bench_of_any_endpoint_needs_no_file() -> None:
    load, budget, serve = measures(None, env={"RTDEPLOY_SERVE_TIMEOUT": "2s"})
    assert (load.rate, budget.errors, serve.timeout) == (Rate(100), Ratio(0.001), Duration(2))


def test_a_bench_of_any_endpoint_reads_what_it_needs_of_a_file(project: Project) -> None:
    file = project.write("load: {rate: 5/s}\nbudget: {p99: 1s}\nmodel: {path: missing.onnx}\n")
    flags = {"budget.p99": precedence.Override(text="2s", source="--p99")}
    load, budget, _ = measures(file, env={}, overrides=flags)
    assert (load.rate, budget.p99) == (Rate(5), Duration(2))


def test_a_bench_of_any_endpoint_tells_the_mistakes_in_what_it_needs(project: Project) -> None:
    with pytest.raises(SpecError) as caught:
        measures(project.write("load: {rate: 5}\nlaod: {}\n"), env={})
    assert [problem.path for problem in caught.value.problems] == ["load.rate", "laod"]
