"""Bundle → a model that answers, opened by the one module that knows how."""

from rtdeploy.bundle.flavours.interface import FlavourModule
from rtdeploy.bundle.manifest import Bundle, Flavour
from rtdeploy.bundle.model import LoadedModel

__all__ = ["load", "module_of"]


def load(bundle: Bundle, *, threads: int = 1) -> LoadedModel:
    """Open a bundle for serving.

    Args:
        bundle: As :func:`rtdeploy.bundle.read` gave it.
        threads: How many threads one prediction may use.

    Raises:
        BundleError: A file is damaged, or not the one that was packaged.
        MissingDependencyError: The library of the flavour is not installed.

    """
    return module_of(bundle.flavour).open_model(bundle.path, bundle.recipe, bundle.signature, threads=threads)


def module_of(flavour: Flavour) -> FlavourModule:
    """Get the module that opens this flavour."""
    match flavour:
        case Flavour.ONNX:
            from rtdeploy.bundle.flavours import onnx

            return onnx
        case Flavour.SKLEARN:
            from rtdeploy.bundle.flavours import sklearn

            return sklearn
        case Flavour.XGBOOST:
            from rtdeploy.bundle.flavours import xgboost

            return xgboost
        case Flavour.LIGHTGBM:
            from rtdeploy.bundle.flavours import lightgbm

            return lightgbm
        case Flavour.MLFLOW:
            from rtdeploy.bundle.flavours import mlflow

            return mlflow
        case Flavour.PYTHON:
            from rtdeploy.bundle.flavours import python

            return python
