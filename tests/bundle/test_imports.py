"""What a server imports to serve: nothing that it does not need."""

import json
import subprocess
import sys
from pathlib import Path

from rtdeploy import bundle
from tests.bundle.models import iris_onnx, spec

HEAVY = ("httpx", "mlflow", "onnx", "pandas", "pydantic", "scipy", "skops", "sklearn", "typer", "yaml")

SERVE = """
import json, sys
from pathlib import Path
from rtdeploy import bundle
from rtdeploy.bundle.openinference import decode

made = bundle.read(Path(sys.argv[1]))
bundle.load(made).predict(decode(made.sample, made.signature).inputs)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_serving_onnx_imports_numpy_orjson_and_onnxruntime_and_nothing_heavy(tmp_path: Path) -> None:
    iris_onnx(tmp_path / "model.onnx")
    made = bundle.package(spec(path="model.onnx"), name="m", root=tmp_path, store=tmp_path / "store")
    done = subprocess.run([sys.executable, "-c", SERVE, str(made.path)], capture_output=True, text=True, check=True)
    imported = set(json.loads(done.stdout))
    assert {"numpy", "onnxruntime", "orjson"} <= imported
    assert not imported & set(HEAVY)


def test_importing_the_package_imports_no_library_of_models(tmp_path: Path) -> None:
    code = "import sys, rtdeploy.bundle; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {*HEAVY, "onnxruntime", "xgboost", "lightgbm", "joblib"}
