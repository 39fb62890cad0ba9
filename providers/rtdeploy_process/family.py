"""The processes of a target, found by the mark that each carries in its environment; no pid file can be stale."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

__all__ = ["Member", "Role", "end", "find", "tagged"]

_MARK = "RTDEPLOY_PROCESS"
_KILLED_WITHIN_S = 5.0


class Role(StrEnum):
    """What a process of ours is there for; for the first two also the module that it runs."""

    KEEPER = "keeper"
    SUPERVISOR = "supervisor"
    REPLICA = "replica"


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


def tagged(environment: Mapping[str, str], directory: Path, place: str) -> dict[str, str]:
    """Mark an environment: whose process it is, and which."""
    return {**environment, _MARK: f"{_key(directory)}/{place}"}


def find(directory: Path) -> list[Member]:
    """All living processes of a target.

    A mark cannot be mistaken for another's as a pid can, and psutil refuses to signal a pid that was used again since.
    """
    return list(_members(_key(directory) + "/"))


def _members(prefix: str) -> Iterator[Member]:
    for process in psutil.process_iter(["environ", "status"]):
        mark = (process.info["environ"] or {}).get(_MARK, "")
        if mark.startswith(prefix) and process.info["status"] != psutil.STATUS_ZOMBIE:
            role, _, label = mark.removeprefix(prefix).partition("/")
            yield Member(process=process, role=Role(role), label=label)


def _key(directory: Path) -> str:
    return hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:24]


def end(members: Iterable[Member], *, patience_s: float) -> None:
    """Ask processes to finish, and kill those that have not after ``patience_s``."""
    processes = [member.process for member in members]
    for process in processes:
        _signal(process, psutil.Process.terminate)
    _, alive = psutil.wait_procs(processes, timeout=patience_s)
    for process in alive:
        _signal(process, psutil.Process.kill)
    psutil.wait_procs(alive, timeout=_KILLED_WITHIN_S)


def _signal(process: psutil.Process, how: Callable[[psutil.Process], None]) -> None:
    try:
        how(process)
    except psutil.NoSuchProcess:
        return
