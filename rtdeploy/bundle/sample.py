"""One request that the user wrote down, in whatever form is at hand.

Open Inference JSON states names, datatypes and shapes, and all of them must be right. Rows, as JSON or CSV, state
values only: they take the datatype of the model where it is known, else FP64 for numbers, BOOL and BYTES.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from rtdeploy.bundle.signature import Array, Datatype
from rtdeploy.bundle.values import WrongError, cast, difference, flat
from rtdeploy.errors import BundleError

__all__ = ["Given", "Request", "Table", "parse", "read"]

_LARGEST = 16 * 1024 * 1024
_FORMS = 'Write Open Inference JSON ({"inputs": […]}), rows as JSON ([{"a": 1, …}] or [[1, …]]), or CSV with a header.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows; a value is a number, a truth value, a text or a nested list of one of them."""

    columns: tuple[str, ...]
    """Empty where nobody named them."""
    rows: tuple[tuple[Any, ...], ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.rows[0])

    def column(self, index: int) -> list[Any]:
        """Values of one column, from the first row to the last."""
        return [row[index] for row in self.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Tensors with their names and datatypes."""

    tensors: Mapping[str, tuple[Datatype, Array]]


Given: TypeAlias = Table | Request


def read(path: Path) -> Given:
    """Read a sample.

    Raises:
        BundleError: The file is missing, too large, empty, ragged, has missing values or none of the forms.

    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{path}: the sample cannot be read.", remedy="Check model.sample.", detail=str(error)
        ) from error
    if len(content) > _LARGEST:
        raise BundleError(
            f"{path}: a sample of {len(content)} bytes.", remedy="A sample is one request: at most 16 MiB."
        )
    try:
        return parse(content)
    except RecursionError as error:
        raise BundleError(f"{path}: the sample is nested too deeply.", remedy=_FORMS) from error
    except WrongError as error:
        raise BundleError(f"{path}: {error}.", remedy=_FORMS) from error


def parse(content: bytes) -> Given:
    """Read a sample from bytes; raises ``ValueError`` with a sentence."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongError("the sample is not text in UTF-8") from error
    if not text.strip():
        raise WrongError("the sample is empty")
    return _from_json(text) if text.lstrip()[0] in "[{" else _from_csv(text)


def _from_json(text: str) -> Given:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise WrongError(f"the sample is not JSON: {error}") from error
    if isinstance(document, dict):
        return _request(document["inputs"]) if _is_request(document) else _objects([document])
    if not document:
        raise WrongError("the sample is empty")
    kinds = {type(row) for row in document}
    if kinds == {dict}:
        return _objects(document)
    if kinds == {list}:
        return _table((), document)
    if kinds == {str}:
        return _table((), [[text] for text in document])
    raise WrongError("the sample is a list, but not of rows: write [[1, 2, …]] for one row")


def _is_request(document: dict[str, Any]) -> bool:
    inputs = document.get("inputs")
    return isinstance(inputs, list) and all(isinstance(one, dict) and "datatype" in one for one in inputs)


def _request(inputs: list[dict[str, Any]]) -> Request:
    tensors: dict[str, tuple[Datatype, Array]] = {}
    for one in inputs:
        name = one.get("name")
        if not isinstance(name, str) or name in tensors:
            raise WrongError(f"an input of the sample has no name of its own: {name!r}")
        tensors[name] = _tensor(name, one)
    if not tensors:
        raise WrongError("the sample has no inputs")
    return Request(tensors=tensors)


def _tensor(name: str, one: dict[str, Any]) -> tuple[Datatype, Array]:
    known = [str(datatype) for datatype in Datatype]
    if one["datatype"] not in known:
        raise WrongError(f"input {name!r}: no datatype {one['datatype']!r}; there are {', '.join(known)}")
    datatype, shape = Datatype(one["datatype"]), one.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise WrongError(f"input {name!r}: the shape is {shape!r}, not a list of sizes")
    values = flat(one.get("data", []))
    if len(values) != math.prod(shape):
        raise WrongError(f"input {name!r}: shape {shape} needs {math.prod(shape)} values, data has {len(values)}")
    if not values:
        raise WrongError(f"input {name!r} is empty")
    return datatype, cast(f"input {name!r}", values, datatype).reshape(shape)


def _objects(rows: list[dict[str, Any]]) -> Table:
    columns = tuple(rows[0])
    for number, row in enumerate(rows, start=1):
        if set(row) != set(columns):
            raise WrongError(f"row {number} and row 1 differ: {difference(columns, tuple(row))}")
    return _table(columns, [[row[column] for column in columns] for row in rows])


def _from_csv(text: str) -> Table:
    lines = [line for line in csv.reader(io.StringIO(text)) if line]
    header, *rows = lines
    if len(set(header)) != len(header):
        raise WrongError("two columns of the CSV have the same name")
    if not rows:
        raise WrongError("the CSV has a header and no row")
    if all(_number(cell) is not None for cell in header):
        raise WrongError("the CSV has no header: its first line is all numbers")
    texts = _table(tuple(header), rows)
    typed = [_typed(texts.column(index)) for index in range(texts.width)]
    return _table(texts.columns, list(zip(*typed, strict=True)))


def _typed(cells: list[str]) -> list[Any]:
    """A column of CSV is numbers, truth values or text, from its first row to its last."""
    numbers = [_number(cell) for cell in cells]
    if None not in numbers:
        return numbers
    truths = [{"true": True, "false": False}.get(cell.lower()) for cell in cells]
    return truths if None not in truths else cells


def _number(cell: str) -> float | int | None:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return None


def _table(columns: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> Table:
    width = len(columns) or len(rows[0])
    if not width:
        raise WrongError("the sample is empty")
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise WrongError(f"row {number} has {len(row)} values, not {width}")
        for index, value in enumerate(row):
            _check_there(value, f"row {number}, column {columns[index]!r}" if columns else f"row {number}")
    return Table(columns=columns, rows=tuple(tuple(row) for row in rows))


def _check_there(value: object, place: str) -> None:
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        raise WrongError(f"{place}: a value is missing or not finite, which JSON cannot carry")
    if isinstance(value, dict):
        raise WrongError(f"{place}: an object where a value should be")
