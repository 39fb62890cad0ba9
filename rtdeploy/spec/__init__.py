"""rtdeploy.yaml → :class:`~rtdeploy.spec.model.Spec`: units, precedence, every mistake with its place."""

from rtdeploy.spec.flat import environment_of, flatten
from rtdeploy.spec.loading import Measures, load, measures
from rtdeploy.spec.precedence import Override

__all__ = ["Measures", "Override", "environment_of", "flatten", "load", "measures"]
