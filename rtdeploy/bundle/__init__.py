"""Model → bundle: a directory that MLflow loads and that the runtime serves."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rtdeploy.bundle.loading import load
from rtdeploy.bundle.manifest import Bundle, File, Flavour, Origin, read, verify
from rtdeploy.bundle.model import LoadedModel, Stream
from rtdeploy.bundle.signature import Array, Datatype, Signature, Tensor
from rtdeploy.bundle.store import find

if TYPE_CHECKING:
    from rtdeploy.spec.model import Model

__all__ = [
    "Array",
    "Bundle",
    "Datatype",
    "File",
    "Flavour",
    "LoadedModel",
    "Origin",
    "Signature",
    "Stream",
    "Tensor",
    "find",
    "load",
    "package",
    "read",
    "verify",
]


def package(
    model: "Model", *, name: str, root: Path, store: Path, progress: Callable[[int, int], None] | None = None
) -> Bundle:
    """Package a model, or recognise that it is packaged already.

    The same input gives the same digest, byte for byte. An interrupted run leaves nothing; two at once both succeed.

    Args:
        model: The section ``model`` of rtdeploy.yaml.
        name: Of the model, as it will appear in URLs.
        root: Directory of rtdeploy.yaml, to which its paths are relative.
        store: Where bundles lie; this one will be ``store/<name>-<first 12 digits of the digest>``.
        progress: Called with bytes done and bytes in all.

    Raises:
        BundleError: The model or its sample cannot be packaged.
        MissingDependencyError: The library that opens the model is not installed.
        QuotaError: The disk is full.

    """
    from rtdeploy.bundle import build

    return build.package(model, name=name, root=root, home=store, progress=progress)
