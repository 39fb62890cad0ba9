"""rtdeploy.yaml → :class:`~rtdeploy.spec.model.Spec`: units, precedence, every mistake with its place."""

from rtdeploy.spec.flat import environment_of, flatten
from rtdeploy.spec.loading import Measures, load, measures
from rtdeploy.spec.precedence import Override
from rtdeploy.spec.projects import Template, init
from rtdeploy.spec.schema import json_schema

__all__ = ["Measures", "Override", "Template", "environment_of", "flatten", "init", "json_schema", "load", "measures"]
