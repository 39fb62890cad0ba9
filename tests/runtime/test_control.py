"""The channel to a supervisor: sockets come and go, and what is wrong is answered, not obeyed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rtdeploy.bundle import Bundle
from tests.runtime.conftest import PATIENCE_S, one_answer, wait_until
from tests.runtime.load import under_load
from tests.runtime.test_http import request


class Supervisor:
    """The other end of the channel."""

    def __init__(self, bundle: Bundle, env: dict[str, str]) -> None:
        self.channel, theirs = socket.socketpair()
        self.channel.settimeout(PATIENCE_S)
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "rtdeploy.runtime",
                    "serve",
                    str(bundle.path),
                    "--control-fd",
                    str(theirs.fileno()),
                ],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **env},
                stderr=subprocess.DEVNULL,
            )
        self._lines = self.channel.makefile("rb")

    def hears(self) -> dict[str, Any]:
        """The next line; nothing at the end."""
        line = self._lines.readline()
        return json.loads(line) if line else {}

    def tells(self, message: object, descriptors: Sequence[int] = ()) -> dict[str, Any]:
        """Command, and wait for the answer."""
        line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        socket.send_fds(self.channel, [line], descriptors)
        return self.hears()

    def listen(self, add: dict[int, socket.socket], keep: Sequence[int] = ()) -> dict[str, Any]:
        return self.tells(
            {"do": "listen", "keep": list(keep), "add": list(add)}, [sock.fileno() for sock in add.values()]
        )

    def close(self) -> None:
        self._lines.close()
        self.channel.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def supervise(behaviour: Bundle) -> Iterator[Any]:
    started: list[Supervisor] = []

    def begin(ready: bool = True, **env: str) -> Supervisor:
        supervisor = Supervisor(behaviour, env)
        started.append(supervisor)
        if ready:
            assert supervisor.hears() == {"event": "loading"}
            assert supervisor.hears() == {"event": "ready", "pid": supervisor.process.pid}
        return supervisor

    yield begin
    for supervisor in started:
        supervisor.close()


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """A hundred sockets on one port, as a supervisor holds them to share out traffic."""
    yield from hundred()


@pytest.fixture(scope="module")
def obedient(behaviour: Bundle) -> Iterator[tuple[Supervisor, int]]:
    """A server that listens on a hundred sockets, and their port, for commands that change nothing."""
    supervisor = Supervisor(behaviour, {})
    try:
        assert [supervisor.hears()["event"] for _ in range(2)] == ["loading", "ready"]
        for held in hundred():
            supervisor.listen(dict(enumerate(held)))
            yield supervisor, held[0].getsockname()[1]
    finally:
        supervisor.close()


def hundred() -> Iterator[list[socket.socket]]:
    """Bind them, and close them in the end."""
    held: list[socket.socket] = []
    port = 0
    for _ in range(100):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(128)
        port = sock.getsockname()[1]
        held.append(sock)
    yield held
    for sock in held:
        sock.close()


def ask(port: int) -> str:
    """The version that answers one request."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(request())
        answer = one_answer(connection)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return next((line[18:] for line in answer.decode().split("\r\n") if line.startswith("rtdeploy-version: ")), "")


def descriptors_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_a_server_listens_on_the_sockets_that_it_is_given(supervise: Any, sockets: list[socket.socket]) -> None:
    supervisor = supervise()
    assert supervisor.listen(dict(enumerate(sockets))) == {"ok": True}
    for _ in range(20):
        ask(sockets[0].getsockname()[1])


def _more_than(answers: list[int], count: int) -> bool:
    return len(answers) > count


def test_sockets_move_between_servers_under_load_without_a_failed_request(
    supervise: Any, sockets: list[socket.socket]
) -> None:
    old, new = supervise(RTDEPLOY_VERSION="old"), supervise(RTDEPLOY_VERSION="new")
    everything = dict(enumerate(sockets))
    old.listen(everything)
    with under_load(sockets[0].getsockname()[1], 4) as load:
        wait_until(lambda: "old" in load.versions, "the old version answers")
        assert old.tells({"do": "recycle", "requests": 1}) == {"ok": True}
        for before, share in pairwise((0, 10, 50, 100)):
            assert new.listen({n: everything[n] for n in range(before, share)}, range(before)) == {"ok": True}
            assert old.listen({}, range(share, 100)) == {"ok": True}
            enough = len(load.answered) + 30
            wait_until(partial(_more_than, load.answered, enough), "traffic goes on")
        assert "new" in load.versions
        assert old.tells({"do": "drain", "timeout_s": 20}) == {"ok": True}
        assert old.hears() == {"event": "drained"}
        assert old.process.wait(PATIENCE_S) == 0
        load.versions.clear()
        wait_until(lambda: load.versions, "traffic goes on")
        assert load.versions == {"new"}
    assert load.failures == []
    assert set(load.answered) == {200}


def test_recycling_closes_every_nth_response_of_a_connection(supervise: Any, sockets: list[socket.socket]) -> None:
    supervisor = supervise()
    supervisor.listen({0: sockets[0]})
    for sock in sockets[1:]:
        sock.close()
    assert supervisor.tells({"do": "recycle", "requests": 3}) == {"ok": True}
    pair = [socket.create_connection(sockets[0].getsockname(), timeout=PATIENCE_S) for _ in range(2)]
    for number in (1, 2, 3):
        for connection in pair:
            connection.sendall(request())
            assert (b"connection: close" in one_answer(connection)) == (number == 3)
    for connection in pair:
        connection.close()
    assert supervisor.tells({"do": "recycle", "requests": None}) == {"ok": True}
    with socket.create_connection(sockets[0].getsockname(), timeout=PATIENCE_S) as connection:
        for _ in range(7):
            connection.sendall(request())
            assert b"connection: close" not in one_answer(connection)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (b"garbage\n", "JSONDecodeError"),
        (b"\xff\xfe\n", "Error"),
        (b"[]\n", "TypeError"),
        (b"{}\n", "KeyError"),
        ({"do": "dance"}, "KeyError"),
        ({"do": ["listen"]}, "TypeError"),
        ({"do": "listen"}, "KeyError"),
        ({"do": "listen", "keep": 5, "add": []}, "5 is not a list of different numbers"),
        ({"do": "listen", "keep": [700], "add": []}, "there are no sockets [700] to keep"),
        ({"do": "listen", "keep": [], "add": [1]}, "1 sockets to add, 0 descriptors"),
        ({"do": "recycle", "requests": 0}, "requests is 0"),
        ({"do": "recycle", "requests": True}, "requests is True"),
        ({"do": "drain", "timeout_s": "soon"}, "ValueError"),
        ({"do": "drain", "timeout_s": -1}, "timeout_s is -1"),
    ],
)
def test_a_command_that_means_nothing_is_answered_and_changes_nothing(
    obedient: tuple[Supervisor, int], command: Any, words: str
) -> None:
    supervisor, port = obedient
    answer = supervisor.tells(command)
    assert answer["ok"] is False
    assert words in answer["error"]
    ask(port)


def test_descriptors_that_came_with_a_refused_command_are_closed(supervise: Any, sockets: list[socket.socket]) -> None:
    supervisor = supervise()
    supervisor.listen({0: sockets[0]})
    before = descriptors_of(supervisor.process.pid)
    udp, (reader, writer) = socket.socket(type=socket.SOCK_DGRAM), os.pipe()
    given = [sockets[1].fileno(), sockets[2].fileno()]
    for add, descriptors in (
        ([1], given),
        ([0, 1], given),
        ([1, 1], given),
        ([1, 2], [given[0], udp.fileno()]),
        ([1, 2], [given[0], reader]),
    ):
        answer = supervisor.tells({"do": "listen", "keep": [0], "add": add}, descriptors)
        assert answer["ok"] is False, answer
    udp.close()
    os.close(reader)
    os.close(writer)
    assert descriptors_of(supervisor.process.pid) == before
    for sock in sockets[1:]:
        sock.close()
    ask(sockets[0].getsockname()[1])


def test_sockets_given_up_are_closed(supervise: Any, sockets: list[socket.socket]) -> None:
    supervisor = supervise()
    supervisor.listen({0: sockets[0]})
    before = descriptors_of(supervisor.process.pid)
    assert supervisor.listen(dict(enumerate(sockets[1:], 1)), [0]) == {"ok": True}
    assert supervisor.listen({}, [0]) == {"ok": True}
    wait_until(lambda: descriptors_of(supervisor.process.pid) == before, "all are closed")


def test_a_command_in_pieces_is_understood(supervise: Any, sockets: list[socket.socket]) -> None:
    supervisor = supervise()
    line = json.dumps({"do": "listen", "keep": [], "add": [0]}).encode() + b"\n"
    socket.send_fds(supervisor.channel, [line[:10]], [sockets[0].fileno()])
    for piece in (line[10:20], line[20:]):
        time.sleep(0.02)
        supervisor.channel.sendall(piece)
    assert supervisor.hears() == {"ok": True}


def test_a_server_whose_supervisor_is_gone_goes_on_serving_until_sigterm(
    supervise: Any, sockets: list[socket.socket]
) -> None:
    supervisor = supervise()
    supervisor.listen({0: sockets[0]})
    for sock in sockets[1:]:
        sock.close()
    supervisor.channel.shutdown(socket.SHUT_RDWR)
    for _ in range(3):
        ask(sockets[0].getsockname()[1])
    supervisor.process.send_signal(signal.SIGTERM)
    assert supervisor.process.wait(PATIENCE_S) == 0


def test_a_line_that_never_ends_is_not_kept(supervise: Any, sockets: list[socket.socket]) -> None:
    supervisor = supervise()
    supervisor.listen({0: sockets[0]})
    for sock in sockets[1:]:
        sock.close()
    supervisor.channel.sendall(b"x" * 150_000)
    ask(sockets[0].getsockname()[1])


def test_sigterm_while_it_loads_is_told_to_the_supervisor(supervise: Any) -> None:
    supervisor = supervise(ready=False, BEHAVIOUR_LOAD_S="600")
    assert supervisor.hears() == {"event": "loading"}
    supervisor.process.send_signal(signal.SIGTERM)
    assert supervisor.hears() == {"event": "drained"}
    assert supervisor.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"BEHAVIOUR_LOAD_S": "soon"}, "The model behaviour does not load."),
        ({"RTDEPLOY_SERVE": '{"queue": 0}'}, "RTDEPLOY_SERVE does not say how to serve."),
    ],
)
def test_a_server_that_cannot_serve_says_why_and_exits_with_1(supervise: Any, env: dict[str, str], words: str) -> None:
    supervisor = supervise(ready=False, **env)
    told = supervisor.hears()
    if told == {"event": "loading"}:
        told = supervisor.hears()
    assert (told["event"], told["summary"]) == ("failed", words)
    assert told["remedy"]
    assert supervisor.process.wait(PATIENCE_S) == 1
