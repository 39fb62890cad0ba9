"""What servers say can be read, line by line, while it is said."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from rtdeploy.errors import InvalidRequestError
from rtdeploy_process import logs
from rtdeploy_process.keeper import LOG, LOG_BACKUPS, LOG_BYTES, Log, Output
from tests.providers.process.target import Target


def test_every_line_names_version_and_replica(local: Target) -> None:
    local.deploy(settings={"replicas": 2})
    lines = list(local.provider.logs("local", version="v1"))
    assert {line.partition(" ")[0] for line in lines} == {"v1/1", "v1/2"}
    assert any("is ready" in line for line in lines)
    assert list(local.provider.logs("local", lines=1)) == [local.log().splitlines()[-1]]


def test_logs_of_what_is_not_there_are_refused(local: Target) -> None:
    with pytest.raises(InvalidRequestError):
        local.provider.logs("local")
    local.deploy()
    with pytest.raises(InvalidRequestError):
        local.provider.logs("local", version="v7")


def test_following_ends_when_the_target_is_removed(local: Target) -> None:
    local.deploy()
    following = local.provider.logs("local", lines=1, follow=True)
    next(following)
    local.provider.delete("local")
    assert all(isinstance(line, str) for line in following)


def _write(handler: Log, numbers: range) -> None:
    for number in numbers:
        handler.write("v1/1", f"line {number}")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """A log that is rotated after a few lines."""
    monkeypatch.setattr("rtdeploy_process.keeper.LOG_BYTES", 200)
    made = Log(tmp_path / LOG)
    yield made
    made.close()


def test_lines_are_read_across_rotation(tmp_path: Path, log: Log) -> None:
    _write(log, range(30))
    read = list(logs.read(tmp_path, version=None, lines=15, follow=False))
    assert read == [f"v1/1 line {number}" for number in range(15, 30)]


def test_following_goes_on_across_rotation(tmp_path: Path, log: Log) -> None:
    _write(log, range(3))
    following = logs.read(tmp_path, version="v1", lines=1, follow=True)
    assert next(following) == "v1/1 line 2"
    _write(log, range(3, 20))
    assert list(islice(following, 17)) == [f"v1/1 line {number}" for number in range(3, 20)]


def test_the_log_is_bounded(tmp_path: Path, log: Log) -> None:
    _write(log, range(1000))
    assert len(list(tmp_path.iterdir())) == 1 + LOG_BACKUPS
    assert LOG_BYTES * (1 + LOG_BACKUPS) <= 20 << 20


def test_a_line_without_end_is_cut_and_bytes_that_are_no_text_are_replaced(tmp_path: Path, log: Log) -> None:
    read, write = os.pipe()
    output = Output("v1/1", read, log)
    os.write(write, b"\xff\xfe half a li")
    assert output.copy()
    os.write(write, b"ne\nrest")
    os.close(write)
    assert not output.copy()
    os.close(read)
    assert (tmp_path / LOG).read_text() == "v1/1 \ufffd\ufffd half a line\nv1/1 rest\n"
