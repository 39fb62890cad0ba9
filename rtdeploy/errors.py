"""Every error that a user can meet: what happened, what to do, and the platform's own words.

    RtdeployError                 exit 1
    ├── UsageError                exit 2   a flag, an argument or an environment variable is wrong
    │   ├── SpecError             exit 2   mistakes in rtdeploy.yaml, all of them, each with its place
    │   └── BundleError           exit 2   the model or its sample cannot be packaged
    ├── MissingDependencyError    exit 1   a package that this work needs is not installed
    ├── PlatformError             exit 1   a platform refused or failed; providers translate into one of:
    │   ├── DeniedError                    credentials or permissions
    │   ├── QuotaError                     a limit of the account or of the machine (ports, disk, memory)
    │   ├── ConflictError                  somebody else is changing the same thing, or it exists already
    │   ├── InvalidRequestError            the platform says that the request itself is wrong
    │   ├── ThrottledError                 slow down and try again
    │   ├── UnavailableError               cannot be reached, or broken on its side
    │   └── DeadlineError                  did not finish in the time it was given
    ├── RolloutError              exit 1   rolled back; the old version serves
    ├── MeasurementError          exit 5   nothing could be measured
    └── StoppedError         exit 130

Anything else that escapes is a bug and keeps its traceback.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rtdeploy.exitcodes import ExitCode

__all__ = [
    "BundleError",
    "ConflictError",
    "DeadlineError",
    "DeniedError",
    "InvalidRequestError",
    "MeasurementError",
    "MissingDependencyError",
    "PlatformError",
    "Problem",
    "QuotaError",
    "RolloutError",
    "RtdeployError",
    "SpecError",
    "StoppedError",
    "ThrottledError",
    "UnavailableError",
    "UsageError",
]


class RtdeployError(Exception):
    """Something a user can act on.

    Args:
        summary: What happened, one sentence, with the name of the thing it happened to.
        remedy: What to type or edit next.
        detail: The words of whatever refused; may span lines.

    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, summary: str, *, remedy: str, detail: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.remedy = remedy
        self.detail = detail


class UsageError(RtdeployError):
    """A flag, an argument or an environment variable is wrong; nothing was done."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a file: ``rtdeploy.yaml:12:5 targets.aws.instance: unknown key, did you mean …``.

    ``line`` and ``column`` count from 1; 0 means that the place is not in the file (a flag, the environment).
    """

    source: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        return f"{place} {self.path}: {self.message}" if self.path else f"{place} {self.message}"


class SpecError(UsageError):
    """Mistakes in rtdeploy.yaml, all of them at once, in file order."""

    def __init__(
        self, problems: Sequence[Problem], *, remedy: str = "Correct the file and run the command again."
    ) -> None:
        self.problems = tuple(problems)
        count = "1 mistake" if len(self.problems) == 1 else f"{len(self.problems)} mistakes"
        super().__init__(
            f"{self.problems[0].source}: {count}", remedy=remedy, detail="\n".join(map(str, self.problems))
        )


class BundleError(UsageError):
    """The model or its sample cannot be packaged."""


class MissingDependencyError(RtdeployError):
    """A package that this work needs is not installed.

    Args:
        what: Who needs it, e.g. ``The ONNX runtime``.
        install: The argument of ``pip install``, e.g. ``'rtdeploy[serve]'``.

    """

    def __init__(self, what: str, *, install: str, detail: str = "") -> None:
        super().__init__(
            f"{what} needs a package that is not installed.", remedy=f"pip install {install}", detail=detail
        )


class PlatformError(RtdeployError):
    """A platform refused or failed."""


class DeniedError(PlatformError):
    """Credentials are missing, expired or lack a permission."""


class QuotaError(PlatformError):
    """A limit of the account or of the machine is reached."""


class ConflictError(PlatformError):
    """Somebody else is changing the same thing, or it exists already."""


class InvalidRequestError(PlatformError):
    """The platform says that the request itself is wrong."""


class ThrottledError(PlatformError):
    """The platform asks to slow down; the core waits and tries again."""


class UnavailableError(PlatformError):
    """The platform cannot be reached, or is broken on its side."""


class DeadlineError(PlatformError):
    """Something did not finish in the time that it was given."""


class RolloutError(RtdeployError):
    """A rollout failed and was rolled back; what served before serves still."""


class MeasurementError(RtdeployError):
    """Nothing could be measured."""

    exit_code = ExitCode.INVALID


class StoppedError(RtdeployError):
    """Stopped by Ctrl-C or SIGTERM; ``remedy`` says how to resume."""

    exit_code = ExitCode.INTERRUPTED
