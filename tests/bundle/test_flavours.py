"""Every kind of model becomes a bundle that we load, and that stock MLflow loads with the same predictions."""

import os
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from rtdeploy import bundle
from rtdeploy.bundle.openinference import decode
from rtdeploy.bundle.signature import Array
from tests.bundle.models import CASES, Case


def inputs_of(packaged: bundle.Bundle, rows: Any) -> dict[str, Array]:
    """The rows of an MLflow client as the tensors of the signature."""
    inputs = packaged.signature.inputs
    if isinstance(rows, dict):
        found = rows
    elif len(inputs) == 1:
        found = {inputs[0].name: rows}
    else:
        found = {tensor.name: rows[tensor.name] for tensor in inputs}
    arrays = {}
    for tensor in inputs:
        array = np.asarray(found[tensor.name])
        shaped = array.reshape(-1) if len(tensor.shape) == 1 else array
        kind = object if shaped.dtype.kind in "OUT" else tensor.datatype.dtype
        arrays[tensor.name] = (
            np.array([text.encode() for text in shaped.tolist()], dtype=object)
            if kind is object
            else shaped.astype(kind)
        )
    return arrays


def by_mlflow(path: Path, rows: Any) -> Any:
    """Predict with stock MLflow, which knows nothing of rtdeploy."""
    for name in [name for name in sys.modules if name.startswith(("rtdeploy_sklearn", "rtdeploy_python", "scorer"))]:
        del sys.modules[name]  # MLflow imports the loaders of two bundles under one name
    before = list(sys.path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc

        model = mlflow.pyfunc.load_model(str(path))
        found = model.predict(rows)
        if model.input_example is not None:
            model.predict(model.input_example)
    sys.path[:] = before
    return found


@pytest.fixture(scope="module", params=list(CASES))
def packaged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, bundle.Bundle]:
    """One kind of model, packaged once for all workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home = shared / "flavours" / request.param.replace(", ", "-").replace(" ", "-")
    home.mkdir(parents=True, exist_ok=True)
    kept = home / "case.pickle"
    with FileLock(home / "lock"):
        if not kept.exists():
            kept.write_bytes(pickle.dumps(_packaged(request.param, home)))
        case, path = pickle.loads(kept.read_bytes())
    return case, bundle.read(path)


def _packaged(kind: str, home: Path) -> tuple[Case, Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that save
        case = CASES[kind](home)
    return case, bundle.package(case.model, name="m", root=home, store=home / ".rtdeploy").path


def test_stock_mlflow_predicts_what_the_bundle_predicts(packaged: tuple[Case, bundle.Bundle]) -> None:
    case, made = packaged
    ours = bundle.load(made).predict(inputs_of(made, case.rows))
    theirs = by_mlflow(made.path, case.rows)
    if isinstance(theirs, dict):
        assert list(theirs) == list(ours)
        for name, array in ours.items():
            np.testing.assert_array_equal(np.asarray(theirs[name]), array)
    else:
        np.testing.assert_array_equal(np.asarray(theirs), ours[case.first_output])


def test_the_bundle_answers_its_own_sample_as_its_signature_says(packaged: tuple[Case, bundle.Bundle]) -> None:
    case, made = packaged
    again = bundle.read(made.path)
    outputs = bundle.load(again).predict(decode(again.sample, again.signature).inputs)
    assert [tensor.name for tensor in again.signature.outputs] == list(outputs)
    assert again.signature.outputs[0].name == case.first_output
    for tensor in again.signature.outputs:
        array = outputs[tensor.name]
        assert bundle.Datatype.of(array.dtype) == tensor.datatype
        assert len(tensor.shape) == array.ndim
        if tensor.name in case.outputs:
            assert (tensor.datatype, tensor.shape) == case.outputs[tensor.name]


def test_the_bundle_is_whole(packaged: tuple[Case, bundle.Bundle]) -> None:
    _, made = packaged
    bundle.verify(made)
    there = {str(path.relative_to(made.path)) for path in made.path.rglob("*") if path.is_file()}
    assert there - {"rtdeploy.json"} - {name for name in there if "__pycache__" in name} == set(made.files)


def test_requirements_are_pinned_to_what_is_installed(packaged: tuple[Case, bundle.Bundle]) -> None:
    _, made = packaged
    assert made.requirements
    assert all("==" in line for line in made.requirements)
    assert any(line.startswith("numpy==") for line in made.requirements)
