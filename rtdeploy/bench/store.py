"""Runs on disk: ``<runs>/<run id>/result.json`` and ``samples.npz``, each whole or not there."""

import json
import os
import secrets
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rtdeploy.bench.ceiling import Capacity
from rtdeploy.bench.comparison import Comparison
from rtdeploy.bench.result import Result
from rtdeploy.bench.samples import Samples
from rtdeploy.errors import UsageError

__all__ = [
    "Compared",
    "Run",
    "new_id",
    "now",
    "read",
    "read_capacity",
    "read_comparison",
    "schema_of",
    "write",
    "write_comparison",
    "write_document",
]

_RESULT, _SAMPLES = "result.json", "samples.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One bench: what came out, the raw values behind it, where both lie."""

    result: Result
    samples: Samples
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One comparison: what came out, the runs of its targets, where all of it lies."""

    comparison: Comparison
    runs: tuple[Run, ...]
    directory: Path


def now() -> str:
    """UTC, to the millisecond, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id() -> str:
    """A name for a run; names sort by time."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


def write(run: Run) -> None:
    """Store a run; result.json comes last, so that a run with one is complete."""
    samples = run.directory / f".{_SAMPLES}"
    with samples.open("wb") as file:
        run.samples.write(file)
    samples.replace(run.directory / _SAMPLES)
    write_document(run.directory, run.result.to_json())


def write_comparison(compared: Compared) -> None:
    """Store a comparison whose runs are stored already."""
    write_document(compared.directory, compared.comparison.to_json())


def write_document(directory: Path, document: Mapping[str, Any]) -> None:
    """Store result.json, whole or not at all."""
    result = directory / f".{_RESULT}"
    with result.open("w", encoding="utf-8") as file:
        json.dump(document, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    result.replace(directory / _RESULT)


def read(run: str | Path, *, runs: Path = Path(".rtdeploy/runs")) -> Run:
    """Read a stored run by its directory, its result.json, or its id (or an unmistakable beginning of one) in ``runs``.

    Raises:
        UsageError: There is no such run, or the files are not what :func:`write` makes.

    """
    directory = _find(Path(run), runs)
    try:
        result = Result.from_json(json.loads((directory / _RESULT).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise _unreadable(directory / _RESULT, error) from error
    try:
        samples = Samples.read(directory / _SAMPLES)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(directory / _SAMPLES, error) from error
    return Run(result=result, samples=samples, directory=directory)


def schema_of(run: str | Path, *, runs: Path = Path(".rtdeploy/runs")) -> str:
    """What a stored run is: a bench, a comparison, a capacity; ``UsageError`` where there is no such run."""
    directory = _find(Path(run), runs)
    try:
        document = json.loads((directory / _RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(directory / _RESULT, error) from error
    return str(document.get("schema")) if isinstance(document, dict) else ""


def read_capacity(run: str | Path, *, runs: Path = Path(".rtdeploy/runs")) -> tuple[Capacity, Path]:
    """Read a stored capacity, and say where it lies; raises like :func:`read`."""
    directory = _find(Path(run), runs)
    try:
        found = Capacity.from_json(json.loads((directory / _RESULT).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise _unreadable(directory / _RESULT, error) from error
    return found, directory


def read_comparison(run: str | Path, *, runs: Path = Path(".rtdeploy/runs")) -> Compared:
    """Read a stored comparison and the runs in it; raises like :func:`read`."""
    directory = _find(Path(run), runs)
    try:
        comparison = Comparison.from_json(json.loads((directory / _RESULT).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise _unreadable(directory / _RESULT, error) from error
    inner = tuple(read(directory / str(number + 1)) for number in range(len(comparison.names)))
    return Compared(comparison=comparison, runs=inner, directory=directory)


def _find(run: Path, runs: Path) -> Path:
    if run.name == _RESULT and run.is_file():
        return run.parent
    if (run / _RESULT).is_file():
        return run
    if not run.is_absolute() and (runs / run / _RESULT).is_file():
        return runs / run
    found = sorted(path for path in runs.glob("*") if path.name.startswith(run.name) and (path / _RESULT).is_file())
    if len(found) == 1 and len(run.parts) == 1:
        return found[0]
    if len(found) > 1 and len(run.parts) == 1:
        names = ", ".join(path.name for path in found[:5])
        raise UsageError(f"More than one run begins with {run}: {names}.", remedy="Give more of its name.")
    raise UsageError(f"There is no run {run}.", remedy=f"Name a directory with a result.json, or a run in {runs}.")


def _unreadable(path: Path, error: Exception) -> UsageError:
    return UsageError(
        f"{path} is not a stored run, or is damaged.", remedy="Run the bench again.", detail=f"{error}".strip()
    )
