"""What was done to a target, by whom and with what outcome: JSON lines, only ever appended to.

The history is a list of what was deployed, for people and for going back; what *is* deployed, only the platform knows.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

__all__ = ["Entry", "History", "Outcome", "previous_digest"]


class Outcome(StrEnum):
    """How a change ended."""

    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of a target.

    Attributes:
        when: Start, ISO 8601 with time zone.
        who: ``user@host``.
        action: The command: ``deploy``, ``rollback``, ``traffic``, ``promote``, ``destroy``, ``gc``.
        version: The version that served afterwards, or should have.
        digest: Digest of its bundle.
        from_version: The version that served before.
        outcome: How it ended.
        seconds: How long it took.
        error: What went wrong.
        plan: The plan, as ``rtdeploy.plan/1``.

    """

    when: str
    who: str
    action: str
    outcome: Outcome
    seconds: float
    version: str = ""
    digest: str = ""
    from_version: str = ""
    error: str = ""
    plan: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The history of one target, in ``<home>/history/<target>.jsonl``."""

    home: Path
    target: str

    @property
    def file(self) -> Path:
        """Where it lies."""
        return self.home / "history" / f"{self.target}.jsonl"

    def append(self, entry: Entry) -> None:
        """Add one line, in one write; a line that a crash has torn is closed first."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(asdict(entry), separators=(",", ":")).encode() + b"\n"
        handle = os.open(self.file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, b"\n" * torn + line)
            os.fsync(handle)
        finally:
            os.close(handle)

    def read(self) -> tuple[Entry, ...]:
        """Give every entry, oldest first; a line that cannot be read is passed over."""
        try:
            lines = self.file.read_bytes().splitlines()
        except FileNotFoundError:
            return ()
        return tuple(_entries(lines))


_FIELDS = frozenset(field.name for field in fields(Entry))


def _entries(lines: Sequence[bytes]) -> Iterator[Entry]:
    for line in lines:
        try:
            found = json.loads(line)
            known = {name: value for name, value in found.items() if name in _FIELDS}
            yield Entry(**{**known, "outcome": Outcome(known["outcome"])})
        except (ValueError, TypeError, AttributeError, KeyError):
            continue


def previous_digest(entries: Sequence[Entry], current: str) -> str | None:
    """Find the bundle that served before the current one.

    Going back twice leads two steps back, not back and forth: a rollback takes what it leaves off the pile.
    """
    pile: list[str] = []
    for entry in entries:
        if entry.outcome is not Outcome.DONE:
            continue
        if entry.action == "destroy":
            pile.clear()
        elif entry.action == "rollback" and entry.digest in pile:
            del pile[pile.index(entry.digest) + 1 :]
        elif entry.digest and pile[-1:] != [entry.digest]:
            pile.append(entry.digest)
    if current in pile:
        del pile[len(pile) - 1 - pile[::-1].index(current) :]
    return pile[-1] if pile else None
