"""What a type in the model cannot say by itself: its rule in plain words, and that it names something on disk."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Existing", "Words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a pattern asks for, as it completes "must be …"."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """The path is relative to the file and must be there."""

    kind: Literal["file", "file or directory"]
