"""``rtdeploy init``: a project that deploys at once."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Self

from rtdeploy.errors import MissingDependencyError, RtdeployError, UsageError
from rtdeploy.spec.suggestions import did_you_mean

__all__ = ["Template", "init"]

_IGNORE = Path(".gitignore")
_COMMON = {"gitignore": _IGNORE, "workflow.yml": Path(".github/workflows/rtdeploy.yml")}
_TRAINING_LIBRARIES = ("scikit-learn", "skops")
_TRAINED = (Path("model.skops"), Path("sample.csv"))
_TRAINING_S = 300.0


class Template(StrEnum):
    """What a new project begins with."""

    ONNX = "onnx"
    """A model that is exported already."""
    SKLEARN = "sklearn"
    """A script that trains one."""
    PYTHON = "python"
    """A class of one's own."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the name of a template.

        Raises:
            UsageError: there is none of that name.

        """
        if text in list(cls):
            return cls(text)
        raise UsageError(f"No template {text!r}{did_you_mean(text, cls) or '.'}", remedy=f"--template {', '.join(cls)}")


def init(directory: Path, template: Template, *, force: bool = False) -> list[Path]:
    """Write a project: spec, model, sample, CI workflow; all of it or nothing.

    A ``.gitignore`` that is there is added to. The scikit-learn template is trained on the spot, by this Python.

    Args:
        directory: Where it goes; made where it is missing.
        template: What it begins with.
        force: Overwrite files that are there.

    Returns:
        The files that were written.

    Raises:
        UsageError: files are there already, or the directory cannot be written.
        MissingDependencyError: the template needs libraries that are not installed.

    """
    contents = _from_template(template)
    names = [*contents, *(_TRAINED if template is Template.SKLEARN else ())]
    _refuse_existing(directory, names, force=force)
    if template is Template.SKLEARN:
        contents = _trained(_pinned(contents))
    contents = _with_ignored(directory, contents)
    _write({directory / name: content for name, content in contents.items()})
    return [directory / name for name in sorted(contents)]


def _from_template(template: Template) -> dict[Path, bytes]:
    projects = files("rtdeploy_templates") / "projects"
    own = {Path(each.name): each.read_bytes() for each in _plain_files(projects / template)}
    return own | {_COMMON[each.name]: each.read_bytes() for each in _plain_files(projects / "common")}


def _plain_files(folder: Traversable) -> Iterator[Traversable]:
    return (each for each in folder.iterdir() if each.is_file())


def _refuse_existing(directory: Path, names: Sequence[Path], *, force: bool) -> None:
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file.", remedy="Name a directory: rtdeploy init DIR")
    there = [directory / name for name in names if name != _IGNORE and _is_there(directory / name)]
    blocked = [path for path in there if path.is_dir()]
    if there and (blocked or not force):
        raise UsageError(
            "These would be overwritten; nothing was written.",
            remedy="Choose another directory: rtdeploy init DIR" + ("" if blocked else ", or overwrite with --force"),
            detail="\n".join(str(path) for path in sorted(there)),
        )


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _with_ignored(directory: Path, contents: Mapping[Path, bytes]) -> dict[Path, bytes]:
    """Add to a ``.gitignore`` what it lacks, and leave it out where it lacks nothing."""
    path = directory / _IGNORE
    if not path.is_file():
        return dict(contents)
    there, wanted = path.read_bytes(), contents[_IGNORE]
    others = {name: content for name, content in contents.items() if name != _IGNORE}
    if wanted.strip() in (line.strip() for line in there.splitlines()):
        return others
    return others | {_IGNORE: there + (b"" if there.endswith(b"\n") or not there else b"\n") + wanted}


def _pinned(contents: Mapping[Path, bytes]) -> dict[Path, bytes]:
    """Name the very versions that train the model: others may not load it."""
    try:
        versions = {name: version(name) for name in _TRAINING_LIBRARIES}
    except PackageNotFoundError as error:
        raise MissingDependencyError("The sklearn template", install=" ".join(_TRAINING_LIBRARIES)) from error
    lines = contents[Path("requirements.txt")].decode().splitlines()
    pinned = [f"{line}=={versions[line]}" if line in versions else line for line in lines]
    return {**contents, Path("requirements.txt"): ("\n".join(pinned) + "\n").encode()}


def _trained(contents: Mapping[Path, bytes]) -> dict[Path, bytes]:
    """Run train.py in a directory of its own and take what it makes."""
    with tempfile.TemporaryDirectory(prefix="rtdeploy-init-") as name:
        work = Path(name)
        (work / "train.py").write_bytes(contents[Path("train.py")])
        try:
            subprocess.run(
                [sys.executable, "train.py"], cwd=work, check=True, capture_output=True, text=True, timeout=_TRAINING_S
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise RtdeployError(
                "train.py of the sklearn template failed; nothing was written.",
                remedy="Choose another template: rtdeploy init --template onnx",
                detail=str(getattr(error, "stderr", None) or error),
            ) from error
        return {**contents, **{made: (work / made).read_bytes() for made in _TRAINED}}


def _write(contents: Mapping[Path, bytes]) -> None:
    """Write all files, or take back those that were written."""
    before = {path: path.read_bytes() if path.is_file() else None for path in contents}
    folders: list[Path] = []
    written: list[Path] = []
    try:
        for path, content in contents.items():
            folders += _made(path.parent)
            written.append(path)
            path.write_bytes(content)
    except OSError as error:
        _take_back({path: before[path] for path in written}, folders)
        raise UsageError(
            "The project cannot be written; nothing was left behind.",
            remedy="Choose a directory that you may write to, on a disk that has room: rtdeploy init DIR",
            detail=str(error),
        ) from error


def _made(folder: Path) -> list[Path]:
    """Make a folder and those above it; tell which were made, the outermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _take_back(before: Mapping[Path, bytes | None], folders: Sequence[Path]) -> None:
    for path, content in before.items():
        if content is not None:
            path.write_bytes(content)
        elif path.exists():
            path.unlink()
    for folder in reversed(folders):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
