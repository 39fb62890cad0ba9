"""An ONNX model is all of its files, wherever in the graph they are named, and none of them is read into memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from rtdeploy import bundle
from rtdeploy.bundle.flavours.onnx_files import External, external_data
from rtdeploy.errors import BundleError
from tests.bundle.models import spec


def outside(name: str, location: str, shape: tuple[int, ...], *, offset: int = 0) -> TensorProto:
    """A tensor of FP32 whose bytes lie in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    length = 4 * int(np.prod(shape))
    for key, value in (("location", location), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def save(path: Path, *weights: TensorProto, nodes: list[Any] | None = None, width: int = 2) -> None:
    """A chain of matrix products."""
    chain = nodes or [
        helper.make_node("MatMul", ["x" if not i else f"h{i}", tensor.name], [f"h{i + 1}"])
        for i, tensor in enumerate(weights)
    ]
    graph = helper.make_graph(
        chain,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info(chain[-1].output[0], TensorProto.FLOAT, ["N", None])],
        list(weights),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def test_all_files_of_weights_are_packaged_and_the_bundle_predicts(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    np.array([[1, 2], [3, 4]], dtype="<f4").tofile(tmp_path / "a.data")
    np.array([9, 9, 1, 0, 0, 1], dtype="<f4").tofile(tmp_path / "deep" / "b.data")
    save(tmp_path / "mine.onnx", outside("a", "a.data", (2, 2)), outside("b", "deep/b.data", (2, 2), offset=8))
    made = bundle.package(spec(path="mine.onnx"), name="m", root=tmp_path, store=tmp_path / "store")
    assert {"model.onnx", "a.data", "deep/b.data"} <= set(made.files)
    answer = bundle.load(made).predict({"x": np.array([[1, 1]], dtype=np.float32)})
    assert answer["h2"].tolist() == [[4, 6]]


def test_weights_are_found_in_attributes_and_in_graphs_inside_of_graphs(tmp_path: Path) -> None:
    constant = helper.make_node("Constant", [], ["c"], value=outside("c", "constant.data", (2, 2)))
    branch = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["o"])],
        "branch",
        [],
        [helper.make_tensor_value_info("o", TensorProto.FLOAT, None)],
        [outside("w", "branch.data", (2, 2), offset=4)],
    )
    choose = helper.make_node("If", ["flag"], ["d"], then_branch=branch, else_branch=branch)
    path = tmp_path / "m.onnx"
    save(path, outside("a", "a.data", (2, 2)), nodes=[constant, choose, helper.make_node("MatMul", ["x", "d"], ["y"])])
    assert external_data(path) == [
        External(location="a.data", end=16),
        External(location="branch.data", end=20),
        External(location="constant.data", end=16),
    ]


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("lost.data", "no such file beside it"),
        ("../outside.data", "no place inside of a bundle"),
        ("/etc/hostname", "no place inside of a bundle"),
        ("MLmodel", "no place inside of a bundle"),
        ("short.data", "the model reads 16"),
    ],
)
def test_weights_that_are_not_there_are_refused(location: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "short.data").write_bytes(bytes(15))
    (tmp_path / "MLmodel").write_bytes(bytes(16))
    save(tmp_path / "m.onnx", outside("a", location, (2, 2)))
    with pytest.raises(BundleError) as caught:
        bundle.package(spec(path="m.onnx"), name="m", root=tmp_path, store=tmp_path / "store")
    assert words in caught.value.summary
    assert caught.value.remedy


MEASURED = """
import json, re, sys
from pathlib import Path
from rtdeploy import bundle
from rtdeploy.spec.model import Model

home = Path(sys.argv[1])
made = bundle.package(Model.model_validate({"path": "m.onnx"}), name="m", root=home, store=home / "store")
again = bundle.package(Model.model_validate({"path": "m.onnx"}), name="m", root=home, store=home / "store")
highest = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())  # ru_maxrss counts the parent's
print(json.dumps({"mib": int(highest[1]) / 1024, "reused": again.reused}))
"""


def test_packaging_half_a_gibibyte_takes_less_than_200_mib_of_memory(tmp_path: Path) -> None:
    width = 11_586  # 11,586 squared times 4 bytes is 512 MiB
    with (tmp_path / "w.data").open("wb") as file:
        file.truncate(width * width * 4)
    save(tmp_path / "m.onnx", outside("w", "w.data", (width, width)), width=width)
    done = subprocess.run([sys.executable, "-c", MEASURED, str(tmp_path)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["reused"]
    assert found["mib"] < 200
    (tmp_path / "w.data").unlink()
    for path in (tmp_path / "store").rglob("w.data"):
        path.unlink()


def test_onnx_agrees_on_what_is_in_the_files(tmp_path: Path) -> None:
    np.arange(4, dtype="<f4").tofile(tmp_path / "a.data")
    save(tmp_path / "m.onnx", outside("a", "a.data", (2, 2)))
    loaded = onnx.load(tmp_path / "m.onnx")
    assert [entry.value for entry in loaded.graph.initializer[0].external_data] or loaded.graph.initializer[0].raw_data
