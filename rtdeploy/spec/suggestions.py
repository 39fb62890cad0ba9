"""What somebody may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean"]

_LONGEST = 60


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """End a message with the closest known name: ``, did you mean instance?``, or with nothing."""
    if len(given) > _LONGEST:
        return ""
    lowered = {name.lower(): name for name in known}
    near = get_close_matches(given.lower(), lowered, n=1, cutoff=0.6)
    return f", did you mean {lowered[near[0]]}?" if near else ""
