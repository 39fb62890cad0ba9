"""What a report is made from: a result and the raw samples behind it."""

from typing import Protocol

from rtdeploy.bench.result import Result
from rtdeploy.bench.samples import Samples

__all__ = ["Run"]


class Run(Protocol):
    """A stored bench."""

    @property
    def result(self) -> Result:
        """What was asked, measured and proven."""

    @property
    def samples(self) -> Samples:
        """One value per request."""
