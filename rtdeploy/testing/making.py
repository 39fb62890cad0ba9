"""Promises about making a version."""

# ruff: noqa: D102 - the name of a promise is what it says

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rtdeploy.deploy.contract import Desired, Provider, State
from rtdeploy.testing.steps import DesiredFactory, Steps

__all__ = ["Making"]


class Making(Steps):
    """A version is made beside what serves, or not at all."""

    def test_the_first_version_takes_all_traffic_and_later_ones_none(
        self, provider: Provider, desired: DesiredFactory
    ) -> None:
        self.deployed(provider, desired())
        self.deployed(provider, desired(2), "v2")
        versions = self.observed(provider).versions
        assert [(v.name, v.digest, v.weight) for v in versions] == [
            ("v1", desired(1).digest, 100),
            ("v2", desired(2).digest, 0),
        ]

    def test_a_ready_target_has_an_endpoint_that_answers(
        self, provider: Provider, desired: DesiredFactory, sample: bytes
    ) -> None:
        self.deployed(provider, desired())
        self.eventually(lambda: self.observed(provider).state is State.READY, "the target is ready")
        endpoint = self.observed(provider).endpoint
        assert endpoint is not None, "ready, and nowhere to send a request"
        self.answers(endpoint, sample, "v1")

    def test_a_version_answers_at_its_own_address_whatever_its_weight(
        self, provider: Provider, desired: DesiredFactory, sample: bytes
    ) -> None:
        self.deployed(provider, desired())
        self.deployed(provider, desired(2), "v2")
        for name in ("v1", "v2"):
            self.answers(provider.endpoint(self.target, name), sample, name)

    def test_a_bundle_that_cannot_start_is_reported_as_failed_with_the_reason(
        self, provider: Provider, broken_bundle: Desired
    ) -> None:
        provider.create(broken_bundle, "v1")
        failed = self.in_state(provider, "v1", State.FAILED)
        assert failed.detail, "failed, and no word why"
        provider.delete(self.target)
        self.gone(provider)

    def test_a_failed_create_leaves_nothing(
        self, provider: Provider, reconnect: Callable[[], Provider], refused: Desired
    ) -> None:
        with pytest.raises(Exception):  # noqa: B017, PT011 - which one it is, is another promise
            provider.create(refused, "v1")
        assert reconnect().observe(self.target) is None

    def test_a_failed_create_leaves_what_serves_alone(
        self, provider: Provider, desired: DesiredFactory, tmp_path: Path
    ) -> None:
        self.deployed(provider, desired())
        before = self.observed(provider)
        missing = replace(desired(2), bundle=tmp_path / "missing")
        with pytest.raises(Exception):  # noqa: B017, PT011
            provider.create(missing, "v2")
        after = self.observed(provider)
        assert after.versions == before.versions
