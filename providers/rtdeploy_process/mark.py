"""The mark that every process of a target carries in its environment: whose it is, and which."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

__all__ = ["MARK", "Role", "key_of", "marked"]

MARK = "RTDEPLOY_PROCESS"


class Role(StrEnum):
    """What a process of ours is there for; for the first two also the module that it runs."""

    KEEPER = "keeper"
    SUPERVISOR = "supervisor"
    REPLICA = "replica"


def marked(environment: Mapping[str, str], directory: Path, place: str) -> dict[str, str]:
    """Mark an environment; ``place`` is a role, for a replica with its label (``replica/v3/1``)."""
    return {**environment, MARK: f"{key_of(directory)}/{place}"}


def key_of(directory: Path) -> str:
    """Name a target among all of this machine."""
    return hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:24]
