"""Files that hold a Python object: what of them is trusted, and opening them no further than that."""

import hashlib
import lzma
import pickle
import struct
import sys
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from rtdeploy.bundle import unpickling
from rtdeploy.bundle.libraries import need
from rtdeploy.bundle.manifest import Json
from rtdeploy.errors import BundleError

__all__ = ["TRUSTED", "Format", "check_unchanged", "load", "trust"]

TRUSTED = frozenset({
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier", "lightgbm.sklearn.LGBMRanker", "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype", "numpy.mean",
    "scipy.interpolate._bsplines.BSpline",
    "sklearn._loss.link.IdentityLink", "sklearn._loss.link.LogLink", "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss", "sklearn._loss.loss.HalfGammaLoss", "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfPoissonLoss", "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.loss.HalfTweedieLoss", "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration",
    "sklearn.cluster._bisect_k_means._BisectingTree",
    "sklearn.cluster._kmeans._kmeans_single_elkan", "sklearn.cluster._kmeans._kmeans_single_lloyd",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel", "sklearn.gaussian_process.kernels.DotProduct",
    "sklearn.gaussian_process.kernels.Matern", "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF", "sklearn.gaussian_process.kernels.RationalQuadratic",
    "sklearn.gaussian_process.kernels.Sum", "sklearn.gaussian_process.kernels.WhiteKernel",
    "sklearn.metrics._dist_metrics.EuclideanDistance64", "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.neighbors._ball_tree.BallTree", "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBRanker", "xgboost.sklearn.XGBRegressor",
})  # fmt: skip
"""What skops asks about and what estimators of these libraries are made of: data, and functions that compute."""

_UNREADABLE = (
    ArithmeticError, AttributeError, EOFError, ImportError, LookupError, MemoryError, OSError, TypeError, ValueError,
    lzma.LZMAError, pickle.UnpicklingError, struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What reading a damaged file, or one from another release of its library, raises."""


class Format(StrEnum):
    """How the estimator was saved."""

    SKOPS = "skops"
    PICKLE = "pickle"
    """Joblib too."""


def trust(path: Path, form: Format, *, trusted: bool) -> dict[str, Json]:
    """Decide what of a file may be opened; ``trusted`` is what the user says.

    Returns:
        For the recipe: the types of a skops file, or the SHA-256 of a pickle.

    Raises:
        BundleError: The user has to decide; or nobody should open this.

    """
    if form is Format.PICKLE:
        if not trusted:
            raise BundleError(
                f"{path.name} is a pickle, and opening a pickle can run any code.",
                remedy="Save it with skops (skops.io.dump(model, 'model.skops')), or say trust: true under model: "
                "where you know who made the file.",
            )
        return {"sha256": _sha256(path)}
    return {"trusted": _trusted_types(path, trusted=trusted)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _trusted_types(path: Path, *, trusted: bool) -> Json:
    skops = need("skops.io", what="A skops model", install="skops")
    try:
        asked = sorted(skops.get_untrusted_types(file=path))
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    never = [name for name in asked if name not in TRUSTED and _is_of_python(name)]
    if never:
        raise BundleError(
            f"{path.name} asks for {', '.join(never)}, which no model needs.",
            remedy="Do not use this file; trust: true does not open it either.",
        )
    unknown = [name for name in asked if name not in TRUSTED]
    if unknown and not trusted:
        raise BundleError(
            f"{path.name} asks for types that are not known to be safe.",
            remedy="Look at the list; where you know who made the file, say trust: true under model:.",
            detail="\n".join(unknown),
        )
    return list[Json](asked)


def _is_of_python(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in sys.stdlib_module_names


def check_unchanged(path: Path, recipe: Mapping[str, Json]) -> None:
    """Refuse a pickle that is not the one that was packaged."""
    if recipe["format"] == Format.PICKLE and _sha256(path) != recipe["sha256"]:
        raise BundleError(
            f"{path} is not the pickle that was packaged.",
            remedy="Run `rtdeploy package` again; do not open this file.",
        )


def load(path: Path, recipe: Mapping[str, Json]) -> Any:
    """Open the object; ``recipe`` has ``format`` and ``trusted``, as :func:`trust` gave them.

    Raises:
        BundleError: It names what it should not, or is damaged.
        MissingDependencyError: The library is not installed.

    """
    need("sklearn", what="A scikit-learn model", install="scikit-learn")
    try:
        with warnings.catch_warnings():
            # Another release of scikit-learn than the one that trained it; what differs in effect the sample shows.
            warnings.filterwarnings("ignore", message="Trying to unpickle estimator")
            if recipe["format"] == Format.PICKLE:
                return unpickling.load(path)
            skops = need("skops.io", what="A skops model", install="skops")
            return skops.load(path, trusted=recipe["trusted"])
    except unpickling.ForbiddenError as error:
        raise BundleError(
            f"{path.name} asks for {error.name}, which is not on the list of what a model may be made of.",
            remedy="Save the model with skops, or wrap it in a Python class (model: {python: 'module:Class'}).",
        ) from error
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> BundleError:
    return BundleError(
        f"{path.name} cannot be opened.",
        remedy="Save the model again with the releases of the libraries that are installed here.",
        detail=f"{type(error).__name__}: {error}",
    )
