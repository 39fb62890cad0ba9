"""Patience with a platform: deadlines, growing pauses, and which refusals are worth another try."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from rtdeploy.deploy.progress import Progress
from rtdeploy.errors import DeadlineError, PlatformError, ThrottledError, UnavailableError

__all__ = ["PASSING", "Deadline", "Pace", "patiently", "wait_for"]

T = TypeVar("T")

PASSING: tuple[type[PlatformError], ...] = (ThrottledError, UnavailableError)
"""What goes away by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait for what, in seconds.

    Attributes:
        first_s: The first pause between two looks; each next one is ``factor`` times as long.
        factor: Growth of the pauses.
        most_s: The longest pause.
        settle_s: How long a platform may lag behind what it has accepted.
        smoke_s: How long the smoke test meets an endpoint with patience that says 503 though it is ready.
        clean_up_s: How long the way back may take.

    """

    first_s: float = 0.1
    factor: float = 1.5
    most_s: float = 5.0
    settle_s: float = 60.0
    smoke_s: float = 10.0
    clean_up_s: float = 300.0

    def pauses(self) -> Iterator[float]:
        """Give the pauses one after another, without end."""
        pause = self.first_s
        while True:
            yield pause
            pause = min(self.most_s, pause * self.factor)


class Deadline:
    """A moment that is not moved by what happens on the way."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """Seconds that are left; never negative."""
        return max(0.0, self._end - time.monotonic())

    def within(self, seconds: float) -> "Deadline":
        """Give a nearer deadline for one part of the work."""
        return Deadline(min(seconds, self.left_s))

    def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the deadline."""
        time.sleep(min(seconds, self.left_s))


def patiently(
    call: Callable[[], T],
    *,
    until: Deadline,
    pace: Pace,
    progress: Progress,
    passing: tuple[type[PlatformError], ...] = PASSING,
) -> T:
    """Call until it succeeds; the last refusal is raised when the time is up."""
    for pause in pace.pauses():
        try:
            return call()
        except passing as error:
            if not until.left_s:
                raise
            progress.waiting(f"{error.summary} Trying again.")
            until.pause(pause)
    raise AssertionError("pauses never end")


def wait_for(look: Callable[[], T | None], *, until: Deadline, pace: Pace, why: Callable[[], str], remedy: str) -> T:
    """Look again and again until there is something.

    Raises:
        DeadlineError: with the words of ``why`` as they are when the time is up.

    """
    for pause in pace.pauses():
        found = look()
        if found is not None:
            return found
        if not until.left_s:
            raise DeadlineError(f"{why()} after {until.seconds:.0f} s.", remedy=remedy)
        until.pause(pause)
    raise AssertionError("pauses never end")
