"""What the user sees: the result on stdout, the conversation on stderr."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from rtdeploy.errors import RtdeployError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

__all__ = ["Conversation", "emit", "print_lines", "result_console"]

_QUIET_S = 5.0
"""A log is not a terminal: there the progress of one step is told so seldom."""


def emit(document: Mapping[str, Any]) -> None:
    """Write the one JSON document of ``--json`` to stdout."""
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def print_lines(*lines: str) -> None:
    """Write lines to stdout as they are."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def result_console() -> "Console":
    """A console on stdout: colour and width only where there is a terminal."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


class Conversation:
    """Steps, waits and errors on stderr; a spinner only on a terminal, lines elsewhere.

    It is the ``Progress`` that a rollout talks to.
    """

    def __init__(self, stream: IO[str] | None = None) -> None:
        from rich.console import Console

        self._console = Console(file=stream or sys.stderr, highlight=False, markup=False)
        self._status: Status | None = None
        self._waited = ""
        self._quiet_until = 0.0

    def step(self, text: str) -> None:
        """Something begins."""
        self._stop()
        self._quiet_until = 0.0
        self._console.print(text)

    def waiting(self, text: str) -> None:
        """Still at it; ``text`` says for what."""
        if self._console.is_terminal:
            if self._status is None:
                self._status = self._console.status(text)
                self._status.start()
            self._status.update(text)
        elif text != self._waited and time.monotonic() >= self._quiet_until:
            self._console.print(f"  … {text}")
            self._waited = text
            self._quiet_until = time.monotonic() + _QUIET_S

    @contextmanager
    def spinning(self) -> Iterator[None]:
        """Whatever was waited for inside is over at the end."""
        try:
            yield
        finally:
            self._stop()

    def done(self, text: str) -> None:
        """Something ended well."""
        self._stop()
        self._console.print("✓ ", text, style="green", sep="")

    def error(self, error: RtdeployError) -> None:
        """What happened, the words of whatever refused, what to do."""
        self._stop()
        self._console.print("Error: ", error.summary, style="bold red", sep="", soft_wrap=True)
        for line in error.detail.splitlines():
            self._console.print("  ", line, sep="", soft_wrap=True)
        self._console.print("→ ", error.remedy, sep="", soft_wrap=True)

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
