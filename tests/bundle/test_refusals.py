"""Whatever cannot be packaged ends in one error that says what it is and what to do."""

import hashlib
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from rtdeploy import bundle
from rtdeploy.bundle import sample
from rtdeploy.bundle.flavours import sklearn
from rtdeploy.bundle.flavours.interface import Draft
from rtdeploy.errors import BundleError, MissingDependencyError
from tests.bundle import hostile
from tests.bundle.models import iris_onnx, spec


def refused(home: Path, **model: object) -> BundleError:
    """The error, and nothing left in the store."""
    with pytest.raises(BundleError) as caught:
        bundle.package(spec(**model), name="m", root=home, store=home / "store")
    left = [path for path in (home / "store").glob("*") if path.name != ".cache"] if (home / "store").exists() else []
    assert not left
    assert caught.value.remedy
    return caught.value


def archive(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return stream.getvalue()


FILES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty": ("model.onnx", lambda: b"", "is empty"),
    "text": ("model.bin", lambda: b"hello, I am no model", "is no model"),
    "named onnx": ("model.onnx", lambda: b"hello, I am no model", "no ONNX model"),
    "TorchScript": ("model.pt", lambda: archive("m/data.pkl", "m/constants.pkl", "m/code/m.py"), "TorchScript"),
    "ExportedProgram": ("model.pt2", lambda: archive("serialized_exported_program.json"), "ExportedProgram"),
    "weights of torch": ("model.pt", lambda: archive("m/data.pkl", "m/data/0"), "torch.save"),
    "Keras": ("model.keras", lambda: archive("config.json", "model.weights.h5"), "Keras"),
    "HDF5": ("model.h5", lambda: b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
    "any archive": ("model.zip", lambda: archive("readme.txt"), "archive"),
    "cut-off archive": ("model.skops", lambda: archive("schema.json")[:-10], "cut off"),
    "safetensors": ("w.safetensors", lambda: (20).to_bytes(8, "little") + b'{"a":{}}          ', "weights"),
    "old XGBoost": ("model.bin", lambda: b"binf" + bytes(100), "old binary format"),
    "Parquet": ("train.parquet", lambda: b"PAR1" + bytes(100), "Parquet"),
    "broken skops": ("model.skops", lambda: archive("schema.json"), "cannot be opened"),
    "broken UBJSON": ("m.ubj", lambda: b"{L\x00\x00\x00\x00\x00\x00\x00\x07learner{", "XGBoost"),
    "broken JSON": ("m.json", lambda: b'{"learner": {}}', "XGBoost"),
    "LightGBM, cut off": ("m.txt", lambda: b"tree\nversion=v4\nnum_class=1\nTree=0\n", "cut off"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_no_model_is_refused(what: str, tmp_path: Path) -> None:
    name, content, words = FILES[what]
    (tmp_path / name).write_bytes(content())
    error = refused(tmp_path, path=name)
    assert words in error.summary


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path, path="nowhere.onnx").summary


def test_a_missing_sample_is_refused(tmp_path: Path) -> None:
    iris_onnx(tmp_path / "model.onnx")
    assert "sample cannot be read" in refused(tmp_path, path="model.onnx", sample="nowhere.json").summary


def test_a_model_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").symlink_to("model.onnx")
    assert "cannot be read" in refused(tmp_path, path="model.onnx").summary


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_off_onnx_model_is_refused(share: float, tmp_path: Path) -> None:
    iris_onnx(tmp_path / "whole.onnx")
    whole = (tmp_path / "whole.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(whole[: int(len(whole) * share)])
    assert "cut off" in refused(tmp_path, path="model.onnx").summary


def test_an_onnx_model_with_zipmap_is_refused_with_the_way_out(tmp_path: Path) -> None:
    iris_onnx(tmp_path / "model.onnx", zipmap=True)
    error = refused(tmp_path, path="model.onnx")
    assert "not a tensor" in error.summary
    assert "'zipmap': False" in error.remedy


def test_a_directory_without_mlmodel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "weights.bin").write_bytes(b"x")
    error = refused(tmp_path, path="saved")
    assert "without MLmodel" in error.summary
    assert "weights.bin" in error.remedy


@pytest.mark.parametrize(
    "content", ["", "[1]", "flavors: {}", "flavors: {python_function: 1}", "a: [", "a: !!python/x 1"]
)
def test_a_damaged_mlmodel_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "MLmodel").write_text(content)
    assert "MLmodel" in refused(tmp_path, path="saved").summary


def test_a_pickle_needs_trust(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(LogisticRegression().fit([[0], [1]], [0, 1])))
    (tmp_path / "sample.json").write_text("[[1]]")
    error = refused(tmp_path, path="model.pkl", sample="sample.json")
    assert "can run any code" in error.summary
    assert "trust: true" in error.remedy
    assert "skops" in error.remedy


@pytest.mark.parametrize("way", hostile.HOSTILE)
def test_a_hostile_pickle_is_refused_by_what_packages_it_and_nothing_of_it_runs(way: str, tmp_path: Path) -> None:
    path, proof = hostile.write(way, tmp_path)
    recipe = {"file": path.name, "format": "pickle"}
    given = sample.parse(b"[[1]]")
    with pytest.raises(BundleError, match="not on the list"):
        sklearn.examine(Draft(directory=tmp_path, recipe=recipe, trust=True, given=given))
    assert not proof.exists()


WAYS = ("os.system", "joblib, array of objects, zlib")


@pytest.mark.parametrize("way", WAYS)
def test_a_hostile_pickle_is_refused_when_it_is_packaged_and_nothing_of_it_runs(way: str, tmp_path: Path) -> None:
    _, proof = hostile.write(way, tmp_path)
    (tmp_path / "sample.json").write_text("[[1]]")
    error = refused(tmp_path, path="model.pkl", sample="sample.json", trust=True)
    assert "not on the list" in error.summary
    assert not proof.exists()


@pytest.fixture(scope="module")
def pickled(tmp_path_factory: pytest.TempPathFactory) -> bundle.Bundle:
    home = tmp_path_factory.mktemp("pickled")
    (home / "model.pkl").write_bytes(pickle.dumps(LogisticRegression().fit([[0], [1]], [0, 1])))
    (home / "sample.json").write_text("[[1]]")
    model = spec(path="model.pkl", sample="sample.json", trust=True)
    return bundle.package(model, name="m", root=home, store=home / "store")


@pytest.mark.parametrize("way", hostile.HOSTILE)
def test_a_hostile_pickle_is_refused_when_it_is_loaded_and_nothing_of_it_runs(
    way: str, pickled: bundle.Bundle, tmp_path: Path
) -> None:
    path, proof = hostile.write(way, tmp_path)
    recipe = {**pickled.recipe, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    forged = bundle.Bundle(
        **{name: getattr(pickled, name) for name in pickled.__slots__} | {"path": tmp_path, "recipe": recipe}
    )
    with pytest.raises(BundleError, match="not on the list"):
        bundle.load(forged)
    assert not proof.exists()


def test_a_pickle_that_was_exchanged_is_not_opened(pickled: bundle.Bundle, tmp_path: Path) -> None:
    hostile.write("os.system", tmp_path)
    moved = bundle.Bundle(**{name: getattr(pickled, name) for name in pickled.__slots__} | {"path": tmp_path})
    with pytest.raises(BundleError, match="not the pickle that was packaged"):
        bundle.load(moved)


def test_a_skops_file_with_types_that_nobody_knows_needs_trust_and_lists_them(tmp_path: Path) -> None:
    skops.io.dump(FunctionTransformer(np.linalg.norm).fit([[1.0]]), tmp_path / "model.skops")
    (tmp_path / "sample.json").write_text("[[1]]")
    error = refused(tmp_path, path="model.skops", sample="sample.json")
    assert "not known to be safe" in error.summary
    assert error.detail == "numpy.linalg.norm"
    assert "trust: true" in error.remedy


def test_a_skops_file_that_asks_for_python_itself_is_refused_with_trust_too(tmp_path: Path) -> None:
    skops.io.dump(FunctionTransformer(os.system).fit([[1.0]]), tmp_path / "model.skops")
    (tmp_path / "sample.json").write_text("[[1]]")
    assert "which no model needs" in refused(tmp_path, path="model.skops", sample="sample.json", trust=True).summary


def test_a_model_that_does_not_say_what_it_takes_needs_a_sample(tmp_path: Path) -> None:
    skops.io.dump(LogisticRegression().fit([[0], [1]], [0, 1]), tmp_path / "model.skops")
    error = refused(tmp_path, path="model.skops")
    assert "there is no sample" in error.summary
    assert "sample:" in error.remedy


def test_a_sample_that_scikit_learn_refuses_says_what_the_model_learned_from(tmp_path: Path) -> None:
    skops.io.dump(LogisticRegression().fit([[0, 1], [1, 1]], [0, 1]), tmp_path / "model.skops")
    (tmp_path / "sample.json").write_text("[[1, 2, 3]]")
    error = refused(tmp_path, path="model.skops", sample="sample.json")
    assert "2 columns" in error.remedy
    assert "3 features" in error.detail


def test_an_estimator_that_does_not_predict_is_refused(tmp_path: Path) -> None:
    skops.io.dump(StandardScaler().fit([[1.0]]), tmp_path / "model.skops")
    (tmp_path / "sample.json").write_text("[[1]]")
    assert "no estimator that predicts" in refused(tmp_path, path="model.skops", sample="sample.json").summary


def test_a_wrong_sample_for_onnx_is_refused_with_the_exact_difference(tmp_path: Path) -> None:
    iris_onnx(tmp_path / "model.onnx")
    (tmp_path / "sample.json").write_text("[[1, 2, 3]]")
    error = refused(tmp_path, path="model.onnx", sample="sample.json")
    assert error.detail == "input 'X': expected FP32 [-1, 4], the sample has FP64 [1, 3]"


CLASSES = {
    "no class": ("class Other: ...", "has no class Scorer"),
    "no predict": ("class Scorer: ...", "no class Scorer with a method predict"),
    "no Python": ("class Scorer(:", "is not Python that runs"),
    "raises": ("class Scorer:\n    def predict(self, inputs):\n        return 1 / 0", "failed on the sample"),
    "no dictionary": ("class Scorer:\n    def predict(self, inputs):\n        return 1", "predict returned int"),
    "no array": ("class Scorer:\n    def predict(self, inputs):\n        return {'a': [1]}", "list for 'a'"),
    "objects": (
        "import numpy\nclass Scorer:\n    def predict(self, inputs):\n        return {'a': numpy.array([None])}",
        "objects that are no texts",
    ),
    "crashes": (
        "import os\nclass Scorer:\n    def predict(self, inputs):\n        os.abort()",
        "crashed on the sample",
    ),
    "lost import": ("import nowhere_at_all\nclass Scorer:\n    def predict(self, inputs): ...", "failed on the sample"),
    "artifact": ("class Scorer:\n    artifacts = ('x.npz',)\n    def predict(self, inputs): ...", "is not there"),
    "far artifact": ("class Scorer:\n    artifacts = ('../../x',)\n    def predict(self, inputs): ...", "is not there"),
    "odd artifacts": ("class Scorer:\n    artifacts = open\n    def predict(self, inputs): ...", "plain tuple"),
}


@pytest.mark.parametrize("what", CLASSES)
def test_a_python_class_that_does_not_work_is_refused(what: str, tmp_path: Path) -> None:
    code, words = CLASSES[what]
    (tmp_path / "scorer.py").write_text(code)
    (tmp_path / "sample.json").write_text("[[1]]")
    assert words in refused(tmp_path, python="scorer:Scorer", sample="sample.json").summary


def test_the_end_of_a_traceback_is_in_the_detail(tmp_path: Path) -> None:
    (tmp_path / "scorer.py").write_text(CLASSES["raises"][0])
    (tmp_path / "sample.json").write_text("[[1]]")
    assert "ZeroDivisionError" in refused(tmp_path, python="scorer:Scorer", sample="sample.json").detail


def test_a_missing_module_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sample.json").write_text("[[1]]")
    error = refused(tmp_path, python="scorer:Scorer", sample="sample.json")
    assert "No module scorer" in error.summary
    assert "scorer.py" in error.remedy


def test_a_missing_library_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iris_onnx(tmp_path / "model.onnx")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "onnxruntime.py").write_text("raise ImportError('hidden for this test')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hidden"))
    with pytest.raises(MissingDependencyError) as caught:
        bundle.package(spec(path="model.onnx"), name="m", root=tmp_path, store=tmp_path / "store")
    assert caught.value.remedy == "pip install 'rtdeploy[serve]'"
