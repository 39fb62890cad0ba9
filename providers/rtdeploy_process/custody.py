"""The supervisor's side of the keeper: whoever asks gets an answer, and a keeper that is gone is replaced."""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from rtdeploy.errors import PlatformError
from rtdeploy_process.keeping import Keeping
from rtdeploy_process.mark import Role
from rtdeploy_process.replica import Replica
from rtdeploy_process.sockets import Doors

__all__ = ["Custody"]

_AGAIN_S = 1.0


class Custody:
    """Knows all that the keeper must know, so that a new one can be told."""

    def __init__(self, directory: Path, keeping: Keeping, doors: Doors) -> None:
        self._directory = directory
        self._keeping: Keeping | None = keeping
        self._doors = doors
        self._outputs: dict[int, Replica] = {}

    @property
    def present(self) -> bool:
        """Whether there is a keeper."""
        return self._keeping is not None

    def begin(self) -> None:
        """Watch the keeper, and let it watch us."""
        self._watch()
        self._ask(lambda keeping: keeping.guard())
        self.hold()
        self.note(Role.SUPERVISOR, f"supervises as pid {os.getpid()}")

    def hold(self) -> None:
        """Let it hold every socket that we hold."""
        sockets: Mapping[str, socket.socket] = self._doors.named
        self._ask(lambda keeping: keeping.hold(sockets))

    def drop(self, *names: str) -> None:
        """Let it close its copies of sockets."""
        self._ask(lambda keeping: keeping.drop(names))

    def listen_to(self, replica: Replica) -> None:
        """Let it copy what a server says into the log."""
        self._outputs[replica.pid] = replica
        self._ask(lambda keeping: keeping.read(str(replica.pid), replica.label, replica.output))

    def catch_up(self, replica: Replica) -> None:
        """Wait until all that a server has said is in the log."""
        self._ask(lambda keeping: keeping.sync(str(replica.pid)))

    def forget(self, replica: Replica) -> None:
        """A server has ended."""
        self.catch_up(replica)
        self._outputs.pop(replica.pid, None)

    def note(self, label: str, text: str) -> None:
        """Write a line of our own into the log."""
        self._ask(lambda keeping: keeping.write(label, f"rtdeploy: {text}"))

    def release(self) -> None:
        """Let it start no other supervisor when we are gone."""
        self._ask(lambda keeping: keeping.release())

    def end(self) -> None:
        """Let it go."""
        if self._keeping:
            self._unwatch(self._keeping)
            self._keeping.end()
            self._keeping = None

    def _ask(self, ask: Callable[[Keeping], None]) -> None:
        if self._keeping is None:
            return
        try:
            ask(self._keeping)
        except OSError:
            self._replace()

    def _watch(self) -> None:
        if self._keeping:
            asyncio.get_running_loop().add_reader(self._keeping.fileno(), self._replace)

    @staticmethod
    def _unwatch(keeping: Keeping) -> None:
        asyncio.get_running_loop().remove_reader(keeping.fileno())

    def _replace(self) -> None:
        """Start another keeper; what it cannot do now it can perhaps in a second."""
        if self._keeping:
            self._unwatch(self._keeping)
            self._keeping.close()
            self._keeping = None
        try:
            self._keeping = self._started()
        except (OSError, PlatformError):
            asyncio.get_running_loop().call_later(_AGAIN_S, self._replace)
            return
        self._watch()
        self.note(Role.SUPERVISOR, "the keeper was gone; started another")

    def _started(self) -> Keeping:
        keeping = Keeping.reach(self._directory)
        keeping.guard()
        keeping.hold(self._doors.named)
        for replica in self._outputs.values():
            keeping.read(str(replica.pid), replica.label, replica.output)
        return keeping
