"""What kind of file this is, told from its content; what cannot be packaged is refused with what to do instead."""

import zipfile
from enum import StrEnum
from pathlib import Path

from rtdeploy.bundle.flavours.onnx_files import is_onnx
from rtdeploy.errors import BundleError

__all__ = ["Kind", "recognise"]

_FORMATS = "ONNX, skops, XGBoost JSON or UBJSON, LightGBM text, an MLflow directory, or a Python class"


class Kind(StrEnum):
    """A kind of file that can be packaged."""

    ONNX = "onnx"
    SKOPS = "skops"
    PICKLE = "pickle"
    XGBOOST_JSON = "json"
    XGBOOST_UBJ = "ubj"
    LIGHTGBM = "txt"


_PICKLED = (
    b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05",
    b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x5d\x00\x00", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda",
)  # fmt: skip
"""Pickle of protocol 2 and later, and what joblib compresses with."""
_UBJ = b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner"
_REFUSED = {
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file, as Keras writes", "Export it to ONNX with tf2onnx."),
    b"binf": ("an XGBoost model in the old binary format", "Save it again: booster.save_model('model.ubj')."),
    b"PAR1": ("a Parquet file", f"Name the model itself: {_FORMATS}."),
}


def recognise(path: Path) -> Kind:
    """Tell what a file is.

    Raises:
        BundleError: It is empty, unreadable, or nothing that can be packaged.

    """
    try:
        with path.open("rb") as file:
            head = file.read(65536)
    except OSError as error:
        raise BundleError(
            f"{path}: the model cannot be read.", remedy="Check model.path in rtdeploy.yaml.", detail=str(error)
        ) from error
    if not head:
        raise BundleError(f"{path} is empty.", remedy="Save the model again.")
    found = _by_magic(path, head) or _by_content(path, head)
    if found is None:
        raise _unknown(path, head)
    return found


def _by_magic(path: Path, head: bytes) -> Kind | None:
    for magic, (what, remedy) in _REFUSED.items():
        if head.startswith(magic):
            raise BundleError(f"{path} is {what}.", remedy=remedy)
    if head.startswith(b"PK\x03\x04"):
        return _archive(path)
    if head.startswith(_PICKLED):
        return Kind.PICKLE
    return Kind.XGBOOST_UBJ if head.startswith(_UBJ) else None


def _by_content(path: Path, head: bytes) -> Kind | None:
    text = head.lstrip()
    if text.startswith(b"{") and b'"learner"' in text:
        return Kind.XGBOOST_JSON
    if text.startswith(b"tree") and b"\nversion=" in text:
        return Kind.LIGHTGBM
    if is_onnx(path):
        return Kind.ONNX
    return Kind.PICKLE if path.suffix in {".pkl", ".pickle", ".joblib"} else None


def _archive(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise BundleError(
            f"{path} is cut off or damaged.", remedy="Save the model again.", detail=str(error)
        ) from error
    if "schema.json" in names:
        return Kind.SKOPS
    endings = {name.rsplit("/", maxsplit=1)[-1] for name in names}
    if {"data.pkl", "constants.pkl"} <= endings or "serialized_exported_program.json" in endings:
        raise BundleError(
            f"{path} is a TorchScript or ExportedProgram file, which this release does not package yet.",
            remedy="Export it to ONNX: torch.onnx.export(model, args, 'model.onnx', dynamo=True).",
        )
    if "data.pkl" in endings:
        raise BundleError(
            f"{path} is what torch.save wrote: weights, but no model that runs.",
            remedy="Export the model to ONNX: torch.onnx.export(model, args, 'model.onnx', dynamo=True).",
        )
    if "model.weights.h5" in endings:
        raise BundleError(f"{path} is a Keras file.", remedy="Export it to ONNX with tf2onnx or keras.export.")
    raise BundleError(f"{path} is an archive, but no model.", remedy=f"Name one of: {_FORMATS}.")


def _unknown(path: Path, head: bytes) -> BundleError:
    if path.suffix == ".onnx":
        return BundleError(f"{path} is no ONNX model, or it is cut off.", remedy="Export or copy it again.")
    if path.suffix == ".safetensors" or head[8:9] == b"{":
        return BundleError(
            f"{path} holds weights, but no model that runs.",
            remedy="Export the model to ONNX, or wrap it in a Python class (model: {python: 'module:Class'}).",
        )
    return BundleError(f"{path} is no model that can be packaged.", remedy=f"Name one of: {_FORMATS}.")
