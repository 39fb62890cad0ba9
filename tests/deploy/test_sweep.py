"""What is removed, and what is left alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rtdeploy.deploy import Swept, destroy, gc, sweep_store
from rtdeploy.deploy.contract import Context
from rtdeploy.errors import DeadlineError
from rtdeploy.testing.memory import MemoryProvider
from rtdeploy.testing.platform import Behaviour, Platform
from tests.deploy.conftest import QUICK, Make


def names(provider: MemoryProvider) -> list[str]:
    observed = provider.observe("local")
    return [v.name for v in observed.versions] if observed else []


def test_destroying_removes_all_and_tells_what_was_there(make: Make, provider: MemoryProvider) -> None:
    provider.create(make(1), "v1")
    provider.create(make(2), "v2")
    before = destroy(provider, "local", pace=QUICK)
    assert before is not None
    assert [v.name for v in before.versions] == ["v1", "v2"]
    assert provider.observe("local") is None


def test_destroying_what_is_not_there_is_fine(provider: MemoryProvider) -> None:
    assert destroy(provider, "local", pace=QUICK) is None


def test_destroying_is_not_done_before_the_target_is_gone(make: Make, platform: Platform, context: Context) -> None:
    class SaysYes(MemoryProvider):
        def delete(self, target: str, version: str | None = None) -> None:
            self.observe(target)

    provider = SaysYes(context, platform)
    provider.create(make(), "v1")
    with pytest.raises(DeadlineError, match="local was not removed"):
        destroy(provider, "local", deadline_s=0.1, pace=QUICK)


def test_versions_without_traffic_are_swept_and_what_serves_is_not(make: Make, provider: MemoryProvider) -> None:
    provider.create(make(1), "v1")
    provider.create(make(2), "v2")
    provider.create(make(3, behaviour=Behaviour.NEVER_STARTS), "v3")
    provider.traffic("local", {"v2": 100})
    assert gc(provider, "local", pace=QUICK) == Swept(target="local", versions=("v1", "v3"))
    assert names(provider) == ["v2"]


def test_both_sides_of_a_split_stay(make: Make, provider: MemoryProvider) -> None:
    provider.create(make(1), "v1")
    provider.create(make(2), "v2")
    provider.traffic("local", {"v1": 99, "v2": 1})
    assert gc(provider, "local", pace=QUICK) == Swept(target="local")
    assert names(provider) == ["v1", "v2"]


def test_a_target_goes_when_its_time_has_passed_and_not_before(make: Make, provider: MemoryProvider) -> None:
    provider.create(make(settings={"ttl_s": 3600}), "v1")
    now = datetime.now(UTC)
    assert not gc(provider, "local", now=now + timedelta(minutes=59), pace=QUICK).expired
    assert gc(provider, "local", now=now + timedelta(minutes=61), pace=QUICK).expired
    assert provider.observe("local") is None


def test_sweeping_what_is_not_deployed_is_fine(provider: MemoryProvider) -> None:
    assert gc(provider, "local", pace=QUICK) == Swept(target="local")


def test_half_made_bundles_of_the_dead_are_swept_from_the_store(tmp_path: Path) -> None:
    store = tmp_path / "bundles"
    assert sweep_store(store) == ()
    assert not store.exists()
    half = store / ".tmp-4194303-abc"
    half.mkdir(parents=True)
    (half / "model.onnx").write_bytes(b"half")
    (store / ".tmp-4194303-abc.lock").touch()
    assert sweep_store(store) == (half,)
    assert not half.exists()
