"""The allow-list lets the models of scikit-learn through and nothing that runs anything."""

import io
import pickle
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.utils import all_estimators

from rtdeploy.bundle import unpickling
from tests.bundle import hostile

ROWS = np.abs(np.random.default_rng(0).normal(size=(40, 4)))
LABELS = np.arange(40) % 2


@pytest.mark.parametrize("way", hostile.HOSTILE)
def test_a_hostile_pickle_is_refused_and_nothing_of_it_runs(way: str, tmp_path: Path) -> None:
    path, proof = hostile.write(way, tmp_path)
    with pytest.raises(unpickling.ForbiddenError):
        unpickling.load(path)
    assert not proof.exists()


def test_the_refusal_names_what_the_pickle_asks_for(tmp_path: Path) -> None:
    path, _ = hostile.write("subprocess.Popen", tmp_path)
    with pytest.raises(unpickling.ForbiddenError, match=r"subprocess\.Popen"):
        unpickling.load(path)


def estimators() -> list[Any]:
    """Every model of scikit-learn that fits a plain table without being asked twice."""
    found = []
    for kind in ("classifier", "regressor", "cluster"):
        for _, make in all_estimators(type_filter=kind):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", FutureWarning)  # on its way out of scikit-learn
                try:
                    found.append(make().fit(ROWS, LABELS))
                except (TypeError, ValueError, AttributeError, FutureWarning):
                    continue  # a meta-estimator or one for another kind of target
    return found


def test_every_model_of_scikit_learn_comes_through_as_pickle_and_as_joblib(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    models = estimators()
    for model in models:
        for compress in (0, 3):
            stream = io.BytesIO()
            joblib.dump(model, stream, compress=compress)
            path.write_bytes(stream.getvalue())
            assert type(unpickling.load(path)) is type(model)
        path.write_bytes(pickle.dumps(model, protocol=2))
        assert type(unpickling.load(path)) is type(model)
    assert len(models) > 70


def test_arrays_beside_the_pickle_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "arrays.joblib"
    given = {"f": np.asfortranarray(ROWS), "i": LABELS.astype(">i4"), "s": np.array(["a", None], dtype=object)}
    joblib.dump(given, path)
    found = unpickling.load(path)
    for name, array in given.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("content", [b"", b"\x80", b"\x80\x04.", b"not a pickle at all", b"\x1f\x8b\x08\x00"])
def test_what_is_no_pickle_ends_in_an_error_of_pickle_or_of_the_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(content)
    with pytest.raises((pickle.UnpicklingError, EOFError, OSError, ValueError, IndexError, KeyError)):
        unpickling.load(path)
