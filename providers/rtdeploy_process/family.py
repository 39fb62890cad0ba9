"""The processes of a target, found by the mark that each carries in its environment; no pid file can be stale."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from rtdeploy_process.mark import MARK, Role, key_of

__all__ = ["Member", "end", "find", "kill"]

_KILLED_WITHIN_S = 5.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A process of a target; ``label`` is version and number of a replica (``v3/1``)."""

    process: psutil.Process
    role: Role
    label: str = ""

    @property
    def version(self) -> str:
        """Version that a replica serves."""
        return self.label.partition("/")[0]


def find(directory: Path) -> list[Member]:
    """All living processes of a target.

    A mark cannot be mistaken for another's as a pid can, and psutil refuses to signal a pid that was used again since.
    """
    return list(_members(key_of(directory) + "/"))


def _members(prefix: str) -> Iterator[Member]:
    for process in psutil.process_iter(["environ", "status"]):
        mark = (process.info["environ"] or {}).get(MARK, "")
        if mark.startswith(prefix) and process.info["status"] != psutil.STATUS_ZOMBIE:
            role, _, label = mark.removeprefix(prefix).partition("/")
            yield Member(process=process, role=Role(role), label=label)


def end(members: Iterable[Member], *, patience_s: float) -> None:
    """Ask processes to finish, and kill those that have not after ``patience_s``."""
    processes = [member.process for member in members]
    for process in processes:
        _signal(process, psutil.Process.terminate)
    alive = _wait(processes, patience_s)
    for process in alive:
        _signal(process, psutil.Process.kill)
    _wait(alive, _KILLED_WITHIN_S)


def kill(directory: Path, *roles: Role) -> None:
    """Kill all processes of some roles; each is stopped first, so that none can start another meanwhile."""
    end = time.monotonic() + _KILLED_WITHIN_S
    while (found := [m.process for m in find(directory) if m.role in roles]) and time.monotonic() < end:
        for process in found:
            _signal(process, psutil.Process.suspend)
        for process in found:
            _signal(process, psutil.Process.kill)
        _wait(found, _KILLED_WITHIN_S)


def _wait(processes: Iterable[psutil.Process], patience_s: float) -> list[psutil.Process]:
    """Wait for processes to end; gives those that have not. One that nobody has reaped has ended all the same."""
    end = time.monotonic() + patience_s
    while (alive := [p for p in processes if _lives(p)]) and time.monotonic() < end:
        time.sleep(_POLL_S)
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, how: Callable[[psutil.Process], None]) -> None:
    try:
        how(process)
    except psutil.NoSuchProcess:
        return
