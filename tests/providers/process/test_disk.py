"""The disk is full: what serves serves, what was written is not harmed, and the error says so.

A limit on the size of files (RLIMIT_FSIZE) stands for the full disk: it needs no privilege, and it can be put on one
process while it runs.
"""

import resource
from collections.abc import Iterator

import pytest

from rtdeploy.deploy.contract import State
from rtdeploy.errors import QuotaError
from rtdeploy_process import family
from rtdeploy_process.mark import Role
from tests.providers.process.target import Target, eventually

_UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture
def full_disk(local: Target) -> Iterator[None]:
    """A supervisor that cannot write one byte any more, and serves v1."""
    local.deploy()
    pid = local.process(Role.SUPERVISOR).pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, _UNLIMITED)


@pytest.mark.usefixtures("full_disk")
def test_no_version_is_made_that_cannot_be_written_down(local: Target) -> None:
    before, files = local.observed(), sorted(path.name for path in local.directory.iterdir())
    with pytest.raises(QuotaError) as refusal:
        local.provider.create(local.desire(2, environment={"TOKEN": "x"}), "v2")
    assert "room on the disk" in refusal.value.remedy
    assert local.observed().versions[0].weight == 100
    assert local.observed().revision == before.revision
    assert sorted(path.name for path in local.directory.iterdir()) == files
    assert local.predict()[0] == "v1"
    assert len(local.processes(Role.REPLICA)) == 1


@pytest.mark.usefixtures("full_disk")
def test_no_change_is_made_that_cannot_be_written_down(local: Target) -> None:
    with pytest.raises(QuotaError):
        local.provider.update(local.desire(settings={"replicas": 2}), "v1")
    assert local.observed().versions[0].settings["replicas"] == 1
    assert len(local.processes(Role.REPLICA)) == 1


@pytest.mark.usefixtures("full_disk")
def test_a_target_on_a_full_disk_can_be_removed(local: Target) -> None:
    local.provider.delete(local.name)
    assert not local.directory.exists()


def test_a_first_version_on_a_full_disk_leaves_nothing(local: Target) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(QuotaError):
            local.provider.create(local.desire(), "v1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not local.directory.exists()
    eventually(lambda: family.find(local.directory) == [], "no process is left")


def test_a_server_goes_on_where_its_log_cannot_be_written(local: Target) -> None:
    local.deploy()
    keeper = local.process(Role.KEEPER).pid
    resource.prlimit(keeper, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    local.deploy(2, "v2")
    local.provider.traffic(local.name, {"v2": 100})
    assert local.predict()[0] == "v2"
    assert local.observed().state is State.READY
