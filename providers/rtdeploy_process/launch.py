"""Start a process of ours that outlives the terminal, and hear from it whether it could begin."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rtdeploy.errors import PlatformError, RtdeployError
from rtdeploy_process.errors import from_json, to_json, translate
from rtdeploy_process.mark import Role, marked

__all__ = ["Beginning", "start"]

_PATIENCE_S = 30.0
_BEGUN = b"begun"


def start(role: Role, directory: Path) -> None:
    """Start the supervisor or the keeper of a target and wait until it has begun.

    Raises:
        PlatformError: it could not begin; in its own words.

    """
    heard, tells = os.pipe()
    try:
        try:
            spawn(role, directory, tells)
        finally:
            os.close(tells)
        said = _hear(heard)
    except OSError as error:
        raise translate(error, f"start the {role}") from error
    finally:
        os.close(heard)
    _check(role, said)


def spawn(role: Role, directory: Path, tells: int) -> None:
    """Start it; what it has to say about its beginning goes to the descriptor ``tells``."""
    starter = subprocess.Popen(
        [sys.executable, "-P", "-m", f"rtdeploy_process.{role}", str(directory), str(tells)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=tells,
        pass_fds=(tells,),
        cwd="/",
        env=marked(os.environ, directory, str(role)),
        start_new_session=True,
    )
    starter.wait()


def _hear(pipe: int) -> bytes:
    """Read until the other side has begun or is gone, with a bound."""
    end, said = time.monotonic() + _PATIENCE_S, b""
    while (left := end - time.monotonic()) > 0:
        if not select.select([pipe], [], [], left)[0]:
            break
        chunk = os.read(pipe, 1 << 16)
        if not chunk:
            break
        said += chunk
    return said


def _check(role: Role, said: bytes) -> None:
    last = (said.splitlines() or [b""])[-1]
    if last == _BEGUN:
        return
    if error := _parsed(last).get("error"):
        raise from_json(error)
    raise PlatformError(
        f"The {role} did not start.",
        remedy="Read its own words below; rtdeploy doctor looks at this machine.",
        detail=said.decode(errors="replace"),
    )


def _parsed(line: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


class Beginning:
    """The other side of :func:`start`: leave the starter behind, and tell it how the beginning went."""

    def __init__(self, tells: int) -> None:
        if os.fork():
            os._exit(0)
        os.set_inheritable(tells, False)
        self._tells = tells

    def tell(self, error: RtdeployError | None = None, *, words_to: int = 1) -> None:
        """Say that all is well, or why not; from now on nobody listens, and standard error goes to ``words_to``."""
        last = json.dumps({"error": to_json(error)}).encode() if error else _BEGUN
        os.write(self._tells, last + b"\n")
        os.close(self._tells)
        os.dup2(words_to, 2)
