"""What survives a crash: the ledger of a target, and the environment of each version, in files of their own."""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rtdeploy.deploy.contract import Json
from rtdeploy.errors import PlatformError
from rtdeploy_process.resources import Ledger

__all__ = ["erase", "forget_environment", "load", "load_environment", "save", "save_environment"]

_LEDGER = "state.json"


def save(directory: Path, ledger: Ledger) -> None:
    """Replace the ledger, all of it or nothing: where the disk is full the old one stays."""
    _write(directory / _LEDGER, ledger.to_json())


def load(directory: Path) -> Ledger | None:
    """Read the ledger; None where there is none.

    Raises:
        PlatformError: the file is there and makes no sense.

    """
    path = directory / _LEDGER
    try:
        return Ledger.from_json(json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise PlatformError(
            f"{path} cannot be understood.",
            remedy="rtdeploy destroy removes the target with all its processes; then deploy it again.",
            detail=str(error),
        ) from error


def save_environment(directory: Path, version: str, environment: Mapping[str, str]) -> None:
    """Keep the variables of a version where only the owner can read them; references stay references."""
    if environment:
        _write(_environment(directory, version), dict(environment))


def load_environment(directory: Path, version: str) -> Mapping[str, str]:
    """Read the variables of a version."""
    try:
        found: dict[str, str] = json.loads(_environment(directory, version).read_bytes())
    except FileNotFoundError:
        return {}
    return found


def forget_environment(directory: Path, version: str) -> None:
    """Remove the variables of a version."""
    _environment(directory, version).unlink(missing_ok=True)


def _environment(directory: Path, version: str) -> Path:
    return directory / f"environment-{version}.json"


def _write(path: Path, document: Mapping[str, Json]) -> None:
    """Write beside, flush to the disk, and rename: a crash at any moment leaves the old file or the new one."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def erase(directory: Path) -> None:
    """Remove the directory of a target in one step, so that nobody finds half of it."""
    doomed = directory.with_name(f".{directory.name}.gone-{os.getpid()}")
    try:
        directory.rename(doomed)
    except FileNotFoundError:
        return
    shutil.rmtree(doomed, ignore_errors=True)
    with suppress(OSError):
        directory.parent.rmdir()
