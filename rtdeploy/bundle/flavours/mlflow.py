"""A directory that MLflow saved, copied as it is.

What lies inside in a format of its own library is opened by that library, without MLflow; what only MLflow can open
is opened by ``mlflow.pyfunc``, which runs whatever the directory says and so needs ``trust: true``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rtdeploy.bundle.fitting import matrix, named
from rtdeploy.bundle.flavours import lightgbm, onnx, sklearn, xgboost
from rtdeploy.bundle.flavours.interface import Draft, Examined, FlavourModule, Form, Served, sample_needed
from rtdeploy.bundle.flavours.saved import Format
from rtdeploy.bundle.libraries import need
from rtdeploy.bundle.manifest import Flavour, Json
from rtdeploy.bundle.model import as_objects, as_text
from rtdeploy.bundle.sample import Given, Table
from rtdeploy.bundle.signature import Array, Signature, Tensor
from rtdeploy.errors import BundleError

__all__ = ["MLMODEL", "examine", "inner_recipe", "open_model", "packages", "served"]

MLMODEL = "MLmodel"
_PYFUNC = "pyfunc"


def _module(inner: Json) -> FlavourModule | None:
    return {
        Flavour.ONNX.value: onnx, Flavour.SKLEARN.value: sklearn, Flavour.XGBOOST.value: xgboost,
        Flavour.LIGHTGBM.value: lightgbm,
    }.get(str(inner))  # fmt: skip


def packages(recipe: Mapping[str, Json]) -> tuple[str, ...]:
    """Distributions that the model may need."""
    inner = {
        Flavour.ONNX.value: onnx.PACKAGES, Flavour.SKLEARN.value: (*sklearn.PACKAGES, "lightgbm", "pandas", "xgboost"),
        Flavour.XGBOOST.value: xgboost.PACKAGES, Flavour.LIGHTGBM.value: lightgbm.PACKAGES,
    }  # fmt: skip
    return inner.get(str(recipe["inner"]), ("mlflow", "numpy", "pandas", "scikit-learn"))


def inner_recipe(directory: Path) -> dict[str, Json]:
    """Read from MLmodel which library opens the model, and how.

    Raises:
        BundleError: MLmodel is damaged, or has nothing that predicts.

    """
    document = _mlmodel(directory)
    flavours = document.get("flavors")
    if not isinstance(flavours, dict) or not isinstance(flavours.get("python_function"), dict):
        raise BundleError(
            f"{directory / MLMODEL} has no flavour python_function, so nothing in it predicts.",
            remedy="Save the model with one of MLflow's Python flavours.",
        )
    if flavours["python_function"].get("code"):  # classes of the user's, which only MLflow puts on the path
        return {"inner": _PYFUNC}
    for find in (_onnx, _xgboost, _lightgbm, _sklearn):
        if found := find(flavours, directory):
            return found
    return {"inner": _PYFUNC}


def _mlmodel(directory: Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load((directory / MLMODEL).read_bytes())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BundleError(
            f"{directory / MLMODEL} cannot be read.", remedy="Save the model with MLflow again.", detail=str(error)
        ) from error
    return document if isinstance(document, dict) else {}


def _inside(directory: Path, name: object) -> str | None:
    """A path of MLmodel, if it is the path of a file in the directory."""
    if not isinstance(name, str) or not (directory / name).resolve().is_relative_to(directory.resolve()):
        return None
    return name if (directory / name).is_file() else None


def _onnx(flavours: dict[str, Any], directory: Path) -> dict[str, Json] | None:
    file = _inside(directory, flavours.get("onnx", {}).get("data"))
    return None if file is None else {"inner": Flavour.ONNX.value, "file": file}


def _xgboost(flavours: dict[str, Any], directory: Path) -> dict[str, Json] | None:
    flavour = flavours.get("xgboost", {})
    file, kind = _inside(directory, flavour.get("data")), flavour.get("model_class", "")
    if file is None or not file.endswith((".ubj", ".json")) or kind not in xgboost.KNOWN:
        return None
    return {"inner": Flavour.XGBOOST.value, "file": file, "class": kind}


def _lightgbm(flavours: dict[str, Any], directory: Path) -> dict[str, Json] | None:
    flavour = flavours.get("lightgbm", {})
    file = _inside(directory, flavour.get("data"))
    if file is None:
        return None
    if flavour.get("model_class", "lightgbm.basic.Booster") == "lightgbm.basic.Booster":
        return {"inner": Flavour.LIGHTGBM.value, "file": file}
    return _object(file, flavour.get("serialization_format", "cloudpickle"))


def _sklearn(flavours: dict[str, Any], directory: Path) -> dict[str, Json] | None:
    flavour = flavours.get("sklearn", {})
    file = _inside(directory, flavour.get("pickled_model"))
    return None if file is None else _object(file, flavour.get("serialization_format", "pickle"))


def _object(file: str, saved: object) -> dict[str, Json]:
    form = Format.SKOPS if saved == "skops" else Format.PICKLE
    return {"inner": Flavour.SKLEARN.value, "file": file, "format": form.value}


def example(directory: Path) -> Given | None:
    """Read the input example, where there is one and it is a table."""
    info = _mlmodel(directory).get("saved_input_example_info") or {}
    file = _inside(directory, info.get("artifact_path"))
    if file is None or info.get("type") not in {"dataframe", "ndarray"}:
        return None
    try:
        document = json.loads((directory / file).read_bytes())
        columns = tuple(map(str, document["columns"])) if isinstance(document, dict) else ()
        rows = document["data"] if isinstance(document, dict) else document
        return Table(columns=columns, rows=tuple(map(tuple, rows))) if rows else None
    except (ValueError, KeyError, TypeError):
        return None


@dataclass(slots=True, kw_only=True)
class _Pyfunc:
    """A model that MLflow opens."""

    signature: Signature
    model: Any
    form: Form
    stream: None = None

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return _outputs(self.model.predict(self._input(inputs)))

    def _input(self, inputs: Mapping[str, Array]) -> Any:
        texts = {tensor.name: as_text(inputs[tensor.name]) for tensor in self.signature.inputs}
        if self.form is Form.TENSOR:
            return next(iter(texts.values()))
        if self.form is Form.TENSORS:
            return texts
        return need("pandas", what="A model that takes a data frame", install="pandas").DataFrame(texts)

    def close(self) -> None:
        self.model = None


def _outputs(found: Any) -> dict[str, Array]:
    """One output for each column or name, ``prediction`` where there are none."""
    if isinstance(found, Mapping) or hasattr(found, "columns"):
        return {str(name): as_objects(np.asarray(found[name])) for name in found}
    return {"prediction": as_objects(np.asarray(found))}


def examine(draft: Draft) -> Examined:
    """Let the library inside examine its file; what only MLflow opens takes what the sample has."""
    given = draft.given or example(draft.directory)
    module = _module(draft.recipe["inner"])
    if module is not None:
        found = module.examine(replace(draft, given=given))
        return replace(found, recipe={**found.recipe, "inner": draft.recipe["inner"]})
    return _examine_pyfunc(draft, given)


def _examine_pyfunc(draft: Draft, given: Given | None) -> Examined:
    if not draft.trust:
        raise BundleError(
            "Only mlflow.pyfunc opens this model, and that can run any code.",
            remedy="Where you know who made the directory, say trust: true under model:.",
        )
    if given is None:
        raise sample_needed("This MLflow model")
    model = _pyfunc(draft.directory)
    schema = model.metadata.get_input_schema()
    form = _form(schema, given)
    tensors = matrix(given) if form is Form.TENSOR else named(given) or matrix(given)
    inputs = tuple(
        Tensor(name=name, datatype=datatype, shape=(-1, *array.shape[1:]) if array.ndim else ())
        for name, (datatype, array) in tensors.items()
    )
    return Examined(
        model=_Pyfunc(signature=Signature(inputs=inputs, outputs=()), model=model, form=form),
        recipe={**draft.recipe, "form": form.value},
        inputs=inputs,
        sample={name: array for name, (_, array) in tensors.items()},
        form=form,
        packages=packages(draft.recipe),
    )


def _form(schema: Any, given: Given) -> Form:
    if schema is not None and schema.is_tensor_spec():
        return Form.TENSORS if schema.has_input_names() else Form.TENSOR
    return Form.COLUMNS if named(given) else Form.TENSOR


def _pyfunc(directory: Path) -> Any:
    return need("mlflow.pyfunc", what="This MLflow model", install="mlflow").load_model(str(directory))


def open_model(directory: Path, recipe: Mapping[str, Json], signature: Signature, *, threads: int) -> Any:
    """Open with the library inside where there is one, else with MLflow."""
    module = _module(recipe["inner"])
    if module is not None:
        return module.open_model(directory, recipe, signature, threads=threads)
    return _Pyfunc(signature=signature, model=_pyfunc(directory), form=Form(str(recipe["form"])))


def served(recipe: Mapping[str, Json], versions: Mapping[str, str]) -> Served:
    """The directory describes itself."""
    del recipe, versions
    return Served(flavours={}, code={})
