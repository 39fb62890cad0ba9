"""A rollout ends with what was planned, or with what was there before."""

import os
import signal
import threading
from collections.abc import Mapping, Sequence

import pytest

from rtdeploy.deploy import Action, Judgement, make_plan, rollout
from rtdeploy.deploy.contract import Context, Desired, Endpoint, Json, Observed, State
from rtdeploy.errors import (
    ConflictError,
    QuotaError,
    RolloutError,
    StoppedError,
    ThrottledError,
    UnavailableError,
    UsageError,
)
from rtdeploy.testing.memory import MemoryProvider
from rtdeploy.testing.platform import Behaviour, Platform
from tests.deploy.conftest import QUICK, SAMPLE, Make


class Notes:
    """Keeps what a rollout says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, text: str) -> None:
        self.lines.append(text)

    def waiting(self, text: str) -> None:
        self.lines.append(text)

    def done(self, text: str) -> None:
        self.lines.append(text)


def deploy(desired: Desired, provider: MemoryProvider, **options: object) -> Observed:
    """Plan and roll out."""
    plan = make_plan(desired, provider.observe(desired.target), provider)
    given = {"deadline_s": 2.0, "progress": Notes(), **options}
    return rollout(plan, desired, provider, sample=SAMPLE, pace=QUICK, **given)  # type: ignore[arg-type]


def serving(provider: MemoryProvider) -> dict[str, tuple[str, int]]:
    """Versions with their digest and weight; nothing where there is no target."""
    observed = provider.observe("local")
    return {v.name: (v.digest, v.weight) for v in observed.versions} if observed else {}


def test_a_first_deploy_serves_and_leaves_nothing_to_do(make: Make, provider: MemoryProvider) -> None:
    notes = Notes()
    observed = deploy(make(), provider, progress=notes)
    assert observed.state is State.READY
    assert make_plan(make(), provider.observe("local"), provider).empty
    assert notes.lines[0] == "local: making v1"
    assert "local: v1 is pending: Starting" in notes.lines
    assert notes.lines[-1] == "local: v1 serves."


def test_deploying_again_changes_nothing(make: Make, provider: MemoryProvider) -> None:
    before = deploy(make(), provider)
    assert deploy(make(), provider).revision == before.revision


def test_a_new_bundle_takes_over_and_the_old_version_goes(make: Make, provider: MemoryProvider) -> None:
    deploy(make(1), provider)
    deploy(make(2), provider)
    assert serving(provider) == {"v2": (make(2).digest, 100)}


def test_a_change_in_place_keeps_the_version(make: Make, provider: MemoryProvider) -> None:
    deploy(make(), provider)
    observed = deploy(make(settings={"replicas": 3}), provider)
    assert [(v.name, v.settings["replicas"]) for v in observed.versions] == [("v1", 3)]


def test_a_change_that_needs_an_outage_makes_the_endpoint_again(make: Make, provider: MemoryProvider) -> None:
    deploy(make(), provider)
    observed = deploy(make(settings={"port": 8080}), provider)
    assert [(v.name, v.settings["port"], v.weight) for v in observed.versions] == [("v2", 8080, 100)]


@pytest.mark.parametrize("behaviour", [Behaviour.FAILS, Behaviour.BUSY, Behaviour.NONSENSE, Behaviour.FALLBACK])
def test_a_version_that_cannot_answer_the_sample_is_rolled_back(
    make: Make, provider: MemoryProvider, behaviour: Behaviour
) -> None:
    deploy(make(1), provider)
    with pytest.raises(RolloutError, match="v1 serves as before") as error:
        deploy(make(2, behaviour=behaviour), provider)
    assert serving(provider) == {"v1": (make(1).digest, 100)}
    assert "v2 model loaded" in error.value.detail


def test_a_first_deploy_that_fails_leaves_nothing(make: Make, provider: MemoryProvider) -> None:
    with pytest.raises(RolloutError, match="Nothing is left of it"):
        deploy(make(behaviour=Behaviour.FAILS), provider)
    assert provider.observe("local") is None


def test_a_bundle_that_cannot_be_loaded_is_rolled_back_with_the_servers_words(
    make: Make, provider: MemoryProvider
) -> None:
    deploy(make(1), provider)
    with pytest.raises(RolloutError, match="v2 does not run") as error:
        deploy(make(2, behaviour=None), provider)
    assert "cannot load the model" in error.value.detail
    assert serving(provider) == {"v1": (make(1).digest, 100)}


def test_a_version_that_is_never_ready_is_given_up_at_the_deadline(make: Make, provider: MemoryProvider) -> None:
    deploy(make(1), provider)
    with pytest.raises(RolloutError, match=r"was not ready \(v2 is pending: Starting\)"):
        deploy(make(2, behaviour=Behaviour.NEVER_STARTS), provider, deadline_s=0.1)
    assert serving(provider) == {"v1": (make(1).digest, 100)}


def test_a_version_that_crashes_after_the_smoke_test_gets_no_traffic(make: Make, provider: MemoryProvider) -> None:
    deploy(make(1), provider)
    with pytest.raises(RolloutError, match="v1 serves as before"):
        deploy(make(2, behaviour=Behaviour.CRASHES), provider)
    assert serving(provider) == {"v1": (make(1).digest, 100)}


def test_a_request_that_the_platform_refuses_is_rolled_back_with_its_words(
    make: Make, provider: MemoryProvider
) -> None:
    deploy(make(1), provider)
    with pytest.raises(RolloutError, match="Quota") as error:
        deploy(make(2, settings={"replicas": 1000}), provider)
    assert "1000 replicas asked for" in error.value.detail
    assert isinstance(error.value.__cause__, QuotaError)


def test_an_outage_that_fails_makes_the_old_version_again(make: Make, provider: MemoryProvider) -> None:
    deploy(make(1), provider)
    with pytest.raises(RolloutError, match="v1 was made again and serves as before"):
        deploy(make(1, settings={"port": 8080, "replicas": 1000}), provider)
    assert serving(provider) == {"v1": (make(1).digest, 100)}
    assert make_plan(make(1), provider.observe("local"), provider).empty


def test_an_outage_that_fails_says_so_where_the_old_bundle_is_gone(make: Make, provider: MemoryProvider) -> None:
    deploy(make(1), provider)
    with pytest.raises(RolloutError, match="Nothing serves"):
        deploy(make(2, settings={"port": 8080}, behaviour=Behaviour.FAILS), provider)
    assert provider.observe("local") is None


def test_a_change_in_place_that_fails_is_changed_back(make: Make, platform: Platform, context: Context) -> None:
    class CrashesWhenChanged(MemoryProvider):
        def update(self, desired: Desired, version: str) -> None:
            super().update(desired, version)
            if desired.settings["replicas"] == 3:
                raise QuotaError("No room.", remedy="Make room.")

    provider = CrashesWhenChanged(context, platform)
    deploy(make(), provider)
    with pytest.raises(RolloutError, match="v1 serves as before"):
        deploy(make(settings={"replicas": 3}), provider)
    assert make_plan(make(), provider.observe("local"), provider).empty


def test_a_plan_made_before_somebody_elses_change_is_refused(make: Make, provider: MemoryProvider) -> None:
    plan = make_plan(make(1), provider.observe("local"), provider)
    deploy(make(2), provider)
    with pytest.raises(ConflictError, match="has changed since the plan was made"):
        rollout(plan, make(1), provider, sample=SAMPLE, progress=Notes(), pace=QUICK)
    assert serving(provider) == {"v1": (make(2).digest, 100)}


def test_what_somebody_else_makes_at_the_same_moment_is_left_alone(
    make: Make, platform: Platform, context: Context
) -> None:
    class BeatenToIt(MemoryProvider):
        def create(self, desired: Desired, version: str) -> None:
            super().create(make(2), version)
            super().create(desired, version)

    provider = BeatenToIt(context, platform)
    with pytest.raises(ConflictError):
        deploy(make(1), provider)
    assert serving(provider) == {"v1": (make(2).digest, 100)}


def test_throttling_is_waited_out_on_the_way_there(make: Make, platform: Platform, context: Context) -> None:
    provider = Moody(context, platform, ThrottledError("Slow down.", remedy="Wait."), every=2)
    notes = Notes()
    deploy(make(1), provider, progress=notes)
    deploy(make(2), provider)
    assert serving(provider) == {"v2": (make(2).digest, 100)}
    assert "Slow down. Trying again." in notes.lines


def test_throttling_is_waited_out_on_the_way_back(make: Make, platform: Platform, context: Context) -> None:
    deploy(make(1), MemoryProvider(context, platform))
    provider = Moody(context, platform, ThrottledError("Slow down.", remedy="Wait."), every=2)
    with pytest.raises(RolloutError, match="v1 serves as before"):
        deploy(make(2, behaviour=Behaviour.FAILS), provider)
    assert serving(provider) == {"v1": (make(1).digest, 100)}


def test_a_create_whose_answer_was_lost_is_not_made_twice(make: Make, platform: Platform, context: Context) -> None:
    class LosesTheAnswer(MemoryProvider):
        def create(self, desired: Desired, version: str) -> None:
            super().create(desired, version)
            raise UnavailableError("Connection reset.", remedy="Try again.")

    deploy(make(), LosesTheAnswer(context, platform))
    assert serving(MemoryProvider(context, platform)) == {"v1": (make().digest, 100)}


def test_a_platform_that_is_still_busy_with_the_failed_change_is_waited_for(
    make: Make, platform: Platform, context: Context
) -> None:
    class BusyAfterwards(MemoryProvider):
        busy = 3

        def delete(self, target: str, version: str | None = None) -> None:
            self.busy -= 1
            if self.busy >= 0:
                raise ConflictError("An update is in progress.", remedy="Wait.")
            super().delete(target, version)

    deploy(make(1), MemoryProvider(context, platform))
    with pytest.raises(RolloutError, match="v1 serves as before"):
        deploy(make(2, behaviour=Behaviour.FAILS), BusyAfterwards(context, platform))
    assert serving(MemoryProvider(context, platform)) == {"v1": (make(1).digest, 100)}


def test_a_way_back_that_fails_says_what_may_be_left_and_the_next_deploy_clears_it(
    make: Make, platform: Platform, context: Context
) -> None:
    class CannotRemove(MemoryProvider):
        def delete(self, target: str, version: str | None = None) -> None:
            raise UnavailableError("Gone fishing.", remedy="Wait.")

    deploy(make(1), MemoryProvider(context, platform))
    with pytest.raises(RolloutError, match="Going back failed too") as error:
        deploy(make(2, behaviour=Behaviour.FAILS), CannotRemove(context, platform))
    assert "rtdeploy gc local" in error.value.remedy
    assert "Gone fishing" in error.value.detail
    deploy(make(1), MemoryProvider(context, platform))
    assert serving(MemoryProvider(context, platform)) == {"v1": (make(1).digest, 100)}


class Moody(MemoryProvider):
    """Refuses every n-th call."""

    def __init__(self, context: Context, platform: Platform, error: Exception, *, every: int) -> None:
        super().__init__(context, platform)
        self._error = error
        self._every = every
        self._calls = 0

    def _mood(self) -> None:
        self._calls += 1
        if self._calls % self._every == 0:
            raise self._error

    def observe(self, target: str) -> Observed | None:
        if threading.current_thread() is threading.main_thread() and self._calls:
            self._mood()
        self._calls += 1
        return super().observe(target)

    def create(self, desired: Desired, version: str) -> None:
        self._mood()
        super().create(desired, version)

    def traffic(self, target: str, weights: Mapping[str, int]) -> None:
        self._mood()
        super().traffic(target, weights)

    def delete(self, target: str, version: str | None = None) -> None:
        self._mood()
        super().delete(target, version)

    def endpoint(self, target: str, version: str) -> Endpoint:
        self._mood()
        return super().endpoint(target, version)


# Platforms and providers that do not tell the truth.


class DropsASetting(MemoryProvider):
    """Makes something else than it was asked for."""

    def _settings(self, desired: Desired) -> Mapping[str, Json]:
        return {**desired.settings, "region": "elsewhere"}


class KeepsTheOldTraffic(MemoryProvider):
    """Says that the traffic has moved."""

    def traffic(self, target: str, weights: Mapping[str, int]) -> None:
        self.observe(target)


class KeepsOldVersions(MemoryProvider):
    """Says that a version is removed."""

    def delete(self, target: str, version: str | None = None) -> None:
        self.observe(target)


class HasNoEndpoint(MemoryProvider):
    """Is ready nowhere."""

    def observe(self, target: str) -> Observed | None:
        from dataclasses import replace

        found = super().observe(target)
        return replace(found, endpoint=None) if found else None


class AnswersWithTheOldVersion(MemoryProvider):
    """Gives every version the address of the first."""

    def endpoint(self, target: str, version: str) -> Endpoint:
        return super().endpoint(target, "v1")


def test_a_provider_that_drops_a_setting_is_named_before_it_gets_traffic(
    make: Make, platform: Platform, context: Context
) -> None:
    deploy(make(1), MemoryProvider(context, platform))
    with pytest.raises(RolloutError, match="a bug of the provider") as error:
        deploy(make(2), DropsASetting(context, platform))
    assert "region: elsewhere → here" in error.value.detail
    assert serving(MemoryProvider(context, platform)) == {"v1": (make(1).digest, 100)}


def test_traffic_that_does_not_move_is_rolled_back(make: Make, platform: Platform, context: Context) -> None:
    deploy(make(1), MemoryProvider(context, platform))
    with pytest.raises(RolloutError, match="the traffic of local has not moved"):
        deploy(make(2), KeepsTheOldTraffic(context, platform), deadline_s=0.3)
    assert serving(MemoryProvider(context, platform)) == {"v1": (make(1).digest, 100)}


def test_an_old_version_that_stays_is_reported_while_the_new_one_serves(
    make: Make, platform: Platform, context: Context
) -> None:
    deploy(make(1), MemoryProvider(context, platform))
    with pytest.raises(Exception, match="v2 of local serves, but the rollout could not be finished") as error:
        deploy(make(2), KeepsOldVersions(context, platform))
    assert getattr(error.value, "remedy", "") == "rtdeploy gc local"
    assert serving(MemoryProvider(context, platform))["v2"] == (make(2).digest, 100)


def test_a_target_that_is_ready_nowhere_is_a_bug_of_the_provider(
    make: Make, platform: Platform, context: Context
) -> None:
    with pytest.raises(Exception, match="a bug of the provider") as error:
        deploy(make(1), HasNoEndpoint(context, platform))
    assert "without an endpoint" in getattr(error.value, "detail", "")


def test_a_smoke_test_that_is_answered_by_another_version_does_not_count(
    make: Make, platform: Platform, context: Context
) -> None:
    deploy(make(1), MemoryProvider(context, platform))
    with pytest.raises(RolloutError, match="v2 is reported, but v1 answers at its address"):
        deploy(make(2), AnswersWithTheOldVersion(context, platform))


def test_a_bug_in_a_provider_is_rolled_back_too_and_keeps_its_traceback(
    make: Make, platform: Platform, context: Context
) -> None:
    class HasABug(MemoryProvider):
        def endpoint(self, target: str, version: str) -> Endpoint:
            raise ZeroDivisionError

    deploy(make(1), MemoryProvider(context, platform))
    with pytest.raises(ZeroDivisionError):
        deploy(make(2), HasABug(context, platform))
    assert serving(MemoryProvider(context, platform)) == {"v1": (make(1).digest, 100)}


# Canary and judge.


class Court:
    """Judges as it was told, and remembers what it saw."""

    def __init__(self, provider: MemoryProvider, *, ok: bool) -> None:
        self.provider = provider
        self.ok = ok
        self.weights: Sequence[int] = ()
        self.url = ""

    def __call__(self, endpoint: Endpoint) -> Judgement:
        observed = self.provider.observe("local")
        assert observed is not None
        self.weights = [v.weight for v in observed.versions]
        self.url = endpoint.url
        return Judgement(ok=self.ok, words="p99 is 3 ms" if self.ok else "p99 is 900 ms")


def test_a_canary_that_is_judged_good_takes_all_traffic(make: Make, provider: MemoryProvider) -> None:
    deploy(make(1), provider)
    court = Court(provider, ok=True)
    deploy(make(2), provider, canary=10, judge=court)
    assert court.weights == [90, 10]
    assert "/versions/v2/" in court.url
    assert serving(provider) == {"v2": (make(2).digest, 100)}


def test_a_canary_that_is_judged_bad_is_rolled_back(make: Make, provider: MemoryProvider) -> None:
    deploy(make(1), provider)
    with pytest.raises(RolloutError, match="p99 is 900 ms"):
        deploy(make(2), provider, canary=10, judge=Court(provider, ok=False))
    assert serving(provider) == {"v1": (make(1).digest, 100)}


def test_a_judge_without_a_canary_judges_before_any_traffic(make: Make, provider: MemoryProvider) -> None:
    deploy(make(1), provider)
    court = Court(provider, ok=True)
    deploy(make(2), provider, judge=court)
    assert court.weights == [100, 0]


def test_a_canary_without_a_judge_must_answer_the_sample_once_more(make: Make, provider: MemoryProvider) -> None:
    deploy(make(1), provider)
    with pytest.raises(RolloutError, match="v1 serves as before"):
        deploy(make(2, behaviour=Behaviour.CRASHES), provider, canary=10)
    assert serving(provider) == {"v1": (make(1).digest, 100)}


def test_a_first_deploy_has_no_canary_and_says_so(make: Make, provider: MemoryProvider) -> None:
    notes = Notes()
    deploy(make(1), provider, canary=10, progress=notes)
    assert any("no canary" in line for line in notes.lines)


def test_a_first_deploy_that_is_judged_bad_leaves_nothing(make: Make, provider: MemoryProvider) -> None:
    with pytest.raises(RolloutError, match="Nothing is left of it"):
        deploy(make(1), provider, judge=Court(provider, ok=False))
    assert provider.observe("local") is None


@pytest.mark.parametrize("canary", [0, 100, -5])
def test_a_canary_must_be_a_part_of_the_traffic(make: Make, provider: MemoryProvider, canary: int) -> None:
    with pytest.raises(UsageError, match="not between 1 and 99"):
        deploy(make(1), provider, canary=canary)


def test_a_canary_is_refused_where_the_platform_has_none(make: Make, platform: Platform, context: Context) -> None:
    from rtdeploy.deploy.contract import Feature, Support
    from rtdeploy.testing.memory import FEATURES

    provider = MemoryProvider(context, platform)
    provider.features = {**FEATURES, Feature.CANARY: Support(available=False, note="one version at a time")}
    with pytest.raises(UsageError, match="has no canary") as error:
        deploy(make(1), provider, canary=10)
    assert error.value.detail == "one version at a time"


# Stopping.


def test_ctrl_c_while_judging_leads_back(make: Make, provider: MemoryProvider) -> None:
    def interrupted(endpoint: Endpoint) -> Judgement:
        raise KeyboardInterrupt

    deploy(make(1), provider)
    with pytest.raises(StoppedError, match="v1 serves as before"):
        deploy(make(2), provider, canary=10, judge=interrupted)
    assert serving(provider) == {"v1": (make(1).digest, 100)}


def test_sigterm_does_what_ctrl_c_does_and_the_handler_is_put_back(make: Make, provider: MemoryProvider) -> None:
    def terminated(endpoint: Endpoint) -> Judgement:
        os.kill(os.getpid(), signal.SIGTERM)
        return Judgement(ok=True, words="")

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(StoppedError, match="Nothing is left of it"):
        deploy(make(1), provider, judge=terminated)
    assert provider.observe("local") is None
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_rollout_that_was_killed_in_the_middle_is_finished_by_the_next_one(
    make: Make, provider: MemoryProvider
) -> None:
    deploy(make(1), provider)
    provider.create(make(2), "v2")
    plan = make_plan(make(2), provider.observe("local"), provider)
    assert (plan.action, plan.creates) == (Action.REPLACE, False)
    deploy(make(2), provider)
    assert serving(provider) == {"v2": (make(2).digest, 100)}
