"""Servers as they run in production: a child process, its own bundle, a real socket."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from rtdeploy.bundle import Bundle
from tests.runtime import bundles

PATIENCE_S = 30.0
"""Bounds waiting for something that will come; nothing is judged by it."""

Start = Callable[..., "Server"]
Json = dict[str, Any]


class Server:
    """A process of the runtime, and what it says."""

    def __init__(self, bundle: Path, *flags: str, serve: Mapping[str, Any] | None = None, env: Mapping[str, str] = {}):
        told = {"RTDEPLOY_SERVE": json.dumps(serve)} if serve is not None else {}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rtdeploy.runtime", "serve", str(bundle), "--port", "0", *flags],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **told, **env},
            text=True,
        )
        self.said: list[str] = []
        self._new: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.client = httpx.Client(timeout=PATIENCE_S, trust_env=False)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            self._new.put(line)
        self._new.put(None)

    def hears(self, words: str) -> str:
        """Wait for a line of the log."""
        end = time.monotonic() + PATIENCE_S
        while (line := self._new.get(timeout=max(0.0, end - time.monotonic()))) is not None:
            if words in line:
                return line
        raise AssertionError(f"it ended with {self.process.wait()} and never said {words!r}:\n{''.join(self.said)}")

    def listens(self) -> "Server":
        """Wait until the port is known."""
        self.port = int(self.hears("listening on").rsplit(":", 1)[1])
        self.client.base_url = httpx.URL(f"http://127.0.0.1:{self.port}")
        return self

    def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """POST JSON, or bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(path, content=content, **more)

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def says(self, raw: bytes) -> bytes:
        """Send bytes, and read until the server closes."""
        with self.connect() as connection:
            connection.sendall(raw)
            return rest_of(connection)

    def ends(self) -> int:
        """Wait for the exit status."""
        return self.process.wait(PATIENCE_S)

    def metric(self, name: str) -> float:
        """A figure of /metrics, labels and all."""
        for line in self.client.get("/metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def close(self) -> None:
        """End it, gently at first."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()


def rest_of(connection: socket.socket) -> bytes:
    """Read until the other side closes or resets."""
    parts = []
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def one_answer(connection: socket.socket) -> bytes:
    """Read one response, by its length."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Look again and again, but not for ever."""
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.01)
    return found


def doing(*rows: tuple[str, float], **parameters: Any) -> Json:
    """A request to the behaviour model: what to do, and a number, for each row."""
    document: Json = {
        "inputs": [
            {"name": "do", "datatype": "BYTES", "shape": [len(rows)], "data": [do for do, _ in rows]},
            {"name": "value", "datatype": "FP64", "shape": [len(rows)], "data": [value for _, value in rows]},
        ]
    }
    return document | ({"parameters": parameters} if parameters else {})


def output(response: httpx.Response, name: str) -> list[Any]:
    """One output of an Open Inference answer."""
    assert response.status_code == 200, response.text
    found: list[Any] = next(one["data"] for one in response.json()["outputs"] if one["name"] == name)
    return found


BEHAVIOUR = "/v2/models/behaviour/infer"


@pytest.fixture(scope="session")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundles.onnx_bundle(tmp_path_factory.mktemp("onnx"))


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundles.sklearn_bundle(tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="session")
def behaviour(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundles.behaviour_bundle(tmp_path_factory.mktemp("behaviour"))


@pytest.fixture
def start(behaviour: Bundle) -> Iterator[Start]:
    """Start a server of its own for a test; by default one that does what requests say."""
    servers: list[Server] = []

    def begin(*flags: str, bundle: Bundle = behaviour, ready: bool = True, **more: Any) -> Server:
        server = Server(bundle.path, *flags, **more)
        servers.append(server)
        server.listens()
        if ready:
            server.hears("is ready")
        return server

    yield begin
    for server in servers:
        server.close()


def _shared(bundle: Bundle) -> Iterator[Server]:
    server = Server(bundle.path, env={"RTDEPLOY_VERSION": "v3"})
    try:
        server.listens().hears("is ready")
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def flowers(onnx: Bundle) -> Iterator[Server]:
    """A server of the ONNX model that the tests of a module share."""
    yield from _shared(onnx)


@pytest.fixture(scope="module")
def rows(table: Bundle) -> Iterator[Server]:
    """A server of the scikit-learn pipeline."""
    yield from _shared(table)


@pytest.fixture(scope="module")
def plays(behaviour: Bundle) -> Iterator[Server]:
    """A server of the behaviour model with the default settings."""
    yield from _shared(behaviour)
