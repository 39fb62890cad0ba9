"""scikit-learn, from skops with a list of types that are trusted, or from pickle and joblib through the allow-list.

A classifier gives ``label`` and, where it has them, ``probabilities``; everything else gives ``prediction``. MLflow's
``predict`` returns the first of them.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from rtdeploy.bundle import unpickling
from rtdeploy.bundle.fitting import matrix, named
from rtdeploy.bundle.flavours.interface import Draft, Examined, Form, Served, sample_needed
from rtdeploy.bundle.flavours.saved import Format, check_unchanged, load, trust
from rtdeploy.bundle.libraries import need
from rtdeploy.bundle.manifest import Json
from rtdeploy.bundle.model import as_objects, as_text
from rtdeploy.bundle.sample import Given, Table
from rtdeploy.bundle.signature import Array, Datatype, Signature, Tensor
from rtdeploy.errors import BundleError

__all__ = ["PACKAGES", "examine", "open_model", "served"]

PACKAGES = ("joblib", "numpy", "scikit-learn", "scipy", "skops")

_REFUSED = (ValueError, TypeError, AttributeError, KeyError, IndexError)
"""What estimators raise for input of another form than they learned from."""
_VOTES = ("sklearn.ensemble._forest", "sklearn.ensemble._bagging", "sklearn.tree._classes")
"""Whose ``predict`` is the class of the largest probability, so that one pass gives both."""


class _Layout(StrEnum):
    """How the estimator takes its rows."""

    MATRIX = "matrix"
    FRAME = "frame"
    VECTOR = "vector"


@dataclass(slots=True, kw_only=True)
class _Estimator:
    """An estimator behind the interface of a model."""

    signature: Signature
    prepare: Callable[[Any], Any]
    final: Any
    classifies: bool
    rows: Callable[[Mapping[str, Array]], Any]
    stream: None = None

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        rows = self.prepare(self.rows(inputs))
        if not self.classifies:
            return {"prediction": _dense(self.final.predict(rows))}
        if not hasattr(self.final, "predict_proba"):
            return {"label": _dense(self.final.predict(rows))}
        probabilities = self.final.predict_proba(rows)
        if isinstance(probabilities, list):  # several outputs, each with classes of its own
            return {"label": _dense(self.final.predict(rows))}
        label = (
            self.final.classes_.take(np.argmax(probabilities, axis=1), axis=0)
            if type(self.final).__module__ in _VOTES
            else self.final.predict(rows)
        )
        return {"label": _dense(label), "probabilities": _dense(probabilities)}

    def close(self) -> None:
        self.final = None


def examine(draft: Draft) -> Examined:
    """Open the estimator and find the layout in which it predicts the sample."""
    path = draft.directory / str(draft.recipe["file"])
    recipe = {**draft.recipe, **trust(path, Format(str(draft.recipe["format"])), trusted=draft.trust)}
    estimator = load(path, recipe)
    names = tuple(str(name) for name in getattr(estimator, "feature_names_in_", ()))
    if draft.given is None:
        raise sample_needed("A scikit-learn model")
    failures: list[str] = []
    for layout, tensors in _candidates(draft.given, names):
        tried = _try(estimator, layout, tensors, failures)
        if tried is not None:
            return Examined(
                model=tried,
                recipe={**recipe, "layout": layout.value, "class": _class_name(estimator)},
                inputs=tried.signature.inputs,
                sample={name: array for name, (_, array) in tensors.items()},
                columns=(names or getattr(draft.given, "columns", ())) if layout is _Layout.MATRIX else (),
                form=_form(layout, knows_names=bool(names)),
                packages=(*PACKAGES, *_wrapped(estimator), *(("pandas",) if layout is _Layout.FRAME else ())),
            )
    raise BundleError(
        f"The model ({_class_name(estimator)}) cannot predict the sample.",
        remedy=_wanted(names, estimator),
        detail="\n".join(failures),
    )


def _try(
    estimator: Any, layout: _Layout, tensors: Mapping[str, tuple[Datatype, Array]], failures: list[str]
) -> "_Estimator | None":
    """Predict the sample; where that fails, or a row in is not a row out, say why in ``failures``."""
    inputs = tuple(
        Tensor(name=name, datatype=datatype, shape=(-1, *array.shape[1:]))
        for name, (datatype, array) in tensors.items()
    )
    model = _model(estimator, Signature(inputs=inputs, outputs=()), layout, threads=1)
    try:
        outputs = model.predict({name: array for name, (_, array) in tensors.items()})
    except _REFUSED as error:
        failures.append(f"as {layout}: {error}")
        return None
    rows = len(next(iter(tensors.values()))[1])
    if any(len(output) != rows for output in outputs.values()):
        failures.append(f"as {layout}: {rows} rows in, {len(next(iter(outputs.values())))} out")
        return None
    return model


def _wanted(names: tuple[str, ...], estimator: Any) -> str:
    width = getattr(estimator, "n_features_in_", None)
    if names:
        return f"Correct the sample: the model learned from the columns {', '.join(names)}."
    return "Correct the sample." if width is None else f"Correct the sample: the model learned from {width} columns."


def _candidates(given: Given, names: tuple[str, ...]) -> list[tuple[_Layout, dict[str, tuple[Datatype, Array]]]]:
    """Layouts to try, the cheapest first, but texts one by one before texts as a table.

    A text model that is given a table takes the names of the columns for its texts, and does not complain.
    """
    columns = named(given)
    found: list[tuple[_Layout, dict[str, tuple[Datatype, Array]]]] = []
    if len(columns) == 1 or not columns:
        found += _single(dict(columns) or matrix(given, names))
    if not isinstance(given, Table):
        return found or [(_Layout.FRAME, columns)]
    kinds = {datatype for datatype, _ in columns.values()}
    if len(kinds) == 1 and Datatype.BYTES not in kinds:
        found.append((_Layout.MATRIX, matrix(given, names)))
    return [*found, (_Layout.FRAME, columns)] if columns else found


def _single(tensors: dict[str, tuple[Datatype, Array]]) -> list[tuple[_Layout, dict[str, tuple[Datatype, Array]]]]:
    """One tensor: a list of texts, or a table."""
    ((name, (datatype, array)),) = tensors.items()
    found: list[tuple[_Layout, dict[str, tuple[Datatype, Array]]]] = []
    if datatype is Datatype.BYTES and array.size == len(array):
        found.append((_Layout.VECTOR, {name: (datatype, array.reshape(-1))}))
    return [*found, (_Layout.MATRIX, tensors)] if array.ndim > 1 else found


def _form(layout: _Layout, *, knows_names: bool) -> Form:
    if layout is _Layout.VECTOR:
        return Form.TEXT
    return Form.COLUMNS if knows_names or layout is _Layout.FRAME else Form.TENSOR


def open_model(directory: Path, recipe: Mapping[str, Json], signature: Signature, *, threads: int) -> _Estimator:
    """Open the estimator; threads are those of OpenMP, of BLAS and of joblib."""
    path = directory / str(recipe["file"])
    check_unchanged(path, recipe)
    return _model(load(path, recipe), signature, _Layout(str(recipe["layout"])), threads=threads)


def _model(estimator: Any, signature: Signature, layout: _Layout, *, threads: int) -> _Estimator:
    if not hasattr(estimator, "predict") or not hasattr(estimator, "get_params"):
        raise BundleError(
            f"The file holds {_class_name(estimator)}, which is no estimator that predicts.",
            remedy="Save the fitted estimator or pipeline itself; a booster in the format of its own library.",
        )
    _limit(estimator, threads)
    # Columns were put in order by name; the plain array that the estimator gets has no names to check.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    prepare, final = _split(estimator)
    return _Estimator(
        signature=signature,
        prepare=prepare,
        final=final,
        classifies=_is_classifier(final),
        rows=_arrange(signature, layout),
    )


def _is_classifier(estimator: Any) -> bool:
    from sklearn.base import is_classifier

    return bool(is_classifier(estimator))


def _limit(estimator: Any, threads: int) -> None:
    need("threadpoolctl", what="A scikit-learn model", install="scikit-learn").threadpool_limits(limits=threads)
    jobs = [name for name in estimator.get_params() if name.split("__")[-1] == "n_jobs"]
    estimator.set_params(**dict.fromkeys(jobs, threads))


def _split(estimator: Any) -> tuple[Callable[[Any], Any], Any]:
    """Transform once for labels and probabilities, where a pipeline would transform for each."""
    from sklearn.pipeline import Pipeline

    if type(estimator) is Pipeline and len(estimator.steps) > 1:
        return estimator[:-1].transform, estimator.steps[-1][1]
    return lambda rows: rows, estimator


def _arrange(signature: Signature, layout: _Layout) -> Callable[[Mapping[str, Array]], Any]:
    names = tuple(tensor.name for tensor in signature.inputs)
    if layout is not _Layout.FRAME:
        return lambda inputs: as_text(inputs[names[0]])
    pandas = need("pandas", what="A model that takes a table with names", install="pandas")
    return lambda inputs: pandas.DataFrame({name: as_text(inputs[name]) for name in names})


def _dense(output: Any) -> Array:
    return as_objects(np.asarray(output.toarray() if hasattr(output, "toarray") else output))


def _class_name(estimator: Any) -> str:
    return f"{type(estimator).__module__}.{type(estimator).__qualname__}"


def _wrapped(estimator: Any) -> tuple[str, ...]:
    """Libraries whose estimators are steps of a pipeline."""
    parts = [estimator, *(part for part in estimator.get_params().values() if hasattr(part, "fit"))]
    roots = {type(part).__module__.split(".", maxsplit=1)[0] for part in parts}
    return tuple(sorted(roots & {"lightgbm", "xgboost"}))


def served(recipe: Mapping[str, Json], versions: Mapping[str, str]) -> Served:
    """Ship a loader: MLflow's own opens no joblib, skops in newer releases only, and pickles without a list."""
    shipped = Path(__file__).parents[1] / "shipped"
    code = {"rtdeploy_sklearn.py": shipped / "rtdeploy_sklearn.py", "rtdeploy_unpickling.py": Path(unpickling.__file__)}
    flavours: dict[str, Mapping[str, Json]] = {"python_function": {"loader_module": "rtdeploy_sklearn"}}
    if recipe["format"] == Format.SKOPS:
        flavours["sklearn"] = {
            "code": "code",
            "pickled_model": recipe["file"],
            "serialization_format": "skops",
            "skops_trusted_types": recipe["trusted"],
            "sklearn_version": versions["scikit-learn"],
        }
    return Served(flavours=flavours, code=code)
