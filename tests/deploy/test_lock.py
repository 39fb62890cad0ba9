"""One change of a target at a time, and everybody else is told whose."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rtdeploy.deploy import locked
from rtdeploy.errors import ConflictError

HOLD = """
import sys
from pathlib import Path
from rtdeploy.deploy import locked
with locked(Path(sys.argv[1]), "local", command="rtdeploy deploy local"):
    print("held", flush=True)
    sys.stdin.read()
"""

# A child that lives on and has inherited the lock, as a server started by a rollout may have.
LEAVE_A_CHILD = """
import os, sys
from pathlib import Path
from rtdeploy.deploy import locked
with locked(Path(sys.argv[1]), "local", command="rtdeploy deploy local"):
    if os.fork() == 0:
        os.close(1)
        sys.stdin.read()
        os._exit(0)
    print("held", flush=True)
    os._exit(9)
"""


def holder(home: Path, program: str = HOLD) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def let_go(process: subprocess.Popen[str]) -> None:
    process.communicate()


def test_a_second_process_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        with (
            pytest.raises(ConflictError, match="Somebody else is changing local") as error,
            locked(tmp_path, "local", command="rtdeploy destroy local"),
        ):
            pass
        assert f"process {process.pid}, `rtdeploy deploy local`, since " in error.value.detail
    finally:
        let_go(process)


def test_another_target_is_another_lock(tmp_path: Path) -> None:
    with locked(tmp_path, "local", command="a"), locked(tmp_path, "cloud", command="b"):
        pass


def test_a_second_thread_is_refused_too(tmp_path: Path) -> None:
    caught: list[BaseException] = []

    def second() -> None:
        try:
            with locked(tmp_path, "local", command="b"):
                pass
        except ConflictError as error:
            caught.append(error)

    with locked(tmp_path, "local", command="a"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(caught) == 1


def test_the_lock_is_free_after_success_and_after_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path, "local", command="a"):
        raise ZeroDivisionError
    with locked(tmp_path, "local", command="b"):
        pass


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    process = holder(tmp_path)
    process.kill()
    let_go(process)
    with locked(tmp_path, "local", command="b"):
        assert json.loads((tmp_path / "locks" / "local.owner").read_text())["pid"] == os.getpid()


def test_a_lock_that_only_a_dead_owners_child_holds_is_taken_over(tmp_path: Path) -> None:
    process = holder(tmp_path, LEAVE_A_CHILD)
    try:
        assert process.wait(timeout=30) == 9
        with (
            locked(tmp_path, "local", command="b"),
            pytest.raises(ConflictError) as error,
            locked(tmp_path, "local", command="c"),
        ):
            pass
        assert "`b`" in error.value.detail
    finally:
        let_go(process)


def test_a_pid_that_was_used_again_does_not_keep_a_lock_alive(tmp_path: Path) -> None:
    from rtdeploy.deploy.lock import Owner

    me = Owner.this_process("a")
    reborn = Owner(pid=me.pid, began=me.began - 3600, host=me.host, user=me.user, command="a", since=me.since)
    assert reborn.dead
    assert not me.dead
    assert not Owner(pid=2**22 - 1, began=0, host="elsewhere", user="x", command="a", since=me.since).dead
