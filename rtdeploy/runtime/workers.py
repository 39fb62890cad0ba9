"""Several processes behind one port: the kernel spreads connections over their sockets, a dead one is replaced."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

from rtdeploy.errors import QuotaError
from rtdeploy.exitcodes import ExitCode
from rtdeploy.runtime.listener import bind
from rtdeploy.runtime.settings import ServerSettings

__all__ = ["supervise"]

_TICK_S = 0.1
_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_GOOD_S = 30.0
"""A worker that has lived so long died of something new: it is replaced at once again."""
_KILL_S = 5.0


class _Worker:
    """One process and its successors."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._pause_s = 0.0
        self._due = 0.0
        self._started = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def tend(self) -> None:
        """Start it, or start it again when its pause is over."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            self.process = None
            lived = now - self._started
            self._pause_s = _PAUSE_S if lived > _GOOD_S else min(max(_PAUSE_S, 2 * self._pause_s), _LONGEST_PAUSE_S)
            self._due = now + self._pause_s
        if self.process is None and now >= self._due:
            self._started = now
            self.process = subprocess.Popen(self._command, env=os.environ | {"RTDEPLOY_SHARED_PORT": "1"})

    @property
    def lives(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None


def supervise(settings: ServerSettings) -> int:
    """Run the workers until SIGTERM or SIGINT, then let all of them drain; the exit status.

    Raises:
        QuotaError: the port cannot be had.

    """
    try:
        held = bind(settings.host, settings.port, shared=True)  # not listening: it only keeps the port for the workers
    except OSError as error:
        raise QuotaError(
            f"Cannot listen on {settings.host}:{settings.port}.", remedy="Name another --port.", detail=str(error)
        ) from error
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _: stopped.append(signum))
    with held:
        one = replace(settings, port=held.getsockname()[1], workers=1)
        workers = [_Worker(_command(one)) for _ in range(settings.workers)]
        while not stopped:
            for worker in workers:
                worker.tend()
            time.sleep(_TICK_S)
        _end([worker.process for worker in workers if worker.process is not None], settings.drain_s)
    return ExitCode.OK


def _command(settings: ServerSettings) -> list[str]:
    where = ["--host", settings.host, "--port", str(settings.port)]
    return [sys.executable, "-m", "rtdeploy.runtime", "serve", str(settings.bundle), *where]


def _end(processes: list[subprocess.Popen[bytes]], drain_s: float) -> None:
    for process in processes:
        process.send_signal(signal.SIGTERM)
    end = time.monotonic() + drain_s + _KILL_S
    for process in processes:
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
