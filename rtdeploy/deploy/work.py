"""The single steps of a rollout, each of which waits until the platform shows its effect."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from rtdeploy.deploy.contract import Desired, Endpoint, Feature, Observed, Provider, State, Version
from rtdeploy.deploy.plan import Plan, differences
from rtdeploy.deploy.progress import Progress
from rtdeploy.deploy.waiting import PASSING, Deadline, Pace, patiently, wait_for
from rtdeploy.errors import ConflictError, DeadlineError, PlatformError, RtdeployError

__all__ = ["Work", "find"]

T = TypeVar("T")

_LOG_LINES = 20


def find(observed: Observed | None, name: str) -> Version | None:
    """Find a version by its name."""
    return next((v for v in observed.versions if v.name == name), None) if observed else None


@dataclass(slots=True, kw_only=True)
class Work:
    """A rollout on its way.

    Attributes:
        begun: Something was asked of the platform, so that there may be something to undo.

    """

    plan: Plan
    desired: Desired
    provider: Provider
    progress: Progress
    until: Deadline
    pace: Pace
    begun: bool = False
    passing: tuple[type[PlatformError], ...] = PASSING

    def observe(self) -> Observed | None:
        """Look, with patience."""
        return self._patiently(lambda: self.provider.observe(self.plan.target))

    def pinned(self) -> Endpoint:
        """Where the new version alone answers."""
        return self._patiently(lambda: self.provider.endpoint(self.plan.target, self.plan.version))

    def create(self) -> None:
        """Ask for the version.

        A request that was lost on the way back may have been carried out: before it is sent again the platform is asked
        whether the version is there.
        """
        self.begun = True
        tries = 0

        def ask() -> None:
            nonlocal tries
            tries += 1
            if tries > 1 and self._is_made():
                return
            self.provider.create(self.desired, self.plan.version)

        try:
            self._patiently(ask)
        except ConflictError:
            if tries == 1:
                # Somebody else has made it: it is theirs, and not to be removed on the way back.
                self.begun = False
                raise

    def _is_made(self) -> bool:
        made = find(self.provider.observe(self.plan.target), self.plan.version)
        return made is not None and made.digest == self.desired.digest

    def update(self) -> None:
        """Ask for the change in place."""
        self.begun = True
        self._patiently(lambda: self.provider.update(self.desired, self.plan.version))

    def until_ready(self) -> None:
        """Wait until the version is ready and the endpoint takes further changes.

        Raises:
            PlatformError: it has failed.
            DeadlineError: it is not ready in time.

        """
        name = self.plan.version
        failure = f"{name} of {self.plan.target} was not ready"
        self._until(self._ready, failure, remedy="Read why below; a larger model may need a longer deadline.")

    def _ready(self, observed: Observed | None) -> str:
        name = self.plan.version
        version = find(observed, name)
        if observed is None or version is None:
            return f"{name} is not listed yet"
        if version.state is State.FAILED:
            raise PlatformError(
                f"{name} does not start.",
                remedy="Correct what is named below and deploy again; rtdeploy serve tries it in the foreground.",
                detail=version.detail,
            )
        if version.state is not State.READY:
            return f"{name} is {version.state}" + (f": {version.detail}" if version.detail else "")
        return f"{self.plan.target} is {observed.state}" if observed.state is State.PENDING else ""

    def verify(self) -> None:
        """See that the version is what was asked for; a provider that drops something must not get traffic."""
        self.settled(self._undelivered)

    def _undelivered(self, observed: Observed | None) -> str:
        version = find(observed, self.plan.version)
        if version is None:
            return f"{self.plan.version} is absent"
        return "\n".join(map(str, differences(self.desired, version, self.provider)))

    def settled(self, rest: Callable[[Observed | None], str]) -> Observed:
        """Wait until ``rest`` finds nothing any more; what a platform never shows is a bug of its provider."""
        last = ""

        def look() -> Observed | None:
            nonlocal last
            observed = self.observe()
            last = rest(observed)
            return observed if not last else None

        until = self.until.within(self.pace.settle_s)
        try:
            return wait_for(look, until=until, pace=self.pace, why=lambda: last, remedy="")
        except DeadlineError as error:
            if not last:
                raise
            raise PlatformError(
                f"The provider {self.provider.name!r} says that it is done, and it is not: a bug of the provider.",
                remedy="Report it to the provider's authors with the lines below.",
                detail=last,
            ) from error

    def canary_weights(self, canary: int) -> Mapping[str, int] | None:
        """Split between the new version and the one that has most of the traffic; None where there is no other."""
        active = self.plan.active
        if active is None or active.name == self.plan.version or self.plan.outage or active.state is State.FAILED:
            return None
        return {active.name: 100 - canary, self.plan.version: canary}

    def until_traffic_is(self, weights: Mapping[str, int]) -> None:
        """Split the traffic and wait until the platform reports it, with the new version still alive."""
        self.move_traffic(weights, alive=self._ready)

    def move_traffic(
        self, weights: Mapping[str, int], *, alive: Callable[[Observed | None], str] = lambda _: ""
    ) -> None:
        """Split the traffic and wait until the platform reports it."""
        target, shares = self.plan.target, dict(weights)
        if _weights(self.observe()) != shares:
            self.progress.step(f"{target}: traffic {' '.join(f'{name}={share}' for name, share in shares.items())}")
            self._patiently(lambda: self.provider.traffic(target, shares))
        self._until(
            lambda observed: alive(observed) or ("" if _weights(observed) == shares else "the traffic moves"),
            f"the traffic of {target} has not moved",
            remedy=f"rtdeploy status {target}",
        )

    def _until(self, reason: Callable[[Observed | None], str], failure: str, *, remedy: str) -> None:
        """Wait until there is no reason left to wait, telling the reason."""
        last = ""

        def look() -> bool | None:
            nonlocal last
            last = reason(self.observe())
            if last:
                self.progress.waiting(f"{self.plan.target}: {last}")
            return None if last else True

        wait_for(look, until=self.until, pace=self.pace, why=lambda: f"{failure} ({last})", remedy=remedy)

    def remove_others(self) -> None:
        """Remove every version but the new one."""
        observed = self.observe()
        for version in observed.versions if observed else ():
            if version.name != self.plan.version:
                self.progress.step(f"{self.plan.target}: removing {version.name}")
                self.remove(version.name)

    def remove(self, version: str | None) -> None:
        """Remove a version, or the target, and wait until it is gone."""
        target = self.plan.target
        self._patiently(lambda: self.provider.delete(target, version))

        def reason(observed: Observed | None) -> str:
            there = observed if version is None else find(observed, version)
            return f"{version or target} is being removed" if there else ""

        self._until(reason, f"{version or target} was not removed", remedy=f"rtdeploy gc {target}")

    def log_tail(self) -> str:
        """Give the last words of the new version, where there are any."""
        support = self.provider.features.get(Feature.LOGS)
        if not self.begun or support is None or not support.available:
            return ""
        try:
            lines = self.provider.logs(self.plan.target, version=self.plan.version, lines=_LOG_LINES)
            return "\n".join(islice(lines, _LOG_LINES))
        except (RtdeployError, KeyboardInterrupt):
            return ""

    def _patiently(self, call: Callable[[], T]) -> T:
        return patiently(call, until=self.until, pace=self.pace, progress=self.progress, passing=self.passing)


def _weights(observed: Observed | None) -> dict[str, int]:
    return {v.name: v.weight for v in observed.versions if v.weight} if observed else {}
