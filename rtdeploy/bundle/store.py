"""Where bundles lie: whole or not at all, whatever is killed when.

A bundle is built in ``.tmp-<pid>-<random>`` and renamed once every byte of it is on the disk. Whoever builds holds a
lock on ``.tmp-<pid>-<random>.lock``; the system drops it with the process, so that the next run can tell what a dead
one left behind and sweep it.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rtdeploy.bundle import manifest
from rtdeploy.bundle.manifest import MANIFEST, Bundle
from rtdeploy.errors import BundleError

__all__ = ["commit", "find", "holder_of", "is_untouched", "set_aside", "workspace"]

_TEMPORARY = ".tmp-"


@contextmanager
def workspace(store: Path) -> Iterator[Path]:
    """Lend an empty directory in the store, and sweep what dead processes left."""
    store.mkdir(parents=True, exist_ok=True)
    _sweep(store)
    place = store / f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}"
    lock_path = place.with_name(place.name + ".lock")
    lock = _locked(lock_path)
    try:
        place.mkdir()
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        lock_path.unlink(missing_ok=True)
        os.close(lock)


def _locked(path: Path) -> int:
    """Create and lock; a sweeper that came in between has removed the file, so look and try again."""
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)


def _sweep(store: Path) -> None:
    for lock_path in store.glob(f"{_TEMPORARY}*.lock"):
        with suppress(OSError):
            descriptor = os.open(lock_path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_path.with_suffix(""), ignore_errors=True)
                lock_path.unlink(missing_ok=True)
            finally:
                os.close(descriptor)
    for left in store.glob(f"{_TEMPORARY}*/"):
        if not left.with_name(left.name + ".lock").exists():  # what `set_aside` was removing when it was killed
            shutil.rmtree(left, ignore_errors=True)


def commit(built: Path, store: Path, name: str, digest: str) -> Path:
    """Move a finished bundle to its place; where the same one is there already and whole, that one stays."""
    place = store / f"{name}-{digest.removeprefix('sha256:')[:12]}"
    _sync(built)
    while True:
        try:
            built.rename(place)
        except OSError:
            if not place.is_dir():
                raise
            if _is_whole(place, digest):
                os.utime(place / MANIFEST)
                return place
            set_aside(place)
        else:
            _sync_directory(store)
            return place


def _is_whole(place: Path, digest: str) -> bool:
    try:
        found = manifest.read(place)
        manifest.verify(found)
    except BundleError:
        return False
    return found.digest == digest


def set_aside(place: Path) -> None:
    """Take a directory out of the way at once, then remove it."""
    away = place.with_name(f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}")
    with suppress(FileNotFoundError):
        place.rename(away)
        shutil.rmtree(away, ignore_errors=True)


def _sync(directory: Path) -> None:
    """Bring names to the disk; the bytes of each file were brought when it was written."""
    for inner in sorted(path for path in directory.rglob("*") if path.is_dir()):
        _sync_directory(inner)
    _sync_directory(directory)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def find(store: Path, digest: str) -> Bundle:
    """Read the bundle of a digest.

    Raises:
        BundleError: It is not in the store, or damaged.

    """
    short = digest.removeprefix("sha256:")[:12]
    for place in sorted(store.glob(f"*-{short}")):
        bundle = manifest.read(place)
        if bundle.digest == digest:
            return bundle
    raise BundleError(
        f"No bundle {digest[:19]} in {store}.",
        remedy="Package the model from which it was made again: rtdeploy package",
    )


def is_untouched(bundle: Bundle) -> bool:
    """Whether no file was written since the manifest was, which comes last.

    A quick look at sizes and times; :func:`rtdeploy.bundle.verify` looks at the bytes.
    """
    written = (bundle.path / MANIFEST).stat().st_mtime_ns
    return all((bundle.path / name).stat().st_mtime_ns <= written for name in bundle.files)


def holder_of(store: Path, sha256: str) -> Path | None:
    """Find a file with this content in a bundle that is there, so that it need not be copied again."""
    for place in sorted(store.glob(f"[!.]*/{MANIFEST}")):
        with suppress(BundleError, OSError):
            bundle = manifest.read(place.parent)
            for name, file in bundle.files.items():
                if file.sha256 == sha256 and is_untouched(bundle):
                    return bundle.path / name
    return None
