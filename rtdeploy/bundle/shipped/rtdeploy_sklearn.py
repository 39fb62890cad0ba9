"""Opens a scikit-learn model of this bundle for `mlflow.pyfunc.load_model`."""

import importlib
import json
from pathlib import Path
from typing import Any

__all__ = ["Estimator"]


class Estimator:
    """Hands an MLflow client's input to the estimator as it learned to take it."""

    def __init__(self, estimator: Any, layout: str) -> None:
        self._estimator = estimator
        self._layout = layout

    def get_raw_model(self) -> Any:
        """The estimator itself."""
        return self._estimator

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002
        """Predict labels or values."""
        if self._layout == "vector":
            column = model_input.iloc[:, 0] if hasattr(model_input, "iloc") else model_input
            model_input = column.to_numpy(dtype=object) if hasattr(column, "to_numpy") else column
        return self._estimator.predict(model_input)


def _load_pyfunc(path: str) -> Estimator:
    directory = Path(path)
    recipe = json.loads((directory / "rtdeploy.json").read_text(encoding="utf-8"))["recipe"]
    file = directory / recipe["file"]
    if recipe["format"] == "skops":
        import skops.io

        return Estimator(skops.io.load(file, trusted=recipe["trusted"]), recipe["layout"])
    return Estimator(importlib.import_module("rtdeploy_unpickling").load(file), recipe["layout"])
