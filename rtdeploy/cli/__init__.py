"""The commands: parse, call one function, print."""

import signal
from types import FrameType
from typing import NoReturn

__all__ = ["main"]


def main() -> None:
    """Run the command line; SIGTERM ends it as tidily as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _interrupt)
    from rtdeploy.cli.app import app

    app()


def _interrupt(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
