"""``rtdeploy init`` writes a project that deploys at once, all of it or nothing."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import yaml

from rtdeploy import bundle
from rtdeploy.errors import MissingDependencyError, UsageError
from rtdeploy.spec import Template, init, load

COMMON = {".github/workflows/rtdeploy.yml", ".gitignore", "requirements.txt", "rtdeploy.yaml"}
OWN = {
    Template.ONNX: {"make_model.py", "model.onnx", "sample.json"},
    Template.SKLEARN: {"train.py", "model.skops", "sample.csv"},
    Template.PYTHON: {"scorer.py", "weights.json", "sample.json"},
}
ROOT = Path(__file__).parents[2]


def written(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("template", Template)
def test_a_project_packages_and_answers_its_own_sample(tmp_path: Path, template: Template) -> None:
    home = tmp_path / "new" / "project"
    made = init(home, template)
    assert {str(path.relative_to(home)) for path in made} == written(home) == COMMON | OWN[template]

    spec = load(home / "rtdeploy.yaml", env={})
    packaged = bundle.package(spec.model, name=spec.name, root=home, store=home / ".rtdeploy" / "bundles")
    model = bundle.load(packaged)
    shapes = {tensor.name: (2, *tensor.shape[1:]) for tensor in packaged.signature.inputs}
    inputs = {t.name: np.ones(shapes[t.name], dtype=t.datatype.dtype) for t in packaged.signature.inputs}
    assert {len(output) for output in model.predict(inputs).values()} == {2}
    model.close()


def test_the_model_of_the_onnx_template_is_what_its_script_makes(tmp_path: Path) -> None:
    init(tmp_path, Template.ONNX)
    shipped = [(tmp_path / name).read_bytes() for name in ("model.onnx", "sample.json")]
    subprocess.run([sys.executable, "make_model.py"], cwd=tmp_path, check=True, timeout=120, capture_output=True)
    model, sample = [(tmp_path / name).read_bytes() for name in ("model.onnx", "sample.json")]
    assert sample == shipped[1]
    assert abs(len(model) - len(shipped[0])) < 200


@pytest.mark.parametrize("template", Template)
def test_the_workflow_deploys_benches_and_keeps_what_it_found(tmp_path: Path, template: Template) -> None:
    init(tmp_path, template)
    workflow = yaml.safe_load((tmp_path / ".github/workflows/rtdeploy.yml").read_text())
    (job,) = workflow["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[:2] == ["pip install -r requirements.txt", "rtdeploy deploy local --yes"]
    assert commands[2].startswith("rtdeploy bench local --junit ")
    assert any(step.get("uses", "").startswith("actions/upload-artifact") for step in job["steps"])


def test_what_trained_the_model_is_pinned(tmp_path: Path) -> None:
    from importlib.metadata import version

    init(tmp_path, Template.SKLEARN)
    lines = (tmp_path / "requirements.txt").read_text().splitlines()
    assert f"scikit-learn=={version('scikit-learn')}" in lines
    assert f"skops=={version('skops')}" in lines


def test_files_that_are_there_are_listed_and_kept(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("mine")
    (tmp_path / "rtdeploy.yaml").symlink_to("elsewhere")
    with pytest.raises(UsageError) as caught:
        init(tmp_path, Template.ONNX)
    assert caught.value.detail.splitlines() == [str(tmp_path / "model.onnx"), str(tmp_path / "rtdeploy.yaml")]
    assert "--force" in caught.value.remedy
    assert written(tmp_path) == {"model.onnx"}
    assert (tmp_path / "model.onnx").read_text() == "mine"


def test_files_that_are_there_are_overwritten_where_that_is_asked_for(tmp_path: Path) -> None:
    init(tmp_path, Template.ONNX)
    (tmp_path / "model.onnx").write_text("mine")
    init(tmp_path, Template.ONNX, force=True)
    assert (tmp_path / "model.onnx").read_bytes() != b"mine"


def test_a_gitignore_that_is_there_is_added_to_once(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.pyc")
    assert tmp_path / ".gitignore" in init(tmp_path, Template.PYTHON)
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n.rtdeploy/\n"
    assert tmp_path / ".gitignore" not in init(tmp_path, Template.PYTHON, force=True)
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n.rtdeploy/\n"


def test_a_directory_in_the_place_of_a_file_is_refused_even_by_force(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").mkdir()
    with pytest.raises(UsageError) as caught:
        init(tmp_path, Template.ONNX, force=True)
    assert "--force" not in caught.value.remedy
    assert written(tmp_path) == set()


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        init(tmp_path / "file", Template.ONNX)
    with pytest.raises(UsageError, match="cannot be written"):
        init(tmp_path / "file" / "below", Template.ONNX)


def test_a_project_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / ".github").write_text("in the way")
    (tmp_path / "model.onnx").write_text("mine")
    with pytest.raises(UsageError, match="nothing was left behind") as caught:
        init(tmp_path, Template.ONNX, force=True)
    assert caught.value.detail
    assert written(tmp_path) == {".github", "model.onnx"}
    assert (tmp_path / "model.onnx").read_text() == "mine"


def test_a_template_that_there_is_not_is_told_with_the_nearest() -> None:
    assert Template.parse("python") is Template.PYTHON
    with pytest.raises(UsageError, match="did you mean sklearn") as caught:
        Template.parse("sklern")
    assert caught.value.remedy == "--template onnx, sklearn, python"


def python_without(site: Path, *hidden: str) -> dict[str, str]:
    """Make the environment of a Python that has all that this one has but for some packages."""
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.lower().startswith(hidden):
            (site / path.name).symlink_to(path)
    paths = [site, ROOT, ROOT / "templates"]
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}


def init_elsewhere(directory: Path, environment: dict[str, str]) -> str:
    """Run init in another Python and give the kind of its error and what it says."""
    code = (
        "import sys, pathlib, rtdeploy.errors as e, rtdeploy.spec as s\n"
        "try: s.init(pathlib.Path(sys.argv[1]), s.Template.SKLEARN)\n"
        "except e.RtdeployError as x: print(type(x).__name__, x.summary, x.remedy, x.detail)"
    )
    command = [sys.executable, "-S", "-c", code, str(directory)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def test_without_the_libraries_the_sklearn_template_says_what_to_install(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    told = init_elsewhere(tmp_path / "project", python_without(site, "scikit_learn", "sklearn"))
    assert told.startswith(MissingDependencyError.__name__)
    assert "pip install scikit-learn skops" in told
    assert not (tmp_path / "project").exists()


def test_a_training_that_fails_leaves_nothing_and_shows_its_own_words(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    environment = python_without(site, "sklearn")
    (site / "sklearn.py").write_text("raise RuntimeError('out of order')\n")
    told = init_elsewhere(tmp_path / "project", environment)
    assert "nothing was written" in told
    assert "out of order" in told
    assert not (tmp_path / "project").exists()
