"""The answer while the model cannot give one: a fixed value for every row, or a rule."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from rtdeploy.bundle.signature import Array, Datatype, Signature, Tensor
from rtdeploy.errors import UsageError
from rtdeploy.runtime.settings import ServeSettings

__all__ = ["Fallback", "fallback_of"]

Fallback: TypeAlias = Callable[[Mapping[str, Array]], Mapping[str, Array]]


def fallback_of(settings: ServeSettings, signature: Signature, bundle: Path) -> Fallback | None:
    """Build what the settings ask for.

    Raises:
        UsageError: the value does not fit the outputs, or there is no such rule.

    """
    if settings.fallback_value is not None:
        return _fixed(settings.fallback_value, signature)
    if settings.fallback_python is not None:
        return _rule(settings.fallback_python, signature, bundle)
    return None


def _fixed(value: Mapping[str, Any], signature: Signature) -> Fallback:
    names = [tensor.name for tensor in signature.outputs]
    if set(value) != set(names):
        raise UsageError(
            f"serve.fallback.value gives {', '.join(sorted(value))}; the model's outputs are {', '.join(names)}.",
            remedy="Give one value for every output.",
        )
    row = {tensor.name: _row(tensor, value[tensor.name]) for tensor in signature.outputs}
    return lambda inputs: {name: np.repeat(one, _rows(inputs), axis=0) for name, one in row.items()}


def _row(tensor: Tensor, value: Any) -> Array:
    """One row of an output; a single value stands for all elements of a row."""
    shape = (1, *(max(size, 1) for size in tensor.shape[1:]))
    try:
        if tensor.datatype is Datatype.BYTES:
            value = np.vectorize(lambda text: str(text).encode(), otypes=[object])(value)
        given = np.asarray(value, dtype=tensor.datatype.dtype)
        open_ended = given.ndim == 1 and len(tensor.shape) == 2 and tensor.shape[1] == -1
        return np.broadcast_to(given, (1, len(given)) if open_ended else shape)
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"serve.fallback.value: {value!r} does not fit output {tensor.name!r}, "
            f"{tensor.datatype} {list(tensor.shape)}.",
            remedy="Give one value, or one for every element of a row.",
        ) from error


def _rows(inputs: Mapping[str, Array]) -> int:
    return max((len(array) for array in inputs.values() if array.ndim), default=1)


def _rule(name: str, signature: Signature, bundle: Path) -> Fallback:
    function = _imported(name, bundle)
    wanted = {tensor.name: tensor.datatype.dtype for tensor in signature.outputs}

    def ask(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        said = function(inputs)
        return {output: np.asarray(said[output], dtype=dtype) for output, dtype in wanted.items()}

    return ask


def _imported(name: str, bundle: Path) -> Callable[[Mapping[str, Array]], Mapping[str, Any]]:
    module, _, attribute = name.partition(":")
    code = str(bundle / "code")
    if code not in sys.path:
        sys.path.insert(0, code)
    try:
        function = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"serve.fallback.python: there is no {name}.",
            remedy="Name module:function, from the bundle's code or an installed package.",
            detail=str(error),
        ) from error
    if not callable(function):
        raise UsageError(f"serve.fallback.python: {name} is not a function.", remedy="Name module:function.")
    return function  # type: ignore[no-any-return]
