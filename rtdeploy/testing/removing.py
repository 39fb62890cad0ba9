"""Promises about removing."""

# ruff: noqa: D102 - the name of a promise is what it says

import pytest

from rtdeploy.deploy.contract import Provider
from rtdeploy.deploy.smoke import check_reply, send
from rtdeploy.errors import RtdeployError
from rtdeploy.testing.steps import DesiredFactory, Steps

__all__ = ["Removing"]


class Removing(Steps):
    """What is removed is gone, and what is gone can be removed."""

    def test_removing_what_is_not_there_succeeds(self, provider: Provider, desired: DesiredFactory) -> None:
        provider.delete("never-made")
        self.deployed(provider, desired())
        provider.delete(self.target)
        self.gone(provider)
        provider.delete(self.target)
        provider.delete(self.target, "v1")
        assert provider.observe(self.target) is None

    def test_removing_one_version_leaves_the_others(
        self, provider: Provider, desired: DesiredFactory, sample: bytes
    ) -> None:
        self.deployed(provider, desired())
        self.deployed(provider, desired(2), "v2")
        provider.delete(self.target, "v2")
        self.eventually(lambda: self.version(provider, "v2") is None, "v2 is gone")
        assert [(v.name, v.weight) for v in self.observed(provider).versions] == [("v1", 100)]
        self.answers(provider.endpoint(self.target, "v1"), sample, "v1")

    def test_a_target_that_was_removed_answers_no_more_and_can_be_made_again(
        self, provider: Provider, desired: DesiredFactory, sample: bytes
    ) -> None:
        self.deployed(provider, desired())
        pinned = provider.endpoint(self.target, "v1")
        provider.delete(self.target)
        self.gone(provider)
        with pytest.raises(RtdeployError):
            check_reply(send(pinned, sample, timeout_s=10), version="v1")
        assert self.deployed(provider, desired(2)).digest == desired(2).digest
