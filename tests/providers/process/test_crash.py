"""Servers die, and are replaced; those that cannot live are reported with what they said."""

import os
import signal
from pathlib import Path

from rtdeploy.deploy.contract import State
from rtdeploy_process.crew import backoff_s
from rtdeploy_process.mark import Role
from tests.providers.process.load import Load
from tests.providers.process.target import Target, eventually, post


def _site(folder: Path, code: str) -> dict[str, str]:
    """An environment in which every Python runs some code before anything else."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


def test_a_killed_server_is_started_again_and_who_connects_meanwhile_is_served(local: Target) -> None:
    local.deploy()
    url, killed = local.url(), local.process(Role.REPLICA).pid
    os.kill(killed, signal.SIGKILL)
    assert post(url)[2] == [1.0, 2.0]
    local.until("v1", State.READY)
    assert local.process(Role.REPLICA).pid != killed
    assert "v1/1 rtdeploy: killed by signal 9; starting again" in local.log()


def test_new_connections_go_to_the_siblings_of_a_killed_server(local: Target) -> None:
    local.deploy(settings={"replicas": 2})
    url = local.url()
    os.kill(local.processes(Role.REPLICA)[0].pid, signal.SIGKILL)
    assert {post(url)[0] for _ in range(50)} == {"v1"}
    local.until("v1", State.READY)


def test_a_version_with_a_dead_server_is_degraded_and_says_why(local: Target, tmp_path: Path) -> None:
    flag = tmp_path / "die"
    code = f"import os\nif os.path.exists({str(flag)!r}): print('no more memory', flush=True); os._exit(7)"
    local.deploy(settings={"replicas": 2}, environment=_site(tmp_path / "site", code))
    flag.touch()
    os.kill(local.processes(Role.REPLICA)[0].pid, signal.SIGKILL)
    eventually(lambda: "no more memory" in local.until("v1", State.DEGRADED).detail, "the reason is told")
    assert "ended with status 7 before it was ready" in local.until("v1", State.DEGRADED).detail
    assert local.observed().endpoint is not None
    flag.unlink()
    local.provider.update(local.desire(settings={"replicas": 2}, environment=_site(tmp_path / "site", code)), "v1")
    local.until("v1", State.READY)


def test_a_version_whose_servers_all_die_again_and_again_has_failed(local: Target, tmp_path: Path) -> None:
    flag = tmp_path / "die"
    environment = _site(tmp_path / "site", f"import os\nif os.path.exists({str(flag)!r}): os._exit(7)")
    local.deploy(environment=environment)
    flag.touch()
    os.kill(local.process(Role.REPLICA).pid, signal.SIGKILL)
    failed = local.until("v1", State.FAILED)
    assert "ended with status 7" in failed.detail
    assert local.observed().endpoint is None
    flag.unlink()
    local.provider.update(local.desire(environment=environment), "v1")
    local.until("v1", State.READY)


def test_pauses_between_starts_grow_and_are_bounded() -> None:
    pauses = [backoff_s(failures) for failures in range(1, 40)]
    assert pauses[0] < 1
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30


def test_a_server_that_never_becomes_ready_fails_with_its_last_words(local: Target, tmp_path: Path) -> None:
    environment = _site(tmp_path / "site", "import os\nprint('the driver is too old', flush=True)\nos._exit(3)")
    local.provider.create(local.desire(environment=environment), "v1")
    failed = local.until("v1", State.FAILED)
    assert "the driver is too old" in failed.detail
    assert "given up" in local.log()


def test_a_server_that_takes_too_long_to_start_fails(local: Target, tmp_path: Path) -> None:
    environment = _site(tmp_path / "site", "import time; time.sleep(600)")
    local.provider.create(local.desire(environment=environment, settings={"startup_timeout_s": 1.0}), "v1")
    assert "startup_timeout" in local.until("v1", State.FAILED).detail
    assert local.processes(Role.REPLICA) == []


def test_a_bundle_that_cannot_be_loaded_fails_with_the_runtimes_own_words(broken: Target) -> None:
    broken.provider.create(broken.desire(), "v1")
    failed = broken.until("v1", State.FAILED)
    assert "model.onnx" in failed.detail
    assert broken.observed().state is State.FAILED


def test_a_server_that_does_not_obey_is_replaced(local: Target) -> None:
    local.deploy()
    stopped = local.process(Role.REPLICA)
    stopped.suspend()
    local.deploy(2, "v2")
    local.provider.traffic(local.name, {"v2": 100})
    with Load(local.url()) as load:
        load.is_answered_by("v2")
    assert load.failures == []
    eventually(lambda: not stopped.is_running() or stopped.status() == "zombie", "the stopped server is gone")
