"""The variables of a server: where a value is ``secret://NAME``, the file that holds it is read at the last moment."""

import re
import stat
from collections.abc import Mapping
from pathlib import Path

from rtdeploy.errors import DeniedError, InvalidRequestError
from rtdeploy_process.errors import translated

__all__ = ["resolve"]

_REFERENCE = "secret://"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def resolve(environment: Mapping[str, str], secrets: Path) -> dict[str, str]:
    """Put the secrets in the place of their references.

    Args:
        environment: As in rtdeploy.yaml.
        secrets: Directory with one file per secret; each must be readable by its owner alone.

    Raises:
        InvalidRequestError: no such secret, or no name for one.
        DeniedError: others can read the file, or we cannot.

    """
    return {name: _value(name, value, secrets) for name, value in environment.items()}


def _value(variable: str, value: str, secrets: Path) -> str:
    if not value.startswith(_REFERENCE):
        return value
    name = value.removeprefix(_REFERENCE)
    path = secrets / name
    if not _NAME.fullmatch(name):
        raise InvalidRequestError(
            f"environment.{variable}: {value} names no secret.",
            remedy=f"Write secret://NAME for the file {secrets}/NAME.",
        )
    if not path.is_file():
        raise InvalidRequestError(
            f"environment.{variable}: there is no secret {name}.",
            remedy=f"Write its value to {path} and run: chmod 600 {path}",
        )
    return _read(path, variable)


def _read(path: Path, variable: str) -> str:
    with translated(f"read the secret of environment.{variable}"):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise DeniedError(
                f"environment.{variable}: others than its owner can read {path}.", remedy=f"chmod 600 {path}"
            )
        return path.read_text().removesuffix("\n")
