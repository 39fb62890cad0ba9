"""Every mistake is told in plain words, with the place of the mistake."""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtdeploy.errors import SpecError, UsageError
from rtdeploy.exitcodes import ExitCode
from rtdeploy.spec.model import Spec
from tests.spec.mistakes import MISTAKES, Mistake
from tests.spec.project import SMALLEST, Project


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_told_once_with_its_place(project: Project, mistake: Mistake) -> None:
    assert project.problems(mistake.text) == [mistake.told]


def test_all_mistakes_are_told_at_once_in_file_order(project: Project) -> None:
    text = """\
nmae: fraud
model: {path: modle.onnx}
budget: {p99: 80, p95: 90ms, p50: 100ms}
load:
  rate: fast
targets:
  aws: {provider: sagemaker, instnace: x}
  local: {provider: proces}
"""
    places = [problem.split(": ")[0] for problem in project.problems(text)]
    assert places == [
        "rtdeploy.yaml:1:1 nmae",
        "rtdeploy.yaml:1:1 name",
        "rtdeploy.yaml:2:15 model.path",
        "rtdeploy.yaml:3:15 budget.p99",
        "rtdeploy.yaml:3:24 budget.p95",
        "rtdeploy.yaml:5:9 load.rate",
        "rtdeploy.yaml:7:3 targets.aws.region",
        "rtdeploy.yaml:7:3 targets.aws.role",
        "rtdeploy.yaml:7:3 targets.aws",
        "rtdeploy.yaml:7:30 targets.aws.instnace",
        "rtdeploy.yaml:8:21 targets.local.provider",
    ]


def test_mistakes_are_a_usage_error_that_counts_and_lists_them(project: Project) -> None:
    with pytest.raises(SpecError) as caught:
        project.load("name: X\n")
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.summary.endswith("rtdeploy.yaml: 3 mistakes")
    assert len(caught.value.detail.splitlines()) == 3


def test_a_message_never_speaks_of_the_library_that_checks(project: Project) -> None:
    told = " ".join(word for mistake in MISTAKES for word in project.problems(mistake.text))
    for jargon in ("Input should", "pydantic", "NoneType", "PurePosixPath", "validation", "Literal", "Traceback"):
        assert jargon not in told


def test_hundreds_of_mistakes_are_cut_and_counted(project: Project) -> None:
    problems = project.problems(SMALLEST + "".join(f"wrong{number}: 1\n" for number in range(300)))
    assert len(problems) == 51
    assert problems[-1].endswith("and 250 more")


def test_a_long_or_strange_value_is_shown_short_and_on_one_line(project: Project) -> None:
    (problem,) = project.problems(SMALLEST + 'load: {rate: "' + "9\\n" * 5000 + '"}\n')
    assert len(problem) < 250
    assert "\n" not in problem


words = st.text(st.characters(codec="utf-8"), max_size=12)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=12,
)
places = st.sampled_from(["name", "model", "budget", "serve", "load", "targets", "targets: {x", "serve: {fallback"])


fuzz = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@fuzz
@given(content=st.binary(max_size=200) | words.map(str.encode))
def test_whatever_bytes_there_are_nothing_but_a_usage_error_is_raised(project: Project, content: bytes) -> None:
    with suppress(UsageError):
        assert isinstance(project.load(content), Spec)


@fuzz
@given(where=places, tree=trees)
def test_whatever_tree_stands_anywhere_nothing_but_a_usage_error_is_raised(
    project: Project, where: str, tree: object
) -> None:
    text = f"{where}: {json.dumps(tree)}" + ("}" if "{" in where else "")
    with suppress(UsageError):
        assert isinstance(project.load(SMALLEST.replace("name: fraud", text)), Spec)
