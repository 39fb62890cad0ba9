"""The keeper of a target: holds what must survive its supervisor, writes the log, and calls a new supervisor.

Run as ``python -m rtdeploy_process.keeper DIRECTORY FD``. It knows nothing of models and versions, so that there is
little that could bring it down: it keeps sockets by name, it copies what servers say into one file of bounded size, and
when the connection of a supervisor that asked to be guarded breaks, it starts another.
"""

import logging
import os
import selectors
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from rtdeploy_process import wire
from rtdeploy_process.errors import translate
from rtdeploy_process.launch import Beginning, spawn
from rtdeploy_process.mark import Role

__all__ = ["LOG", "LOG_BACKUPS", "LOG_BYTES", "Keeper", "main"]

LOG = "log"

LOG_BYTES = 5 << 20
LOG_BACKUPS = 3

_LINE_BYTES = 1 << 16
_MOST_PAUSE_S = 60.0
_STEADY_S = 60.0
_ANSWER_S = 5.0


class Log:
    """Lines with a label before each, in a file that is rotated; a full disk loses lines and stops nobody."""

    def __init__(self, path: Path) -> None:
        logging.raiseExceptions = False
        self._handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOG_BACKUPS, encoding="utf-8")

    def write(self, label: str, text: str) -> None:
        """Append a line."""
        self._handler.emit(logging.makeLogRecord({"msg": f"{label} {text}"}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


class Output:
    """What one process says on its standard output and error."""

    def __init__(self, label: str, pipe: int, log: Log) -> None:
        os.set_blocking(pipe, False)
        self.label = label
        self.pipe = pipe
        self._log = log
        self._rest = b""

    def copy(self) -> bool:
        """Copy whole lines into the log as far as there are any; False at the end."""
        while True:
            try:
                chunk = os.read(self.pipe, _LINE_BYTES)
            except BlockingIOError:
                return True
            if not chunk:
                self._write(self._rest)
                return False
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                self._write(line)
            if len(self._rest) > _LINE_BYTES:
                self._write(self._rest)
                self._rest = b""

    def _write(self, line: bytes) -> None:
        if line:
            self._log.write(self.label, line.decode(errors="replace").rstrip("\r"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a supervisor asks: the verb, what that verb needs, and the connection that it came over."""

    do: str
    connection: socket.socket
    descriptors: list[int]
    names: list[str] = field(default_factory=list)
    key: str = ""
    label: str = ""
    text: str = ""


class Keeper:
    """The loop, and what is kept."""

    def __init__(self, directory: Path, door: socket.socket) -> None:
        self._directory = directory
        self._door = door
        self._log = Log(directory / LOG)
        self._held: dict[str, int] = {}
        self._outputs: dict[str, Output] = {}
        self._guarded: socket.socket | None = None
        self._guarded_since = 0.0
        self._pause_s = 0.0
        self._revive_at: float | None = None
        self._ended = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(door, selectors.EVENT_READ, self._accept)
        self._verbs: Mapping[str, Callable[[Request], Mapping[str, Any] | None]] = {
            "drop": self._drop,
            "end": lambda _: self._end(),
            "give": lambda request: {"given": request.names},
            "guard": lambda request: self._guard(request.connection),
            "hold": self._hold,
            "list": lambda _: {"names": sorted(self._held)},
            "read": self._read,
            "release": lambda _: self._guard(None),
            "sync": lambda request: self._copy(request.key),
            "write": lambda request: self._log.write(request.label, request.text),
        }

    def run(self) -> None:
        """Serve until told to end."""
        while not self._ended:
            left = None if self._revive_at is None else max(0.0, self._revive_at - time.monotonic())
            for key, _ in self._selector.select(left):
                key.data(key.fileobj)
            if self._revive_at is not None and time.monotonic() >= self._revive_at:
                self._revive()

    def _accept(self, door: socket.socket) -> None:
        connection, _ = door.accept()
        connection.settimeout(_ANSWER_S)
        self._selector.register(connection, selectors.EVENT_READ, self._answer)

    def _answer(self, connection: socket.socket) -> None:
        try:
            asked, descriptors = wire.receive(connection)
            request = Request(**asked, connection=connection, descriptors=descriptors)
            answer = self._verbs[request.do](request) or {}
            wire.send(connection, answer, [self._held[name] for name in answer.get("given", ())])
        except (OSError, ValueError, KeyError, TypeError):
            self._lose(connection)

    def _lose(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        connection.close()
        if connection is self._guarded:
            self._guarded = None
            steady = time.monotonic() - self._guarded_since > _STEADY_S
            self._pause_s = 0.0 if steady else self._pause_s
            self._revive_at = time.monotonic() + self._pause_s

    def _guard(self, connection: socket.socket | None) -> None:
        self._guarded = connection
        self._guarded_since = time.monotonic()
        self._revive_at = None

    def _revive(self) -> None:
        """Start a supervisor; one that does not ask to be guarded in time is taken for dead."""
        self._pause_s = min(_MOST_PAUSE_S, max(1.0, 2 * self._pause_s))
        self._revive_at = time.monotonic() + self._pause_s + _ANSWER_S
        self._log.write(Role.SUPERVISOR, "is gone; starting another")
        said, tells = os.pipe()
        self._listen_to(f"beginning/{said}", Role.SUPERVISOR, said)
        try:
            spawn(Role.SUPERVISOR, self._directory, tells)
        except OSError as error:
            self._log.write(Role.SUPERVISOR, f"cannot be started: {error}")
        finally:
            os.close(tells)

    def _hold(self, request: Request) -> None:
        for name, descriptor in zip(request.names, request.descriptors, strict=True):
            self._forget(name)
            self._held[name] = descriptor

    def _drop(self, request: Request) -> None:
        for name in request.names:
            self._forget(name)

    def _forget(self, name: str) -> None:
        if name in self._held:
            os.close(self._held.pop(name))

    def _read(self, request: Request) -> None:
        self._listen_to(request.key, request.label, request.descriptors[0])

    def _listen_to(self, key: str, label: str, pipe: int) -> None:
        self._outputs[key] = Output(label, pipe, self._log)
        self._selector.register(pipe, selectors.EVENT_READ, lambda _: self._copy(key))

    def _copy(self, key: str) -> None:
        """Copy what a process has said so far."""
        output = self._outputs.get(key)
        if output and not output.copy():
            self._selector.unregister(output.pipe)
            os.close(output.pipe)
            del self._outputs[key]

    def _end(self) -> None:
        self._ended = True


def main() -> None:
    """Begin, and serve until told to end."""
    directory, beginning = Path(sys.argv[1]), Beginning(int(sys.argv[2]))
    try:
        door = wire.listen(directory, wire.KEEPER)
        keeper = Keeper(directory, door)
    except OSError as error:
        beginning.tell(translate(error, "start the keeper"))
        return
    beginning.tell()
    with suppress(KeyboardInterrupt):
        keeper.run()


if __name__ == "__main__":
    main()
