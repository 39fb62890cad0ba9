"""A sample in any form becomes tensors, and what does not fit is refused with the difference."""

from pathlib import Path

import numpy as np
import pytest

from rtdeploy.bundle import fitting, sample
from rtdeploy.bundle.signature import Datatype, Tensor
from rtdeploy.errors import BundleError

X = (Tensor(name="x", datatype=Datatype.FP32, shape=(-1, 3)),)
COUNT = (Tensor(name="n", datatype=Datatype.INT64, shape=(-1, 1)),)
PAIR = (
    Tensor(name="age", datatype=Datatype.FP32, shape=(-1, 1)),
    Tensor(name="city", datatype=Datatype.BYTES, shape=(-1, 1)),
)


def fitted(text: str, inputs: tuple[Tensor, ...], columns: tuple[str, ...] = ()) -> dict[str, object]:
    arrays = fitting.conform(sample.parse(text.encode()), inputs, columns)
    return {name: array.tolist() for name, array in arrays.items()}


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ('{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1, 2.5, 3]}]}', ()),
        ('{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [[1, 2.5, 3]]}]}', ()),
        ("[[1, 2.5, 3]]", ()),
        ('[{"a": 1, "b": 2.5, "c": 3}]', ()),
        ('{"c": 3, "a": 1, "b": 2.5}', ("a", "b", "c")),
        ("c,b,a\n3,2.5,1\n", ("a", "b", "c")),
        ("\ufeffa,b,c\r\n1,2.5,3\r\n", ()),
        ('{"x": [1, 2.5, 3]}', ()),
    ],
)
def test_every_form_of_one_row_gives_the_same_tensor(text: str, columns: tuple[str, ...]) -> None:
    assert fitted(text, X, columns) == {"x": [[1, 2.5, 3]]}


def test_columns_go_to_the_inputs_of_their_name() -> None:
    assert fitted("city,age\nBonn,4\nJena,5\n", PAIR) == {"age": [[4], [5]], "city": [["Bonn"], ["Jena"]]}


@pytest.mark.parametrize(
    ("text", "inputs", "difference"),
    [
        (
            '{"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 2], "data": [1, 2]}]}',
            X,
            "input 'x': expected FP32 [-1, 3], the sample has FP64 [1, 2]",
        ),
        ("[[1, 2]]", X, "input 'x': expected FP32 [-1, 3], the sample has FP64 [1, 2]"),
        ('[["a", "b", "c"]]', X, "input 'x': expected FP32 [-1, 3], the sample has BYTES [1, 3]"),
        ("[[1, 2, 1e300]]", X, "a value is too large for FP32"),
        ("[[1, true, 3]]", X, "input 'x': True is no FP32"),
        ("[[1.5]]", COUNT, "input 'n': 1.5 is no INT64"),
        ("[[9223372036854775808]]", COUNT, "a value is too large for INT64"),
        ('{"age": 4}', PAIR, "missing 'city'"),
        ('{"age": 4, "city": "Bonn", "street": "x"}', PAIR, "not known 'street'"),
        ("[[4, 5]]", PAIR, "missing 'age', 'city'"),
        (
            '{"inputs": [{"name": "y", "datatype": "FP32", "shape": [1, 3], "data": [1, 2, 3]}]}',
            X,
            "the model has no input 'y'; it has x",
        ),
        ('{"inputs": [{"name": "y", "datatype": "FP32", "shape": [1], "data": [1]}]}', X, "input 'x': expected FP32"),
    ],
)
def test_a_sample_that_does_not_fit_is_refused_with_the_difference(
    text: str, inputs: tuple[Tensor, ...], difference: str
) -> None:
    with pytest.raises(BundleError) as caught:
        fitted(text, inputs)
    assert difference in caught.value.detail


def test_columns_that_the_model_does_not_know_are_named() -> None:
    with pytest.raises(BundleError) as caught:
        fitted("a,b,d\n1,2,3\n", X, ("a", "b", "c"))
    assert caught.value.detail == "columns: missing 'c'; not known 'd'"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"[]", "empty"),
        (b"{}", "empty"),
        (b"[[]]", "empty"),
        (b'{"inputs": []}', "no inputs"),
        (b"[[1, 2], [3]]", "row 2 has 1 values, not 2"),
        (b'[{"a": 1}, {"b": 1}]', "row 2 and row 1 differ: missing 'a'; not known 'b'"),
        (b"[[1, null]]", "missing"),
        (b"a,b\n1,\n", "row 1, column 'b': a value is missing"),
        (b"a,b\n1,nan\n", "row 1, column 'b': a value is missing or not finite"),
        (b"a,b\n", "no row"),
        (b"a,a\n1,2\n", "same name"),
        (b"1,2\n3,4\n", "no header"),
        (b"a,b\n1,2,3\n", "row 1 has 3 values, not 2"),
        (b"[1, 2, 3]", "not of rows"),
        (b"[[1], {}]", "not of rows"),
        (b"[[1, 2]", "not JSON"),
        (b"[[NaN]]", "not JSON"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b'[{"a": {"b": 1}}]', "an object where a value should be"),
        (b'{"inputs": [{"name": "x", "datatype": "FLOAT", "shape": [1], "data": [1]}]}', "no datatype 'FLOAT'"),
        (b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [2], "data": [1]}]}', "needs 2 values, data has 1"),
        (b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": "2", "data": [1]}]}', "not a list of sizes"),
        (b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [0], "data": []}]}', "empty"),
        (b'{"inputs": [{"datatype": "FP32", "shape": [1], "data": [1]}]}', "no name of its own"),
    ],
)
def test_what_is_no_sample_is_refused_in_words(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "sample"
    path.write_bytes(content)
    with pytest.raises(BundleError) as caught:
        sample.read(path)
    assert words in caught.value.summary
    assert caught.value.remedy


@pytest.mark.parametrize("depth", [500, 5000])
def test_a_sample_nested_without_end_is_refused(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "sample.json"
    path.write_text("[" * depth + "]" * depth)
    with pytest.raises(BundleError):
        fitting.conform(sample.read(path), X)


def test_a_sample_of_more_than_16_mib_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    with path.open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    with pytest.raises(BundleError, match="a sample of"):
        sample.read(path)


def test_a_made_sample_has_one_row_of_zeros() -> None:
    made = fitting.made((*X, *PAIR))
    np.testing.assert_array_equal(made["x"], np.zeros((1, 3), dtype=np.float32))
    assert made["city"].tolist() == [[""]]
