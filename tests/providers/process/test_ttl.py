"""A target with a time to live goes by itself."""

from datetime import UTC, datetime, timedelta

from rtdeploy.deploy.contract import State
from rtdeploy_process import family
from tests.providers.process.target import Target, eventually


def test_a_target_that_has_outlived_its_time_is_removed_with_everything(local: Target) -> None:
    local.deploy(settings={"ttl_s": 3600.0})
    local.provider.update(local.desire(settings={"ttl_s": 0.5}), "v1")
    eventually(lambda: local.provider.observe(local.name) is None, "it is gone")
    eventually(lambda: family.find(local.directory) == [], "its processes are gone")
    assert not local.directory.exists()


def test_a_new_time_counts_from_the_change(local: Target) -> None:
    local.deploy(settings={"ttl_s": 3600.0})
    local.provider.update(local.desire(settings={"ttl_s": 7200.0}), "v1")
    expires_at = local.observed().expires_at
    assert expires_at is not None
    left = expires_at - datetime.now(UTC)
    assert timedelta(minutes=110) < left <= timedelta(minutes=120)
    assert local.observed().state is State.READY


def test_a_target_without_a_time_stays(local: Target) -> None:
    local.deploy()
    assert local.observed().expires_at is None
