"""One request to a real socket, and what counts as an answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from rtdeploy.deploy import Reply, send
from rtdeploy.deploy.smoke import check_reply
from rtdeploy.endpoint import Auth, Endpoint, Protocol
from rtdeploy.errors import DeadlineError, InvalidRequestError, PlatformError, UnavailableError
from rtdeploy.testing.memory import MemoryProvider
from tests.deploy.conftest import SAMPLE, Make

GOOD = b'{"outputs": [{"name": "y", "datatype": "FP32", "shape": [1], "data": [1.0]}]}'


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Accepts and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    server.close()


def reply(status: int = 200, body: bytes = GOOD, **headers: str) -> Reply:
    return Reply(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=body, ms=1.0)


def test_a_request_is_answered_with_status_headers_body_and_time(make: Make, provider: MemoryProvider) -> None:
    provider.create(make(), "v1")
    for _ in range(3):
        provider.observe("local")
    answer = send(provider.endpoint("local", "v1"), SAMPLE, timeout_s=10)
    assert answer.ok
    assert answer.headers["rtdeploy-version"] == "v1"
    assert answer.ms > 0
    check_reply(answer, version="v1")


def test_the_endpoints_headers_are_sent_and_not_shown() -> None:
    received = bytearray()
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            while b"\r\n\r\n" not in received:
                received.extend(connection.recv(4096))
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"http://127.0.0.1:{server.getsockname()[1]}/"
    endpoint = Endpoint(url=url, auth=Auth.HEADERS, headers={"authorization": "Bearer hunter2"})
    assert send(endpoint, b"", timeout_s=10).status == 204
    thread.join()
    server.close()
    assert b"hunter2" in received
    assert "hunter2" not in repr(endpoint)


def test_a_server_that_never_answers_is_given_up(silent_server: str) -> None:
    with pytest.raises(DeadlineError, match=r"did not answer within 0\.2 s"):
        send(Endpoint(url=silent_server), SAMPLE, timeout_s=0.2)


def test_an_answer_that_trickles_is_given_up_too() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
            with suppress(OSError):
                while not stop.wait(0.02):
                    connection.sendall(b".")

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(DeadlineError):
        send(Endpoint(url=f"http://127.0.0.1:{server.getsockname()[1]}/"), SAMPLE, timeout_s=0.3)
    stop.set()
    thread.join()
    server.close()


def test_a_port_where_nobody_listens_is_unavailable(silent_server: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UnavailableError, match="does not answer"):
        send(Endpoint(url=f"http://127.0.0.1:{port}/"), SAMPLE, timeout_s=5)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        (Endpoint(url="grpc://127.0.0.1:1", protocol=Protocol.GRPC), "speaks gRPC"),
        (Endpoint(url="http://127.0.0.1:1", auth=Auth.SIGV4), "wants sigv4 credentials"),
        (Endpoint(url="http://127.0.0.1:port/"), "is not an address"),
    ],
)
def test_what_is_not_spoken_is_refused_in_words(endpoint: Endpoint, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        send(endpoint, SAMPLE, timeout_s=1)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_answer_is_worth_another_try(status: int) -> None:
    with pytest.raises(UnavailableError, match=str(status)):
        check_reply(reply(status), version="v1")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(500, b'{"error": "boom"}'), "answers the sample with 500"),
        (reply(302), "answers the sample with 302"),
        (reply(body=b"<html>"), "no Open Inference response"),
        (reply(body=b'{"outputs": []}'), "no Open Inference response"),
        (reply(body=b'{"outputs": [1]}'), "no Open Inference response"),
        (reply(body=b"[]"), "no Open Inference response"),
        (reply(rtdeploy_fallback="breaker"), "the model itself did not predict"),
        (reply(body=GOOD[:-1] + b', "parameters": {"fallback": true}}'), "the model itself did not predict"),
        (reply(rtdeploy_version="v7"), "v7 answers at its address"),
    ],
)
def test_what_is_no_prediction_of_this_version_is_refused(answer: Reply, words: str) -> None:
    with pytest.raises(PlatformError, match=words):
        check_reply(answer, version="v1")


def test_a_prediction_is_accepted_with_or_without_the_versions_name() -> None:
    check_reply(reply(), version="v1")
    check_reply(reply(rtdeploy_version="v1"), version="v1")
