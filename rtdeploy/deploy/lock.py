"""One change of a target at a time: a lock with an owner, which another caller is told of."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rtdeploy.errors import ConflictError

__all__ = ["Owner", "locked", "user_name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who holds a lock: process (and when it began, for numbers are used again), machine, user, command, since when."""

    pid: int
    began: float
    host: str
    user: str
    command: str
    since: str

    @classmethod
    def this_process(cls, command: str) -> "Owner":
        """Describe the caller."""
        import socket

        import psutil

        pid = os.getpid()
        return cls(
            pid=pid,
            began=psutil.Process(pid).create_time(),
            host=socket.gethostname(),
            user=user_name(),
            command=command,
            since=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @property
    def dead(self) -> bool:
        """The process is known to be gone; on another machine nobody can tell, so it counts as alive."""
        import socket

        import psutil

        if self.host != socket.gethostname():
            return False
        try:
            return abs(psutil.Process(self.pid).create_time() - self.began) > 1
        except psutil.NoSuchProcess:
            return True

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.pid}, `{self.command}`, since {self.since}"


@contextmanager
def locked(home: Path, target: str, *, command: str) -> Iterator[None]:
    """Hold the lock of a target.

    The kernel gives the lock back when its process ends, however it ends. Where a child that lives on has inherited it,
    the owner's death is seen in the file beside it, and the lock is taken over.

    Raises:
        ConflictError: somebody else holds it; the detail says who.

    """
    from filelock import FileLock, Timeout

    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    path, owner_file = folder / f"{target}.lock", folder / f"{target}.owner"
    # Taking and taking over happen under a second lock, so that two callers cannot both find the same owner dead.
    with FileLock(folder / f"{target}.gate", timeout=10, thread_local=False):
        lock = FileLock(path, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            owner = _read(owner_file)
            if owner is None or not owner.dead:
                raise _held(target, owner) from None
            path.unlink(missing_ok=True)
            lock.acquire()
        _write(owner_file, Owner.this_process(command))
    try:
        yield
    finally:
        owner_file.unlink(missing_ok=True)
        lock.release()


def _held(target: str, owner: Owner | None) -> ConflictError:
    return ConflictError(
        f"Somebody else is changing {target}.",
        remedy="Wait until it is done, or stop it, and run the command again.",
        detail=f"held by {owner}" if owner else "held by a process that has not said who it is",
    )


def _read(file: Path) -> Owner | None:
    with suppress(OSError, ValueError, TypeError):
        return Owner(**json.loads(file.read_text()))
    return None


def _write(file: Path, owner: Owner) -> None:
    draft = file.with_suffix(f".{owner.pid}")
    draft.write_text(json.dumps(asdict(owner)))
    draft.replace(file)


def user_name() -> str:
    """Name the user; a container may have none, then it is the number."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
