"""Rows instead of tensors: what MLflow, KServe V1, SageMaker and Azure ML clients send.

Forms of a JSON body, exactly one of them: ``dataframe_split``, ``dataframe_records``, ``instances``, ``inputs`` (MLflow
scoring protocol), ``input_data`` and ``data`` (Azure ML), or an Open Inference request.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from rtdeploy.bundle.fitting import conform
from rtdeploy.bundle.manifest import Bundle, Flavour
from rtdeploy.bundle.openinference import BadRequestError, InferRequest, decode_document
from rtdeploy.bundle.sample import Table
from rtdeploy.bundle.signature import Array, Signature
from rtdeploy.errors import BundleError
from rtdeploy.runtime.core import Prediction
from rtdeploy.runtime.http import JSON, RefusedError, Request, Response
from rtdeploy.runtime.protocols.openinference import OpenInference

__all__ = ["Rows"]

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs", "input_data", "data")
_BESIDES = frozenset({"params", "signature_name", "parameters", "id"})
_CSV = (b"text/csv",)
_JSON = (b"", b"application/json", b"application/octet-stream", b"application/x-www-form-urlencoded")
_CODES = {400: "BAD_REQUEST", 404: "NOT_FOUND", 413: "REQUEST_LIMIT_EXCEEDED", 429: "REQUEST_LIMIT_EXCEEDED"}


class _RowsRequest(InferRequest):
    """A request that was rows, and is answered with rows."""

    __slots__ = ()


class Rows:
    """The dialects that send rows; they differ in how the answer is wrapped.

    Args:
        bundle: The model.
        tensors: Reads Open Inference bodies.
        bare: Answer with the predictions alone, as Azure ML does, and not under ``predictions``.

    """

    def __init__(self, bundle: Bundle, tensors: OpenInference, *, bare: bool = False) -> None:
        self._signature = bundle.signature
        self._columns = bundle.columns
        self._first_only = bundle.flavour is Flavour.SKLEARN
        self._tensors = tensors
        self._bare = bare

    def read(self, request: Request) -> InferRequest:
        """JSON in any of the forms, or CSV without header."""
        if request.media_type in _CSV:
            return self._asked(_of_csv(request.body))
        if request.media_type not in _JSON:
            kind = request.media_type.decode(errors="replace")
            raise RefusedError(415, f"content type {kind!r} is not understood; send application/json or text/csv")
        if request.header(b"inference-header-content-length") is not None:
            return self._tensors.read(request)
        document = _parsed(request.body)
        if _is_open_inference(document):
            return decode_document(document, self._signature)
        form, value = _form_of(document)
        return self._asked(_table(form, value, self._signature))

    def write(self, prediction: Prediction, asked: InferRequest, request: Request) -> Response:
        """Predictions as JSON, or as CSV where the client asks for it; Open Inference gets Open Inference."""
        if not isinstance(asked, _RowsRequest):
            return self._tensors.write(prediction, asked, request)
        said = self._predictions(prediction.answer.outputs)
        if (request.header(b"accept") or b"").startswith(b"text/csv") and isinstance(said, list):
            return Response(200, _to_csv(said), b"text/csv; charset=utf-8")
        return Response(200, _dumped(said if self._bare else {"predictions": said}), JSON)

    def error(self, refused: RefusedError) -> Response:
        """MLflow's shape, with ``error`` beside it for everybody else."""
        code = _CODES.get(refused.status, "BAD_REQUEST" if refused.status < 500 else "INTERNAL_ERROR")
        told = {"error_code": code, "message": refused.words, "error": refused.words}
        return Response(refused.status, orjson.dumps(told), JSON, refused.headers)

    def _asked(self, table: Table) -> InferRequest:
        try:
            inputs = conform(table, self._signature.inputs, self._columns)
        except RecursionError as error:
            raise BadRequestError("the request is nested too deeply") from error
        except BundleError as error:
            raise BadRequestError(error.detail.replace("the sample", "the request") or error.summary) from error
        return _RowsRequest(inputs=inputs)

    def _predictions(self, outputs: Mapping[str, Array]) -> Any:
        """What MLflow's ``predict`` returns: the only or first output, else all by name."""
        lists = {name: _listed(array) for name, array in outputs.items()}
        return next(iter(lists.values())) if len(lists) == 1 or self._first_only else lists


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"the request is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadRequestError("the request is not a JSON object")
    return document


def _is_open_inference(document: Mapping[str, Any]) -> bool:
    inputs = document.get("inputs")
    return isinstance(inputs, list) and bool(inputs) and isinstance(inputs[0], dict) and "datatype" in inputs[0]


def _form_of(document: Mapping[str, Any]) -> tuple[str, Any]:
    forms = [form for form in _FORMS if form in document]
    if len(forms) != 1:
        raise BadRequestError(
            f"the request needs exactly one of {', '.join(_FORMS)}; it has {', '.join(forms) or 'none'}"
        )
    unknown = document.keys() - {*forms, *_BESIDES}
    if unknown:
        raise BadRequestError(f"the request has unknown keys: {', '.join(sorted(unknown))}")
    if document.get("params"):
        raise BadRequestError("this model takes no params")
    return forms[0], document[forms[0]]


def _table(form: str, value: Any, signature: Signature) -> Table:
    if isinstance(value, dict):
        return _split(value) if "data" in value else _by_name(value)
    if form == "dataframe_split" or not isinstance(value, list) or not value:
        raise BadRequestError(f'"{form}" is not what it should be: {_WANTED.get(form, "a list of rows")}')
    if isinstance(value[0], dict):
        return _records(value)
    if len(signature.inputs) == 1 and all(isinstance(row, list) for row in value):
        return Table(columns=(), rows=tuple(tuple(row) for row in value))
    return Table(columns=(), rows=tuple((row,) for row in value))


_WANTED = {
    "dataframe_split": 'an object with "columns" and "data"',
    "dataframe_records": "a list of objects",
    "input_data": 'rows, or an object with "columns" and "data"',
}


def _split(value: Mapping[str, Any]) -> Table:
    columns, data = value.get("columns") or [], value["data"]
    if not isinstance(columns, list) or not isinstance(data, list) or not data:
        raise BadRequestError('"columns" and "data" are not lists')
    rows = [row if isinstance(row, list) else [row] for row in data]
    if columns and any(len(row) != len(columns) for row in rows):
        raise BadRequestError(f"there are {len(columns)} columns, and a row of another length")
    return Table(columns=tuple(map(str, columns)), rows=tuple(map(tuple, rows)))


def _records(value: Sequence[Any]) -> Table:
    columns = tuple(value[0])
    if not all(isinstance(row, dict) and row.keys() == set(columns) for row in value):
        raise BadRequestError("the rows do not all have the same columns")
    return Table(columns=columns, rows=tuple(tuple(row[column] for column in columns) for row in value))


def _by_name(value: Mapping[str, Any]) -> Table:
    columns = {name: values if isinstance(values, list) else [values] for name, values in value.items()}
    if not columns or len({len(values) for values in columns.values()}) != 1:
        raise BadRequestError("the inputs do not all have the same number of rows")
    return Table(columns=tuple(columns), rows=tuple(zip(*columns.values(), strict=True)))


def _of_csv(body: bytes) -> Table:
    try:
        rows = [row for row in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRequestError(f"the request is not CSV in UTF-8: {error}") from error
    if not rows:
        raise BadRequestError("the request has no rows")
    header, body_rows = (rows[0], rows[1:]) if len(rows) > 1 and not any(map(_is_number, rows[0])) else ([], rows)
    return Table(columns=tuple(header), rows=tuple(tuple(map(_value, row)) for row in body_rows))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _value(text: str) -> str | float | int:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _listed(array: Array) -> Any:
    return (
        [item.decode(errors="replace") if isinstance(item, bytes) else item for item in array.tolist()]
        if array.ndim == 1
        else array.tolist()
    )


def _dumped(document: Any) -> bytes:
    return orjson.dumps(document, default=lambda item: item.decode(errors="replace"))


def _to_csv(rows: list[Any]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(row if isinstance(row, list) else [row] for row in rows)
    return text.getvalue().encode()
