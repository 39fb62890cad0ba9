"""New versions, old versions and weights come and go under load, and no request fails."""

from collections import Counter
from contextlib import closing

import pytest

from rtdeploy.deploy.contract import State
from rtdeploy.errors import ConflictError, InvalidRequestError
from rtdeploy_process.mark import Role
from tests.providers.process.load import Load
from tests.providers.process.target import Target, connection_to, eventually, post


def test_rollouts_rollbacks_and_traffic_changes_fail_no_request(local: Target) -> None:
    local.deploy(1, "v1")
    provider, name = local.provider, local.name
    with Load(local.url()) as load:
        for number in (2, 3):
            old, new = f"v{number - 1}", f"v{number}"
            local.deploy(number, new)
            provider.traffic(name, {old: 70, new: 30})
            load.is_answered_by(new)
            provider.traffic(name, {old: 100})
            load.goes_on()
            provider.traffic(name, {new: 100})
            load.is_answered_by(new)
            provider.delete(name, old)
            load.goes_on(300)
        provider.update(local.desire(3, settings={"replicas": 2}), "v3")
        local.until("v3", State.READY)
        load.goes_on(300)
        provider.update(local.desire(3, settings={"replicas": 1}), "v3")
        load.goes_on(300)
    assert load.failures == []
    assert [v.name for v in local.observed().versions] == ["v3"]


def test_a_new_version_that_does_not_start_leaves_the_old_one_alone(local: Target, broken: Target) -> None:
    local.deploy(1, "v1")
    with Load(local.url()) as load:
        local.provider.create(broken.desire(), "v2")
        failed = local.until("v2", State.FAILED)
        load.goes_on()
        local.provider.delete(local.name, "v2")
        load.goes_on()
    assert "model" in failed.detail
    assert load.failures == []
    assert set(load.answered) == {"v1"}
    assert local.observed().state is State.READY


def test_connections_are_split_by_weight(local: Target) -> None:
    local.deploy(1, "v1")
    local.deploy(2, "v2")
    local.provider.traffic(local.name, {"v1": 80, "v2": 20})
    url = local.url()
    seen = Counter(post(url)[0] for _ in range(200))
    assert 90 <= seen["v1"] <= 190
    assert 10 <= seen["v2"] <= 110


def test_a_kept_connection_is_split_too(local: Target) -> None:
    local.deploy(1, "v1")
    local.deploy(2, "v2")
    local.provider.traffic(local.name, {"v1": 50, "v2": 50})
    url = local.url()
    with closing(connection_to(url)) as client:
        seen = Counter(post(url, client)[0] for _ in range(300))
    assert set(seen) == {"v1", "v2"}


def test_a_kept_connection_leaves_a_version_that_has_lost_its_traffic(local: Target) -> None:
    local.deploy(1, "v1")
    local.deploy(2, "v2")
    with closing(connection_to(local.url())) as client:
        assert local.predict(client)[0] == "v1"
        local.provider.traffic(local.name, {"v2": 100})
        local.predict(client)
        assert {local.predict(client)[0] for _ in range(20)} == {"v2"}


def test_a_version_that_has_no_traffic_keeps_the_connections_to_its_own_address(local: Target) -> None:
    local.deploy(1, "v1")
    local.deploy(2, "v2")
    pinned = local.provider.endpoint(local.name, "v2").url
    assert post(pinned)[:2] == ("v2", True)


def test_every_replica_gets_connections(local: Target) -> None:
    local.deploy(1, "v1", settings={"replicas": 3})
    before = {p.pid: p.num_ctx_switches().voluntary for p in local.processes(Role.REPLICA)}
    url = local.url()
    for _ in range(100):
        post(url)
    after = {p.pid: p.num_ctx_switches().voluntary for p in local.processes(Role.REPLICA)}
    assert len(before) == 3
    assert [pid for pid in before if after[pid] - before[pid] < 10] == []


def test_the_port_refuses_connections_until_the_first_version_is_ready(local: Target) -> None:
    local.provider.create(local.desire(), "v1")
    pinned = local.provider.endpoint(local.name, "v1").url
    if local.observed().state is State.PENDING:
        assert local.observed().endpoint is None
    local.until("v1", State.READY)
    assert post(pinned)[0] == "v1"


def test_a_version_is_not_changed_in_place_where_it_would_have_to_be_another(local: Target) -> None:
    local.deploy(1, "v1")
    with pytest.raises(InvalidRequestError, match="digest"):
        local.provider.update(local.desire(2), "v1")
    with pytest.raises(InvalidRequestError, match="another address"):
        local.provider.create(local.desire(2, settings={"host": "127.0.0.2"}), "v2")


def test_a_version_that_has_traffic_is_not_removed_while_there_is_another(local: Target) -> None:
    local.deploy(1, "v1")
    local.deploy(2, "v2")
    with pytest.raises(InvalidRequestError, match="100 %"):
        local.provider.delete(local.name, "v1")
    assert local.predict()[0] == "v1"


def test_removing_the_only_version_removes_the_target(local: Target) -> None:
    local.deploy(1, "v1")
    local.provider.delete(local.name, "v1")
    assert local.provider.observe(local.name) is None
    assert not local.directory.exists()


def test_a_version_is_not_made_twice(local: Target) -> None:
    local.deploy(1, "v1")
    with pytest.raises(ConflictError):
        local.provider.create(local.desire(2), "v1")
    assert eventually(local.predict, "v1 answers")[1] == [1.0, 2.0]


@pytest.mark.parametrize(
    "settings", [{"replicas": 0}, {"protocol": "grpc"}, {"gpus": 1}, {"startup_timeout_s": -1.0}, {"port": 70000}]
)
def test_what_cannot_be_honoured_is_refused_and_leaves_nothing(local: Target, settings: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError):
        local.provider.create(local.desire(settings=settings), "v1")
    assert not local.directory.exists()
