"""Every platform finds its routes, and every answer says how long it took."""

import re

import pytest

from tests.runtime.conftest import Server

TENSOR = {"name": "X", "datatype": "FP32", "shape": [2, 4], "data": [5.1, 3.5, 1.4, 0.2, 6.7, 3.0, 5.2, 2.3]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/flowers/ready", {"name": "flowers", "ready": True}),
        ("/v2/models/flowers/versions/1/ready", {"name": "flowers", "ready": True}),
        ("/v1/models/flowers", {"name": "flowers", "ready": True}),
    ],
)
def test_a_ready_server_says_so_on_every_health_route(flowers: Server, path: str, body: object) -> None:
    response = flowers.client.get(path)
    assert (response.status_code, response.json()) == (200, body)


@pytest.mark.parametrize(("path", "body"), [("/ping", b""), ("/health", b"\n"), ("/", b"Healthy")])
def test_platforms_that_only_look_at_the_status_get_200(flowers: Server, path: str, body: bytes) -> None:
    response = flowers.client.get(path)
    assert (response.status_code, response.content) == (200, body)


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_server_metadata_announces_the_binary_extension(flowers: Server, path: str) -> None:
    assert flowers.client.get(path).json()["extensions"] == ["binary_tensor_data"]


def test_model_metadata_names_inputs_and_outputs(flowers: Server) -> None:
    about = flowers.client.get("/v2/models/flowers").json()
    assert about["inputs"] == [{"name": "X", "datatype": "FP32", "shape": [-1, 4]}]
    assert [(one["name"], one["datatype"]) for one in about["outputs"]] == [
        ("label", "INT64"),
        ("probabilities", "FP32"),
    ]
    assert about["versions"] == ["1"]


@pytest.mark.parametrize(
    "path",
    [
        "/v2/models/flowers/infer",
        "/v2/models/flowers/versions/1/infer",
        "/v1/models/flowers:predict",
        "/invocations",
        "/score",
    ],
)
def test_an_open_inference_request_is_understood_on_every_inference_route(flowers: Server, path: str) -> None:
    answer = flowers.post(path, {"id": "seven", "inputs": [TENSOR]}).json()
    assert answer["id"] == "seven"
    assert answer["outputs"][0] == {"name": "label", "datatype": "INT64", "shape": [2], "data": [0, 2]}


def test_every_inference_answer_carries_its_times_and_version(flowers: Server) -> None:
    response = flowers.post("/v2/models/flowers/infer", {"inputs": [TENSOR]})
    assert re.fullmatch(
        r"queue;dur=[\d.]+, batch;dur=[\d.]+, predict;dur=[\d.]+, total;dur=[\d.]+", response.headers["server-timing"]
    )
    assert response.headers["rtdeploy-version"] == "v3"


def test_head_is_answered_like_get_without_a_body(flowers: Server) -> None:
    response = flowers.client.head("/v2/health/ready")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nowhere", "there is no /nowhere"),
        ("/v2/models/trees/infer", "there is no model 'trees'; this server has 'flowers'"),
        ("/v2/models/flowers/versions/2/infer", "model 'flowers' has no version '2'; it has '1'"),
        ("/v1/models/trees:predict", "there is no model 'trees'; this server has 'flowers'"),
    ],
)
def test_an_unknown_path_or_model_or_version_is_404_and_says_which(flowers: Server, path: str, words: str) -> None:
    response = flowers.post(path, {})
    assert (response.status_code, response.json()) == (404, {"error": words})


def test_another_method_is_405_and_names_those_that_are_allowed(flowers: Server) -> None:
    response = flowers.client.get("/v2/models/flowers/infer")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert flowers.client.delete("/ping").headers["allow"] == "GET, HEAD"


def test_metrics_count_responses_by_route_and_status(flowers: Server) -> None:
    before = flowers.metric('rtdeploy_responses_total{route="score",status="200"}')
    flowers.post("/score", {"inputs": [TENSOR]})
    assert flowers.metric('rtdeploy_responses_total{route="score",status="200"}') == before + 1
    assert flowers.metric("rtdeploy_ready") == 1
