"""What the server does, as data: the distribution of its work, whether requests queue, when it freezes."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCENARIOS", "Freeze", "LogNormal", "Scenario"]

Seconds = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """The server stands still for the last ``lasts_s`` of every ``every_s``.

    Periods count from half a period before its first request, so that no run begins or ends in a freeze.
    """

    every_s: float
    lasts_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogNormal:
    """Part of the requests, and how long they take; a median of 0 is a server that answers at once."""

    share: float = 1.0
    median_s: float
    sigma: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way for a server to behave.

    Attributes:
        mixture: Shares that add up to 1.
        fifo: One request at a time, in the order of arrival; else each has a server of its own.
        reset_every: Each n-th request has its connection reset instead of being answered; 0 is never.

    """

    name: str
    about: str
    rate_rps: float
    mixture: tuple[LogNormal, ...]
    fifo: bool = False
    freeze: Freeze | None = None
    reset_every: int = 0

    def draw(self, count: int, seed: int) -> Seconds:
        """Work of ``count`` requests in seconds; NaN is a reset."""
        source = np.random.default_rng(seed)
        part = source.choice(len(self.mixture), size=count, p=[part.share for part in self.mixture])
        medians = np.array([part.median_s for part in self.mixture])[part]
        sigmas = np.array([part.sigma for part in self.mixture])[part]
        work: Seconds = medians * np.exp(sigmas * source.standard_normal(count))
        if self.reset_every:
            work[self.reset_every - 1 :: self.reset_every] = np.nan
        return work


_FIVE_MS = (LogNormal(median_s=0.005, sigma=0.6),)
_QUEUED = (LogNormal(median_s=0.002 * math.exp(-0.18), sigma=0.6),)  # mean 2 ms: utilisation 0.8 at 400/s
_EVERY_TEN_SECONDS = Freeze(every_s=10.0, lasts_s=0.2)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="null", about="answers at once", rate_rps=1000, mixture=(LogNormal(median_s=0.0),)),
        Scenario(
            name="short",
            about="p50 0.4 ms, p99 0.8 ms",
            rate_rps=1000,
            mixture=(LogNormal(median_s=0.0004, sigma=0.298),),
        ),
        Scenario(name="lognormal", about="median 5 ms, sigma 0.6", rate_rps=400, mixture=_FIVE_MS),
        Scenario(
            name="bimodal",
            about="95 % near 3 ms, 5 % near 40 ms",
            rate_rps=400,
            mixture=(
                LogNormal(share=0.95, median_s=0.003, sigma=0.3),
                LogNormal(share=0.05, median_s=0.04, sigma=0.2),
            ),
        ),
        Scenario(
            name="stall",
            about="lognormal, frozen for 200 ms every 10 s",
            rate_rps=400,
            mixture=_FIVE_MS,
            freeze=_EVERY_TEN_SECONDS,
        ),
        Scenario(name="queue", about="one at a time, utilisation 0.8", rate_rps=400, mixture=_QUEUED, fifo=True),
        Scenario(
            name="queue-stall",
            about="queue, frozen for 200 ms every 10 s",
            rate_rps=400,
            mixture=_QUEUED,
            fifo=True,
            freeze=_EVERY_TEN_SECONDS,
        ),
        # Not 1 %, and not at random: where as many fail as may be slower than the p99, the p99 is luck.
        Scenario(
            name="reset",
            about="lognormal, every 200th request ends in a reset",
            rate_rps=400,
            mixture=_FIVE_MS,
            reset_every=200,
        ),
    )
}
