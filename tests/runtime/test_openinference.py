"""The codec of the protocol: what is written is read again, and what is not a request is refused in words."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rtdeploy.bundle.openinference import (
    AnswerError,
    BadRequestError,
    InferRequest,
    RequestedOutput,
    decode,
    encode,
    encode_request,
)
from rtdeploy.bundle.signature import Array, Datatype, Signature, Tensor

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


def arrays(datatype: Datatype, *, binary: bool) -> st.SearchStrategy[Array]:
    """Arrays of a datatype that the form can carry."""
    if datatype is Datatype.BYTES:
        items = st.binary(max_size=5) if binary else st.text(max_size=5).map(str.encode)
        return SHAPES.flatmap(lambda shape: hnp.arrays(object, shape, elements=items))
    if datatype.dtype.kind == "f" and not binary:
        width: Any = datatype.dtype.itemsize * 8
        finite = st.floats(width=width, allow_nan=False, allow_infinity=False)
        return hnp.arrays(datatype.dtype, SHAPES, elements=finite)
    return hnp.arrays(datatype.dtype, SHAPES)


@st.composite
def tensors(draw: st.DrawFn, *, binary: bool) -> dict[str, tuple[Datatype, Array]]:
    """One to three named tensors."""
    kinds = [kind for kind in Datatype if binary or kind is not Datatype.FP16]
    found = {}
    for name in draw(st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=3, unique=True)):
        datatype = draw(st.sampled_from(kinds))
        found[name] = (datatype, draw(arrays(datatype, binary=binary)))
    return found


def signature_of(given: Mapping[str, tuple[Datatype, Array]], *, free: bool = True) -> Signature:
    described = tuple(
        Tensor(name=name, datatype=datatype, shape=(-1,) * array.ndim if free else array.shape)
        for name, (datatype, array) in given.items()
    )
    return Signature(inputs=described, outputs=described)


def same(found: Mapping[str, Array], expected: Mapping[str, tuple[Datatype, Array]]) -> None:
    assert list(found) == list(expected)
    for name, (datatype, array) in expected.items():
        assert found[name].dtype == datatype.dtype
        assert found[name].shape == array.shape
        if datatype is Datatype.BYTES:
            assert found[name].tolist() == array.tolist()
        else:
            assert found[name].tobytes() == np.ascontiguousarray(array).tobytes()


def binary_request(given: Mapping[str, tuple[Datatype, Array]]) -> tuple[bytes, int]:
    """What tritonclient sends: the response's form is the request's, but for its key."""
    body, length = encode(
        {name: array for name, (_, array) in given.items()},
        signature_of(given),
        model="m",
        request=InferRequest(inputs={}, binary=True),
    )
    assert length is not None
    head = json.loads(body[:length])
    text = json.dumps({"inputs": head["outputs"]}).encode()
    return text + body[length:], len(text)


@quick
@given(tensors(binary=False), st.booleans())
def test_a_request_in_json_is_read_as_it_was_written(given: dict[str, tuple[Datatype, Array]], free: bool) -> None:
    body = encode_request({name: array for name, (_, array) in given.items()})
    same(decode(body, signature_of(given, free=free)).inputs, given)


@quick
@given(tensors(binary=True), st.booleans())
def test_a_request_in_binary_is_read_as_it_was_written(given: dict[str, tuple[Datatype, Array]], free: bool) -> None:
    body, length = binary_request(given)
    same(decode(memoryview(body), signature_of(given, free=free), json_length=length).inputs, given)


@quick
@given(tensors(binary=False))
def test_nested_data_are_the_same_as_flat_data(given: dict[str, tuple[Datatype, Array]]) -> None:
    document = json.loads(encode_request({name: array for name, (_, array) in given.items()}))
    for tensor, (_, array) in zip(document["inputs"], given.values(), strict=True):
        if array.ndim and array.size:
            nested = np.array([item.decode() if isinstance(item, bytes) else item for item in array.ravel()], object)
            tensor["data"] = nested.reshape(array.shape).tolist()
    text = json.dumps(document, default=lambda item: item.item())
    same(decode(text.encode(), signature_of(given)).inputs, given)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("name", "datatype", "shape", "data", "parameters")


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[bytes, int | None, Signature]:
    """A request in which something was replaced by anything at all."""
    binary = draw(st.booleans())
    given = draw(tensors(binary=binary))
    body, length = binary_request(given) if binary else (encode_request({n: a for n, (_, a) in given.items()}), None)
    document, rest = json.loads(body[:length]), body[length:] if length else b""
    tensor = draw(st.sampled_from(document["inputs"]))
    place, key = draw(
        st.sampled_from(
            [(tensor, key) for key in KEYS]
            + [(tensor.setdefault("parameters", {}), "binary_data_size")]
            + [(document, key) for key in ("inputs", "outputs", "id", "parameters")]
        )
    )
    place[key] = draw(JSON | st.lists(st.integers(0, 2**62), max_size=4) | st.lists(JSON, max_size=3))
    text = json.dumps(document).encode()
    return text + rest, len(text) if binary else None, signature_of(given)


@settings(quick, max_examples=200)
@given(spoilt())
def test_a_spoilt_request_is_refused_in_words_or_read_and_nothing_else(
    request_: tuple[bytes, int | None, Signature],
) -> None:
    body, length, signature = request_
    with suppress(BadRequestError):
        decode(body, signature, json_length=length)


@settings(quick, max_examples=200)
@given(tensors(binary=True), st.data())
def test_bytes_turned_or_cut_are_refused_in_words_or_read_and_nothing_else(
    given: dict[str, tuple[Datatype, Array]], data: st.DataObject
) -> None:
    body, length = binary_request(given)
    place = data.draw(st.integers(0, len(body) - 1))
    spoiled = body[:place] + data.draw(st.binary(max_size=3)) + body[place + data.draw(st.integers(0, 3)) :]
    told = data.draw(st.sampled_from([length, 0, None]) | st.integers(0, 2 * len(body)))
    with suppress(BadRequestError):
        decode(spoiled, signature_of(given), json_length=told)


OUT = Signature(
    inputs=(Tensor(name="x", datatype=Datatype.FP32, shape=(-1,)),),
    outputs=(
        Tensor(name="y", datatype=Datatype.FP32, shape=(-1,)),
        Tensor(name="z", datatype=Datatype.FP16, shape=(-1,)),
    ),
)
ANSWER: dict[str, Array] = {"y": np.ones(2, np.float32), "z": np.ones(2, np.float16)}


def test_an_output_that_has_no_json_form_is_had_as_binary_beside_others_in_json() -> None:
    asked = InferRequest(inputs={}, outputs=(RequestedOutput(name="z", binary=True), RequestedOutput(name="y")))
    body, length = encode(ANSWER, OUT, model="m", request=asked)
    assert length is not None
    z, y = json.loads(body[:length])["outputs"]
    assert z == {"name": "z", "datatype": "FP16", "shape": [2], "parameters": {"binary_data_size": 4}}
    assert y["data"] == [1.0, 1.0]
    with pytest.raises(BadRequestError, match="FP16, which has no JSON form"):
        encode(ANSWER, OUT, model="m", request=InferRequest(inputs={}))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"z": ANSWER["z"]}, "gave no output 'y'"),
        ({"y": np.array([np.inf], np.float32)}, "NaN or infinity"),
        ({"y": np.array(["high"], object)}, "no FP32"),
        ({"y": np.array([1j])}, "no FP32"),
    ],
)
def test_an_answer_that_cannot_be_said_is_the_models_fault(answer: dict[str, Any], words: str) -> None:
    asked = InferRequest(inputs={}, outputs=(RequestedOutput(name="y"),))
    with pytest.raises(AnswerError, match=words):
        encode(answer, OUT, model="m", request=asked)


def test_an_answer_is_rounded_to_the_datatype_that_the_signature_promises() -> None:
    asked = InferRequest(inputs={}, outputs=(RequestedOutput(name="y"),))
    body, _ = encode({"y": np.array([1, 2])}, OUT, model="m", request=asked)
    assert json.loads(body)["outputs"][0] == {"name": "y", "datatype": "FP32", "shape": [2], "data": [1.0, 2.0]}


@pytest.mark.parametrize("value", [3.4e38, -3.4e38, 1e37, 1e-45, 0.0])
def test_numbers_near_the_limits_of_a_datatype_are_read(value: float) -> None:
    body = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [2], "data": [value, 1]}]}).encode()
    assert decode(body, OUT).inputs["x"].tolist() == np.array([value, 1], np.float32).tolist()
