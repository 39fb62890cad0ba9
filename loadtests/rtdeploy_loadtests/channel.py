"""What is said between the bench and a worker: one JSON object per line over an inherited socket.

bench → worker    the job, then the request bodies as raw bytes; ``{"start": t}``; ``{"stop": drain_s}``
worker → bench    ``{"outcomes": {...}}`` when it can start, ``{"cpu": ..}`` every second, ``{"over": true}``

When the bench dies the socket ends, and so does the worker: no load without anybody who looks at it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gevent import socket

__all__ = ["Channel", "Job"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One worker's part of a run.

    Attributes:
        url: Where to post.
        headers: Sent with every request; may hold secrets.
        bodies: What to post.
        timeout_s: From the scheduled start of a request to its last byte.
        connections: Opened before the start.
        bound: Connections at most.
        columns: File of the samples.
        layout: Where each column lies in it.
        rows: How many requests are planned.

    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    bodies: Sequence[bytes] = field(repr=False)
    timeout_s: float
    connections: int
    bound: int
    columns: str
    layout: Mapping[str, tuple[str, int]]
    rows: int


class Channel:
    """The worker's end."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._file = self._socket.makefile("rb")

    def job(self) -> Job:
        """Read the job, which comes first."""
        told = json.loads(self._file.readline())
        bodies = [self._file.read(length) for length in told.pop("bodies")]
        return Job(bodies=bodies, **told)

    def say(self, **message: Any) -> None:
        """Send one message; a bench that is gone is noticed by :meth:`listen`."""
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return

    def listen(self, hear: Callable[[dict[str, Any]], None], gone: Callable[[], None]) -> None:
        """Hand over every message until the bench is gone; run it in a greenlet."""
        try:
            for line in self._file:
                hear(json.loads(line))
        except OSError:
            pass
        gone()
