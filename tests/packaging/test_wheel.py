"""What `pip install rtdeploy` brings: all of it, and nothing under a name that is not ours."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_every_top_level_name_is_ours(names: list[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.startswith("rtdeploy")} == set()
    assert {"rtdeploy", "rtdeploy_process", "rtdeploy_loadtests", "rtdeploy_templates"} <= tops


def test_every_tracked_file_of_the_packages_is_in_the_wheel(names: list[str]) -> None:
    roots = {"rtdeploy": "", "providers": "providers/", "loadtests": "loadtests/", "templates": "templates/"}
    listed = subprocess.run(
        ["git", "ls-files", *roots], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    wanted = {path.removeprefix(roots[path.partition("/")[0]]) for path in listed}
    assert wanted - set(names) == set()
