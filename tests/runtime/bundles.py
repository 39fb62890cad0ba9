"""Small models of the kinds that the runtime treats differently, packaged as a user would."""

import json
import shutil
from pathlib import Path

import numpy as np

from rtdeploy import bundle as bundles
from rtdeploy.bundle import Bundle
from rtdeploy.spec.model import Model

__all__ = ["FLOWERS", "behaviour_bundle", "onnx_bundle", "sklearn_bundle"]

FLOWERS = ("sepal_length", "sepal_width", "petal_length", "petal_width")


def onnx_bundle(root: Path) -> Bundle:
    """A classifier of flowers as ONNX: input ``X`` FP32 [-1, 4], outputs ``label`` and ``probabilities``."""
    from skl2onnx import to_onnx

    model, rows = _flowers()
    graph = to_onnx(model, rows[:1].astype(np.float32), options={"zipmap": False})
    (root / "model.onnx").write_bytes(graph.SerializeToString())
    (root / "sample.json").write_text(json.dumps(rows[:1].tolist()))
    return _packaged(root, {"path": "model.onnx", "sample": "sample.json"}, "flowers")


def sklearn_bundle(root: Path) -> Bundle:
    """The same as skops, with names of columns: input ``input`` FP64 [-1, 4]."""
    import pandas as pd
    import skops.io as sio

    model, rows = _flowers(names=True)
    sio.dump(model, root / "model.skops")
    pd.DataFrame(rows[:1], columns=list(FLOWERS)).to_csv(root / "sample.csv", index=False)
    return _packaged(root, {"path": "model.skops", "sample": "sample.csv"}, "table")


def behaviour_bundle(root: Path) -> Bundle:
    """A class that does what the request says: see behaviour.py."""
    shutil.copy(Path(__file__).with_name("behaviour.py"), root / "behaviour.py")
    (root / "sample.json").write_text(json.dumps([{"do": "echo", "value": 1.0}]))
    return _packaged(root, {"python": "behaviour:Behaviour", "sample": "sample.json"}, "behaviour")


def _flowers(*, names: bool = False):  # type: ignore[no-untyped-def]
    import pandas as pd
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, classes = load_iris(return_X_y=True)
    table = pd.DataFrame(rows, columns=list(FLOWERS)) if names else rows
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(table, classes), rows


def _packaged(root: Path, model: dict[str, str], name: str) -> Bundle:
    return bundles.package(Model.model_validate(model), name=name, root=root, store=root / "store")
