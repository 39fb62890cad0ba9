"""rtdeploy.json: what a bundle says about itself, and the digest that names it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from rtdeploy.bundle.signature import Datatype, Signature, Tensor
from rtdeploy.errors import BundleError

__all__ = ["MANIFEST", "SAMPLE", "SCHEMA", "Bundle", "File", "Flavour", "Json", "Origin", "encode", "read", "verify"]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

SCHEMA = "rtdeploy.bundle/1"
MANIFEST = "rtdeploy.json"
SAMPLE = "sample.json"
_AGAIN = "Run `rtdeploy package` again."


class Flavour(StrEnum):
    """Which library opens the model."""

    ONNX = "onnx"
    SKLEARN = "sklearn"
    XGBOOST = "xgboost"
    LIGHTGBM = "lightgbm"
    MLFLOW = "mlflow"
    PYTHON = "python"


class Origin(StrEnum):
    """Where the sample comes from."""

    FILE = "file"
    """``model.sample`` in rtdeploy.yaml."""
    EXAMPLE = "example"
    """The input example of the MLflow directory."""
    MADE = "made"
    """Zeros in the shape of the signature: nobody gave a sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a bundle: SHA-256 in hexadecimal, size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A packaged model.

    Attributes:
        path: Its directory.
        name: Of the model, as it appears in URLs.
        flavour: Which library opens it.
        signature: Inputs and outputs.
        columns: Names of the columns of the only input where it is a table; empty where nobody named them.
        sample: One request in Open Inference JSON that the model has answered.
        sample_origin: Where the sample comes from.
        recipe: How the flavour opens the model; each flavour knows its own keys.
        trust: Whether the user said ``trust: true``.
        requirements: Pinned packages that serving needs besides rtdeploy.
        python: Version of Python it was packaged with.
        files: Every file but rtdeploy.json, by path inside the bundle.
        digest: ``sha256:…`` over everything above but ``path``; names images, versions and tags.
        reused: Nothing was built, because nothing had changed.

    """

    path: Path
    name: str
    flavour: Flavour
    signature: Signature
    columns: tuple[str, ...] = ()
    sample: bytes = field(repr=False)
    sample_origin: Origin
    recipe: Mapping[str, Json]
    trust: bool
    requirements: tuple[str, ...]
    python: str
    files: Mapping[str, File] = field(repr=False)
    digest: str
    reused: bool = False


def encode(body: Mapping[str, Json], files: Mapping[str, File]) -> tuple[bytes, str]:
    """Write rtdeploy.json: its bytes, and the bundle digest.

    The digest is SHA-256 over one line ``<sha256>  <path>`` per file in the order of paths, with the manifest itself
    (without digest and file list, which would bite their own tail) among them.
    """
    digest = _digest(body, files)
    listed: Json = {path: {"sha256": file.sha256, "size": file.size} for path, file in sorted(files.items())}
    document = {"schema": SCHEMA, "digest": digest, **body, "files": listed}
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n", digest


def _digest(body: Mapping[str, Json], files: Mapping[str, File]) -> str:
    own = hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    digests = {path: file.sha256 for path, file in files.items()} | {MANIFEST: own}
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(digests.items()))
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def read(path: Path) -> Bundle:
    """Read a bundle; every file must be there with the size that was recorded.

    Raises:
        BundleError: Not a bundle, made by a newer release, or damaged.

    """
    document = _document(path)
    if document.get("schema") != SCHEMA:
        raise BundleError(
            f"{path}: the bundle has the format {document.get('schema')!r}, this release reads {SCHEMA!r}.",
            remedy="Package the model with this release of rtdeploy, or install the release that made the bundle.",
        )
    try:
        bundle = _bundle(path, document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        wrong = f"{path / MANIFEST}: not a manifest of a bundle."
        raise BundleError(wrong, remedy=_AGAIN, detail=repr(error)) from error
    _check_digest(bundle, document)
    _check_sizes(bundle)
    return bundle


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads((path / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise BundleError(
            f"{path} is not a bundle: it has no {MANIFEST}.", remedy="Make one with `rtdeploy package`."
        ) from error
    except OSError as error:
        raise BundleError(f"{path}: the bundle cannot be read.", remedy="Check the path.", detail=str(error)) from error
    except ValueError as error:
        raise BundleError(f"{path / MANIFEST}: not JSON.", remedy=_AGAIN, detail=str(error)) from error
    if not isinstance(document, dict):
        raise BundleError(f"{path / MANIFEST}: not a manifest of a bundle.", remedy=_AGAIN)
    return document


def _bundle(path: Path, document: dict[str, Any]) -> Bundle:
    return Bundle(
        path=path,
        name=document["name"],
        flavour=Flavour(document["flavour"]),
        signature=Signature(inputs=_tensors(document["inputs"]), outputs=_tensors(document["outputs"])),
        columns=tuple(document["columns"]),
        sample=_sample(path),
        sample_origin=Origin(document["sample_origin"]),
        recipe=dict(document["recipe"]),
        trust=document["trust"],
        requirements=tuple(document["requirements"]),
        python=document["python"],
        files={name: File(sha256=file["sha256"], size=file["size"]) for name, file in document["files"].items()},
        digest=document["digest"],
    )


def _tensors(listed: list[dict[str, Any]]) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(name=one["name"], datatype=Datatype(one["datatype"]), shape=tuple(one["shape"])) for one in listed
    )


def _sample(path: Path) -> bytes:
    try:
        return (path / SAMPLE).read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: the bundle has lost {SAMPLE}.", remedy=_AGAIN, detail=str(error)) from error


def _check_digest(bundle: Bundle, document: dict[str, Any]) -> None:
    body = {key: value for key, value in document.items() if key not in {"schema", "digest", "files"}}
    if _digest(body, bundle.files) != bundle.digest:
        raise BundleError(f"{bundle.path / MANIFEST} was changed after it was written.", remedy=_AGAIN)


def _check_sizes(bundle: Bundle) -> None:
    for name, file in bundle.files.items():
        place = bundle.path / name
        if not place.is_file():
            raise BundleError(f"{bundle.path}: the bundle has lost {name}.", remedy=_AGAIN)
        if (found := place.stat().st_size) != file.size:
            raise BundleError(f"{place} has {found} bytes, the bundle recorded {file.size}.", remedy=_AGAIN)


def verify(bundle: Bundle) -> None:
    """Hash every file again.

    Raises:
        BundleError: Names the first file that is not what was packaged.

    """
    for name, file in sorted(bundle.files.items()):
        place = bundle.path / name
        try:
            with place.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise BundleError(f"{place} cannot be read.", remedy=_AGAIN, detail=str(error)) from error
        if found != file.sha256:
            raise BundleError(f"{place} was changed after it was packaged.", remedy=_AGAIN)
