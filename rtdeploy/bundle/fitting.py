"""A sample fitted to what the model takes, or refused with every difference."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rtdeploy.bundle.sample import Given, Request, Table
from rtdeploy.bundle.signature import Array, Datatype, Tensor
from rtdeploy.bundle.values import WrongError, cast, difference, flat, kind_of, shape_of
from rtdeploy.errors import BundleError

__all__ = ["conform", "describe", "made", "matrix", "named"]


def conform(given: Given, inputs: tuple[Tensor, ...], columns: tuple[str, ...] = ()) -> dict[str, Array]:
    """Fit a sample to inputs that are known; ``columns`` are the model's names for the columns of its only input.

    Raises:
        BundleError: ``detail`` has one line for every difference.

    """
    try:
        return _conform_request(given, inputs) if isinstance(given, Request) else _conform_table(given, inputs, columns)
    except WrongError as error:
        raise BundleError(
            "The sample does not fit the model.",
            remedy="Correct the sample; the lines below say how.",
            detail=str(error),
        ) from error


def _conform_request(given: Request, inputs: tuple[Tensor, ...]) -> dict[str, Array]:
    wrong = [
        _expected(tensor, describe(*found))
        for tensor in inputs
        if (found := given.tensors.get(tensor.name)) is not None and not _fits(tensor, *found)
    ]
    wrong += [_expected(tensor, "no such input") for tensor in inputs if tensor.name not in given.tensors]
    names = [tensor.name for tensor in inputs]
    wrong += [
        f"the model has no input {name!r}; it has {', '.join(names)}" for name in given.tensors if name not in names
    ]
    if wrong:
        raise WrongError("\n".join(wrong))
    return {name: given.tensors[name][1] for name in names}


def _fits(tensor: Tensor, datatype: Datatype, array: Array) -> bool:
    return datatype == tensor.datatype and _shape_fits(tensor.shape, array.shape)


def _shape_fits(expected: tuple[int, ...], found: tuple[int, ...]) -> bool:
    return len(expected) == len(found) and all(
        wanted in {-1, size} for wanted, size in zip(expected, found, strict=True)
    )


def _expected(tensor: Tensor, found: str) -> str:
    return f"input {tensor.name!r}: expected {tensor.datatype} {list(tensor.shape)}, the sample has {found}"


def describe(datatype: Datatype, array: Array) -> str:
    """``FP64 [1, 29]``."""
    return f"{datatype} {list(array.shape)}"


def _conform_table(given: Table, inputs: tuple[Tensor, ...], columns: tuple[str, ...]) -> dict[str, Array]:
    names = tuple(tensor.name for tensor in inputs)
    if set(given.columns) == set(names):
        return {t.name: _shaped(t, given.column(given.columns.index(t.name))) for t in inputs}
    if len(inputs) > 1:
        raise WrongError(f"columns: {difference(names, given.columns) or 'they have no names'}")
    ordered = _ordered(given, columns)
    (tensor,) = inputs
    rows = ordered.column(0) if len(tensor.shape) == 1 and ordered.width == 1 else list(ordered.rows)
    return {tensor.name: _shaped(tensor, rows)}


def _ordered(given: Table, columns: tuple[str, ...]) -> Table:
    """Put columns that bear names into the model's order."""
    if not columns or not given.columns:
        return given
    if wrong := difference(columns, given.columns):
        raise WrongError(f"columns: {wrong}")
    order = [given.columns.index(name) for name in columns]
    return Table(columns=columns, rows=tuple(tuple(row[index] for index in order) for row in given.rows))


def _shaped(tensor: Tensor, rows: Sequence[Any]) -> Array:
    """Make one tensor; a plain column fits [-1] and [-1, 1] alike."""
    values, shape = flat(rows), shape_of(rows)
    if len(shape) + 1 == len(tensor.shape) and tensor.shape[-1] in {-1, 1}:
        shape = (*shape, 1)
    if len(values) != math.prod(shape):
        raise WrongError(f"input {tensor.name!r}: the rows of the sample are of different length")
    if not _shape_fits(tensor.shape, shape):
        raise WrongError(_expected(tensor, f"{_kind(values)} {list(shape)}"))
    try:
        return cast(f"input {tensor.name!r}", values, tensor.datatype).reshape(shape)
    except WrongError as error:
        raise WrongError(f"{_expected(tensor, f'{_kind(values)} {list(shape)}')}: {error}") from error


def _kind(values: Sequence[Any]) -> str:
    try:
        return kind_of(values)
    except WrongError:
        return "a mixture"


def matrix(given: Given, columns: tuple[str, ...] = ()) -> dict[str, tuple[Datatype, Array]]:
    """Take a sample as one tensor, for a model that does not say what it takes; ``columns`` as in :func:`conform`.

    Raises:
        BundleError: The columns are of different kinds, or not those that the model knows.

    """
    if isinstance(given, Request):
        return dict(given.tensors)
    try:
        return {"input": _free(_ordered(given, columns).rows, "input")}
    except WrongError as error:
        raise BundleError(
            "The sample is not one table of one kind.",
            remedy="Name the columns (CSV with a header, or a list of objects), or write Open Inference JSON.",
            detail=str(error),
        ) from error


def named(given: Given) -> dict[str, tuple[Datatype, Array]]:
    """Take a sample as one tensor per column, shape [rows, …].

    Raises:
        BundleError: A column has values of different kinds.

    """
    if isinstance(given, Request):
        return dict(given.tensors)
    try:
        return {name: _free(given.column(index), name) for index, name in enumerate(given.columns)}
    except WrongError as error:
        raise BundleError(
            "A column of the sample is a mixture.",
            remedy="Write numbers, truth values or texts, one kind for each column.",
            detail=str(error),
        ) from error


def _free(rows: Sequence[Any], name: str) -> tuple[Datatype, Array]:
    datatype = kind_of(flat(rows))
    return datatype, _shaped(Tensor(name=name, datatype=datatype, shape=(-1,) * len(shape_of(rows))), rows)


def made(inputs: tuple[Tensor, ...]) -> dict[str, Array]:
    """Make a request of zeros and empty texts, one row, where nobody gave a sample."""
    return {
        tensor.name: np.full(
            [max(size, 1) for size in tensor.shape],
            "" if tensor.datatype is Datatype.BYTES else 0,
            dtype=tensor.datatype.dtype,
        )
        for tensor in inputs
    }
