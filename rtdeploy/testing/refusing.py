"""Promises about features and refusals."""

# ruff: noqa: D102 - the name of a promise is what it says

from collections.abc import Mapping, Sequence
from itertools import islice
from types import MappingProxyType

import pytest

from rtdeploy.deploy.contract import Feature, Json, Provider
from rtdeploy.deploy.desired import FEATURE_FIELDS
from rtdeploy.deploy.plan import differences, make_plan
from rtdeploy.errors import ConflictError, InvalidRequestError, RtdeployError, UsageError
from rtdeploy.testing.steps import DesiredFactory, Refusal, Steps

__all__ = ["Refusing"]

_USES: Mapping[Feature, Mapping[str, Json]] = MappingProxyType(
    {
        Feature.AUTOSCALING: {"scale.min": 1, "scale.max": 2},
        Feature.SCALE_TO_ZERO: {"scale.min": 0},
        Feature.SCHEDULED_SCALING: {"scale.schedule": [{"cron": "0 8 * * *", "min": 1}]},
        Feature.GPU: {"gpus": 1},
        Feature.GRPC: {"protocol": "grpc"},
        Feature.STREAMING: {"protocol": "stream"},
        Feature.PRIVATE_NETWORK: {"public": False},
        Feature.TTL: {"ttl_s": 3600.0},
    }
)
"""A way to ask for each feature that a setting can ask for."""


class Refusing(Steps):
    """A provider does what it claims, refuses the rest, and says why in our words."""

    def wrong_calls(self, provider: Provider, desired: DesiredFactory) -> Sequence[Refusal]:
        """Ways to misuse any provider; v1 is there, v9 is not."""
        target, error = self.target, InvalidRequestError
        return (
            Refusal(words="v1 again", provoke=lambda: provider.create(desired(2), "v1"), error=ConflictError),
            Refusal(words="update v9", provoke=lambda: provider.update(desired(), "v9"), error=error),
            Refusal(words="traffic v9", provoke=lambda: provider.traffic(target, {"v9": 100}), error=error),
            Refusal(words="traffic 90", provoke=lambda: provider.traffic(target, {"v1": 90}), error=error),
            Refusal(words="endpoint v9", provoke=lambda: provider.endpoint(target, "v9"), error=error),
            Refusal(words="endpoint", provoke=lambda: provider.endpoint("never-made", "v1"), error=error),
            Refusal(words="logs v9", provoke=lambda: list(provider.logs(target, version="v9")), error=error),
        )

    def test_no_error_of_the_platforms_own_kit_escapes(
        self, provider: Provider, desired: DesiredFactory, refusals: Sequence[Refusal]
    ) -> None:
        self.deployed(provider, desired())
        for refusal in (*self.wrong_calls(provider, desired), *refusals):
            error = self.caught(refusal)
            assert isinstance(error, RtdeployError), f"{refusal.words}: {error!r}"
            assert error.summary
            assert error.remedy, f"{refusal.words}: nothing to do about it"

    def test_each_refusal_becomes_the_error_that_says_what_it_is(
        self, provider: Provider, desired: DesiredFactory, refusals: Sequence[Refusal]
    ) -> None:
        self.deployed(provider, desired())
        for refusal in (*self.wrong_calls(provider, desired), *refusals):
            error = self.caught(refusal)
            if isinstance(error, RtdeployError):
                assert isinstance(error, refusal.error), f"{refusal.words}: {error!r}"

    def test_an_absent_feature_is_refused_at_plan_time_with_its_note(
        self, provider: Provider, desired: DesiredFactory
    ) -> None:
        for feature, settings in _USES.items():
            support = provider.features.get(feature)
            if support is None or support.available:
                continue
            with pytest.raises(UsageError) as refusal:
                make_plan(desired(settings=settings), None, provider)
            assert support.note in refusal.value.detail

    def test_a_feature_that_is_claimed_is_honoured(
        self, provider: Provider, desired: DesiredFactory, alternatives: Mapping[str, Json]
    ) -> None:
        claimed = {f for f, support in provider.features.items() if support.available}
        fields = {f: [n for n in FEATURE_FIELDS[f] if n in provider.fields] for f in claimed if f in FEATURE_FIELDS}
        assert [f for f, names in fields.items() if not names] == [], "claimed, and no setting asks for it"
        asked = {n: alternatives[n] for names in fields.values() for n in names}
        wanted = desired(settings=asked)
        assert differences(wanted, self.deployed(provider, wanted), provider) == ()
        assert (self.observed(provider).expires_at is not None) == (Feature.TTL in claimed)

    def test_logs_are_lines_of_the_version_or_refused_with_a_reason(
        self, provider: Provider, desired: DesiredFactory
    ) -> None:
        self.deployed(provider, desired())
        if not provider.features[Feature.LOGS].available:
            with pytest.raises(InvalidRequestError):
                list(provider.logs(self.target))
            return
        lines = self.eventually(lambda: list(provider.logs(self.target)), "there is a log")
        assert all("\n" not in line for line in lines)
        assert len(list(provider.logs(self.target, version="v1", lines=1))) == 1
        assert list(provider.logs(self.target, lines=0)) == []
        assert list(islice(provider.logs(self.target, lines=1, follow=True), 1)) != []
