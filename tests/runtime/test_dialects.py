"""The clients that people use, and the forms that they send."""

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton

from rtdeploy.bundle import Bundle
from tests.runtime.bundles import FLOWERS
from tests.runtime.conftest import BEHAVIOUR, Server, doing

SETOSA, VIRGINICA = [5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]
BOTH = np.array([SETOSA, VIRGINICA], dtype=np.float32)


@pytest.fixture
def client(flowers: Server) -> Any:
    with triton.InferenceServerClient(f"127.0.0.1:{flowers.port}") as client:
        yield client


def _input(array: np.ndarray[Any, Any], *, binary: bool) -> Any:
    tensor = triton.InferInput("X", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def test_triton_client_finds_server_and_model_ready(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("flowers")
    assert client.is_model_ready("flowers", "1")
    assert not client.is_model_ready("trees")
    assert client.get_model_metadata("flowers")["inputs"][0]["name"] == "X"
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_triton_client_gets_the_same_answer_in_json_and_binary(client: Any, binary_in: bool, binary_out: bool) -> None:
    outputs = [triton.InferRequestedOutput(name, binary_data=binary_out) for name in ("probabilities", "label")]
    result = client.infer("flowers", [_input(BOTH, binary=binary_in)], outputs=outputs, request_id="one")
    assert result.as_numpy("label").tolist() == [0, 2]
    assert result.as_numpy("probabilities").shape == (2, 3)
    assert result.get_response()["id"] == "one"
    assert [one["name"] for one in result.get_response()["outputs"]] == ["probabilities", "label"]


def test_triton_client_gets_everything_where_it_asks_for_nothing(client: Any) -> None:
    result = client.infer("flowers", [_input(BOTH, binary=True)], model_version="1")
    assert result.as_numpy("label").tolist() == [0, 2]


def test_triton_client_hears_what_is_wrong(client: Any) -> None:
    with pytest.raises(triton.InferenceServerException, match=r"there is no model 'trees'"):
        client.infer("trees", [_input(BOTH, binary=True)])
    with pytest.raises(triton.InferenceServerException, match=r"no version '7'"):
        client.infer("flowers", [_input(BOTH, binary=True)], model_version="7")
    with pytest.raises(triton.InferenceServerException, match=r"expected FP32 \[-1, 4\], got FP32 \[2, 3\]"):
        client.infer("flowers", [_input(BOTH[:, :3].copy(), binary=True)])
    with pytest.raises(triton.InferenceServerException, match=r"output 'colour' is not known"):
        client.infer("flowers", [_input(BOTH, binary=True)], outputs=[triton.InferRequestedOutput("colour")])


def test_a_raw_tensor_is_a_whole_request(flowers: Server) -> None:
    response = flowers.client.post(
        "/v2/models/flowers/infer", content=BOTH[:1].tobytes(), headers={"Inference-Header-Content-Length": "0"}
    )
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/octet-stream"
    length = int(response.headers["inference-header-content-length"])
    assert json.loads(response.content[:length])["outputs"][0]["parameters"] == {"binary_data_size": 8}
    assert np.frombuffer(response.content[length : length + 8], dtype="<i8").tolist() == [0]


def _mlflow(server: Server) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's own making, on import
        from mlflow.pyfunc.scoring_server import client
    client_class: Any = client.ScoringServerClient
    return client_class("127.0.0.1", server.port)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_mlflow_client_sends_frames_and_arrays(rows: Server) -> None:
    client = _mlflow(rows)
    client.ping()
    assert client.get_version()
    frame = pd.DataFrame([VIRGINICA, SETOSA], columns=list(FLOWERS))
    for data in (frame, frame[list(reversed(FLOWERS))], frame.to_numpy()):
        assert client.invoke(data).get_predictions()[0].tolist() == [2, 0]


def test_mlflow_client_reaches_a_tensor_model(flowers: Server) -> None:
    answer = _mlflow(flowers).invoke(BOTH)
    assert json.loads(answer.to_json())["predictions"]["label"] == [0, 2]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_what_mlflow_makes_of_an_input_example_is_understood(rows: Server) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.models import convert_input_example_to_serving_input

    frame = pd.DataFrame([VIRGINICA], columns=list(FLOWERS))
    for example in (frame, frame.to_numpy()):
        body = str(convert_input_example_to_serving_input(example)).encode()
        assert rows.post("/invocations", body, headers={"content-type": "application/json"}).json() == {
            "predictions": [2]
        }


RECORD = dict(zip(FLOWERS, SETOSA, strict=True))


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": list(FLOWERS), "data": [SETOSA]}},
        {"dataframe_split": {"columns": list(reversed(FLOWERS)), "data": [SETOSA[::-1]], "index": [7]}},
        {"dataframe_records": [RECORD]},
        {"instances": [SETOSA]},
        {"instances": [RECORD]},
        {"inputs": [SETOSA]},
        {"inputs": {name: [value] for name, value in RECORD.items()}},
        {"inputs": [SETOSA], "params": {}},
    ],
)
@pytest.mark.parametrize("path", ["/invocations", "/v1/models/table:predict"])
def test_every_form_of_rows_is_understood(rows: Server, path: str, body: object) -> None:
    response = rows.post(path, body)
    assert (response.status_code, response.json()) == (200, {"predictions": [0]})


def test_sagemaker_sends_csv_and_may_ask_for_csv(rows: Server) -> None:
    body = f"{','.join(map(str, SETOSA))}\n{','.join(map(str, VIRGINICA))}\n".encode()
    headers = {"content-type": "text/csv", "x-amzn-sagemaker-custom-attributes": "ignored"}
    assert rows.post("/invocations", body, headers=headers).json() == {"predictions": [0, 2]}
    asked = rows.post("/invocations", body, headers=headers | {"accept": "text/csv"})
    assert (asked.headers["content-type"], asked.text) == ("text/csv; charset=utf-8", "0\n2\n")
    assert rows.post("/invocations", b",".join(map(str.encode, FLOWERS)) + b"\n" + body, headers=headers).json() == {
        "predictions": [0, 2]
    }


def test_azure_gets_the_predictions_alone(rows: Server) -> None:
    assert rows.post("/score", {"data": [SETOSA, VIRGINICA]}).json() == [0, 2]
    assert rows.post("/score", {"input_data": {"columns": list(FLOWERS), "data": [SETOSA]}}).json() == [0]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "exactly one of"),
        ({"instances": [SETOSA], "inputs": [SETOSA]}, "exactly one of"),
        ({"instances": [SETOSA], "mode": 1}, "unknown keys: mode"),
        ({"instances": [SETOSA], "params": {"temperature": 1}}, "takes no params"),
        ({"instances": []}, "a list of rows"),
        ({"instances": [[1, 2, 3]]}, "expected FP64 [-1, 4]"),
        ({"instances": [SETOSA, [1, 2]]}, "different length"),
        ({"instances": [["a", 1, 2, 3]]}, "is no FP64"),
        ({"instances": [[None, 1, 2, 3]]}, "is no FP64"),
        ({"instances": [[{}, 1, 2, 3]]}, "is no FP64"),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, "1 columns"),
        ({"dataframe_records": [RECORD, {"sepal_length": 1}]}, "same columns"),
        ({"dataframe_records": [{"sepal_length": 1}]}, "missing"),
        ({"inputs": {"sepal_length": [1, 2], "sepal_width": [1]}}, "same number of rows"),
        (b'{"instances": ' + b"[" * 900 + b"]" * 900 + b"}", "nested too deeply"),
    ],
)
def test_rows_that_do_not_fit_are_400_with_the_difference(rows: Server, body: Any, words: str) -> None:
    response = rows.post("/invocations", body)
    assert response.status_code == 400
    told = response.json()
    assert told["error_code"] == "BAD_REQUEST"
    assert words in told["message"]
    assert told["error"] == told["message"]


def test_a_content_type_that_is_not_understood_is_415(rows: Server) -> None:
    response = rows.post("/invocations", b"PAR1", headers={"content-type": "application/vnd.apache.parquet"})
    assert response.status_code == 415


TENSOR: dict[str, Any] = {"name": "X", "datatype": "FP32", "shape": [1, 4], "data": SETOSA}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Y"}, "input 'Y' is not known; the model takes 'X'"),
        ({"datatype": "FP64"}, "input 'X': expected FP32 [-1, 4], got FP64 [1, 4]"),
        ({"shape": [1, 5]}, "input 'X': expected FP32 [-1, 4], got FP32 [1, 5]"),
        ({"shape": [2, 4]}, "input 'X': shape [2, 4] has 8 elements, the data 4"),
        ({"shape": [-1, 4]}, "is not a list of whole numbers"),
        ({"shape": [True, 4]}, "is not a list of whole numbers"),
        ({"shape": [2**70, 4]}, "is not a list of whole numbers"),
        ({"data": [1, 2, 3, "4"]}, "something that is no FP32"),
        ({"data": [1, 2, 3, None]}, "something that is no FP32"),
        ({"data": [[1, 2], [3]]}, "ragged"),
        ({"data": [1, 2, 3, 1e300]}, "outside the range of FP32"),
        ({"data": None}, '"data" is not a list'),
        ({"parameters": [1]}, '"parameters" is not an object'),
        ({"parameters": {"binary_data_size": 16}}, "binary_data_size is 16, 0 bytes are left"),
        ({"parameters": {"binary_data_size": True}}, "binary_data_size is True"),
    ],
)
def test_a_tensor_that_does_not_fit_is_400_with_the_difference(
    flowers: Server, change: dict[str, Any], words: str
) -> None:
    response = flowers.post("/v2/models/flowers/infer", {"inputs": [TENSOR | change]})
    assert response.status_code == 400
    assert words in response.json()["error"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"inputs": []}, 'has no "inputs"'),
        ({"inputs": [TENSOR, TENSOR]}, "given twice"),
        ({"inputs": [TENSOR], "id": 5}, '"id" is not a string'),
        ({"inputs": [TENSOR], "parameters": 5}, '"parameters" is not an object'),
        ({"inputs": [TENSOR], "outputs": ["label"]}, '"outputs" is not a list of objects'),
        ({"inputs": [TENSOR], "outputs": [{"name": "label", "parameters": 5}]}, '"parameters" is not an object'),
        ({"inputs": [TENSOR], "outputs": [{"name": "label", "parameters": {"binary_data": 5}}]}, "not true or false"),
    ],
)
def test_a_request_that_is_wrong_around_its_tensors_is_400(flowers: Server, document: object, words: str) -> None:
    response = flowers.post("/v2/models/flowers/infer", document)
    assert response.status_code == 400
    assert words in response.json()["error"]


@pytest.mark.parametrize("length", ["7000", "-1", "x", "9" * 5000])
def test_a_header_length_that_cannot_be_is_400(flowers: Server, length: str) -> None:
    response = flowers.post(
        "/v2/models/flowers/infer", {"inputs": [TENSOR]}, headers={"Inference-Header-Content-Length": length}
    )
    assert response.status_code == 400


def test_an_answer_that_json_cannot_say_is_500_and_can_be_had_as_binary(plays: Server) -> None:
    response = plays.post(BEHAVIOUR, doing(("nan", 1.0)))
    assert (response.status_code, "NaN or infinity" in response.json()["error"]) == (500, True)
    assert plays.post(BEHAVIOUR, doing(("nan", 1.0), binary_data_output=True)).status_code == 200


def test_an_answer_that_is_not_what_the_signature_promises_is_500(plays: Server) -> None:
    assert "gave no output 'score'" in plays.post(BEHAVIOUR, doing(("missing", 1.0))).json()["error"]
    assert "no FP64" in plays.post(BEHAVIOUR, doing(("objects", 1.0))).json()["error"]


def test_both_forms_give_what_the_bundle_predicts(flowers: Server, onnx: Bundle) -> None:
    from rtdeploy import bundle as bundles

    model = bundles.load(onnx)
    expected = model.predict({"X": BOTH})["probabilities"]
    model.close()
    response = flowers.post(
        "/v2/models/flowers/infer", {"inputs": [TENSOR | {"shape": [2, 4], "data": BOTH.tolist()}]}
    ).json()
    np.testing.assert_array_equal(
        np.array(response["outputs"][1]["data"], dtype=np.float32).reshape(response["outputs"][1]["shape"]), expected
    )
