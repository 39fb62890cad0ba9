"""Where the raw samples of one worker lie in the file that it shares with the bench while it runs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rtdeploy.bench.schedule import Times

__all__ = ["Columns", "lay_out", "layout"]

Columns = Mapping[str, npt.NDArray[Any]]
"""Name → one value per planned request; the worker's own documentation explains each."""

_FORMATS = {
    "scheduled": "d",
    "dispatched": "d",
    "sent": "d",
    "first_byte": "d",
    "done": "d",
    "connect": "f",
    "server": "f",
    "queue": "f",
    "predict": "f",
    "payload": "I",
    "outcome": "H",
}


def layout(rows: int) -> dict[str, tuple[str, int]]:
    """Name → (format character of :mod:`struct`, offset in bytes); wide columns first, so that all are aligned."""
    places: dict[str, tuple[str, int]] = {}
    offset = 0
    for name, form in _FORMATS.items():
        places[name] = (form, offset)
        offset += rows * np.dtype(form).itemsize
    return places


def lay_out(path: Path, scheduled: Times, payload: npt.NDArray[np.uint32], *, pending: int) -> Columns:
    """Make the file, all NaN but for what is planned, and map it: what the worker writes shows at once."""
    rows = len(scheduled)
    size = rows * sum(np.dtype(form).itemsize for form in _FORMATS.values())
    with path.open("wb") as file:
        _reserve(file.fileno(), size)
    whole = np.memmap(path, dtype=np.uint8, mode="r+", shape=(size,))
    columns = {
        name: whole[offset : offset + rows * np.dtype(form).itemsize].view(form)
        for name, (form, offset) in layout(rows).items()
    }
    for name, form in _FORMATS.items():
        if form in "df":
            columns[name][:] = np.nan
    columns["scheduled"][:] = scheduled
    columns["payload"][:] = payload
    columns["outcome"][:] = pending
    return columns


def _reserve(descriptor: int, size: int) -> None:
    """Take the room now: a full disk is an error here, and would be a SIGBUS in the middle of the run."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)
