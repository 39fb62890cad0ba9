"""Promises about changing what is there."""

# ruff: noqa: D102 - the name of a promise is what it says

from collections.abc import Mapping

import pytest

from rtdeploy.deploy.contract import Effect, Feature, Json, Provider, State
from rtdeploy.deploy.plan import differences, make_plan
from rtdeploy.deploy.progress import Silent
from rtdeploy.deploy.rollout import rollout
from rtdeploy.errors import ConflictError, InvalidRequestError
from rtdeploy.testing.steps import FEATURE_SETTINGS, DesiredFactory, Steps

__all__ = ["Changing"]


class Changing(Steps):
    """A change is carried out, is seen, and goes no further than it was asked."""

    def test_an_update_in_place_is_carried_out(
        self, provider: Provider, desired: DesiredFactory, alternatives: Mapping[str, Json]
    ) -> None:
        self.deployed(provider, desired())
        changed = {
            name: alternatives[name]
            for name, effect in provider.fields.items()
            if effect is Effect.IN_PLACE and name not in FEATURE_SETTINGS
        }
        wanted = desired(settings=changed)
        provider.update(wanted, "v1")

        def is_carried_out() -> bool:
            now = self.version(provider, "v1")
            return now is not None and now.state is State.READY and differences(wanted, now, provider) == ()

        self.eventually(is_carried_out, "the update is visible")
        assert [(v.name, v.weight) for v in self.observed(provider).versions] == [("v1", 100)]

    def test_an_update_with_no_difference_is_harmless(
        self, provider: Provider, desired: DesiredFactory, sample: bytes
    ) -> None:
        self.deployed(provider, desired())
        provider.update(desired(), "v1")
        self.planned_empty(provider, desired())
        self.answers(provider.endpoint(self.target, "v1"), sample, "v1")

    def test_every_change_gives_another_revision(self, provider: Provider, desired: DesiredFactory) -> None:
        self.deployed(provider, desired())
        revisions = [self.observed(provider).revision]
        self.deployed(provider, desired(2), "v2")
        revisions.append(self.observed(provider).revision)
        provider.traffic(self.target, {"v2": 100})
        revisions.append(self.observed(provider).revision)
        provider.delete(self.target, "v1")
        revisions.append(self.observed(provider).revision)
        assert len(set(revisions)) == len(revisions)

    def test_a_plan_made_from_an_older_revision_is_refused(
        self, provider: Provider, desired: DesiredFactory, sample: bytes
    ) -> None:
        stale = make_plan(desired(), provider.observe(self.target), provider)
        self.deployed(provider, desired(2))
        with pytest.raises(ConflictError):
            rollout(stale, desired(), provider, sample=sample, progress=Silent())
        assert [v.name for v in self.observed(provider).versions] == ["v1"]

    def test_all_traffic_goes_where_it_is_sent(
        self, provider: Provider, desired: DesiredFactory, sample: bytes
    ) -> None:
        self.deployed(provider, desired())
        self.deployed(provider, desired(2), "v2")
        for name in ("v2", "v1"):
            provider.traffic(self.target, {name: 100})
            self.weighs(provider, {v: 100 * (v == name) for v in ("v1", "v2")})
            self.answers_alone(provider, sample, name)

    def test_traffic_is_split_where_there_is_canary_and_refused_where_there_is_none(
        self, provider: Provider, desired: DesiredFactory
    ) -> None:
        self.deployed(provider, desired())
        self.deployed(provider, desired(2), "v2")
        if not provider.features[Feature.CANARY].available:
            with pytest.raises(InvalidRequestError):
                provider.traffic(self.target, {"v1": 80, "v2": 20})
            return
        provider.traffic(self.target, {"v1": 80, "v2": 20})
        self.weighs(provider, {"v1": 80, "v2": 20})
