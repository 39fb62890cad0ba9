"""A file that is no honest file ends in one message and exit code 2, soon."""

import os
from pathlib import Path

import pytest

from rtdeploy.errors import SpecError, UsageError
from rtdeploy.exitcodes import ExitCode
from rtdeploy.spec import load
from tests.spec.project import SMALLEST, Project

BILLION_LAUGHS = "a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
)

HOSTILE = {
    "deep lists": ("a: " + "[" * 60 + "]" * 60, "rtdeploy.yaml:1:53 more than 50 levels of nesting"),
    "very deep lists": ("[" * 900_000, "rtdeploy.yaml:1:1001 not valid YAML: more than 50 levels of nesting"),
    "deep mappings": ("{a: " * 60 + "}" * 60, "rtdeploy.yaml:1:201 more than 50 levels of nesting"),
    "deep dashes": ("- " * 60 + "a", "rtdeploy.yaml:1:101 more than 50 levels of nesting"),
    "aliases that explode": (BILLION_LAUGHS, "rtdeploy.yaml:5:10 more than 10,000 values, aliases spelled out"),
    "an alias that contains itself": ("a: &a [*a]", "rtdeploy.yaml:1:8 the alias *a contains itself"),
    "a merge that contains itself": ("a: &a {<<: *a}", "rtdeploy.yaml:1:12 the alias *a contains itself"),
    "an alias without its anchor": ("a: *b", "rtdeploy.yaml:1:4 the alias *b has no anchor &b before it"),
    "too many values": (
        "a: [" + "1, " * 20_000 + "]",
        "rtdeploy.yaml:1:29996 more than 10,000 values, aliases spelled out",
    ),
    "two documents": (
        "a: 1\n---\nb: 2\n",
        "rtdeploy.yaml:2:1 a second document begins here; the file must hold only one",
    ),
    "tabs": ("a:\n\tb: 1\n", "rtdeploy.yaml:2:1 not valid YAML: a tab; only spaces indent"),
    "a value that begins with a sign": (
        "a: @b",
        "rtdeploy.yaml:1:4 not valid YAML: a value that begins with @ needs quotes",
    ),
    "two colons": (
        "a: b: c",
        "rtdeploy.yaml:1:5 not valid YAML: a colon where none can be: quote the value, or mind the indentation",
    ),
    "a bare reference in braces": (
        "a: {b: ${C}}",
        "rtdeploy.yaml:1:9 not valid YAML: a ${reference} inside of { } needs quotes",
    ),
    "an open list": ("a: [1, 2\n", "rtdeploy.yaml:2:1 not valid YAML: a list that is not closed with ]"),
    "an open quote": ("a: 'b\n", "rtdeploy.yaml:2:1 not valid YAML: a quote that is not closed"),
    "an empty file": ("", "rtdeploy.yaml:1:1 the file is empty"),
    "only comments": ("# nothing\n", "rtdeploy.yaml:1:1 the file is empty"),
    "a list": ("- a\n", "rtdeploy.yaml:1:1 the file must be a mapping: lines of the form `key: value`"),
    "a value": ("a\n", "rtdeploy.yaml:1:1 the file must be a mapping: lines of the form `key: value`"),
    "binary data": (b"a: \x00\xff\xfe", "rtdeploy.yaml:1:5 binary data; the file must be UTF-8"),
    "a control character": (
        b"# \xc3\xa4\na: b\x07\n",
        "rtdeploy.yaml:2:5 a control character (U+0007); the file must be UTF-8",
    ),
    "Latin-1": ("a: bä\n".encode("latin-1"), "rtdeploy.yaml:1:5 text that is not UTF-8; the file must be UTF-8"),
    "UTF-16": ("a: b\n".encode("utf-16"), "rtdeploy.yaml:1:1 UTF-16 text; the file must be UTF-8"),
    "more than a megabyte": (b"#" * (2**20 + 1), "rtdeploy.yaml larger than 1 MiB"),
}


@pytest.mark.parametrize(("content", "told"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_ends_in_one_message(project: Project, content: str | bytes, told: str) -> None:
    assert project.problems(content) == [told]


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [id]", "!!python/name:os.system", "!secret x", "!!str 5", "! x"]
)
def test_a_tag_is_refused_and_runs_nothing(project: Project, tag: str) -> None:
    (problem,) = project.problems(SMALLEST + f"load:\n  payloads: {tag}\n")[:1]
    assert problem.startswith("rtdeploy.yaml:6:13 load.payloads: the tag ")


def test_a_duplicate_key_is_told_beside_other_mistakes(project: Project) -> None:
    assert project.problems(SMALLEST + "load: {rate: 1/s,\n  rate: 2/s}\nlaod: {}\n") == [
        "rtdeploy.yaml:6:3 load.rate: is there twice; first in line 5",
        "rtdeploy.yaml:7:1 laod: unknown key, did you mean load?",
    ]


def test_a_key_that_is_no_text_is_told(project: Project) -> None:
    assert project.problems(SMALLEST + "load: {? [rate] : 1/s}\n") == ["rtdeploy.yaml:5:10 load: a key must be text"]


def test_a_byte_order_mark_does_no_harm_and_moves_no_column(project: Project) -> None:
    assert project.load(b"\xef\xbb\xbf" + SMALLEST.encode()).name == "fraud"
    assert project.problems(b"\xef\xbb\xbfnmae: x\n" + SMALLEST.encode())[0].startswith("rtdeploy.yaml:1:1 nmae")


def test_windows_line_ends_do_no_harm(project: Project) -> None:
    assert project.load(SMALLEST.replace("\n", "\r\n")).name == "fraud"


def test_columns_count_characters_not_bytes(project: Project) -> None:
    assert project.problems(SMALLEST + "load: {payloads: 'ä', rate: x}\n")[-1].startswith(
        "rtdeploy.yaml:5:29 load.rate"
    )


def test_a_file_that_is_missing_leads_to_init(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path / "rtdeploy.yaml")
    assert "does not exist" in caught.value.summary
    assert "rtdeploy init" in caught.value.remedy
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_file_with_the_other_ending_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "rtdeploy.yml").write_text(SMALLEST)
    with pytest.raises(UsageError) as caught:
        load(tmp_path / "rtdeploy.yaml")
    assert caught.value.remedy == f"Add -f {tmp_path / 'rtdeploy.yml'}"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        load(tmp_path)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rtdeploy.yaml")
    with pytest.raises(UsageError, match="not a regular file"):
        load(tmp_path / "rtdeploy.yaml")


def test_a_link_to_itself_is_told_in_the_words_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "rtdeploy.yaml").symlink_to("rtdeploy.yaml")
    with pytest.raises(UsageError, match="cannot be read") as caught:
        load(tmp_path / "rtdeploy.yaml")
    assert "symbolic link" in caught.value.detail


def test_a_path_that_no_system_takes_is_a_mistake(project: Project) -> None:
    for path in ("a\\0b", "x" * 5000, "model.onnx/inner"):
        (problem,) = project.problems(SMALLEST.replace("model.onnx", f'"{path}"'))[:1]
        assert "model.path" in problem


def test_a_number_of_a_million_digits_is_no_number(project: Project) -> None:
    (problem,) = project.problems(SMALLEST + "serve: {queue: " + "9" * 500_000 + "}\n")
    assert "must be a whole number" in problem
    with pytest.raises(SpecError):
        project.load(SMALLEST + "serve: {timeout: 1" + " " * 500_000 + "s}\n")
