"""Compile, start and stop the server of ``server.c``, and read the log that it leaves."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.ruler.scenarios import Scenario

__all__ = ["RESET", "Running", "compile_server", "read_log", "running"]

RESET = 1
"""Flag of a request whose connection was reset on purpose."""
_RECORD = np.dtype([("read", "f8"), ("due", "f8"), ("write", "f8"), ("connection", "u4"), ("flags", "u4")])
_PATIENCE_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that listens on 127.0.0.1.

    Attributes:
        epoch_s: CLOCK_MONOTONIC of its time 0; the freezes and the log count from there.
        real_time: It runs before everything else on this machine, as a server on another machine would.

    """

    pid: int
    port: int
    epoch_s: float
    real_time: bool
    log: Path


def compile_server(folder: Path) -> Path:
    """Build the server with the C compiler that is here."""
    binary = folder / "server"
    source = Path(__file__).with_name("server.c")
    subprocess.run(["cc", "-O2", "-o", str(binary), str(source), "-lm"], check=True)
    return binary


@contextmanager
def running(binary: Path, scenario: Scenario, draws: NDArray[np.float64], folder: Path) -> Iterator[Running]:
    """Serve until the block ends; the log is complete then."""
    work, log = folder / "draws", folder / "log"
    draws.tofile(work)
    every, lasts = (scenario.freeze.every_s, scenario.freeze.lasts_s) if scenario.freeze else (0.0, 0.0)
    command = [str(binary), str(work), str(log), str(every), str(lasts), str(int(scenario.fifo))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port, epoch, real_time = process.stdout.readline().split()
        try:
            yield Running(pid=process.pid, port=int(port), epoch_s=float(epoch), real_time=real_time == "1", log=log)
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def read_log(path: Path) -> NDArray[np.void]:
    """One record per request in the order of reading: seconds since the server's epoch, connection, flags."""
    return np.fromfile(path, dtype=_RECORD)
