"""Whatever call a rollout is stopped at, before it or after it, what served serves, and the next run gets there."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from rtdeploy.deploy import Silent, make_plan, rollout, send
from rtdeploy.deploy.contract import Check, Context, Desired, Effect, Endpoint, Feature, Observed, Support
from rtdeploy.errors import DeniedError, RtdeployError, StoppedError
from rtdeploy.testing.memory import FEATURES, FIELDS, MemoryProvider
from rtdeploy.testing.platform import Platform
from tests.deploy.conftest import QUICK, SAMPLE, Make

T = TypeVar("T")


@dataclass
class Stopping:
    """Passes every call on, and raises at the k-th: before it is passed on, or after it was carried out."""

    inner: MemoryProvider
    at: int
    error: Callable[[], BaseException]
    afterwards: bool
    for_ever: bool = False
    calls: int = 0
    name: str = "memory"
    features: Mapping[Feature, Support] = field(default_factory=lambda: FEATURES)
    fields: Mapping[str, Effect] = field(default_factory=lambda: FIELDS)

    def _pass(self, call: Callable[[], T]) -> T:
        self.calls += 1
        due = self.calls >= self.at if self.for_ever else self.calls == self.at
        if due and not self.afterwards:
            raise self.error()
        result = call()
        if due:
            raise self.error()
        return result

    def check(self) -> tuple[Check, ...]:
        return ()

    def observe(self, target: str) -> Observed | None:
        return self._pass(lambda: self.inner.observe(target))

    def create(self, desired: Desired, version: str) -> None:
        self._pass(lambda: self.inner.create(desired, version))

    def update(self, desired: Desired, version: str) -> None:
        self._pass(lambda: self.inner.update(desired, version))

    def traffic(self, target: str, weights: Mapping[str, int]) -> None:
        self._pass(lambda: self.inner.traffic(target, weights))

    def delete(self, target: str, version: str | None = None) -> None:
        self._pass(lambda: self.inner.delete(target, version))

    def endpoint(self, target: str, version: str) -> Endpoint:
        return self._pass(lambda: self.inner.endpoint(target, version))

    def logs(self, target: str, *, version: str | None = None, lines: int = 100, follow: bool = False) -> Iterator[str]:
        return self._pass(lambda: self.inner.logs(target, version=version, lines=lines, follow=follow))


@dataclass(frozen=True)
class Story:
    """What is deployed at first, if anything, and what is being deployed when it is stopped."""

    name: str
    first: Mapping[str, object] | None
    then: Mapping[str, object]
    canary: int | None = None
    outage: bool = False


STORIES = (
    Story("create", first=None, then={"bundle": 1}),
    Story("replace", first={"bundle": 1}, then={"bundle": 2}),
    Story("canary", first={"bundle": 1}, then={"bundle": 2}, canary=10),
    Story("in-place", first={"bundle": 1}, then={"bundle": 1, "settings": {"replicas": 3}}),
    Story("outage", first={"bundle": 1}, then={"bundle": 1, "settings": {"port": 8080}}, outage=True),
)


def made(make: Make, target: str, what: Mapping[str, object]) -> Desired:
    return make(**{"target": target, **what})


def deploy(desired: Desired, provider: MemoryProvider | Stopping, observer: MemoryProvider, **options: Any) -> None:
    plan = make_plan(desired, observer.observe(desired.target), provider)
    rollout(plan, desired, provider, sample=SAMPLE, progress=Silent(), pace=QUICK, **options)


CASES = [
    pytest.param(story, afterwards, id=f"{story.name}-{'after' if afterwards else 'before'}")
    for story, afterwards in itertools.product(STORIES, (False, True))
]


def play(
    story: Story, k: int, afterwards: bool, make: Make, provider: MemoryProvider, error: type[BaseException]
) -> tuple[Desired, BaseException | None]:
    """Deploy, then deploy again and be stopped at call k: what was wanted, and the error if there was a k-th call."""
    target = f"{story.name}-{k}"
    if story.first is not None:
        deploy(made(make, target, story.first), provider, provider)
    wanted = made(make, target, story.then)

    def problem() -> BaseException:
        return error() if error is KeyboardInterrupt else DeniedError("The token has expired.", remedy="Log in.")

    stopping = Stopping(provider, k, problem, afterwards, for_ever=error is not KeyboardInterrupt)
    try:
        deploy(wanted, stopping, provider, canary=story.canary)
    except (RtdeployError, KeyboardInterrupt) as caught:
        return wanted, caught
    return wanted, None


@pytest.mark.parametrize(("story", "afterwards"), CASES)
def test_a_rollout_interrupted_at_any_call_leaves_what_served_or_what_was_planned(
    story: Story, afterwards: bool, make: Make, provider: MemoryProvider
) -> None:
    for k in itertools.count(1):
        wanted, caught = play(story, k, afterwards, make, provider, KeyboardInterrupt)
        if caught is None:
            break
        assert isinstance(caught, StoppedError), f"call {k}: {caught!r}"
        left = provider.observe(wanted.target)
        if story.first is None:
            assert left is None or left.versions[-1].digest == wanted.digest, f"call {k}"
        else:
            earlier = made(make, wanted.target, story.first)
            assert left is not None, f"call {k}: nothing serves"
            assert [v.weight for v in left.versions if v.weight] == [100], f"call {k}"
            assert {v.digest for v in left.versions if v.weight} <= {earlier.digest, wanted.digest}
            assert answered(left), f"call {k}: nothing answers"
        converges(wanted, provider, k)
    assert k > 5


@pytest.mark.parametrize(("story", "afterwards"), CASES)
def test_credentials_that_expire_at_any_call_leave_a_state_that_the_next_run_finishes(
    story: Story, afterwards: bool, make: Make, context: Context, platform: Platform
) -> None:
    provider = MemoryProvider(context, platform)
    for k in itertools.count(1):
        wanted, caught = play(story, k, afterwards, make, provider, DeniedError)
        if caught is None:
            break
        left = provider.observe(wanted.target)
        if story.first is not None and not story.outage:
            assert left is not None, f"call {k}: nothing serves"
            assert answered(left), f"call {k}: nothing answers"
        assert isinstance(caught, RtdeployError)
        assert caught.remedy
        converges(wanted, provider, k)
    assert k > 5


def answered(observed: Observed) -> bool:
    return observed.endpoint is not None and send(observed.endpoint, SAMPLE, timeout_s=5).ok


def converges(wanted: Desired, provider: MemoryProvider, k: int) -> None:
    deploy(wanted, provider, provider)
    after = provider.observe(wanted.target)
    assert make_plan(wanted, after, provider).empty, f"call {k}"
    assert after is not None
    assert answered(after)
