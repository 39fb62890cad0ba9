"""Plain values out of JSON or CSV as tensors: what they are, and whether a datatype holds them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rtdeploy.bundle.signature import Array, Datatype

__all__ = ["WrongError", "cast", "difference", "flat", "kind_of", "shape_of"]


class WrongError(ValueError):
    """Says in a sentence what does not fit."""


def shape_of(rows: Any) -> tuple[int, ...]:
    """Sizes of nested lists, judged by the first of each."""
    return (len(rows), *shape_of(rows[0])) if isinstance(rows, list | tuple) and rows else ()


def flat(nested: Any, *, depth: int = 32) -> list[Any]:
    """All values of nested lists, row by row; :class:`WrongError` where they are nested more than ``depth`` deep."""
    if not isinstance(nested, list | tuple):
        return [nested]
    if not depth:
        raise WrongError("the values are nested too deeply")
    return [
        value for one in nested for value in (flat(one, depth=depth - 1) if isinstance(one, list | tuple) else (one,))
    ]


def kind_of(values: Sequence[Any]) -> Datatype:
    """What values are where nobody says: BOOL, FP64 or BYTES; raises :class:`WrongError` for a mixture."""
    kinds = {bool if isinstance(v, bool) else float if isinstance(v, int | float) else type(v) for v in values}
    names = {bool: Datatype.BOOL, float: Datatype.FP64, str: Datatype.BYTES}
    if len(kinds) != 1 or (found := kinds.pop()) not in names:
        raise WrongError("the values are of different kinds")
    return names[found]


def cast(place: str, values: list[Any], datatype: Datatype) -> Array:
    """Make an array; a value that the datatype does not hold exactly (but for rounding floats) is refused."""
    accepts = {"b": bool, "O": str}.get(datatype.dtype.kind, int | float)
    for value in values:
        if not isinstance(value, accepts) or (isinstance(value, bool) and accepts is not bool):
            raise WrongError(f"{place}: {value!r} is no {datatype}")
        if isinstance(value, float) and not _holds(datatype, value):
            raise WrongError(f"{place}: {value!r} is no {datatype}")
    array = np.empty(len(values), dtype=datatype.dtype)
    try:
        with np.errstate(over="raise"):
            array[:] = values if datatype.dtype.kind not in "iu" else [int(value) for value in values]
    except (OverflowError, FloatingPointError, ValueError) as error:
        raise WrongError(f"{place}: a value is too large for {datatype}") from error
    return array


def _holds(datatype: Datatype, value: float) -> bool:
    return math.isfinite(value) and (datatype.dtype.kind == "f" or value.is_integer())


def difference(expected: Sequence[str], found: Sequence[str]) -> str:
    """``missing 'a', 'b'; not known 'c'``; empty where the same names are there in whatever order."""
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    parts = [
        f"{word} {', '.join(map(repr, names))}" for word, names in (("missing", missing), ("not known", extra)) if names
    ]
    return "; ".join(parts)
