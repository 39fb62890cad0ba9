"""XGBoost, from its own JSON or UBJSON: no code in the file.

A model of the scikit-learn interface says so in the file and is opened as one: a classifier gives ``label`` and
``probabilities``. Everything else gives ``prediction``, as ``predict`` does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtdeploy.bundle.fitting import conform, made
from rtdeploy.bundle.flavours.interface import Draft, Examined, Form, Served
from rtdeploy.bundle.libraries import need
from rtdeploy.bundle.manifest import Json
from rtdeploy.bundle.signature import Array, Datatype, Signature, Tensor
from rtdeploy.errors import BundleError

__all__ = ["KNOWN", "PACKAGES", "examine", "open_model", "served"]

PACKAGES = ("numpy", "scikit-learn", "scipy", "xgboost")

_BOOSTER = "xgboost.core.Booster"
_CLASSES = {
    "classifier": "xgboost.sklearn.XGBClassifier",
    "ranker": "xgboost.sklearn.XGBRanker",
    "regressor": "xgboost.sklearn.XGBRegressor",
}
"""What the file says that it was, and the class that opens it."""
KNOWN = frozenset({_BOOSTER, *_CLASSES.values()})
"""Classes that are opened."""
_ONE_PASS = frozenset({"binary:logistic", "multi:softprob"})
"""Objectives whose labels are read off the probabilities, as ``XGBClassifier.predict`` does."""


@dataclass(slots=True, kw_only=True)
class _Booster:
    """A booster by itself."""

    signature: Signature
    library: Any
    booster: Any
    in_place: bool
    stream: None = None

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        rows = inputs[self.signature.inputs[0].name]
        if self.in_place:
            return {"prediction": self.booster.inplace_predict(rows, validate_features=False)}
        return {"prediction": self.booster.predict(self.library.DMatrix(rows), validate_features=False)}

    def close(self) -> None:
        self.booster = None


@dataclass(slots=True, kw_only=True)
class _Regressor:
    """A regressor or ranker of the scikit-learn interface, which knows where early stopping stopped."""

    signature: Signature
    model: Any
    stream: None = None

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return {"prediction": self.model.predict(inputs[self.signature.inputs[0].name], validate_features=False)}

    def close(self) -> None:
        self.model = None


@dataclass(slots=True, kw_only=True)
class _Classifier:
    """A classifier of the scikit-learn interface."""

    signature: Signature
    model: Any
    one_pass: bool
    stream: None = None

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        rows = inputs[self.signature.inputs[0].name]
        probabilities = self.model.predict_proba(rows, validate_features=False)
        if not self.one_pass:
            label = self.model.predict(rows, validate_features=False)
        elif probabilities.shape[1] == 2:
            label = (probabilities[:, 1] > 0.5).astype(np.int64)
        else:
            label = np.argmax(probabilities, axis=1)
        return {"label": label, "probabilities": probabilities}

    def close(self) -> None:
        self.model = None


def examine(draft: Draft) -> Examined:
    """Read the number of columns, their names and the class from the file."""
    path = draft.directory / str(draft.recipe["file"])
    _, booster = _read(path)
    if "c" in (booster.feature_types or ()):
        raise BundleError(
            f"{path.name} was trained on categories, whose codes depend on the data frame that it saw.",
            remedy="Train on numbers (OrdinalEncoder in a scikit-learn pipeline), or wrap the model in a Python class.",
        )
    names = tuple(booster.feature_names or ())
    inputs = (Tensor(name="input", datatype=Datatype.FP64, shape=(-1, booster.num_features())),)
    recipe = {**draft.recipe, "class": draft.recipe.get("class") or _class_of(booster)}
    given = draft.given
    return Examined(
        model=open_model(draft.directory, recipe, Signature(inputs=inputs, outputs=()), threads=1),
        recipe=recipe,
        inputs=inputs,
        sample=made(inputs) if given is None else conform(given, inputs, names),
        columns=names or getattr(given, "columns", ()),
        form=Form.COLUMNS if names else Form.TENSOR,
        packages=tuple(name for name in PACKAGES if recipe["class"] != _BOOSTER or name != "scikit-learn"),
    )


def _read(path: Path) -> tuple[Any, Any]:
    library = need("xgboost", what="An XGBoost model", install="xgboost")
    try:
        booster = library.Booster(model_file=str(path))
    except (library.core.XGBoostError, ValueError) as error:
        raise BundleError(
            f"XGBoost {library.__version__} cannot open {path.name}.",
            remedy="Save it again with model.save_model('model.ubj'), or upgrade XGBoost.",
            detail=str(error).strip().splitlines()[0] if str(error).strip() else "",
        ) from error
    return library, booster


def _class_of(booster: Any) -> str:
    """What the scikit-learn interface wrote into the file, if it did."""
    text = booster.attr("scikit_learn")
    return _CLASSES.get(json.loads(text).get("_estimator_type", ""), _BOOSTER) if text else _BOOSTER


def open_model(
    directory: Path, recipe: Mapping[str, Json], signature: Signature, *, threads: int
) -> _Booster | _Regressor | _Classifier:
    """Open the booster, or the model of the scikit-learn interface around it."""
    path = directory / str(recipe["file"])
    library, booster = _read(path)
    booster.set_param({"nthread": threads})
    learner = json.loads(booster.save_config())["learner"]
    if recipe["class"] == _BOOSTER:
        in_place = learner["learner_train_param"]["booster"] != "gblinear"
        return _Booster(signature=signature, library=library, booster=booster, in_place=in_place)
    need("sklearn", what="A model of XGBoost's scikit-learn interface", install="scikit-learn")
    model = getattr(library, str(recipe["class"]).rsplit(".", maxsplit=1)[-1])(n_jobs=threads)
    model.load_model(path)
    if recipe["class"] == _CLASSES["classifier"]:
        flat = learner["learner_model_param"].get("num_target", "1") == "1"
        one_pass = flat and learner["objective"]["name"] in _ONE_PASS
        return _Classifier(signature=signature, model=model, one_pass=one_pass)
    return _Regressor(signature=signature, model=model)


def served(recipe: Mapping[str, Json], versions: Mapping[str, str]) -> Served:
    """MLflow has a loader of its own."""
    version = next((version for name, version in versions.items() if name.startswith("xgboost")), None)
    data = str(recipe["file"])
    flavour: dict[str, Json] = {
        "code": None,
        "data": data,
        "model_class": recipe["class"],
        "model_format": Path(data).suffix[1:],
        "xgb_version": version,
    }
    return Served(
        flavours={"xgboost": flavour, "python_function": {"loader_module": "mlflow.xgboost", "data": data}}, code={}
    )
