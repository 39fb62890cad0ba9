"""How several targets take turns: short blocks in an order that is drawn anew for each round.

Each target plays the whole schedule of the scenario, cut into blocks. In a round every target plays the same block, one
after another, so that what changes about the machines from minute to minute hits all of them alike.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from rtdeploy.bench.schedule import Times

__all__ = ["Rounds"]

_ROUNDS = 20
_SHORTEST_S, _LONGEST_S = 1.0, 5.0
_DISCARDED_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """The order of play. A target has a clock of its own, which stands still while the others play.

    Attributes:
        block_s: Length of a block.
        warmup_s: Length of the warm-up of each target; they are warmed up one after another.
        place: One row per round, one column per target: which turn a target has in a round, from 0.

    """

    block_s: float
    warmup_s: float
    place: npt.NDArray[np.int64]

    @classmethod
    def plan(cls, targets: int, duration_s: float, warmup_s: float, seed: int) -> Self:
        """Twenty rounds, or as many as have blocks of one second at least and five at most."""
        rounds = max(1, int(duration_s / min(max(duration_s / _ROUNDS, _SHORTEST_S), _LONGEST_S)))
        random = np.random.default_rng([seed, targets])
        place = np.array([random.permutation(targets) for _ in range(rounds)])
        return cls(block_s=duration_s / rounds, warmup_s=warmup_s, place=place)

    @property
    def count(self) -> int:
        """How many rounds."""
        return len(self.place)

    @property
    def targets(self) -> int:
        """How many take turns."""
        return int(self.place.shape[1])

    @property
    def duration_s(self) -> float:
        """How long all rounds last."""
        return self.block_s * self.place.size

    def round_of(self, own: Times) -> npt.NDArray[np.int64]:
        """Which round a time of a target's own clock is in; the warm-up is in the first."""
        return np.clip(np.floor(own / self.block_s), 0, self.count - 1).astype(np.int64)

    def common(self, own: Times, target: int) -> Times:
        """A target's own clock → the clock of all."""
        number = self.round_of(own)
        begin = (number * self.targets + self.place[number, target]) * self.block_s
        warm = own - (self.targets - 1 - target) * self.warmup_s
        return np.where(own < 0, warm, begin + own - number * self.block_s)

    def counts(self, own: Times) -> npt.NDArray[np.bool_]:
        """Whether a request counts: not in the warm-up, nor in the first half second of a block.

        What the target before has left behind, in queues and caches, is over by then.
        """
        return (own >= 0) & (own - self.round_of(own) * self.block_s >= self.discarded_s)

    @property
    def discarded_s(self) -> float:
        """Beginning of each block that does not count."""
        return min(_DISCARDED_S, self.block_s / 2)

    def completed(self, common_s: float) -> int:
        """How many rounds are over at a time of the common clock."""
        return int(np.clip((common_s + 1e-6) // (self.block_s * self.targets), 0, self.count))
