"""Where errors end: one message, one remedy, one exit code."""

import functools
import inspect
import sys
import traceback
from collections.abc import Callable
from typing import Any

import typer

from rtdeploy.cli.console import Conversation, emit
from rtdeploy.cli.options import Debug
from rtdeploy.errors import RtdeployError, StoppedError
from rtdeploy.exitcodes import ExitCode

__all__ = ["command"]


def command(function: Callable[..., ExitCode | None]) -> Callable[..., None]:
    """Turn a function that returns an exit code, or raises what a user can act on, into a command with ``--debug``."""

    @functools.wraps(function)
    def run(*, debug: bool = False, **arguments: Any) -> None:
        try:
            code = function(**arguments) or ExitCode.OK
        except KeyboardInterrupt:
            code = _tell(StoppedError("Interrupted.", remedy="Run the command again to go on."), arguments)
        except RtdeployError as error:
            if debug:
                traceback.print_exc()
            code = _tell(error, arguments)
        if code:
            raise typer.Exit(int(code))

    _add_parameter(run, inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Debug))
    return run


def _add_parameter(function: Callable[..., None], parameter: inspect.Parameter) -> None:
    """Typer reads a command's options off its signature, so that is where one more is added."""
    signature = inspect.signature(function)
    function.__signature__ = signature.replace(parameters=[*signature.parameters.values(), parameter])  # type: ignore[attr-defined]
    function.__annotations__ = {**function.__annotations__, parameter.name: parameter.annotation}


def _tell(error: RtdeployError, arguments: dict[str, Any]) -> ExitCode:
    if arguments.get("json"):
        told = {"summary": error.summary, "remedy": error.remedy, "detail": error.detail}
        emit({"schema": "rtdeploy.error/1", "exit_code": int(error.exit_code), "error": told})
    Conversation(sys.stderr).error(error)
    return error.exit_code
