"""Ports that are taken, kept, and given back."""

import os
import socket
from collections.abc import Callable

import pytest

from rtdeploy.deploy.contract import Context, Desired, State
from rtdeploy.errors import ConflictError, DeniedError, InvalidRequestError
from rtdeploy_process import connect, family
from rtdeploy_process.errors import translate
from rtdeploy_process.mark import Role
from tests.providers.process.target import Target, eventually


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "with SO_REUSEPORT"])
def test_a_port_in_use_is_refused_with_its_owner_and_leaves_nothing(local: Target, shared: bool) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConflictError) as refusal:
            local.provider.create(local.desire(settings={"port": port}), "v1")
    assert str(port) in refusal.value.summary
    assert f"pid {os.getpid()}" in refusal.value.summary
    assert local.provider.observe(local.name) is None
    assert not local.directory.exists()
    eventually(lambda: family.find(local.directory) == [], "no process is left")


def test_two_targets_do_not_share_a_port_though_neither_listens_yet(
    local: Target, context: Context, desire: Callable[..., Desired]
) -> None:
    port = _free_port()
    local.provider.create(local.desire(settings={"port": port}), "v1")
    with pytest.raises(ConflictError, match=str(port)):
        connect(context).create(desire(target="other", settings={"port": port}), "v1")
    local.until("v1", State.READY)
    assert local.url().startswith(f"http://127.0.0.1:{port}/")


def test_a_port_is_free_again_as_soon_as_its_target_is_removed(local: Target) -> None:
    port = _free_port()
    for number in (1, 2):
        local.deploy(number, settings={"port": port})
        assert local.predict()[1] == [number, 2.0 * number]
        local.provider.delete(local.name)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_chosen_port_is_kept_while_versions_come_and_go(local: Target) -> None:
    local.deploy(1, "v1")
    url = local.url()
    local.deploy(2, "v2")
    local.provider.traffic(local.name, {"v2": 100})
    local.provider.delete(local.name, "v1")
    assert local.url() == url
    assert local.observed().versions[0].settings["port"] == 0


def test_a_port_that_was_taken_while_nobody_supervised_is_named(local: Target) -> None:
    port = _free_port()
    local.deploy(settings={"port": port})
    family.kill(local.directory, *Role)
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ConflictError, match=str(port)):
        local.provider.update(local.desire(settings={"port": port}), "v1")
    assert local.observed().state is State.FAILED
    local.provider.update(local.desire(settings={"port": port}), "v1")
    local.until("v1", State.READY)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "not an address"])
def test_a_host_that_is_not_this_machine_is_refused(local: Target, host: str) -> None:
    with pytest.raises(InvalidRequestError):
        local.provider.create(local.desire(settings={"host": host}), "v1")
    assert not local.directory.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost", "::1"])
def test_other_addresses_of_this_machine_are_served(local: Target, host: str) -> None:
    local.deploy(settings={"host": host})
    assert local.predict()[0] == "v1"


def test_a_port_that_needs_a_privilege_is_denied() -> None:
    refused = translate(PermissionError(13, "Permission denied"), "listen on 127.0.0.1:80")
    assert isinstance(refused, DeniedError)
    assert "1023" in refused.remedy
