"""LightGBM, from its own text format: no code in the file. The output is ``prediction``, as ``predict`` gives it."""

import mmap
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rtdeploy.bundle.fitting import conform, made
from rtdeploy.bundle.flavours.interface import Draft, Examined, Form, Served
from rtdeploy.bundle.libraries import need
from rtdeploy.bundle.manifest import Json
from rtdeploy.bundle.sample import Given, Table
from rtdeploy.bundle.signature import Array, Datatype, Signature, Tensor
from rtdeploy.errors import BundleError

__all__ = ["PACKAGES", "examine", "open_model", "served"]

PACKAGES = ("lightgbm", "numpy", "scipy")


@dataclass(slots=True, kw_only=True)
class _Booster:
    """A booster behind the interface of a model."""

    signature: Signature
    booster: Any
    threads: int
    stream: None = None

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        rows = inputs[self.signature.inputs[0].name]
        return {"prediction": self.booster.predict(rows, num_threads=self.threads)}

    def close(self) -> None:
        self.booster = None


def examine(draft: Draft) -> Examined:
    """Read the number of columns and their names from the file."""
    path = draft.directory / str(draft.recipe["file"])
    booster = _read(path)
    if any(booster.pandas_categorical or ()):
        raise BundleError(
            f"{path.name} was trained on categories, whose codes depend on the data frame that it saw.",
            remedy="Train on numbers (OrdinalEncoder in a scikit-learn pipeline), or wrap the model in a Python class.",
        )
    names = _names(booster)
    inputs = (Tensor(name="input", datatype=Datatype.FP64, shape=(-1, booster.num_feature())),)
    given = None if draft.given is None else _as_lightgbm_writes(draft.given)
    return Examined(
        model=_Booster(signature=Signature(inputs=inputs, outputs=()), booster=booster, threads=1),
        recipe=draft.recipe,
        inputs=inputs,
        sample=made(inputs) if given is None else conform(given, inputs, names),
        columns=names or getattr(given, "columns", ()),
        form=Form.COLUMNS if names else Form.TENSOR,
        packages=PACKAGES,
    )


def _read(path: Path) -> Any:
    library = need("lightgbm", what="A LightGBM model", install="lightgbm")
    _check_whole(path)
    try:
        return library.Booster(model_file=str(path))
    except (library.basic.LightGBMError, ValueError) as error:
        raise BundleError(
            f"LightGBM {library.__version__} cannot open {path.name}.",
            remedy="Save it again with booster.save_model('model.txt'), or upgrade LightGBM.",
            detail=str(error),
        ) from error


def _check_whole(path: Path) -> None:
    """Refuse a file that is cut off: LightGBM 4 ends the process over one."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        last = content[max(0, len(content) - 65536) :].rstrip().rsplit(b"\n", 1)[-1]
        whole = content.find(b"\nend of trees") != -1 and last.startswith(
            (b"pandas_categorical:", b"end of parameters")
        )
    if not whole:
        raise BundleError(
            f"{path.name} is cut off.", remedy="Copy it again, or save it again with booster.save_model('model.txt')."
        )


def _names(booster: Any) -> tuple[str, ...]:
    names = tuple(booster.feature_name())
    return () if all(re.fullmatch(r"Column_\d+", name) for name in names) else names


def _as_lightgbm_writes(given: Given) -> Given:
    """LightGBM puts an underscore for white space in names."""
    if not isinstance(given, Table):
        return given
    return replace(given, columns=tuple(re.sub(r"\s", "_", name) for name in given.columns))


def open_model(directory: Path, recipe: Mapping[str, Json], signature: Signature, *, threads: int) -> _Booster:
    """Open the booster with ``threads`` threads for one prediction."""
    return _Booster(signature=signature, booster=_read(directory / str(recipe["file"])), threads=threads)


def served(recipe: Mapping[str, Json], versions: Mapping[str, str]) -> Served:
    """MLflow has a loader of its own."""
    data = recipe["file"]
    flavour: dict[str, Json] = {
        "code": None,
        "data": data,
        "lgb_version": versions["lightgbm"],
        "model_class": "lightgbm.basic.Booster",
    }
    return Served(
        flavours={"lightgbm": flavour, "python_function": {"loader_module": "mlflow.lightgbm", "data": data}}, code={}
    )
