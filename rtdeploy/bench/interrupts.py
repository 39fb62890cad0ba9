"""Ctrl-C and SIGTERM as something to look at, not as an exception in the middle of anything."""

import signal
import socket
import threading
from types import FrameType
from typing import Any, Self

__all__ = ["Interrupts"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While entered, counts the signals that ask for an end; readable (:meth:`fileno`) once there was one.

    Signals reach the main thread only: elsewhere nothing is taken over and nothing is counted.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mine, self._theirs = socket.socketpair()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._mine.close()
        self._theirs.close()

    def fileno(self) -> int:
        """For a selector."""
        return self._mine.fileno()

    def clear(self) -> None:
        """Take notice; the count stays."""
        self._mine.recv(64)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        self._theirs.send(b"!")
