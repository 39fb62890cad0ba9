"""The files of a Python class: its module, the modules beside it that it imports, and the files it names.

Imports are read, not run. A module that lies under the project is copied; anything else is looked up among the
installed distributions, to be pinned. A package is copied whole, with its data files; a class in a single module names
the files and folders that belong to it: ``artifacts = ("weights.npz", "tokenizer")``.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from rtdeploy.errors import BundleError

__all__ = ["Code", "local_code"]

_ARTIFACTS = "artifacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What a class consists of: path inside of ``code/`` → file; and the distributions that it imports."""

    files: dict[str, Path]
    packages: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Walk:
    """Modules seen so far."""

    root: Path
    files: dict[str, Path] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)

    def module(self, name: str) -> bool:
        """Take a module of the project, whole packages above it included, and whatever it imports."""
        file = _file_of(self.root, name)
        if file is None:
            return False
        top = self.root / name.split(".", maxsplit=1)[0]
        for found in _package(top) if top.is_dir() else (file,):
            self._take(found)
        return True

    def _take(self, file: Path) -> None:
        inside = str(file.relative_to(self.root))
        if inside in self.files:
            return
        self.files[inside] = file
        if file.suffix == ".py":
            for name in _imports(_parsed(file)):
                if not self.module(name):
                    self.foreign.add(name.split(".", maxsplit=1)[0])


def local_code(module: str, name: str, root: Path) -> Code:
    """Find everything that ``module:name`` needs from ``root``.

    Raises:
        BundleError: There is no such module or class, it is not Python, or an artifact is missing.

    """
    file = _file_of(root, module)
    if file is None:
        raise BundleError(
            f"No module {module} in {root}.",
            remedy=f"Write {module.replace('.', '/')}.py beside rtdeploy.yaml, or correct model: {{python: …}}.",
        )
    walk = _Walk(root=root)
    walk.module(module)
    wanted = _class(_parsed(file), name)
    if wanted is None:
        raise BundleError(
            f"{file} has no class {name}.", remedy="Correct model: {python: 'module:Class'}, or write the class."
        )
    for artifact in _artifacts(wanted, file):
        walk.files |= _artifact_files(file.parent, artifact, root)
    return Code(files=walk.files, packages=_distributions(walk.foreign))


def _file_of(root: Path, name: str) -> Path | None:
    place = root.joinpath(*name.split("."))
    for file in (place / "__init__.py", place.with_name(place.name + ".py")):
        if file.is_file():
            return file
    return None


def _package(top: Path) -> Iterator[Path]:
    for file in sorted(top.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
            yield file


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError, OSError) as error:
        raise BundleError(f"{file} is not Python that runs.", remedy="Correct the file.", detail=str(error)) from error


def _imports(tree: ast.Module) -> set[str]:
    """Absolute imports, wherever they stand; relative ones stay inside of a package, which is taken whole."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def _class(tree: ast.Module, name: str) -> ast.ClassDef | None:
    return next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name), None)


def _artifacts(wanted: ast.ClassDef, file: Path) -> tuple[str, ...]:
    for node in wanted.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id == _ARTIFACTS for target in targets):
            return _literal(node.value, file)
    return ()


def _literal(value: ast.expr | None, file: Path) -> tuple[str, ...]:
    try:
        found = ast.literal_eval(value) if value is not None else ()
    except ValueError:
        found = None
    if not isinstance(found, tuple | list) or not all(isinstance(one, str) for one in found):
        raise BundleError(
            f"{file}: {_ARTIFACTS} is not a plain tuple of paths.", remedy=f'Write {_ARTIFACTS} = ("weights.npz",).'
        )
    return tuple(found)


def _artifact_files(beside: Path, artifact: str, root: Path) -> dict[str, Path]:
    place = (beside / artifact).resolve()
    if not place.is_relative_to(root.resolve()) or not place.exists():
        raise BundleError(
            f"The artifact {artifact!r} is not there.", remedy=f"Put it under {beside}, or correct {_ARTIFACTS}."
        )
    files = _package(place) if place.is_dir() else (place,)
    return {str(file.relative_to(root.resolve())): file for file in files}


def _distributions(modules: set[str]) -> tuple[str, ...]:
    """Names on the package index of what is imported, as far as it is installed."""
    wanted = modules - set(sys.stdlib_module_names) - {"rtdeploy"}
    if not wanted:
        return ()
    known = metadata.packages_distributions()
    return tuple(sorted({known[name][0] for name in wanted if name in known}))
