"""Opens the Python class of this bundle for `mlflow.pyfunc.load_model`."""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Instance"]


class Instance:
    """Hands an MLflow client's input to the class as a dictionary of arrays."""

    def __init__(self, instance: Any, texts: dict[str, bool]) -> None:
        self._instance = instance
        self._texts = texts

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002
        """Predict a dictionary of arrays."""
        named = isinstance(model_input, Mapping) or hasattr(model_input, "columns")
        given = model_input if named else {next(iter(self._texts)): model_input}
        return self._instance.predict({name: _array(given[name], text) for name, text in self._texts.items()})


def _array(values: Any, text: bool) -> Any:
    array = np.asarray(values)
    if not text:
        return array
    items = [item.encode() if isinstance(item, str) else item for item in array.ravel().tolist()]
    objects = np.empty(array.size, dtype=object)
    objects[:] = items
    return objects.reshape(array.shape)


def _load_pyfunc(path: str) -> Instance:
    manifest = json.loads((Path(path) / "rtdeploy.json").read_text(encoding="utf-8"))
    module = importlib.import_module(manifest["recipe"]["module"])
    instance = getattr(module, manifest["recipe"]["class"])()
    if hasattr(instance, "load"):
        instance.load(Path(str(module.__file__)).parent)
    return Instance(instance, {one["name"]: one["datatype"] == "BYTES" for one in manifest["inputs"]})
