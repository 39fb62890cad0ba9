"""``${NAME}`` is the environment's value, and ``secret://NAME`` stays a secret."""

import pickle

import pytest

from rtdeploy.errors import SpecError
from rtdeploy.spec import environment_of, flatten
from rtdeploy.spec.model import ProcessTarget
from rtdeploy.spec.units import Rate
from tests.spec.project import SMALLEST, Project

TOKEN = "hunter2-hunter2"


def test_a_reference_takes_the_type_that_its_place_wants(project: Project) -> None:
    box = "  box:\n    provider: process\n    port: ${PORT}\n    host: ${HOST}\n"
    spec = project.load(SMALLEST + box + "load: {rate: '${RATE}'}\n", {"PORT": "8080", "HOST": "10", "RATE": "5/s"})
    assert spec.targets["box"] == ProcessTarget(provider="process", port=8080, host="10")
    assert spec.load.rate == Rate(5)


def test_a_reference_in_quotes_does_so_too_because_braces_need_them(project: Project) -> None:
    spec = project.load(SMALLEST + "  box: {provider: process, port: '${PORT}'}\n", {"PORT": "8080"})
    assert spec.targets["box"] == ProcessTarget(provider="process", port=8080)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A}-${B}", "a-b"),
        ("${MISSING:-fallback}", "fallback"),
        ("${EMPTY:-fallback}", "fallback"),
        ("${MISSING:-}x", "x"),
        ("$${A}", "${A}"),
        ("$A $ {A} $5", "$A $ {A} $5"),
        ("${A:-${B}}", "a}"),
    ],
)
def test_references_are_put_in(project: Project, written: str, value: str) -> None:
    env = {"A": "a", "B": "b", "EMPTY": ""}
    spec = project.load(SMALLEST + f'  box: {{provider: process, environment: {{X: "{written}"}}}}\n', env)
    assert environment_of(spec.targets["box"]) == {"X": value}


def test_a_variable_that_is_not_set_is_told_at_its_place_once(project: Project) -> None:
    assert project.problems(SMALLEST + "load: {rate: '${RATE}', payloads: '${DIR}/x${DIR}'}\n") == [
        "rtdeploy.yaml:5:14 load.rate: the environment variable RATE is not set; ${RATE:-…} would give a default",
        "rtdeploy.yaml:5:35 load.payloads: the environment variable DIR is not set; ${DIR:-…} would give a default",
    ]


@pytest.mark.parametrize("broken", ["${", "${}", "${1A}", "${A-b}", "${A:b}", "${A B}"])
def test_a_broken_reference_is_told(project: Project, broken: str) -> None:
    (told,) = project.problems(SMALLEST + f'load: {{payloads: "{broken}"}}\n', {"A": "a"})
    assert told.startswith("rtdeploy.yaml:5:18 load.payloads: a reference is ${NAME} or ${NAME:-default}")


def test_a_flag_or_a_variable_is_taken_as_it_is(project: Project) -> None:
    file = SMALLEST + "  box: {provider: process, environment: {X: a}}\n"
    spec = project.load(file, {"RTDEPLOY_TARGETS_BOX_ENVIRONMENT_X": "${A}"})
    assert environment_of(spec.targets["box"]) == {"X": "${A}"}


def test_what_a_variable_holds_is_not_shown_when_it_is_wrong(project: Project) -> None:
    (told,) = project.problems(SMALLEST + "load: {rate: '${TOKEN}'}\n", {"TOKEN": TOKEN})
    assert told.endswith("it is what ${TOKEN} stands for")
    assert TOKEN not in told


def test_a_secret_reference_stays_a_reference(project: Project) -> None:
    spec = project.load(SMALLEST + "  box: {provider: process, environment: {KEY: secret://fraud/api-key}}\n")
    assert environment_of(spec.targets["box"]) == {"KEY": "secret://fraud/api-key"}


def test_a_secret_that_a_variable_brings_in_elsewhere_is_refused(project: Project) -> None:
    (told,) = project.problems(SMALLEST + "load: {payloads: '${X}'}\n", {"X": "secret://x"})
    assert told.endswith("load.payloads: secret:// is for values under a target's environment only")
    (told,) = project.problems(SMALLEST + "serve: {fallback: {value: {score: secret://x}}}\n")
    assert told.endswith("serve.fallback.value.score: secret:// is for values under a target's environment only")


def test_values_of_an_environment_are_shown_nowhere(project: Project) -> None:
    file = SMALLEST + f"  box: {{provider: process, environment: {{KEY: {TOKEN}, FROM: '${{TOKEN}}'}}}}\n"
    spec = project.load(file, {"TOKEN": TOKEN})
    box = spec.targets["box"]
    shown = [repr(spec), str(spec), spec.model_dump_json(), repr(spec.model_dump()), repr(flatten(box)), str(box)]
    assert TOKEN not in "".join(shown)
    assert environment_of(box) == {"KEY": TOKEN, "FROM": TOKEN}


def test_values_of_an_environment_are_not_in_an_error_either(project: Project) -> None:
    file = (
        SMALLEST
        + f'  box: {{provider: process, environment: {{1KEY: {TOKEN}, RTDEPLOY_X: {TOKEN}, N: "{TOKEN}\\0"}}}}\n'
    )
    with pytest.raises(SpecError) as caught:
        project.load(file)
    assert len(caught.value.problems) == 1
    assert TOKEN not in caught.value.detail + repr(caught.value)
    assert TOKEN.encode() not in pickle.dumps(caught.value.problems)
    assert caught.value.__cause__ is None
