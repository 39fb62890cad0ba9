"""Which files a model consists of, and what is known of it before it is opened."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rtdeploy.bundle.code import local_code
from rtdeploy.bundle.flavours.onnx_files import MalformedError, external_data
from rtdeploy.bundle.manifest import MANIFEST, Flavour, Json
from rtdeploy.bundle.recognition import Kind, recognise
from rtdeploy.errors import BundleError

if TYPE_CHECKING:
    from rtdeploy.spec.model import Model

__all__ = ["Source", "find"]

_OURS = frozenset({
    "MLmodel", "conda.yaml", "input_example.json", "python_env.yaml", "requirements.txt", MANIFEST, "sample.json",
    "serving_input_example.json",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A model as the user has it.

    Attributes:
        flavour: Which library opens it.
        recipe: How the flavour opens it, as far as that is known.
        files: Path inside of the bundle → the user's file.
        packages: Distributions whose versions decide what the bundle is.

    """

    flavour: Flavour
    recipe: Mapping[str, Json]
    files: Mapping[str, Path]
    packages: tuple[str, ...]


def find(model: "Model", root: Path) -> Source:
    """Find the model that the spec names; ``root`` is the directory of rtdeploy.yaml.

    Raises:
        BundleError: There is none, or it cannot be packaged.

    """
    if model.python is not None:
        return _python(model.python, root)
    if model.path is None:
        raise BundleError("The spec names no model.", remedy="Say model: {path: model.onnx} in rtdeploy.yaml.")
    path = root / model.path
    return _directory(path) if path.is_dir() else _file(path)


def _file(path: Path) -> Source:
    kind = recognise(path)
    match kind:
        case Kind.ONNX:
            return _onnx(path)
        case Kind.SKOPS | Kind.PICKLE:
            from rtdeploy.bundle.flavours import sklearn

            name = "model.skops" if kind is Kind.SKOPS else "model.pkl"
            packages = (*sklearn.PACKAGES, "lightgbm", "pandas", "xgboost")
            return _single(Flavour.SKLEARN, path, name, packages, form=kind.value)
        case Kind.XGBOOST_JSON | Kind.XGBOOST_UBJ:
            from rtdeploy.bundle.flavours import xgboost

            return _single(Flavour.XGBOOST, path, f"model.{kind}", xgboost.PACKAGES)
        case Kind.LIGHTGBM:
            from rtdeploy.bundle.flavours import lightgbm

            return _single(Flavour.LIGHTGBM, path, "model.lgb", lightgbm.PACKAGES)


def _single(flavour: Flavour, path: Path, name: str, packages: tuple[str, ...], *, form: str | None = None) -> Source:
    recipe: dict[str, Json] = {"file": name} if form is None else {"file": name, "format": form}
    return Source(flavour=flavour, recipe=recipe, files={name: path}, packages=packages)


def _onnx(path: Path) -> Source:
    from rtdeploy.bundle.flavours import onnx

    files = {"model.onnx": path}
    try:
        external = external_data(path)
    except MalformedError as error:
        raise BundleError(
            f"{path} is cut off or damaged.", remedy="Export or copy the model again.", detail=str(error)
        ) from error
    for data in external:
        files[data.location] = _checked_external(path, data.location, data.end)
    return Source(flavour=Flavour.ONNX, recipe={"file": "model.onnx"}, files=files, packages=onnx.PACKAGES)


def _checked_external(path: Path, location: str, end: int) -> Path:
    """Weights that lie beside the model, where ONNX says they must."""
    inside = Path(location)
    if inside.is_absolute() or ".." in inside.parts or location in {*_OURS, "model.onnx"}:
        raise BundleError(
            f"{path} keeps weights in {location!r}, which is no place inside of a bundle.",
            remedy="Export again with external data beside the model, in a file of another name.",
        )
    file = path.parent / inside
    if not file.is_file():
        raise BundleError(
            f"{path} keeps weights in {location!r}, and there is no such file beside it.",
            remedy=f"Copy {location} to {path.parent} too.",
        )
    if file.stat().st_size < end:
        raise BundleError(
            f"{file} has {file.stat().st_size} bytes, the model reads {end}.",
            remedy="Export or copy the weights again.",
        )
    return file


def _directory(path: Path) -> Source:
    from rtdeploy.bundle.flavours import mlflow

    if not (path / mlflow.MLMODEL).is_file():
        remedy = (
            "Export it to ONNX with tf2onnx."
            if (path / "saved_model.pb").is_file()
            else f"Name the model file itself, or a directory that MLflow saved. In it are: {_listing(path)}."
        )
        raise BundleError(f"{path} is a directory without {mlflow.MLMODEL}.", remedy=remedy)
    recipe = mlflow.inner_recipe(path)
    files = {str(file.relative_to(path)): file for file in _walk(path)}
    for ours in (MANIFEST, "sample.json"):
        files.pop(ours, None)
    return Source(flavour=Flavour.MLFLOW, recipe=recipe, files=files, packages=mlflow.packages(recipe))


def _listing(path: Path) -> str:
    names = sorted(entry.name for entry in path.iterdir())
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "") if names else "no files"


def _walk(path: Path) -> list[Path]:
    """Files that belong to the model; what Python and version control leave behind does not."""
    skipped = {"__pycache__", ".git", ".ipynb_checkpoints"}
    found = (file for file in path.rglob("*") if not skipped & set(file.relative_to(path).parts))
    return sorted(file for file in found if file.is_file() and file.suffix != ".pyc")


def _python(text: str, root: Path) -> Source:
    module, name = text.split(":")
    code = local_code(module, name, root)
    return Source(
        flavour=Flavour.PYTHON,
        recipe={"module": module, "class": name, "packages": list[Json](code.packages)},
        files={f"code/{inside}": file for inside, file in code.files.items()},
        packages=("numpy", *code.packages),
    )
