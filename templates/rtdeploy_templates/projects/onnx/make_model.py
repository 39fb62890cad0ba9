"""Train a small classifier on the wine data that scikit-learn ships and export it to ONNX.

pip install scikit-learn skl2onnx
python make_model.py
"""

import json
from pathlib import Path

from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent


def main() -> None:
    """Write model.onnx and sample.json beside this file."""
    rows, cultivars = load_wine(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(rows, cultivars)
    features = [("features", FloatTensorType([None, rows.shape[1]]))]
    exported = to_onnx(model, initial_types=features, options={"zipmap": False}, target_opset=17)
    (HERE / "model.onnx").write_bytes(exported.SerializeToString())
    sample = {"name": "features", "datatype": "FP32", "shape": [1, rows.shape[1]], "data": rows[0].tolist()}
    (HERE / "sample.json").write_text(json.dumps({"inputs": [sample]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
