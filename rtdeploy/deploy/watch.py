"""A target that is being watched: looking with patience, asking with patience, waiting with a reason."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from rtdeploy.deploy.contract import Observed, Provider
from rtdeploy.deploy.progress import Progress
from rtdeploy.deploy.waiting import PASSING, Deadline, Pace, patiently, wait_for
from rtdeploy.errors import PlatformError, UsageError

__all__ = ["Watch", "weights_of"]

T = TypeVar("T")


def weights_of(observed: Observed | None) -> dict[str, int]:
    """Give the versions that have traffic, with their percentages."""
    return {v.name: v.weight for v in observed.versions if v.weight} if observed else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One target, and how long to be patient with its platform.

    Attributes:
        passing: Refusals that are worth another try.

    """

    provider: Provider
    target: str
    progress: Progress
    until: Deadline
    pace: Pace
    passing: tuple[type[PlatformError], ...] = PASSING

    def ask(self, call: Callable[[], T]) -> T:
        """Ask something of the platform, again where it was busy or away."""
        return patiently(call, until=self.until, pace=self.pace, progress=self.progress, passing=self.passing)

    def observe(self) -> Observed | None:
        """Look."""
        return self.ask(lambda: self.provider.observe(self.target))

    def required(self) -> Observed:
        """Look at a target that must be there.

        Raises:
            UsageError: it is not.

        """
        observed = self.observe()
        if observed is None or not observed.versions:
            raise UsageError(f"{self.target} is not deployed.", remedy=f"rtdeploy deploy {self.target}")
        return observed

    def until_seen(self, reason: Callable[[Observed | None], str], failure: str, *, remedy: str) -> Observed | None:
        """Wait until there is no reason left to wait, telling the reason.

        Raises:
            DeadlineError: ``failure``, with the last reason.

        """
        last = ""
        seen: Observed | None = None

        def look() -> bool | None:
            nonlocal last, seen
            seen = self.observe()
            last = reason(seen)
            if last:
                self.progress.waiting(f"{self.target}: {last}")
            return None if last else True

        wait_for(look, until=self.until, pace=self.pace, why=lambda: f"{failure} ({last})", remedy=remedy)
        return seen

    def move_traffic(self, weights: dict[str, int], *, alive: Callable[[Observed | None], str] = lambda _: "") -> None:
        """Split the traffic, unless it is so already, and wait until that is reported.

        Args:
            weights: Percentages by version, those that get any.
            alive: A further reason to wait; may raise what ends the waiting.

        """
        if weights_of(self.observe()) != weights:
            self.progress.step(
                f"{self.target}: traffic {' '.join(f'{name}={share}' for name, share in weights.items())}"
            )
            self.ask(lambda: self.provider.traffic(self.target, weights))
        self.until_seen(
            lambda observed: alive(observed) or ("" if weights_of(observed) == weights else "the traffic moves"),
            f"the traffic of {self.target} has not moved",
            remedy=f"rtdeploy status {self.target}",
        )

    def remove(self, version: str | None) -> None:
        """Remove a version, or the target with all that belongs to it, and wait until it is gone."""
        self.ask(lambda: self.provider.delete(self.target, version))

        def reason(observed: Observed | None) -> str:
            names = [v.name for v in observed.versions] if observed else []
            there = version in names if version else observed is not None
            return f"{version or self.target} is being removed" if there else ""

        self.until_seen(reason, f"{version or self.target} was not removed", remedy=f"rtdeploy gc {self.target}")

    def remove_all_but(self, version: str) -> None:
        """Remove every other version."""
        for other in self.required().versions:
            if other.name != version:
                self.progress.step(f"{self.target}: removing {other.name}")
                self.remove(other.name)
