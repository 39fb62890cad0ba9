"""The supervisor's connection to its keeper; every question has its answer within seconds."""

import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar

from rtdeploy_process import wire
from rtdeploy_process.launch import start
from rtdeploy_process.mark import Role

__all__ = ["Keeping"]

T = TypeVar("T")

_ANSWER_S = 10.0


class Keeping:
    """A connection; ``OSError`` from any method means that the keeper is gone."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    @classmethod
    def reach(cls, directory: Path) -> Self:
        """Connect to the keeper of a target, and start one where there is none."""
        try:
            return cls.find(directory)
        except OSError:
            start(Role.KEEPER, directory)
            return cls.find(directory)

    @classmethod
    def find(cls, directory: Path) -> Self:
        """Connect to a keeper that is there; ``OSError`` where there is none."""
        return cls(wire.connect(directory, wire.KEEPER, timeout_s=_ANSWER_S))

    def fileno(self) -> int:
        """For watching: it becomes readable when the keeper is gone."""
        return self._connection.fileno()

    def hold(self, sockets: Mapping[str, socket.socket]) -> None:
        """Let it keep sockets open beside us."""
        for part in _parts(sockets.items()):
            self._ask("hold", [held.fileno() for _, held in part], names=[name for name, _ in part])

    def take(self) -> dict[str, socket.socket]:
        """Get a copy of every socket that it keeps."""
        names, _ = self._ask("list")
        taken: dict[str, socket.socket] = {}
        for part in _parts(names["names"]):
            _, descriptors = self._ask("give", names=part)
            taken |= {name: socket.socket(fileno=fd) for name, fd in zip(part, descriptors, strict=True)}
        return taken

    def drop(self, names: Sequence[str]) -> None:
        """Let it close its copies."""
        self._ask("drop", names=names)

    def read(self, key: str, label: str, pipe: int) -> None:
        """Let it copy what comes out of a pipe into the log, each line after a label."""
        self._ask("read", [pipe], key=key, label=label)

    def sync(self, key: str) -> None:
        """Wait until all that is in a pipe now is in the log."""
        self._ask("sync", key=key)

    def write(self, label: str, text: str) -> None:
        """Write a line into the log."""
        self._ask("write", label=label, text=text)

    def guard(self) -> None:
        """From now on, start another supervisor when this connection breaks."""
        self._ask("guard")

    def release(self) -> None:
        """No more."""
        self._ask("release")

    def end(self) -> None:
        """Let it go."""
        with suppress(OSError):
            self._ask("end")
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _ask(self, verb: str, descriptors: Sequence[int] = (), **rest: Any) -> tuple[Any, list[int]]:
        wire.send(self._connection, {"do": verb, **rest}, descriptors)
        return wire.receive(self._connection)


def _parts(things: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(things)
    while part := list(islice(rest, wire.MOST_DESCRIPTORS)):
        yield part
