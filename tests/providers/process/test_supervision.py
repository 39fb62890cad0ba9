"""Supervisor and keeper are killed, and the target goes on."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest

from rtdeploy.deploy.contract import Context, Desired, State
from rtdeploy.deploy.plan import make_plan
from rtdeploy_process import connect, family
from rtdeploy_process.mark import Role
from tests.providers.process.load import Load
from tests.providers.process.target import Target, eventually, post


def _pids(target: Target, role: Role) -> set[int]:
    return {process.pid for process in target.processes(role)}


def test_a_killed_supervisor_is_replaced_and_no_request_fails(local: Target) -> None:
    local.deploy(settings={"replicas": 2})
    url, servers, killed = local.url(), _pids(local, Role.REPLICA), local.process(Role.SUPERVISOR).pid
    with Load(url) as load:
        os.kill(killed, signal.SIGKILL)
        load.goes_on()
        eventually(lambda: _pids(local, Role.SUPERVISOR) - {killed}, "another supervisor")
        local.until("v1", State.READY)
        load.goes_on()
        eventually(lambda: not _pids(local, Role.REPLICA) & servers, "the old servers are gone")
        load.goes_on()
    assert load.failures == []
    assert local.url() == url
    assert len(_pids(local, Role.REPLICA)) == 2


def test_servers_that_nobody_supervises_answer_and_are_reported_as_degraded(local: Target) -> None:
    local.deploy()
    revision, url = local.observed().revision, local.url()
    family.kill(local.directory, Role.SUPERVISOR, Role.KEEPER)
    observed = local.observed()
    assert observed.state is State.DEGRADED
    assert "nobody supervises" in observed.detail
    assert observed.revision == revision
    assert post(url)[0] == "v1"
    plan = make_plan(local.desire(), observed, local.provider)
    assert not plan.empty
    assert "degraded" in "\n".join(plan.describe())


def test_the_next_update_supervises_again_at_the_same_port_and_no_request_fails(local: Target) -> None:
    local.deploy()
    url, servers = local.url(), _pids(local, Role.REPLICA)
    with Load(url) as load:
        family.kill(local.directory, Role.SUPERVISOR, Role.KEEPER)
        load.goes_on()
        local.provider.update(local.desire(), "v1")
        local.until("v1", State.READY)
        eventually(lambda: not _pids(local, Role.REPLICA) & servers, "the old servers are gone")
        load.goes_on()
    assert load.failures == []
    assert local.observed().state is State.READY
    assert local.url() == url


def test_a_rollout_goes_on_where_the_supervisor_was_killed(local: Target) -> None:
    local.deploy(1, "v1")
    with Load(local.url()) as load:
        family.kill(local.directory, Role.SUPERVISOR, Role.KEEPER)
        local.deploy(2, "v2")
        local.provider.traffic(local.name, {"v2": 100})
        load.is_answered_by("v2")
        local.provider.delete(local.name, "v1")
        load.goes_on(300)
    assert load.failures == []
    assert {v.name for v in local.observed().versions} == {"v2"}


def test_a_killed_keeper_is_replaced_and_the_log_goes_on(local: Target) -> None:
    local.deploy()
    killed = local.process(Role.KEEPER).pid
    with Load(local.url()) as load:
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: _pids(local, Role.KEEPER) - {killed}, "another keeper")
        load.goes_on()
    assert load.failures == []
    assert local.observed().state is State.READY
    eventually(lambda: "the keeper was gone" in local.log(), "it is told")
    os.kill(local.process(Role.SUPERVISOR).pid, signal.SIGKILL)
    local.until("v1", State.READY)
    assert local.predict()[0] == "v1"


def test_after_a_reboot_the_target_has_failed_and_comes_back_at_its_port(local: Target) -> None:
    local.deploy()
    url = local.url()
    family.kill(local.directory, Role.SUPERVISOR, Role.KEEPER, Role.REPLICA)
    assert (local.directory / "control.sock").exists()
    assert local.observed().state is State.FAILED
    assert local.observed().endpoint is None
    local.provider.update(local.desire(), "v1")
    local.until("v1", State.READY)
    assert local.url() == url
    assert local.predict()[0] == "v1"


def test_a_target_whose_supervisor_is_gone_can_be_removed(local: Target) -> None:
    local.deploy()
    family.kill(local.directory, Role.SUPERVISOR, Role.KEEPER)
    local.provider.delete(local.name)
    assert family.find(local.directory) == []
    assert not local.directory.exists()
    assert local.provider.observe(local.name) is None


def test_a_target_whose_directory_was_deleted_can_be_removed_and_made_again(local: Target) -> None:
    local.deploy(settings={"port": 0})
    (local.directory / "state.json").unlink()
    local.directory.rename(local.directory.with_name("moved"))
    assert local.provider.observe(local.name) is None
    local.deploy(2, "v1")
    assert local.predict()[1] == [2.0, 4.0]
    assert len(_pids(local, Role.REPLICA)) == 1


def test_a_supervisor_that_hangs_can_be_removed_with_its_target(local: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    local.deploy()
    monkeypatch.setattr("rtdeploy_process.provider._ENDING_S", 0.5)
    local.provider.update(local.desire(settings={"drain_timeout_s": 0.5}), "v1")
    local.process(Role.SUPERVISOR).suspend()
    local.provider.delete(local.name)
    assert family.find(local.directory) == []
    assert not local.directory.exists()


def test_a_supervisor_that_is_told_to_stop_stops_its_servers_and_forgets_nothing(local: Target) -> None:
    local.deploy()
    local.process(Role.SUPERVISOR).terminate()
    eventually(lambda: family.find(local.directory) == [], "all processes have ended")
    assert local.observed().state is State.FAILED
    local.provider.update(local.desire(), "v1")
    local.until("v1", State.READY)


def test_two_that_deploy_at_once_have_one_supervisor(
    local: Target, context: Context, desire: Callable[..., Desired]
) -> None:
    local.deploy()
    family.kill(local.directory, Role.SUPERVISOR, Role.KEEPER)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(connect(context).update, desire(), "v1") for _ in range(2)]:
            done.result()
    local.until("v1", State.READY)
    assert len(local.processes(Role.SUPERVISOR)) == 1
    assert len(local.processes(Role.KEEPER)) == 1


def test_every_process_is_detached_from_the_terminal_and_from_the_project(local: Target) -> None:
    local.deploy()
    for member in family.find(local.directory):
        assert member.process.terminal() is None
        assert member.process.cwd() == "/"
        assert os.getsid(member.process.pid) != os.getsid(0)


def test_a_supervisor_with_nothing_to_do_does_nothing(local: Target) -> None:
    local.deploy()
    local.predict()
    watched = [local.process(Role.SUPERVISOR), local.process(Role.KEEPER)]

    def wakes() -> int:
        return sum(process.num_ctx_switches().voluntary for process in watched)

    def is_still() -> bool:
        before = wakes()
        psutil.cpu_percent(interval=2)
        return wakes() - before <= 4

    eventually(is_still, "it sleeps")


def test_a_project_may_lie_deeper_than_the_path_of_a_socket_can_be_long(
    context: Context, desire: Callable[..., Desired]
) -> None:
    deep = replace(context, home=context.home.joinpath(*["a-rather-long-name-of-a-folder"] * 6))
    target = Target(provider=connect(deep), directory=deep.home / "process" / "local", desire=desire)
    try:
        target.deploy()
        assert target.predict()[0] == "v1"
    finally:
        family.kill(target.directory, *Role)
