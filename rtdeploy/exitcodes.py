"""What the process tells a CI job; the numbers are public contract."""

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """Exit status of every command."""

    OK = 0
    """Done; where a budget was judged, it is met."""
    FAILED = 1
    """The platform refused, or a rollout was rolled back."""
    USAGE = 2
    """A flag or a file is wrong; nothing was done."""
    BUDGET_MISSED = 3
    """Measured, and the budget is missed."""
    INCONCLUSIVE = 4
    """Measured, and there is too little evidence either way."""
    INVALID = 5
    """The measurement itself cannot be trusted, or nothing was measured."""
    CHANGES = 6
    """``plan --exit-code`` found changes."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C or SIGTERM."""
