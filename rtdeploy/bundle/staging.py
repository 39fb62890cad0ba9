"""Bring files into a bundle: cloned, linked or copied in pieces, hashed on the way, never read whole.

A source file is never hard-linked: most libraries save by writing into the file that is there, and a model that is
trained again must not change a bundle that is deployed. Where the file system shares blocks until somebody writes
(btrfs, XFS, ZFS, bcachefs) a copy costs no room. Between bundles of one store a file is hard-linked, because
nobody writes there.

What a file hashed to is remembered with its inode, size and times. The time of change is among them, which no program
can set, so that a file with an old time of modification is not taken for an old file.
"""

import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from io import BufferedReader, BufferedWriter
from pathlib import Path

from rtdeploy.bundle import store
from rtdeploy.bundle.manifest import File
from rtdeploy.errors import BundleError, QuotaError

__all__ = ["Memory", "Stage", "disk_is_full"]

_PIECE = 64 * 1024 * 1024
_IN_MEMORY = 4 * 1024 * 1024
_FICLONE = 0x40049409  # linux/fs.h
_TICK_S = 0.02
"""File systems stamp times by the kernel's clock tick: two writes this close may bear the same time."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def disk_is_full(error: OSError, place: Path) -> QuotaError | None:
    """Say so where a write failed for want of room."""
    if error.errno not in _FULL:
        return None
    return QuotaError(
        f"No room for the bundle in {place}.",
        remedy="Free disk space, or raise the limit on the size of files, and run the command again.",
        detail=str(error),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stamp:
    """What tells that a file is still the same one."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "_Stamp":
        return cls(
            device=status.st_dev,
            inode=status.st_ino,
            size=status.st_size,
            modified_ns=status.st_mtime_ns,
            changed_ns=status.st_ctime_ns,
        )

    def key(self) -> str:
        return f"{self.device}-{self.inode}-{self.size}-{self.modified_ns}-{self.changed_ns}"


@dataclass(slots=True, kw_only=True)
class Memory:
    """What files hashed to, kept in one JSON file; a lost or damaged one only costs time."""

    path: Path
    known: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> "Memory":
        """Read what was remembered."""
        with suppress(OSError, ValueError):
            known = json.loads(path.read_bytes())
            if isinstance(known, dict) and all(isinstance(value, str) for value in known.values()):
                return cls(path=path, known=known)
        return cls(path=path)

    def keep(self, workspace: Path, used: Mapping[str, str]) -> None:
        """Write down what this run used; what was not used is forgotten once there is too much of it."""
        kept = {**self.known, **used} if len(self.known) < 10_000 else dict(used)
        draft = workspace / self.path.name
        draft.write_text(json.dumps(kept, indent=0, sort_keys=True))
        draft.replace(self.path)


@dataclass(slots=True, kw_only=True)
class Stage:
    """A bundle that is being filled.

    Attributes:
        directory: Of the bundle.
        home: The store, where the same content may lie already.
        memory: What source files hashed to.
        progress: Called with bytes done and bytes in all.
        files: What is in the bundle so far.

    """

    directory: Path
    home: Path
    memory: Memory
    progress: Callable[[int, int], None] | None = None
    files: dict[str, File] = field(default_factory=dict)
    _used: dict[str, str] = field(default_factory=dict)
    _done: int = 0
    _total: int = 0

    def add(self, sources: Mapping[str, Path]) -> None:
        """Learn the digest of every source file; those never seen are copied into the bundle on the way.

        Raises:
            BundleError: A file cannot be read, or changed meanwhile.
            QuotaError: The disk is full.

        """
        self._total = sum(_size(source) for source in sources.values())
        for name, source in sorted(sources.items()):
            try:
                self._add(name, source)
            except OSError as error:
                raise disk_is_full(error, self.home) or _unreadable(source, error) from error

    def _add(self, name: str, source: Path) -> None:
        with source.open("rb") as file:
            stamp = _Stamp.of(os.fstat(file.fileno()))
            sha256 = self.memory.known.get(stamp.key())
            if sha256 is None:
                _wait_for_tick(stamp)
                sha256 = self._copy(file, self._place(name))
                if _Stamp.of(os.fstat(file.fileno())) != stamp:
                    raise _changed(source)
        self.files[name] = File(sha256=sha256, size=stamp.size)
        self._used[stamp.key()] = sha256
        self._tell(stamp.size)

    def fill(self, sources: Mapping[str, Path]) -> None:
        """Bring in what :meth:`add` knew without reading it."""
        for name, source in sorted(sources.items()):
            place = self._place(name)
            if place.exists():
                continue
            try:
                if not self._link(name, place):
                    self._copy_again(name, source, place)
            except OSError as error:
                raise disk_is_full(error, self.home) or _unreadable(source, error) from error

    def write(self, name: str, content: bytes) -> None:
        """Write a file of our own."""
        place = self._place(name)
        try:
            with place.open("xb") as file:
                file.write(content)
                _finish(file)
        except OSError as error:
            raise disk_is_full(error, self.home) or error from error
        self.files[name] = File(sha256=hashlib.sha256(content).hexdigest(), size=len(content))

    def remember(self, workspace: Path) -> None:
        """Keep what was learned for the next run."""
        self.memory.keep(workspace, self._used)

    def _place(self, name: str) -> Path:
        place = self.directory / name
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def _link(self, name: str, place: Path) -> bool:
        holder = store.holder_of(self.home, self.files[name].sha256)
        if holder is None:
            return False
        try:
            place.hardlink_to(holder)
        except OSError:  # this file system has no links, or the file too many
            return False
        return True

    def _copy_again(self, name: str, source: Path, place: Path) -> None:
        with source.open("rb") as file:
            stamp = _Stamp.of(os.fstat(file.fileno()))
            if self._copy(file, place) != self.files[name].sha256 or _Stamp.of(os.fstat(file.fileno())) != stamp:
                raise _changed(source)

    def _copy(self, file: BufferedReader, place: Path) -> str:
        """Copy, and hash beside it; returns the SHA-256. The caller looks whether the source stayed the same."""
        with place.open("xb") as copy:
            with ThreadPoolExecutor(1) as hasher:
                digest = hasher.submit(hashlib.file_digest, file, "sha256")
                if not _cloned(file, copy):
                    self._pump(file, copy)
            _finish(copy)
        return digest.result().hexdigest()

    def _pump(self, file: BufferedReader, copy: BufferedWriter) -> None:
        """Copy piece by piece, and let the disk begin before the end."""
        done = 0
        with ThreadPoolExecutor(1) as flusher:
            flushed = flusher.submit(copy.flush)
            while count := _copied(file, copy, done):
                done += count
                if flushed.done():
                    flushed.result()
                    flushed = flusher.submit(os.fdatasync, copy.fileno())
                self._tell(0, now=done)
            flushed.result()

    def _tell(self, finished: int, *, now: int = 0) -> None:
        self._done += finished
        if self.progress is not None:
            self.progress(min(self._done + now, self._total), self._total)


def _copied(file: BufferedReader, copy: BufferedWriter, start: int) -> int:
    """Copy one piece inside of the kernel, or through memory where the file systems do not do that for each other."""
    try:
        return os.copy_file_range(file.fileno(), copy.fileno(), _PIECE, offset_src=start)
    except OSError as error:
        if error.errno in _FULL:
            raise
    piece = os.pread(file.fileno(), _IN_MEMORY, start)
    return os.write(copy.fileno(), piece) if piece else 0


def _cloned(file: BufferedReader, copy: BufferedWriter) -> bool:
    try:
        fcntl.ioctl(copy.fileno(), _FICLONE, file.fileno())
    except OSError:
        return False
    return True


def _finish(file: BufferedWriter) -> None:
    """To the disk, and nobody writes any more."""
    file.flush()
    os.fchmod(file.fileno(), 0o444)
    os.fsync(file.fileno())


def _wait_for_tick(stamp: _Stamp) -> None:
    """Let the clock move on where the file was written just now, so that the next write bears another time."""
    age = time.time() - max(stamp.modified_ns, stamp.changed_ns) / 1e9
    if 0 <= age < _TICK_S:
        time.sleep(_TICK_S - age)


def _changed(path: Path) -> BundleError:
    return BundleError(
        f"{path} changed while it was packaged.",
        remedy="Wait until the model is written completely and run the command again.",
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> BundleError:
    return BundleError(
        f"{path} cannot be read.", remedy="Check that the file is there and that you may read it.", detail=str(error)
    )
