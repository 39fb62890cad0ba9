"""The Open Inference Protocol on the wire: requests and responses as JSON, with or without binary tensors.

Sources: Open Inference Protocol, inference_rest.md; Triton, protocol/extension_binary_data.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from rtdeploy.bundle.signature import Array, Datatype, Signature, Tensor

__all__ = [
    "AnswerError",
    "BadRequestError",
    "InferRequest",
    "RequestedOutput",
    "decode",
    "decode_document",
    "encode",
    "encode_request",
]

Buffer = bytes | memoryview
_NOTHING = memoryview(b"")


class BadRequestError(ValueError):
    """The request does not fit the model; the text says what was expected and what was found."""


class AnswerError(ValueError):
    """The answer of the model cannot be written in the form that is wanted; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedOutput:
    """An output that the client names, and whether it wants it binary; None leaves that to the request."""

    name: str
    binary: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InferRequest:
    """A request with one array per input of the model.

    Attributes:
        inputs: In the order of the signature; BYTES are ``object`` arrays of ``bytes``.
        id: Given back in the response.
        outputs: What the client wants; empty means everything.
        parameters: Of the request as a whole.
        binary: Whether outputs that say nothing themselves are wanted binary.

    """

    inputs: Mapping[str, Array]
    id: str | None = None
    outputs: tuple[RequestedOutput, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    binary: bool = False


def decode(body: Buffer, signature: Signature, *, json_length: int | None = None) -> InferRequest:
    """Read a request.

    Args:
        body: JSON, or JSON followed by binary tensors.
        signature: What the model takes.
        json_length: Value of ``Inference-Header-Content-Length``; 0 is a raw request, whose body is one tensor.

    Raises:
        BadRequestError: it does not fit the signature.

    """
    if json_length == 0:
        return _decode_raw(body, signature)
    if json_length is not None and not 0 < json_length <= len(body):
        raise BadRequestError(f"Inference-Header-Content-Length is {json_length}, the body has {len(body)} bytes")
    text, rest = (
        (body, memoryview(b"")) if json_length is None else (body[:json_length], memoryview(body)[json_length:])
    )
    return decode_document(_parse(text), signature, rest)


def _parse(text: Buffer) -> dict[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"the request is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadRequestError("the request is not a JSON object")
    return document


def decode_document(document: Mapping[str, Any], signature: Signature, rest: memoryview = _NOTHING) -> InferRequest:
    """Read a request whose JSON is parsed already; ``rest`` holds its binary tensors.

    Raises:
        BadRequestError: it does not fit the signature.

    """
    tensors = document.get("inputs")
    if not isinstance(tensors, list) or not tensors:
        raise BadRequestError('the request has no "inputs", a list of tensors')
    expected = {tensor.name: tensor for tensor in signature.inputs}
    found: dict[str, Array] = {}
    for tensor in tensors:
        name = tensor.get("name") if isinstance(tensor, dict) else None
        if not isinstance(name, str) or name not in expected:
            raise BadRequestError(f"input {name!r} is not known; the model takes {_names(expected)}")
        if name in found:
            raise BadRequestError(f"input {name!r} is given twice")
        found[name], rest = _decode_tensor(tensor, expected[name], rest)
    if len(rest):
        raise BadRequestError(f"{len(rest)} bytes of binary data belong to no input")
    if len(found) < len(expected):
        raise BadRequestError(f"missing input {_names({name: None for name in expected if name not in found})}")
    request_id, parameters = document.get("id"), _parameters(document, "the request")
    if request_id is not None and not isinstance(request_id, str):
        raise BadRequestError('"id" is not a string')
    return InferRequest(
        inputs=found if len(found) == 1 else {name: found[name] for name in expected},
        id=request_id,
        outputs=_requested(document.get("outputs"), signature),
        parameters=parameters,
        binary=bool(_flag(parameters, "binary_data_output")),
    )


def _parameters(holder: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    parameters = holder.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise BadRequestError(f'{place}: "parameters" is not an object')
    return parameters


def _flag(parameters: Mapping[str, Any], name: str) -> bool | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadRequestError(f"{name} is {value!r}, not true or false")
    return value


def _requested(outputs: Any, signature: Signature) -> tuple[RequestedOutput, ...]:
    if not outputs:
        return ()
    if not isinstance(outputs, list) or not all(
        isinstance(o, dict) and isinstance(o.get("name"), str) for o in outputs
    ):
        raise BadRequestError('"outputs" is not a list of objects with a name')
    known = {tensor.name: None for tensor in signature.outputs}
    for output in outputs:
        if output["name"] not in known:
            raise BadRequestError(f"output {output['name']!r} is not known; there are {_names(known)}")
    return tuple(
        RequestedOutput(name=o["name"], binary=_flag(_parameters(o, f"output {o['name']!r}"), "binary_data"))
        for o in outputs
    )


def _decode_tensor(tensor: dict[str, Any], expected: Tensor, rest: memoryview) -> tuple[Array, memoryview]:
    shape = _shape(tensor, expected)
    if tensor.get("datatype") != expected.datatype:
        raise BadRequestError(
            f"input {expected.name!r}: expected {_form(expected.datatype, expected.shape)}, "
            f"got {_form(tensor.get('datatype'), shape)}"
        )
    size = _parameters(tensor, f"input {expected.name!r}").get("binary_data_size")
    if size is None:
        return _from_json(tensor.get("data"), expected, shape), rest
    if type(size) is not int or not 0 <= size <= len(rest):
        raise BadRequestError(f"input {expected.name!r}: binary_data_size is {size}, {len(rest)} bytes are left")
    return _from_bytes(rest[:size], expected, shape), rest[size:]


def _shape(tensor: dict[str, Any], expected: Tensor) -> tuple[int, ...]:
    shape = tensor.get("shape")
    if not isinstance(shape, list):
        raise BadRequestError(f"input {expected.name!r}: shape {shape!r} is not a list of whole numbers")
    wanted = expected.shape
    fits = len(shape) == len(wanted)
    for place, size in enumerate(shape):
        if type(size) is not int or size < 0:
            raise BadRequestError(f"input {expected.name!r}: shape {shape!r} is not a list of whole numbers")
        fits = fits and wanted[place] in (-1, size)
    if not fits:
        raise BadRequestError(
            f"input {expected.name!r}: expected {_form(expected.datatype, wanted)}, "
            f"got {_form(tensor.get('datatype'), shape)}"
        )
    return tuple(shape)


def _form(datatype: object, shape: Sequence[int]) -> str:
    return f"{datatype} [{', '.join(map(str, shape))}]"


def _from_json(data: Any, expected: Tensor, shape: tuple[int, ...]) -> Array:
    datatype = expected.datatype
    if not isinstance(data, list):
        raise BadRequestError(f'input {expected.name!r}: "data" is not a list')
    if datatype is Datatype.FP16:
        raise BadRequestError(f"input {expected.name!r}: FP16 has no JSON form; send it as binary data")
    if datatype is Datatype.BYTES:
        return _from_strings(data, expected, shape)
    try:
        array = np.array(data)
        if array.dtype.kind == "f" and datatype is Datatype.UINT64:
            array = _unsigned(data, array)
    except ValueError as error:
        raise BadRequestError(f'input {expected.name!r}: "data" is ragged') from error
    _check_kind(array, expected)
    _check_count(array.size, expected, shape)
    if array.ndim > 1 and array.shape != shape:
        raise BadRequestError(f'input {expected.name!r}: "data" is nested as {list(array.shape)}, not as {list(shape)}')
    return _shaped(_cast(array, expected), expected, shape)


def _unsigned(data: list[Any], array: Array) -> Array:
    """Numbers on both sides of 2**63 are floats to numpy; where all of them are whole they are read again."""
    exact = np.array(data, dtype=object)
    if all(type(item) is int and 0 <= item < 2**64 for item in exact.ravel().tolist()):
        return exact.astype(np.uint64)
    return array


def _cast(array: Array, expected: Tensor) -> Array:
    """JSON has one kind of float; what is infinite in a narrower one is refused."""
    dtype = expected.datatype.dtype
    if array.dtype == dtype:
        return array
    try:
        with np.errstate(over="raise"):
            return array.astype(dtype)
    except FloatingPointError as error:
        raise BadRequestError(
            f"input {expected.name!r}: a value is outside the range of {expected.datatype}"
        ) from error


def _shaped(array: Array, expected: Tensor, shape: tuple[int, ...]) -> Array:
    try:
        return array.reshape(shape)
    except (ValueError, OverflowError) as error:  # sizes beside a 0 may be larger than numpy takes
        raise BadRequestError(f"input {expected.name!r}: shape {list(shape)} is too large") from error


_KINDS = {"f": "iuf", "i": "iu", "u": "iu", "b": "b"}


def _check_kind(array: Array, expected: Tensor) -> None:
    """JSON numbers are read as numpy finds them; what does not fit the datatype exactly is refused, not bent."""
    dtype = expected.datatype.dtype
    if array.size and array.dtype.kind not in _KINDS[dtype.kind]:
        raise BadRequestError(f'input {expected.name!r}: "data" holds something that is no {expected.datatype}')
    if array.size and dtype.kind in "iu" and array.dtype != dtype:
        limits = np.iinfo(dtype.name)
        if int(array.min()) < limits.min or int(array.max()) > limits.max:
            raise BadRequestError(f"input {expected.name!r}: a value is outside the range of {expected.datatype}")


def _check_count(count: int, expected: Tensor, shape: tuple[int, ...]) -> None:
    if count != math.prod(shape):
        raise BadRequestError(
            f"input {expected.name!r}: shape {list(shape)} has {math.prod(shape)} elements, the data {count}"
        )


def _from_strings(data: list[Any], expected: Tensor, shape: tuple[int, ...]) -> Array:
    flat: list[Any] = data
    while flat and isinstance(flat[0], list):
        if not all(isinstance(row, list) for row in flat):
            raise BadRequestError(f'input {expected.name!r}: "data" is ragged')
        flat = [item for row in flat for item in row]
    if not all(isinstance(item, str) for item in flat):
        raise BadRequestError(f'input {expected.name!r}: "data" holds something that is no string')
    _check_count(len(flat), expected, shape)
    return _shaped(_objects([item.encode() for item in flat]), expected, shape)


def _objects(items: list[bytes]) -> Array:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _from_bytes(raw: memoryview, expected: Tensor, shape: tuple[int, ...]) -> Array:
    if expected.datatype is Datatype.BYTES:
        items = _split(raw, expected)
        _check_count(len(items), expected, shape)
        return _shaped(_objects(items), expected, shape)
    dtype = expected.datatype.dtype.newbyteorder("<")
    if len(raw) != math.prod(shape) * dtype.itemsize:
        raise BadRequestError(
            f"input {expected.name!r}: {_form(expected.datatype, shape)} takes {math.prod(shape) * dtype.itemsize} "
            f"bytes, there are {len(raw)}"
        )
    if expected.datatype is Datatype.BOOL and raw and max(raw) > 1:
        raise BadRequestError(f"input {expected.name!r}: a BOOL is neither 0 nor 1")
    return _shaped(np.frombuffer(raw, dtype=dtype), expected, shape)


def _split(raw: memoryview, expected: Tensor) -> list[bytes]:
    items, place = [], 0
    while place < len(raw):
        size = int.from_bytes(raw[place : place + 4], "little")
        place += 4
        if place + size > len(raw):
            raise BadRequestError(f"input {expected.name!r}: a string of {size} bytes reaches beyond the data")
        items.append(bytes(raw[place : place + size]))
        place += size
    return items


def _decode_raw(body: Buffer, signature: Signature) -> InferRequest:
    """One tensor and nothing else: the model has one input, batch 1, and at most one more free dimension."""
    if len(signature.inputs) != 1:
        raise BadRequestError("a raw request needs a model with one input; send a JSON header")
    (tensor,) = signature.inputs
    first, *others = tensor.shape or (1,)
    rest = [size for size in others if size != -1]
    if len(others) - len(rest) > 1 or tensor.datatype is Datatype.BYTES:
        raise BadRequestError(f"a raw request cannot tell the shape of {_form(tensor.datatype, tensor.shape)}")
    width = math.prod(rest) * tensor.datatype.dtype.itemsize
    free = len(body) // width if width else 0
    shape = (1 if first == -1 else first, *(free if size == -1 else size for size in others))
    return InferRequest(inputs={tensor.name: _from_bytes(memoryview(body), tensor, shape)}, binary=True)


def encode(
    outputs: Mapping[str, Array],
    signature: Signature,
    *,
    model: str,
    version: str = "",
    request: InferRequest,
    parameters: Mapping[str, Any] | None = None,
) -> tuple[bytes, int | None]:
    """Write a response; the second value is the length of its JSON where binary tensors follow, else None.

    Raises:
        AnswerError: the model left out an output, or gave what its datatype or JSON cannot say.
        BadRequestError: the client asks for FP16 as JSON.

    """
    wanted = [(output.name, output.binary) for output in request.outputs]
    described: list[dict[str, Any]] = []
    tail: list[bytes] = []
    types = {tensor.name: tensor.datatype for tensor in signature.outputs}
    for name, asked in wanted or [(name, None) for name in types]:
        array = outputs.get(name)
        if array is None:
            raise AnswerError(f"the model gave no output {name!r}")
        datatype = types[name]
        if array.dtype != datatype.dtype:
            array = _as_promised(name, array, datatype)
        described.append(_describe(name, datatype, array, tail, request.binary if asked is None else asked))
    document: dict[str, Any] = {"model_name": model}
    if version:
        document["model_version"] = version
    if request.id is not None:
        document["id"] = request.id
    if parameters:
        document["parameters"] = parameters
    document["outputs"] = described
    text = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return (b"".join((text, *tail)), len(text)) if tail else (text, None)


def _as_promised(name: str, array: Array, datatype: Datatype) -> Array:
    """A datatype is part of the contract with the client; numbers are widened or rounded, never bent."""
    try:
        return array.astype(datatype.dtype, casting="same_kind")
    except TypeError as error:
        raise AnswerError(f"the model gave {name!r} as {array.dtype}, which is no {datatype}") from error


def encode_request(inputs: Mapping[str, Array]) -> bytes:
    """Write inputs as the one canonical JSON request; the same arrays give the same bytes.

    Raises:
        BadRequestError: JSON cannot say them: FP16, NaN or infinity.

    """
    try:
        described = [_describe(name, Datatype.of(array.dtype), array, [], False) for name, array in inputs.items()]
    except AnswerError as error:
        raise BadRequestError("the inputs have NaN or infinity, which JSON cannot say") from error
    return orjson.dumps({"inputs": described}, option=orjson.OPT_SERIALIZE_NUMPY)


def _describe(name: str, datatype: Datatype, array: Array, tail: list[bytes], binary: bool) -> dict[str, Any]:
    tensor: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(array.shape)}
    if binary:
        raw = _to_bytes(datatype, array)
        tail.append(raw)
        tensor["parameters"] = {"binary_data_size": len(raw)}
    elif datatype is Datatype.FP16:
        raise BadRequestError(f"{name!r} is FP16, which has no JSON form; ask for it with binary_data")
    else:
        tensor["data"] = _to_json(datatype, array)
    return tensor


def _to_json(datatype: Datatype, array: Array) -> Any:
    if datatype is Datatype.BYTES:
        return [item.decode(errors="replace") if isinstance(item, bytes) else str(item) for item in array.ravel()]
    if datatype in _FLOATS and 0 in np.isfinite(array).tobytes():  # three times as quick as all() for a row
        raise AnswerError("the answer has NaN or infinity, which JSON cannot say; ask for it with binary_data")
    return np.ascontiguousarray(array.reshape(-1))


def _to_bytes(datatype: Datatype, array: Array) -> bytes:
    if datatype is not Datatype.BYTES:
        return np.ascontiguousarray(array, dtype=datatype.dtype.newbyteorder("<")).tobytes()
    items = [item if isinstance(item, bytes) else str(item).encode() for item in array.ravel()]
    return b"".join(len(item).to_bytes(4, "little") + item for item in items)


_FLOATS = (Datatype.FP32, Datatype.FP64)


def _names(known: Mapping[str, object]) -> str:
    return ", ".join(map(repr, known))
