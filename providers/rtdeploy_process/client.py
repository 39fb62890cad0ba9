"""The provider's way to the supervisor of a target."""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rtdeploy.errors import UnavailableError
from rtdeploy_process import state, wire
from rtdeploy_process.errors import from_json, translate
from rtdeploy_process.launch import start
from rtdeploy_process.mark import Role

__all__ = ["ask", "begin"]

_ANSWER_S = 60.0
_BEGIN_S = 20.0
_PAUSE_S = 0.05


def ask(directory: Path, verb: str, *, timeout_s: float = _ANSWER_S, **rest: Any) -> Mapping[str, Any] | None:
    """Ask the supervisor; None where there is none, or where it died of the question how things are.

    Raises:
        PlatformError: it refused, or does not answer.

    """
    try:
        connection = wire.connect(directory, wire.CONTROL, timeout_s=timeout_s)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise translate(error, "reach the supervisor") from error
    with connection:
        try:
            wire.send(connection, {"do": verb, **rest})
            answer, _ = wire.receive(connection)
        except (ConnectionResetError, BrokenPipeError) as error:
            if verb == "status":
                return None
            raise translate(error, f"have the supervisor {verb}") from error
        except OSError as error:
            raise translate(error, f"have the supervisor {verb}") from error
    if "error" in answer:
        raise from_json(answer["error"])
    found: Mapping[str, Any] = answer
    return found


def begin(directory: Path) -> None:
    """See that a supervisor runs: one that is there, or a new one, which goes on from what lies in the directory.

    Raises:
        PlatformError: it cannot begin; a directory that this call made is gone again.

    """
    end = time.monotonic() + _BEGIN_S
    while time.monotonic() < end:
        if _answers(directory):
            return
        _start(directory)
        time.sleep(_PAUSE_S)
    raise UnavailableError(
        f"The supervisor of {directory.name} does not answer.",
        remedy=f"rtdeploy destroy {directory.name} ends it with all its servers; then deploy again.",
    )


def _answers(directory: Path) -> bool:
    return ask(directory, "status") is not None


def _start(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        start(Role.SUPERVISOR, directory)
    except BaseException:
        _tidy(directory)
        raise


def _tidy(directory: Path) -> None:
    """Remove a directory that holds no target."""
    with suppress(OSError):
        if state.load(directory) is None and not _answers(directory):
            state.erase(directory)
