"""The libraries that models need: import one or say how to install it, and pin what is installed."""

import importlib
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from rtdeploy.errors import MissingDependencyError

__all__ = ["need", "pins", "versions"]

_ALSO_NAMED = {"onnxruntime": ("onnxruntime-gpu",), "xgboost": ("xgboost-cpu",), "mlflow": ("mlflow-skinny",)}
"""Other distributions that bring the same module."""


def need(module: str, *, what: str, install: str) -> Any:
    """Import a library.

    Raises:
        MissingDependencyError: It is not installed.

    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(what, install=install, detail=str(error)) from error


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed distributions among ``packages``, under the name by which they are installed."""
    found = {}
    for package in packages:
        for name in (package, *_ALSO_NAMED.get(package, ())):
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
            break
    return found


def pins(packages: Iterable[str]) -> tuple[str, ...]:
    """Lines for requirements.txt, in order of names."""
    return tuple(f"{name}=={version}" for name, version in sorted(versions(packages).items()))
