"""Which rate to try next: doubling until one does not hold, then halving the interval between, on a log scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rtdeploy.bench.result import Verdict

__all__ = ["Bracket", "bracket_of", "next_rate"]

CLOSE = 1.05
"""Where the lowest rate that does not hold is so little above the highest that does, the search is over."""

_LOWEST_RPS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """Requests per second; None while there is no such rate."""

    holds: float | None
    fails: float | None

    @property
    def closed(self) -> bool:
        """Whether the two are close enough."""
        return self.holds is not None and self.fails is not None and self.fails / self.holds < CLOSE


def bracket_of(tried: Sequence[tuple[float, Verdict]]) -> Bracket:
    """What the rates that were tried have shown: one that is not proven to hold does not."""
    fails = min((rate for rate, verdict in tried if verdict is not Verdict.PASS), default=None)
    holds = [rate for rate, verdict in tried if verdict is Verdict.PASS and (fails is None or rate < fails)]
    return Bracket(holds=max(holds, default=None), fails=fails)


def next_rate(tried: Sequence[tuple[float, Verdict]], start_rps: float) -> float | None:
    """The rate to try next; None where there is nothing more to learn."""
    known = bracket_of(tried)
    if known.fails is None:
        return start_rps if known.holds is None else 2 * known.holds
    if known.holds is None:
        return max(known.fails / 2, _LOWEST_RPS) if known.fails > _LOWEST_RPS else None
    return None if known.closed else math.sqrt(known.holds * known.fails)
