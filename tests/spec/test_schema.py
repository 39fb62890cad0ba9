"""The schema and the loader agree, so that an editor and a deploy do."""

from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from rtdeploy.spec import json_schema
from rtdeploy.spec.composer import compose
from rtdeploy.spec.model import Spec
from rtdeploy.spec.tree import Report, plain
from tests.spec.mistakes import MISTAKES, Mistake
from tests.spec.project import SMALLEST, Project

EXAMPLE = (files("rtdeploy_templates") / "projects" / "reference.yaml").read_text()

RIGHT = {
    "the smallest": SMALLEST,
    "the example": EXAMPLE,
    "empty sections": SMALLEST + "serve:\nbudget:\nload:\n",
    "references": SMALLEST + "load: {rate: '${R:-5/s}', arrivals: '${A:-constant}'}\nserve: {queue: '${Q:-3}'}\n",
    "quantities": SMALLEST + "budget: {p99: .5 s, errors: 100%, throughput: 1.5/m}\nserve: {batch: {max_wait: 0ms}}\n",
    "a trace": SMALLEST + "load: {arrivals: {trace: arrivals.csv}}\n",
    "free values": SMALLEST + "serve: {fallback: {value: {a: [1, {b: null}], c: false}}}\n",
    "variables": SMALLEST + "  b: {provider: process, environment: {A: 1, B: true, C: secret://a/b, D: x}}\n",
    "all gpus": SMALLEST + "  b: {provider: docker, gpus: all, cpus: 2}\n",
}


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json_schema(external=())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def document(text: str) -> Any:
    root = compose(text, "rtdeploy.yaml", Report())
    assert root is not None
    return plain(root)


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_what_loads_the_schema_accepts(project: Project, validator: jsonschema.Draft202012Validator, text: str) -> None:
    assert isinstance(project.load(text), Spec)
    assert [error.message for error in validator.iter_errors(document(text))] == []


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.schema], ids=lambda mistake: mistake.name)
def test_a_mistake_that_a_schema_can_express_is_refused(
    validator: jsonschema.Draft202012Validator, mistake: Mistake
) -> None:
    assert not validator.is_valid(document(mistake.text))


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if not m.schema], ids=lambda mistake: mistake.name)
def test_a_mistake_that_no_schema_can_express_is_known_as_such(
    validator: jsonschema.Draft202012Validator, mistake: Mistake
) -> None:
    assert validator.is_valid(document(mistake.text))


def test_the_example_shows_every_provider_and_every_section(project: Project) -> None:
    spec = project.load(EXAMPLE)
    providers = {target.provider for target in spec.targets.values()}
    assert providers == {"process", "docker", "sagemaker", "azureml", "databricks", "kserve"}
    for section in (spec, spec.model, spec.budget, spec.serve, spec.load):
        unsaid = set(type(section).model_fields) - section.model_fields_set
        assert unsaid <= {"python"}


def test_a_wrong_target_is_told_by_its_own_provider_only(validator: jsonschema.Draft202012Validator) -> None:
    wrong = document(SMALLEST + "  b: {provider: docker, instance: x}\n")
    (error,) = validator.iter_errors(wrong)
    assert list(error.absolute_path) == ["targets", "b"]
    assert "'instance' was unexpected" in error.message


def test_a_provider_of_another_package_is_in_the_schema_where_it_is_installed() -> None:
    far = document(SMALLEST + "  far: {provider: shipyard, dock: 7}\n")
    assert not jsonschema.Draft202012Validator(json_schema(external=())).is_valid(far)
    assert jsonschema.Draft202012Validator(json_schema(external=["shipyard"])).is_valid(far)


def test_an_editor_can_explain_every_key() -> None:
    schema = json_schema(external=())
    sections = {"rtdeploy.yaml": schema} | schema["$defs"]
    silent = [
        f"{name}.{key}"
        for name, section in sections.items()
        for key, value in section.get("properties", {}).items()
        if not value.get("description")
    ]
    assert silent == []
    assert [name for name, section in sections.items() if not section.get("description")] == []
