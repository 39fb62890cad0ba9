"""The raw samples of one worker: flat arrays in one file that the bench maps at the same time."""

import mmap
import struct
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Columns", "anonymous", "mapped"]

Layout = Mapping[str, tuple[str, int]]
"""Name → (format character of :mod:`struct`, offset in bytes)."""


class Columns:
    """One row per planned request; times are seconds from the start of the measured window, NaN is never.

    Attributes:
        scheduled: When it should start.
        dispatched: When the generator took it up; the distance to ``scheduled`` is the generator's own lag.
        sent: When its first byte was handed to the socket.
        first_byte: When the first byte of the answer came.
        done: When the last one came.
        connect: Milliseconds it waited for a connection of its own, 0 where one was open.
        server: Milliseconds of work that the server reports (``Server-Timing``).
        queue: Milliseconds of waiting that the server reports.
        predict: Milliseconds in the model that the server reports.
        outcome: :mod:`rtdeploy_loadtests.outcome`.
        payload: Which request body.

    """

    __slots__ = (
        "connect",
        "dispatched",
        "done",
        "first_byte",
        "outcome",
        "payload",
        "predict",
        "queue",
        "scheduled",
        "sent",
        "server",
    )

    scheduled: "memoryview[float]"
    dispatched: "memoryview[float]"
    sent: "memoryview[float]"
    first_byte: "memoryview[float]"
    done: "memoryview[float]"
    connect: "memoryview[float]"
    server: "memoryview[float]"
    queue: "memoryview[float]"
    predict: "memoryview[float]"
    outcome: "memoryview[int]"
    payload: "memoryview[int]"

    def __init__(self, buffer: mmap.mmap, layout: Layout, rows: int) -> None:
        whole = memoryview(buffer)
        for name in self.__slots__:
            form, offset = layout[name]
            setattr(self, name, whole[offset : offset + rows * struct.calcsize(form)].cast(form))  # type: ignore[call-overload]

    def __len__(self) -> int:
        return len(self.outcome)


def mapped(path: Path, layout: Layout, rows: int) -> Columns:
    """Map a file that the bench has laid out and filled with the schedule."""
    with path.open("r+b") as file:
        return Columns(mmap.mmap(file.fileno(), 0), layout, rows)


def anonymous(rows: int) -> Columns:
    """Columns in memory of our own, for a run that no bench looks at; all zero."""
    formats = dict.fromkeys(Columns.__slots__, "d") | {"outcome": "H", "payload": "I"}
    layout = {name: (form, 8 * rows * place) for place, (name, form) in enumerate(formats.items())}
    return Columns(mmap.mmap(-1, 8 * rows * len(formats)), layout, rows)
