"""Whether the files that a file names are there."""

import stat
from pathlib import Path

from rtdeploy.spec.suggestions import did_you_mean

__all__ = ["what_is_missing"]

_MOST_NEIGHBOURS = 200


def what_is_missing(path: Path, wanted: str) -> str:
    """Complete the sentence "PATH …" where there is no such file; empty where all is well.

    Args:
        path: What is looked for.
        wanted: ``file`` or ``file or directory``.

    """
    try:
        mode = path.stat().st_mode
    except PermissionError:
        return "may not be read"
    except (OSError, ValueError):
        return "does not exist" + did_you_mean(path.name, _neighbours(path))
    if stat.S_ISDIR(mode):
        return "" if "directory" in wanted else "is a directory, not a file"
    return "" if stat.S_ISREG(mode) else "is not a regular file"


def _neighbours(path: Path) -> list[str]:
    try:
        return sorted(each.name for each in path.parent.iterdir())[:_MOST_NEIGHBOURS]
    except (OSError, ValueError):
        return []
