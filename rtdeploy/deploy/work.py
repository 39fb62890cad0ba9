"""The single steps of a rollout, each of which waits until the platform shows its effect."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from rtdeploy.deploy.contract import Desired, Endpoint, Feature, Observed, Provider, State, Version
from rtdeploy.deploy.plan import Plan, differences
from rtdeploy.deploy.waiting import wait_for
from rtdeploy.deploy.watch import Watch
from rtdeploy.errors import ConflictError, DeadlineError, PlatformError, RtdeployError

__all__ = ["Work", "find"]

_LOG_LINES = 20


def find(observed: Observed | None, name: str) -> Version | None:
    """Find a version by its name."""
    return next((v for v in observed.versions if v.name == name), None) if observed else None


@dataclass(slots=True, kw_only=True)
class Work:
    """A rollout on its way.

    Attributes:
        plan: Where it leads.
        desired: What is made.
        watch: The target.
        begun: Something was asked of the platform, so that there may be something to undo.

    """

    plan: Plan
    desired: Desired
    watch: Watch
    begun: bool = False

    @property
    def provider(self) -> Provider:
        """The platform."""
        return self.watch.provider

    def say(self, text: str) -> None:
        """Tell a step."""
        self.watch.progress.step(f"{self.plan.target}: {text}")

    def pinned(self) -> Endpoint:
        """Where the new version alone answers."""
        return self.watch.ask(lambda: self.provider.endpoint(self.plan.target, self.plan.version))

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
            if tries == 1 or not self._is_made():
                self.provider.create(self.desired, self.plan.version)

        try:
            self.watch.ask(ask)
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
        self.watch.ask(lambda: self.provider.update(self.desired, self.plan.version))

    def until_ready(self) -> None:
        """Wait until the version is ready and the endpoint takes further changes.

        Raises:
            PlatformError: it has failed.
            DeadlineError: it is not ready in time.

        """
        failure = f"{self.plan.version} of {self.plan.target} was not ready"
        remedy = "Read why below; a large model may need a longer deadline."
        self.watch.until_seen(self.not_ready, failure, remedy=remedy)

    def not_ready(self, observed: Observed | None) -> str:
        """Say why the version cannot be used yet; raise where it never will."""
        name = self.plan.version
        version = find(observed, name)
        if observed is None or version is None:
            return f"{name} is not listed yet"
        if version.state is State.FAILED:
            raise PlatformError(
                f"{name} does not run.",
                remedy="Correct what is named below and deploy again; rtdeploy serve tries it in the foreground.",
                detail=version.detail,
            )
        if version.state is not State.READY:
            reason = version.detail.partition("\n")[0]
            return f"{name} is {version.state}" + (f": {reason}" if reason else "")
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
            observed = self.watch.observe()
            last = rest(observed)
            return observed if not last else None

        pace = self.watch.pace
        try:
            return wait_for(look, until=self.watch.until.within(pace.settle_s), pace=pace, why=lambda: last, remedy="")
        except DeadlineError as error:
            if not last:
                raise
            raise PlatformError(
                f"The provider {self.provider.name!r} says that it is done, and it is not: a bug of the provider.",
                remedy="Report it to the provider's authors with the lines below.",
                detail=last,
            ) from error

    def canary_weights(self, canary: int) -> dict[str, int] | None:
        """Split between the new version and the one that has most of the traffic; None where there is no other."""
        active = self.plan.active
        if active is None or active.name == self.plan.version or self.plan.outage or active.state is State.FAILED:
            return None
        return {active.name: 100 - canary, self.plan.version: canary}

    def until_traffic_is(self, weights: dict[str, int]) -> None:
        """Split the traffic and wait until the platform reports it, with the new version still alive."""
        self.watch.move_traffic(weights, alive=self.not_ready)

    def log_tail(self) -> str:
        """Give the last words of the new version, where there are any."""
        support = self.provider.features.get(Feature.LOGS)
        if support is None or not support.available:
            return ""
        try:
            lines = self.provider.logs(self.plan.target, version=self.plan.version, lines=_LOG_LINES)
            return "\n".join(islice(lines, _LOG_LINES))
        except (RtdeployError, KeyboardInterrupt):
            return ""
