"""Reading the log of a target, which the keeper writes and rotates."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TextIO

from rtdeploy_process.keeper import LOG, LOG_BACKUPS

__all__ = ["last_words", "read"]

_POLL_S = 0.2
_LAST_WORDS = 20
_OURS = "rtdeploy: "


def read(directory: Path, *, version: str | None, lines: int, follow: bool) -> Iterator[str]:
    """Yield the last lines, oldest first; with ``follow`` also what comes, until the target is gone.

    Args:
        directory: Of the target.
        version: Only lines of its servers; None for all.
        lines: How many of those that are there.
        follow: Go on, also where the log is rotated.

    """
    with ExitStack() as files:
        older = [_opened(path, files) for path in _older(directory)]
        current = _opened(directory / LOG, files)
        there = (line for file in (*older, current) for line in _whole(file))
        yield from deque((line for line in there if _is_of(line, version)), maxlen=lines)
        if follow:
            yield from (line for line in _coming(directory / LOG, current, files) if _is_of(line, version))


def _older(directory: Path) -> list[Path]:
    return [directory / f"{LOG}.{age}" for age in range(LOG_BACKUPS, 0, -1)]


def _opened(path: Path, files: ExitStack) -> TextIO | None:
    try:
        return files.enter_context(path.open(encoding="utf-8", errors="replace", newline="\n"))
    except FileNotFoundError:
        return None


def _whole(file: TextIO | None) -> Iterator[str]:
    """Whole lines from here to the end; where the last is not whole yet, it is read again next time."""
    while file:
        place = file.tell()
        line = file.readline()
        if not line.endswith("\n"):
            file.seek(place)
            return
        yield line.rstrip("\n")


def _coming(path: Path, file: TextIO | None, files: ExitStack) -> Iterator[str]:
    """What is written from now on; an old file is read to its end before the new one."""
    while path.parent.exists():
        rotated = _is_other(path, file)
        yield from _whole(file)
        if rotated:
            if file:
                file.close()
            file = _opened(path, files)
        else:
            time.sleep(_POLL_S)


def _is_other(path: Path, file: TextIO | None) -> bool:
    try:
        return file is None or not path.samefile(f"/proc/self/fd/{file.fileno()}")
    except FileNotFoundError:
        return False


def _is_of(line: str, version: str | None) -> bool:
    return version is None or line.startswith(f"{version}/")


def last_words(directory: Path, label: str) -> str:
    """Give the last lines that a server has said in its last life."""
    said: deque[str] = deque(maxlen=_LAST_WORDS)
    with ExitStack() as files:
        files_there = (_opened(path, files) for path in (directory / f"{LOG}.1", directory / LOG))
        for line in chain.from_iterable(map(_whole, files_there)):
            if line.startswith(f"{label} {_OURS}started"):
                said.clear()
            elif line.startswith(f"{label} ") and not line.startswith(f"{label} {_OURS}"):
                said.append(line.removeprefix(f"{label} "))
    return "\n".join(said)
