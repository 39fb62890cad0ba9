"""HTTP as strangers speak it: slow, huge, half, pipelined, wrong."""

import json
import socket
import time
from functools import partial

import pytest

from tests.runtime.conftest import BEHAVIOUR, Server, Start, doing, one_answer, output, rest_of, wait_until

ECHO = json.dumps(doing(("echo", 1.0))).encode()


def request(body: bytes = ECHO, *headers: str, path: str = BEHAVIOUR, length: int | None = None) -> bytes:
    """A POST, as bytes."""
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


CLOSE = "Connection: close"


def status_of(answer: bytes) -> int:
    """The status of the first response in what came back."""
    assert answer.startswith(b"HTTP/1.1 "), answer
    return int(answer.split(b" ", 2)[1])


def test_a_chunked_body_is_read_to_its_end(plays: Server) -> None:
    chunks = (ECHO[i : i + 7] for i in range(0, len(ECHO), 7))
    assert output(plays.client.post(BEHAVIOUR, content=chunks), "score") == [2.0]


def test_pipelined_requests_are_answered_in_their_order(plays: Server) -> None:
    bodies = [json.dumps(doing(("echo", float(n)))).encode() for n in range(5)]
    answers = plays.says(b"".join(map(request, bodies[:-1])) + request(bodies[-1], CLOSE))
    assert answers.count(b"HTTP/1.1 200") == 5
    scores = [json.loads(part.split(b"\r\n\r\n", 1)[1])["outputs"][0]["data"] for part in _split(answers)]
    assert scores == [[0.0], [2.0], [4.0], [6.0], [8.0]]


def _split(answers: bytes) -> list[bytes]:
    return [b"HTTP/1.1" + part for part in answers.split(b"HTTP/1.1")[1:]]


def test_http_1_0_is_answered_and_closed(plays: Server) -> None:
    answer = plays.says(b"GET /ping HTTP/1.0\r\n\r\n")
    assert status_of(answer) == 200
    assert b"connection: close" in answer


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(plays: Server) -> None:
    with plays.connect() as connection:
        connection.sendall(request(b"", "Expect: 100-continue", length=len(ECHO)))
        assert connection.recv(64) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(ECHO)
        assert status_of(rest_of(connection)) == 200


def test_a_client_that_waits_for_100_continue_hears_at_once_that_its_body_is_too_large(start: Start) -> None:
    server = start("--largest-body", "1000")
    answer = server.says(request(b"", "Expect: 100-continue", length=2000))
    assert status_of(answer) == 413


@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
def test_an_upgrade_is_ignored_and_the_request_answered(plays: Server, upgrade: str) -> None:
    raw = request(ECHO, f"Upgrade: {upgrade}", "Connection: Upgrade")
    assert status_of(plays.says(raw)) == 200
    with plays.connect() as connection:
        for part in (raw[:-20], raw[-20:-5], raw[-5:]):
            connection.sendall(part)
            time.sleep(0.01)
        assert status_of(rest_of(connection)) == 200
    assert (
        status_of(plays.says(f"GET /ping HTTP/1.1\r\nUpgrade: {upgrade}\r\nConnection: Upgrade\r\n\r\n".encode()))
        == 200
    )


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /ping HTTP/9.9\r\n\r\n", 400),
        (b"CONNECT host:443 HTTP/1.1\r\nHost: host\r\n\r\n", 400),
        (b"GET /\xff\xfe HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (b"GET /ping HTTP/1.1\r\n" + b"X: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /ping HTTP/1.1\r\n" + b"a: b\r\n" * 40_000 + b"\r\n", 431),
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(plays: Server, raw: bytes, status: int) -> None:
    assert status_of(plays.says(raw)) == status
    assert plays.client.get("/ping").status_code == 200


def test_a_request_before_garbage_is_answered_before_the_connection_is_closed(plays: Server) -> None:
    answer = plays.says(request() + b"garbage\r\n\r\n")
    assert (status_of(answer), answer.count(b"HTTP/1.1")) == (200, 1)


def test_a_broken_chunk_is_refused(plays: Server) -> None:
    head = f"POST {BEHAVIOUR} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert status_of(plays.says(head + b"zz\r\n{}\r\n0\r\n\r\n")) == 400


@pytest.mark.parametrize("begun", [b"", b"GET /ping HT", b"\r\n", b"\r\n\r\n"])
def test_a_client_that_does_not_finish_its_head_is_hung_up_on(start: Start, begun: bytes) -> None:
    server = start("--head-timeout", "0.2")
    with server.connect() as connection:
        connection.sendall(begun)
        assert rest_of(connection) == b""


def test_blank_lines_after_a_request_do_not_keep_a_connection_for_ever(start: Start) -> None:
    server = start("--head-timeout", "0.2")
    with server.connect() as connection:
        connection.sendall(request())
        assert status_of(one_answer(connection)) == 200
        connection.sendall(b"\r\n")
        assert rest_of(connection) == b""


def test_an_idle_connection_is_hung_up_on(start: Start) -> None:
    server = start("--idle-timeout", "0.2")
    assert status_of(server.says(request())) == 200


@pytest.mark.parametrize("sent", [0, 10])
def test_a_body_that_does_not_come_is_408_whether_or_not_it_has_begun(start: Start, sent: int) -> None:
    server = start("--body-timeout", "0.2")
    answer = server.says(request(ECHO[:sent], length=len(ECHO)))
    assert status_of(answer) == 408
    assert b"the body did not come within 0.2 s" in answer


def test_a_body_of_exactly_the_limit_is_read(start: Start) -> None:
    server = start("--largest-body", str(len(ECHO)))
    assert server.post(BEHAVIOUR, ECHO).status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_413_even_for_a_client_that_reads_only_when_all_is_sent(
    start: Start, chunked: bool
) -> None:
    server = start("--largest-body", "100000")
    body = b"x" * 20_000_000
    raw = (
        f"POST {BEHAVIOUR} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        + b"%x\r\n" % len(body)
        + body
        + b"\r\n0\r\n\r\n"
        if chunked
        else request(body)
    )
    answer = server.says(raw)
    assert status_of(answer) == 413
    assert b"connection: close" in answer
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1]) == {"error": "the body is larger than 100,000 bytes"}
    assert server.post(BEHAVIOUR, ECHO).status_code == 200


def test_a_client_that_never_finishes_a_giant_body_is_not_waited_for(start: Start) -> None:
    server = start("--largest-body", "1000", "--body-timeout", "0.3")
    assert status_of(server.says(request(b"x" * 5000, length=10**12))) == 413


def test_a_compressed_body_is_415_and_the_connection_goes_on(plays: Server) -> None:
    answer = plays.says(request(b"\x1f\x8b", "Content-Encoding: gzip") + request(ECHO, CLOSE))
    assert [status_of(part) for part in _split(answer)] == [415, 200]


def test_a_client_that_leaves_is_not_computed_for(start: Start) -> None:
    server = start()
    with server.connect() as busy:
        busy.sendall(request(json.dumps(doing(("sleep", 1.0))).encode()))
        for n in range(1, 6):
            with server.connect() as connection:
                connection.sendall(request())
                wait_until(partial(_waits, server, n), "it waits")
        wait_until(lambda: server.metric("rtdeploy_left_total") == 5, "five clients have left")
        assert status_of(one_answer(busy)) == 200
    assert server.post(BEHAVIOUR, ECHO).status_code == 200
    assert server.metric("rtdeploy_predict_seconds_count") == 2
    assert server.metric("rtdeploy_waiting") == 0


def _waits(server: Server, count: int) -> bool:
    return server.metric("rtdeploy_waiting") >= count


def test_clients_that_leave_in_the_middle_of_anything_leave_nothing_behind(plays: Server) -> None:
    for raw in (request()[:30], request()[:-5], request() * 50, request() + request()[:60]):
        for _ in range(5):
            with plays.connect() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.sendall(raw)
    wait_until(lambda: plays.metric("rtdeploy_waiting") == 0, "nothing waits")
    burst = plays.says(request() * 60 + request(ECHO, CLOSE))
    assert [status_of(part) for part in _split(burst)] == [200] * 61
