"""Unpickle a model without running what it asks for: only names on a list are ever looked up.

A pickle is a program that calls what it names. Here it may name the classes of scikit-learn, the wrappers of XGBoost
and LightGBM, the containers of SciPy and the few functions with which numpy rebuilds arrays, and nothing else. This
stops every pickle that reaches for a function outside of those libraries; it is no proof that no chain of classes
inside them does harm, so a pickle is still read only where the user says ``trust: true``.

A copy of this file travels in the bundle, so it imports nothing of rtdeploy.
"""

import bz2
import codecs
import gzip
import importlib
import importlib.util
import inspect
import io
import lzma
import pickle
import zlib
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

__all__ = ["ForbiddenError", "load"]

_ROOTS = ("sklearn", "scipy.sparse", "scipy.interpolate")
_ARRAY = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_BUILTINS = frozenset({
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "set",
    "slice", "str", "tuple",
})  # fmt: skip
_RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}
"""Protocols 0 to 2 write the names of Python 2."""
_NAMES = frozenset({
    "collections.OrderedDict", "collections.defaultdict", "collections.deque",
    "copyreg._reconstructor",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier", "lightgbm.sklearn.LGBMModel", "lightgbm.sklearn.LGBMRanker",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype", "numpy.mean", "numpy.ndarray",
    "numpy._core.multiarray._reconstruct", "numpy._core.multiarray.scalar", "numpy._core.numeric._frombuffer",
    "numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar", "numpy.core.numeric._frombuffer",
    "numpy.random._pickle.__bit_generator_ctor", "numpy.random._pickle.__generator_ctor",
    "numpy.random._pickle.__randomstate_ctor", "numpy.random._mt19937.MT19937", "numpy.random._pcg64.PCG64",
    "numpy.random.bit_generator.SeedSequence", "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
    "sklearn.cluster._kmeans._kmeans_single_elkan", "sklearn.cluster._kmeans._kmeans_single_lloyd",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    "sklearn.neighbors._ball_tree.newObj", "sklearn.neighbors._kd_tree.newObj",
    "sklearn.metrics._dist_metrics.newObj",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBModel", "xgboost.sklearn.XGBRFClassifier",
    "xgboost.sklearn.XGBRFRegressor", "xgboost.sklearn.XGBRanker", "xgboost.sklearn.XGBRegressor",
})  # fmt: skip


class ForbiddenError(pickle.UnpicklingError):
    """The pickle names something that is not on the list; ``name`` says what."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the pickle asks for {name}")
        self.name = name


def load(path: Path) -> Any:
    """Read a pickle or a joblib file, compressed or not.

    Raises:
        ForbiddenError: It names something that is not on the list; nothing of it was called.
        pickle.UnpicklingError, OSError, EOFError, zlib.error, …: It is no pickle, or a damaged one.

    """
    with path.open("rb") as file, _decompressed(file) as stream:
        unpickler = _arrays_beside(path, stream) if importlib.util.find_spec("joblib") else _Unpickler(stream)
        return unpickler.load()


def _decompressed(file: IO[bytes]) -> IO[bytes]:
    """Undo the compression that joblib offers; LZ4 needs a library of its own and stays what it is: no pickle."""
    magic = file.read(6)
    file.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if magic.startswith(b"BZh"):
        return bz2.open(file)
    if magic.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return lzma.open(file)
    if magic.startswith((b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")):
        return io.BytesIO(zlib.decompress(file.read()))
    return file


def _look_up(module: str, name: str) -> Any:
    """Find what a pickle names, or refuse."""
    module = _RENAMED.get(module, module)
    if "." in name:  # would walk through attributes: ("sklearn.base", "os.system")
        raise ForbiddenError(f"{module}.{name}")
    if module == "builtins" and name in _BUILTINS:
        return getattr(importlib.import_module("builtins"), name)
    if (module, name) == ("_codecs", "encode"):
        return _encode
    if f"{module}.{name}" in _NAMES:
        return _import(module, name)
    found = _import(module, name) if _is_under(module, (*_ROOTS, "numpy")) else None
    if found is not None and (_is_class(found, module) or _is_numeric(found, module)):
        return found
    raise ForbiddenError(f"{module}.{name}")


def _import(module: str, name: str) -> Any:
    """Get a name that may be read; a library that is missing altogether is an ImportError."""
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError as error:
        raise ForbiddenError(f"{module}.{name}, which this release of the library does not have") from error
    except ModuleNotFoundError as error:
        if error.name == module.split(".", maxsplit=1)[0]:
            raise
        raise ForbiddenError(f"{module}.{name}, which this release of the library does not have") from error


def _is_under(module: str, roots: tuple[str, ...]) -> bool:
    parts = module.split(".")
    inside = any(parts[: root.count(".") + 1] == root.split(".") for root in roots)
    return inside and not {"tests", "testing", "conftest", "externals", "_testing"} & set(parts)


def _is_class(found: Any, module: str) -> bool:
    """A class of the library itself, or what Cython makes to rebuild one; not what the library imports."""
    if not _is_under(module, _ROOTS):
        return False
    rebuilds = getattr(found, "__name__", "").startswith("__pyx_unpickle_")
    return (isinstance(found, type) and _is_under(found.__module__, _ROOTS)) or rebuilds


def _is_numeric(found: Any, module: str) -> bool:
    """A scalar type or an element-wise function of numpy."""
    scalar = isinstance(found, type) and issubclass(found, np.generic | np.dtype)
    return _is_under(module, ("numpy",)) and (scalar or isinstance(found, np.ufunc))


def _encode(text: str, encoding: str) -> bytes:
    """Protocols 0 to 2 write bytes so; any other encoding would import a module of that name."""
    if encoding != "latin1":
        raise ForbiddenError(f"the encoding {encoding}")
    return codecs.encode(text, "latin1")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _look_up(module, name)


def _arrays_beside(path: Path, stream: IO[bytes]) -> pickle.Unpickler:
    """Make joblib's own unpickler, which finds arrays beside the pickle in the same file, look names up in our list."""
    from joblib import numpy_pickle

    class Array(numpy_pickle.NumpyArrayWrapper):  # type: ignore[misc, unused-ignore]
        def read_array(self, unpickler: Any, *rest: Any) -> Any:
            """Arrays of objects are pickles in the pickle, for which some releases of joblib forget the list."""
            if self.dtype.hasobject:
                return _Unpickler(unpickler.file_handle).load()
            return super().read_array(unpickler, *rest)

    class Unpickler(numpy_pickle.NumpyUnpickler):  # type: ignore[misc, unused-ignore]
        def find_class(self, module: str, name: str) -> Any:
            return Array if (module, name) == _ARRAY else _look_up(module, name)

    takes = inspect.signature(numpy_pickle.NumpyUnpickler).parameters
    native = {"ensure_native_byte_order": True} if "ensure_native_byte_order" in takes else {}
    return cast("pickle.Unpickler", Unpickler(str(path), stream, **native))
