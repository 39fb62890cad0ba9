"""What a provider's author supplies to the suite, and the steps that the promises are written with."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, TypeVar

import pytest

from rtdeploy.deploy.contract import Desired, Endpoint, Json, Observed, Provider, State, Version
from rtdeploy.deploy.desired import FEATURE_FIELDS
from rtdeploy.deploy.plan import make_plan
from rtdeploy.deploy.smoke import check_reply, send
from rtdeploy.errors import DeadlineError, RtdeployError, UnavailableError

__all__ = ["FEATURE_SETTINGS", "DesiredFactory", "Refusal", "Steps"]

T = TypeVar("T")

FEATURE_SETTINGS = frozenset(name for names in FEATURE_FIELDS.values() for name in names)
"""Settings that a promise about features is about, and the promises about plain fields are not."""


class DesiredFactory(Protocol):
    """Makes what a deployment should be, with every default of the provider's settings filled in."""

    def __call__(
        self,
        bundle: int = 1,
        *,
        settings: Mapping[str, Json] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Desired:
        """Give the n-th bundle (each has its own digest) for target ``conformance``, with some settings changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A way to make the platform refuse, and the error that it must become."""

    words: str
    provoke: Callable[[], object]
    error: type[RtdeployError]


class Steps:
    """Parts and steps, no promise.

    Attributes:
        target: Name of the target that the suite deploys to.
        deadline_s: How long a version may take to become ready, or a change to become visible.
        poll_s: Pause between two looks.

    """

    target: ClassVar[str] = "conformance"
    deadline_s: ClassVar[float] = 60.0
    poll_s: ClassVar[float] = 0.05

    @pytest.fixture
    def reconnect(self) -> Callable[[], Provider]:
        """Give further connections to the same platform, made from nothing as another process would."""
        raise NotImplementedError

    @pytest.fixture
    def provider(self, reconnect: Callable[[], Provider]) -> Provider:
        """Connect; the target does not exist yet."""
        return reconnect()

    @pytest.fixture
    def desired(self) -> DesiredFactory:
        """Make what a deployment should be."""
        raise NotImplementedError

    @pytest.fixture
    def broken_bundle(self) -> Desired:
        """Give a deployment that the platform accepts and that then cannot start."""
        raise NotImplementedError

    @pytest.fixture
    def refused(self) -> Desired:
        """Give a deployment that the platform refuses at once (a port in use, no quota), as late as it ever does."""
        raise NotImplementedError

    @pytest.fixture
    def alternatives(self) -> Mapping[str, Json]:
        """Give, for every field of the provider, another value that it takes; all of them work together."""
        raise NotImplementedError

    @pytest.fixture
    def sample(self) -> bytes:
        """Give the body of one Open Inference request that the bundles of ``desired`` can answer."""
        raise NotImplementedError

    @pytest.fixture
    def refusals(self) -> Sequence[Refusal]:
        """Give more ways to make the platform refuse, where it has any of its own: no quota, throttled, denied."""
        return ()

    def eventually(self, look: Callable[[], T | None], what: str) -> T:
        """Look until there is something, with a bound."""
        end = time.monotonic() + self.deadline_s
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"not within {self.deadline_s:g} s: {what}")
            time.sleep(self.poll_s)

    def observed(self, provider: Provider) -> Observed:
        """Look at a target that must be there."""
        observed = provider.observe(self.target)
        assert observed is not None, "what was created is not observed"
        return observed

    def gist(self, provider: Provider) -> object:
        """Look at everything that only changes when somebody changes it; details may tell an uptime."""
        now = self.observed(provider)
        return now.revision, [replace(version, detail="") for version in now.versions], now.endpoint

    def version(self, provider: Provider, name: str) -> Version | None:
        """Look at one version."""
        observed = provider.observe(self.target)
        return next((v for v in observed.versions if v.name == name), None) if observed else None

    def in_state(self, provider: Provider, name: str, state: State) -> Version:
        """Wait until a version is in a state."""

        def look() -> Version | None:
            found = self.version(provider, name)
            return found if found and found.state is state else None

        return self.eventually(look, f"{name} is {state}")

    def deployed(self, provider: Provider, desired: Desired, name: str = "v1") -> Version:
        """Create a version and wait until it is ready."""
        provider.create(desired, name)
        return self.in_state(provider, name, State.READY)

    def answers(self, endpoint: Endpoint, sample: bytes, version: str) -> None:
        """Wait until this version's model answers the sample at an address."""

        def look() -> bool:
            try:
                check_reply(send(endpoint, sample, timeout_s=10), version=version)
            except (UnavailableError, DeadlineError):
                return False
            return True

        self.eventually(look, f"{version} answers")

    def weighs(self, provider: Provider, weights: Mapping[str, int]) -> None:
        """Wait until these weights are reported."""
        self.eventually(
            lambda: {v.name: v.weight for v in self.observed(provider).versions} == weights, f"weights are {weights}"
        )

    def gone(self, provider: Provider) -> None:
        """Wait until the target is absent."""
        self.eventually(lambda: provider.observe(self.target) is None, "the target is gone")

    def planned_empty(self, provider: Provider, desired: Desired) -> None:
        """Wait until there is nothing left to do."""
        self.eventually(
            lambda: make_plan(desired, provider.observe(self.target), provider).empty, "the next plan is empty"
        )

    def answers_alone(self, provider: Provider, sample: bytes, version: str) -> None:
        """Wait until ten requests in a row are all answered by one version."""
        endpoint = self.observed(provider).endpoint
        assert endpoint is not None

        def look() -> bool:
            replies = [send(endpoint, sample, timeout_s=10) for _ in range(10)]
            return all(r.ok and r.headers.get("rtdeploy-version", version) == version for r in replies)

        self.eventually(look, f"{version} alone answers")

    def caught(self, refusal: Refusal) -> Exception:
        """Provoke a refusal."""
        try:
            refusal.provoke()
        except Exception as error:  # noqa: BLE001 - what it is, is the question
            return error
        raise AssertionError(f"{refusal.words}: was not refused")
