"""Small real models, each saved by its own library, with a sample beside it and the rows it must answer."""

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from rtdeploy.spec.model import Model

__all__ = ["CASES", "Case", "iris_onnx", "spec"]

IRIS = load_iris(as_frame=True)
FLOWERS = IRIS.data
KINDS = IRIS.target


def spec(**fields: object) -> Model:
    """The section ``model`` of a spec."""
    return Model.model_validate(fields)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model as a user has it: ``model`` is the section of the spec, ``rows`` what stock MLflow is asked."""

    model: Model
    rows: Any
    first_output: str
    outputs: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)


def iris_onnx(path: Path, *, zipmap: bool = False) -> None:
    """A logistic regression in ONNX."""
    from skl2onnx import to_onnx

    model = LogisticRegression(max_iter=500).fit(FLOWERS.to_numpy(dtype=np.float32), KINDS)
    options = {"zipmap": zipmap} if not zipmap else None
    path.write_bytes(
        to_onnx(model, FLOWERS.to_numpy(dtype=np.float32)[:1], options=options, target_opset=17).SerializeToString()
    )


def _tensor(name: str, datatype: str, rows: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": list(rows.shape), "data": rows.ravel().tolist()}


def onnx(home: Path) -> Case:
    iris_onnx(home / "model.onnx")
    rows = FLOWERS.to_numpy(dtype=np.float32)[:2]
    (home / "sample.json").write_text(json.dumps({"inputs": [_tensor("X", "FP32", rows)]}))
    return Case(
        model=spec(path="model.onnx", sample="sample.json"),
        rows={"X": rows},
        first_output="label",
        outputs={"label": ("INT64", (-1,)), "probabilities": ("FP32", (-1, 3))},
    )


def skops_names(home: Path) -> Case:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(FLOWERS, KINDS)
    skops.io.dump(model, home / "model.skops")
    FLOWERS.head(2).to_csv(home / "sample.csv", index=False)
    return Case(
        model=spec(path="model.skops", sample="sample.csv"),
        rows=FLOWERS.head(2),
        first_output="label",
        outputs={"label": ("INT64", (-1,)), "probabilities": ("FP64", (-1, 3))},
    )


def skops_forest(home: Path) -> Case:
    names = np.array(["setosa", "versicolor", "virginica"])[KINDS]
    skops.io.dump(RandomForestClassifier(7, random_state=0).fit(FLOWERS.to_numpy(), names), home / "forest.skops")
    (home / "sample.json").write_text(json.dumps(FLOWERS.head(2).to_numpy().tolist()))
    return Case(
        model=spec(path="forest.skops", sample="sample.json"),
        rows=FLOWERS.head(2).to_numpy(),
        first_output="label",
        outputs={"label": ("BYTES", (-1,)), "probabilities": ("FP64", (-1, 3))},
    )


def skops_regression(home: Path) -> Case:
    rows, target = load_diabetes(return_X_y=True)
    skops.io.dump(Ridge().fit(rows, target), home / "ridge.skops")
    (home / "sample.json").write_text(json.dumps(rows[:1].tolist()))
    return Case(
        model=spec(path="ridge.skops", sample="sample.json"),
        rows=rows[:1],
        first_output="prediction",
        outputs={"prediction": ("FP64", (-1,))},
    )


def skops_frame(home: Path) -> Case:
    table = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "city": ["Bonn", "Köln", "Bonn", "Jena"]})
    prepare = ColumnTransformer([("n", StandardScaler(), ["age"]), ("c", OneHotEncoder(), ["city"])])
    skops.io.dump(make_pipeline(prepare, LogisticRegression()).fit(table, [0, 1, 0, 1]), home / "frame.skops")
    table.head(2).to_csv(home / "sample.csv", index=False)
    return Case(
        model=spec(path="frame.skops", sample="sample.csv"),
        rows=table.head(2),
        first_output="label",
        outputs={"label": ("INT64", (-1,)), "probabilities": ("FP64", (-1, 2))},
    )


def skops_text(home: Path) -> Case:
    texts = ["buy now", "cheap pills", "see you soon", "lunch tomorrow"]
    skops.io.dump(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 1, 0, 0]), home / "text.skops")
    (home / "sample.json").write_text(json.dumps(texts[:2]))
    return Case(
        model=spec(path="text.skops", sample="sample.json"),
        rows=pd.DataFrame({"text": texts[:2]}),
        first_output="label",
    )


def pickled(home: Path) -> Case:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(FLOWERS.to_numpy(), KINDS)
    (home / "model.pkl").write_bytes(pickle.dumps(model))
    (home / "sample.json").write_text(json.dumps(FLOWERS.head(2).to_numpy().tolist()))
    return Case(
        model=spec(path="model.pkl", sample="sample.json", trust=True),
        rows=FLOWERS.head(2).to_numpy(),
        first_output="label",
    )


def joblib_compressed(home: Path) -> Case:
    rows, target = load_breast_cancer(return_X_y=True)
    joblib.dump(RandomForestClassifier(5, random_state=0).fit(rows, target), home / "model.joblib", compress=3)
    (home / "sample.json").write_text(json.dumps(rows[:2].tolist()))
    return Case(model=spec(path="model.joblib", sample="sample.json", trust=True), rows=rows[:2], first_output="label")


def xgboost_booster(home: Path) -> Case:
    import xgboost

    data = xgboost.DMatrix(FLOWERS.to_numpy(), label=KINDS)
    xgboost.train({"max_depth": 2}, data, num_boost_round=3).save_model(home / "model.ubj")
    return Case(model=spec(path="model.ubj"), rows=FLOWERS.head(2).to_numpy(), first_output="prediction")


def xgboost_linear(home: Path) -> Case:
    import xgboost

    data = xgboost.DMatrix(FLOWERS.to_numpy(), label=KINDS)
    xgboost.train({"booster": "gblinear"}, data, num_boost_round=3).save_model(home / "model.json")
    return Case(model=spec(path="model.json"), rows=FLOWERS.head(2).to_numpy(), first_output="prediction")


def xgboost_classifier(home: Path) -> Case:
    import xgboost

    xgboost.XGBClassifier(n_estimators=3).fit(FLOWERS, KINDS).save_model(home / "model.ubj")
    FLOWERS.head(2).to_csv(home / "sample.csv", index=False)
    return Case(
        model=spec(path="model.ubj", sample="sample.csv"),
        rows=FLOWERS.head(2),
        first_output="label",
        outputs={"label": ("INT64", (-1,)), "probabilities": ("FP32", (-1, 3))},
    )


def xgboost_binary(home: Path) -> Case:
    import xgboost

    rows, target = load_breast_cancer(return_X_y=True)
    xgboost.XGBClassifier(n_estimators=3).fit(rows, target).save_model(home / "model.json")
    (home / "sample.json").write_text(json.dumps(rows[:40].tolist()))
    return Case(model=spec(path="model.json", sample="sample.json"), rows=rows[:40], first_output="label")


def xgboost_regressor(home: Path) -> Case:
    import xgboost

    rows, target = load_diabetes(return_X_y=True)
    xgboost.XGBRegressor(n_estimators=3).fit(rows, target).save_model(home / "model.ubj")
    return Case(model=spec(path="model.ubj"), rows=rows[:2], first_output="prediction")


def lightgbm_booster(home: Path) -> Case:
    import lightgbm

    data = lightgbm.Dataset(FLOWERS, KINDS)
    lightgbm.train({"objective": "multiclass", "num_class": 3, "verbosity": -1}, data, 3).save_model(home / "model.txt")
    FLOWERS.head(2).to_csv(home / "sample.csv", index=False)
    return Case(
        model=spec(path="model.txt", sample="sample.csv"),
        rows=FLOWERS.head(2).rename(columns=lambda name: name.replace(" ", "_")),
        first_output="prediction",
        outputs={"prediction": ("FP64", (-1, 3))},
    )


SCORER = '''
import json
from pathlib import Path

import numpy as np

import weights


class Scorer:
    """Adds what lies beside it."""

    artifacts = ("bias.json",)

    def load(self, directory: Path) -> None:
        self.bias = json.loads((directory / "bias.json").read_text())

    def predict(self, inputs):
        total = inputs["a"] * weights.FACTOR + inputs["b"] + self.bias
        shout = np.array([item.decode().upper() for item in inputs["word"]])
        return {"score": total, "shout": shout}

    def stream(self, inputs):
        for value in inputs["a"]:
            yield {"score": np.array([value])}
'''


def python(home: Path) -> Case:
    (home / "scorer.py").write_text(SCORER)
    (home / "weights.py").write_text("FACTOR = 2.0\n")
    (home / "bias.json").write_text("10")
    (home / "sample.json").write_text(json.dumps([{"a": 1, "b": 2, "word": "x"}, {"a": 3, "b": 4, "word": "y"}]))
    return Case(
        model=spec(python="scorer:Scorer", sample="sample.json"),
        rows={"a": np.array([1.0, 3.0]), "b": np.array([2.0, 4.0]), "word": np.array(["x", "y"])},
        first_output="score",
        outputs={"score": ("FP64", (-1,)), "shout": ("BYTES", (-1,))},
    )


def _mlflow(save: Callable[[Path], None], rows: Any, first: str, **more: Any) -> Callable[[Path], Case]:
    def case(home: Path) -> Case:
        save(home / "saved")
        return Case(model=spec(path="saved", **more), rows=rows, first_output=first)

    return case


def _save_sklearn(path: Path) -> None:
    import mlflow.sklearn

    model = LogisticRegression(max_iter=500).fit(FLOWERS, KINDS)
    mlflow.sklearn.save_model(model, path, input_example=FLOWERS.head(2))


def _save_cloudpickle(path: Path) -> None:
    import mlflow.sklearn

    model = LogisticRegression(max_iter=500).fit(FLOWERS, KINDS)
    mlflow.sklearn.save_model(
        model, path, input_example=FLOWERS.head(2), serialization_format="cloudpickle", pip_requirements=[]
    )


def _save_xgboost(path: Path) -> None:
    import mlflow.xgboost
    import xgboost

    mlflow.xgboost.save_model(xgboost.XGBClassifier(n_estimators=3).fit(FLOWERS, KINDS), path, pip_requirements=[])


def _save_lightgbm(path: Path) -> None:
    import lightgbm
    import mlflow.lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=3, verbosity=-1).fit(FLOWERS.to_numpy(), KINDS)
    mlflow.lightgbm.save_model(model.booster_, path, pip_requirements=[])


def _save_onnx(path: Path) -> None:
    import mlflow.onnx
    from skl2onnx import to_onnx

    rows = FLOWERS.to_numpy(dtype=np.float32)
    model = LogisticRegression(max_iter=500).fit(rows, KINDS)
    graph = to_onnx(model, rows[:1], options={"zipmap": False}, target_opset=17)
    mlflow.onnx.save_model(graph, path, pip_requirements=[])


DOUBLER = """
class Doubler:
    def predict(self, model_input, params=None):
        return model_input.iloc[:, 0] * 2


def _load_pyfunc(path):
    return Doubler()
"""


def _save_pyfunc(path: Path) -> None:
    import mlflow.pyfunc
    from mlflow.models import infer_signature

    code = path.with_name("doubler.py")
    code.write_text(DOUBLER)
    mlflow.pyfunc.save_model(
        path,
        loader_module="doubler",
        code_paths=[str(code)],
        input_example=FLOWERS.head(2),
        pip_requirements=[],
        signature=infer_signature(FLOWERS),
    )


CASES: dict[str, Callable[[Path], Case]] = {
    "onnx": onnx,
    "skops, names": skops_names,
    "skops, forest with texts as labels": skops_forest,
    "skops, regression": skops_regression,
    "skops, columns of different kinds": skops_frame,
    "skops, texts": skops_text,
    "pickle": pickled,
    "joblib, compressed": joblib_compressed,
    "xgboost, booster": xgboost_booster,
    "xgboost, linear": xgboost_linear,
    "xgboost, classifier": xgboost_classifier,
    "xgboost, two classes": xgboost_binary,
    "xgboost, regressor": xgboost_regressor,
    "lightgbm": lightgbm_booster,
    "python": python,
    "mlflow, sklearn": _mlflow(_save_sklearn, FLOWERS.head(2), "label"),
    "mlflow, sklearn as cloudpickle": _mlflow(_save_cloudpickle, FLOWERS.head(2), "label", trust=True),
    "mlflow, xgboost": _mlflow(_save_xgboost, FLOWERS.head(2), "label"),
    "mlflow, lightgbm": _mlflow(_save_lightgbm, FLOWERS.head(2).to_numpy(), "prediction"),
    "mlflow, onnx": _mlflow(_save_onnx, {"X": FLOWERS.to_numpy(dtype=np.float32)[:2]}, "label"),
    "mlflow, pyfunc": _mlflow(_save_pyfunc, FLOWERS.head(2), "prediction", trust=True),
}
"""Every kind of model that there is."""
