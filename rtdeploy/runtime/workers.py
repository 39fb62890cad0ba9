"""Several processes behind one port: the kernel spreads connections over their sockets, a dead one is replaced."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace

from rtdeploy import bundle as bundles
from rtdeploy.errors import QuotaError
from rtdeploy.exitcodes import ExitCode
from rtdeploy.runtime.listener import bind
from rtdeploy.runtime.settings import ServerSettings

__all__ = ["PARENT", "supervise"]

PARENT = "RTDEPLOY_WORKER_OF"
"""Tells a worker that it shares its port, and with whom it ends: the pid of its supervisor."""

_TICK_S = 0.1
_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_GOOD_S = 30.0
"""A worker that has lived so long died of something new: it is replaced at once again."""
_KILL_S = 5.0
_EXPLAINED = frozenset({ExitCode.FAILED, ExitCode.USAGE})
"""A worker that ends so has said what is wrong, and the next one would say the same."""


class _Worker:
    """One process and its successors."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = environment
        self._pause_s = 0.0
        self._due = 0.0
        self._started = 0.0
        self._first = True
        self.process: subprocess.Popen[bytes] | None = None

    def tend(self) -> int | None:
        """Start it, or start it again when its pause is over; the status of a first one that gave up by itself."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            if self.process.returncode in _EXPLAINED and self._first:
                return self.process.returncode
            self._first = False
            self.process = None
            lived = now - self._started
            self._pause_s = _PAUSE_S if lived > _GOOD_S else min(max(_PAUSE_S, 2 * self._pause_s), _LONGEST_PAUSE_S)
            self._due = now + self._pause_s
        if self.process is None and now >= self._due:
            self._started = now
            self.process = subprocess.Popen(self._command, env=self._environment)
        return None


def supervise(settings: ServerSettings) -> int:
    """Run the workers until SIGTERM or SIGINT, then let all of them drain; the exit status.

    Raises:
        QuotaError: the port cannot be had.
        BundleError: there is no bundle.

    """
    bundles.read(settings.bundle)
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
        one = replace(settings, port=held.getsockname()[1])
        environment = os.environ | {PARENT: str(os.getpid()), "RTDEPLOY_VERSION": settings.version}
        workers = [_Worker(_command(one), environment) for _ in range(settings.workers)]
        code = _tend(workers, stopped)
        _end([worker.process for worker in workers if worker.process is not None], settings.drain_s)
    return code


def _tend(workers: list[_Worker], stopped: list[int]) -> int:
    while not stopped:
        for worker in workers:
            if (code := worker.tend()) is not None:
                return code
        time.sleep(_TICK_S)
    return ExitCode.OK


def _command(settings: ServerSettings) -> list[str]:
    flags = {
        "--host": settings.host,
        "--port": settings.port,
        "--workers": 1,
        "--largest-body": settings.largest_body,
        "--head-timeout": settings.head_timeout_s,
        "--body-timeout": settings.body_timeout_s,
        "--drain-timeout": settings.drain_s,
        "--drain-grace": settings.grace_s,
        "--idle-timeout": settings.idle_s,
    }
    given = [str(part) for flag in flags.items() for part in flag]
    return [sys.executable, "-m", "rtdeploy.runtime", "serve", str(settings.bundle), *given]


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
