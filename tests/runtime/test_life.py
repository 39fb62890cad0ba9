"""From start to end: loading, readiness, draining, workers, and the reasons not to begin."""

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest

from rtdeploy.bundle import Bundle
from tests.runtime.conftest import BEHAVIOUR, Server, Start, doing, one_answer, rest_of, wait_until
from tests.runtime.load import under_load
from tests.runtime.test_http import request

# Loading


def test_a_server_that_loads_is_alive_and_not_ready_and_says_so(start: Start) -> None:
    server = start(ready=False, env={"BEHAVIOUR_LOAD_S": "1.5"})
    assert server.client.get("/v2/health/live").json() == {"live": True}
    for path in ("/v2/health/ready", "/v2/models/behaviour/ready", "/v1/models/behaviour", "/ping", "/health", "/"):
        assert server.client.get(path).status_code == 503, path
    assert server.client.get("/v2/models/behaviour").json()["name"] == "behaviour"
    refused = server.post(BEHAVIOUR, doing(("echo", 1.0)))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json() == {"error": "the model is being loaded"}
    server.hears("is ready")
    assert server.client.get("/v2/health/ready").status_code == 200


def test_sigterm_while_it_loads_ends_it_without_waiting_for_the_model(start: Start) -> None:
    server = start(ready=False, env={"BEHAVIOUR_LOAD_S": "600"})
    server.process.send_signal(signal.SIGTERM)
    assert server.ends() == 0


def test_the_log_says_once_what_is_served_and_how(start: Start) -> None:
    server = start()
    line = next(line for line in server.said if "is ready" in line)
    assert line.startswith("behaviour (python, sha256:")
    assert "called in threads" in line
    assert len(server.said) == 2


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--port", "65536"], "--port 65536 is not a number from 0 to 65535"),
        (["--port", "-1"], "--port -1 is not a number from 0 to 65535"),
        (["--workers", "0"], "--workers 0 is not a number of at least 1"),
        (["--workers", "2", "--control-fd", "9"], "--workers is not one"),
        (["--control-fd", "97"], "--control-fd 97 is not an inherited socket"),
        (["--largest-body", "0"], "--largest-body 0 is not a number of bytes above 0"),
        (["--drain-timeout", "nan"], "--drain-timeout nan is not a number of seconds above 0"),
        (["--port", "http"], "invalid int value: 'http'"),
    ],
)
def test_a_flag_out_of_range_is_one_error_and_exit_status_2(behaviour: Bundle, flags: list[str], words: str) -> None:
    server = Server(behaviour.path, *flags)
    assert server.ends() == 2
    server.close()
    said = "".join(server.said)
    assert words in said
    assert "Traceback" not in said


def test_a_version_that_is_no_header_is_refused(behaviour: Bundle) -> None:
    server = Server(behaviour.path, env={"RTDEPLOY_VERSION": "v3\r\nx: y"})
    assert server.ends() == 2
    server.close()
    assert "is not a short word, like v3" in "".join(server.said)


def test_every_flag_has_a_variable_for_platforms_that_give_no_flags(start: Start) -> None:
    server = start(env={"RTDEPLOY_LARGEST_BODY": "10"})
    assert server.post(BEHAVIOUR, b"x" * 11).status_code == 413


@pytest.mark.parametrize("variable", ["RTDEPLOY_BUNDLE", "AZUREML_MODEL_DIR"])
def test_the_bundle_is_found_where_the_platform_says(behaviour: Bundle, variable: str, tmp_path: Path) -> None:
    from rtdeploy.runtime.loading import where

    assert where(None, {variable: str(behaviour.path)}) == behaviour.path
    assert where(tmp_path, {variable: str(behaviour.path)}) == tmp_path
    assert where(None, {}) == Path("/opt/ml/model")


def test_what_is_no_bundle_is_refused_with_a_remedy(tmp_path: Path) -> None:
    server = Server(tmp_path)
    assert server.ends() == 2
    server.close()
    assert "is not a bundle" in "".join(server.said)


def test_a_port_that_is_taken_is_named(behaviour: Bundle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = Server(behaviour.path, "--port", str(port))
        assert server.ends() == 1
        server.close()
    assert f"Cannot listen on 127.0.0.1:{port}" in "".join(server.said)


# Draining


def test_sigterm_under_load_over_kept_connections_fails_no_request(start: Start) -> None:
    server = start(serve={"queue": 100})
    with under_load(server.port) as load:
        wait_until(lambda: len(load.answered) > 50, "load")
        server.process.send_signal(signal.SIGTERM)
        assert server.ends() == 0
    assert load.failures == []
    assert set(load.answered) == {200}
    assert "drained\n" in server.said


def test_a_request_under_way_is_finished_and_its_connection_closed(start: Start) -> None:
    server = start()
    with server.connect() as connection:
        connection.sendall(request(json.dumps(doing(("sleep", 0.5))).encode()))
        wait_until(lambda: server.metric("rtdeploy_computing") == 1, "the model is busy")
        server.client.close()
        server.process.send_signal(signal.SIGTERM)
        answer = rest_of(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    assert server.ends() == 0


def test_an_idle_connection_may_be_used_once_more_while_the_server_drains(start: Start) -> None:
    server = start()
    with server.connect() as connection:
        connection.sendall(request())
        one_answer(connection)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: _refuses(server.port), "it does not listen any more")
        connection.sendall(request())
        answer = one_answer(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    assert server.ends() == 0


def _refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionError:
        return True
    return False


def test_an_idle_connection_that_is_not_used_is_closed_after_the_grace(start: Start) -> None:
    server = start("--drain-grace", "0.2")
    with server.connect() as connection:
        connection.sendall(request())
        one_answer(connection)
        server.process.send_signal(signal.SIGTERM)
        assert connection.recv(1) == b""
    assert server.ends() == 0


def test_pipelined_requests_are_all_answered_while_the_server_drains(start: Start) -> None:
    server = start()
    with server.connect() as connection:
        connection.sendall(b"".join(request() for _ in range(20)))
        server.process.send_signal(signal.SIGTERM)
        answers = b""
        while part := connection.recv(65536):
            answers += part
    assert answers.count(b"HTTP/1.1 200") == 20
    assert answers.count(b"connection: close") == 1
    assert server.ends() == 0


def test_a_model_that_hangs_does_not_keep_the_server_from_ending(start: Start) -> None:
    server = start("--drain-timeout", "0.3")
    with server.connect() as connection:
        connection.sendall(request(json.dumps(doing(("sleep", 600.0))).encode()))
        wait_until(lambda: server.metric("rtdeploy_computing") == 1, "the model hangs")
        server.client.close()
        server.process.send_signal(signal.SIGTERM)
        assert server.ends() == 0
    assert any("drain timeout" in line for line in server.said)


# Workers


def _workers(server: Server) -> dict[int, Any]:
    return {child.pid: child for child in psutil.Process(server.process.pid).children()}


def test_workers_share_a_port_a_killed_one_comes_back_and_all_of_them_drain(start: Start) -> None:
    server = start("--workers", "2", ready=False)
    server.hears("is ready")
    server.hears("is ready")
    first = _workers(server)
    assert len(first) == 2
    killed = next(iter(first))
    os.kill(killed, signal.SIGKILL)
    server.hears("is ready")
    second = _workers(server)
    assert len(second) == 2
    assert killed not in second
    with under_load(server.port, 4) as load:
        wait_until(lambda: len(load.answered) > 50, "load")
        server.process.send_signal(signal.SIGTERM)
        assert server.ends() == 0
    assert load.failures == []
    assert set(load.answered) == {200}
    assert not any(psutil.pid_exists(pid) for pid in second)


def test_workers_end_with_a_supervisor_that_was_killed(start: Start) -> None:
    server = start("--workers", "2", ready=False)
    server.hears("is ready")
    server.hears("is ready")
    workers = _workers(server)
    server.process.kill()
    server.ends()
    wait_until(lambda: not any(worker.is_running() for worker in workers.values()), "the workers have ended")


def test_a_model_that_no_worker_can_load_ends_all_of_them(behaviour: Bundle) -> None:
    server = Server(behaviour.path, "--workers", "2", env={"BEHAVIOUR_LOAD_S": "soon"})
    assert server.ends() == 1
    server.close()
    assert any("The model behaviour does not load." in line for line in server.said)
