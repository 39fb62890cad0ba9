"""Variables reach the server, and nobody else."""

from pathlib import Path

import pytest

from rtdeploy.errors import DeniedError, InvalidRequestError
from rtdeploy_process import family
from rtdeploy_process.environment import resolve
from rtdeploy_process.mark import Role
from tests.providers.process.target import Target


def _secret(home: Path, name: str, value: str, mode: int = 0o600) -> None:
    (home / "secrets").mkdir(parents=True, exist_ok=True)
    path = home / "secrets" / name
    path.write_text(value)
    path.chmod(mode)


def test_a_secret_is_read_when_the_server_starts_and_is_written_nowhere(local: Target) -> None:
    home = local.directory.parent.parent
    _secret(home, "token", "hunter2-hunter2\n")
    local.deploy(environment={"TOKEN": "secret://token", "PLAIN": "visible-value"})
    assert local.process(Role.REPLICA).environ()["TOKEN"] == "hunter2-hunter2"
    written = b"".join(path.read_bytes() for path in local.directory.iterdir() if path.is_file())
    assert b"hunter2" not in written
    shown = repr(local.observed()) + local.log()
    assert "hunter2" not in shown
    assert "visible-value" not in shown
    assert "visible-value" not in (local.directory / "state.json").read_text()
    for member in family.find(local.directory):
        assert "visible-value" not in " ".join(member.process.cmdline())


def test_only_the_owner_can_read_what_is_kept_of_the_environment(local: Target) -> None:
    local.deploy(environment={"PLAIN": "value"})
    (kept,) = local.directory.glob("environment-*")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert local.directory.stat().st_mode & 0o777 == 0o700
    local.deploy(2, "v2")
    local.provider.traffic(local.name, {"v2": 100})
    local.provider.delete(local.name, "v1")
    assert list(local.directory.glob("environment-*")) == []


@pytest.mark.parametrize(
    ("value", "mode", "error"),
    [
        ("secret://missing", 0o600, InvalidRequestError),
        ("secret://../token", 0o600, InvalidRequestError),
        ("secret://", 0o600, InvalidRequestError),
        ("secret://token", 0o644, DeniedError),
    ],
)
def test_a_secret_that_cannot_be_used_is_refused_before_anything_is_made(
    local: Target, value: str, mode: int, error: type[Exception]
) -> None:
    _secret(local.directory.parent.parent, "token", "hunter2", mode)
    with pytest.raises(error, match="TOKEN"):
        local.provider.create(local.desire(environment={"TOKEN": value}), "v1")
    assert not local.directory.exists()


def test_a_secret_keeps_everything_but_the_newline_of_its_editor(tmp_path: Path) -> None:
    _secret(tmp_path, "key", "line 1\nline 2\n\n")
    assert resolve({"A": "secret://key", "B": "plain"}, tmp_path / "secrets") == {
        "A": "line 1\nline 2\n",
        "B": "plain",
    }


def test_the_runtime_is_told_how_to_serve_and_which_version_it_is(local: Target) -> None:
    local.deploy(serve={"queue": 7})
    environment = local.process(Role.REPLICA).environ()
    assert environment["RTDEPLOY_SERVE"] == '{"queue": 7}'
    assert environment["RTDEPLOY_VERSION"] == "v1"
