"""The server against the truth that is computed for it, asked by a plain socket."""

import shutil
import socket
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ruler import judge
from benchmarks.ruler.peers import Schedule
from benchmarks.ruler.scenarios import SCENARIOS, Freeze, LogNormal, Scenario
from benchmarks.ruler.server import RESET, Running, compile_server, read_log, running
from benchmarks.ruler.truth import finishes

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="the server of the ruler is compiled: no cc here")
REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_server(tmp_path_factory.mktemp("server"))


def test_every_request_is_answered_and_logged_with_its_draw(binary: Path, tmp_path: Path) -> None:
    draws = np.array([0.0, 0.01, 0.02, 0.0])
    with running(binary, SCENARIOS["lognormal"], draws, tmp_path) as server:
        replies = _ask(server, 6)
    log = read_log(server.log)
    assert [reply[:15] for reply in replies] == [b"HTTP/1.1 200 OK"] * 6
    assert log["due"] - log["read"] == pytest.approx(np.resize(draws, 6), abs=1e-6)
    assert np.all(log["write"] >= log["due"])


def test_a_frozen_server_logs_what_the_truth_computes(binary: Path, tmp_path: Path) -> None:
    scenario = Scenario(
        name="x",
        about="",
        rate_rps=1,
        mixture=(LogNormal(median_s=1.0),),
        fifo=True,
        freeze=Freeze(every_s=0.05, lasts_s=0.02),
    )
    draws = np.full(30, 0.004)
    with running(binary, scenario, draws, tmp_path) as server:
        _ask(server, 30)
    log = read_log(server.log)
    shift = log["read"][0] - 0.05 / 2
    expected = finishes(log["read"] - shift, draws, fifo=True, freeze=scenario.freeze)
    assert log["due"] - shift == pytest.approx(expected, abs=1e-6)


def test_a_draw_that_is_no_number_resets_the_connection(binary: Path, tmp_path: Path) -> None:
    with running(binary, SCENARIOS["reset"], np.array([np.nan]), tmp_path) as server, pytest.raises(ConnectionError):
        _ask(server, 1)
    assert read_log(server.log)["flags"].tolist() == [RESET]


def test_a_schedule_is_laid_over_the_log_by_its_promptest_request() -> None:
    log = np.zeros(3, dtype=[("read", "f8"), ("due", "f8"), ("write", "f8"), ("connection", "u4"), ("flags", "u4")])
    log["read"] = [5.0, 6.2, 7.0]
    schedule = Schedule(arrivals_s=np.array([-1.0, 0.0, 1.0]), measured=np.array([False, True, True]))
    offer = judge.aligned(log, schedule)
    assert offer.arrivals_s == pytest.approx([5.0, 6.0, 7.0])
    assert offer.measured.tolist() == [False, True, True]


def test_a_tool_without_a_schedule_is_taken_at_its_word() -> None:
    log = np.zeros(2, dtype=[("read", "f8"), ("due", "f8"), ("write", "f8"), ("connection", "u4"), ("flags", "u4")])
    log["read"] = [3.0, 9.0]
    offer = judge.nominal(log, rate_rps=10, warmup_s=1, duration_s=2)
    assert len(offer.arrivals_s) == 30
    assert offer.measured.sum() == 20
    assert offer.arrivals_s[0] == 3.0


def _ask(server: Running, times: int) -> list[bytes]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        return [_reply(client) for _ in range(times)]


def _reply(client: socket.socket) -> bytes:
    client.sendall(REQUEST)
    received = b""
    while not received.endswith(b"}"):
        data = client.recv(4096)
        if not data:
            raise ConnectionResetError
        received += data
    return received
