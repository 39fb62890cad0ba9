"""Run a program and know what CPU time it and its children used at every moment."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

__all__ = ["Finished", "Used", "run", "used"]

_EVERY_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a program left, and its CPU seconds against CLOCK_MONOTONIC."""

    folder: Path
    code: int
    stdout: str
    stderr: str
    at_s: list[float]
    cpu_s: list[float]
    timed_out: bool = False

    @property
    def total_cpu_s(self) -> float:
        """CPU seconds of the whole tree from start to end."""
        return self.cpu_s[-1] if self.cpu_s else 0.0

    def cpu_between(self, begin_s: float, end_s: float) -> float:
        """CPU seconds of the whole tree from one moment to the other."""
        begin, end = np.interp([begin_s, end_s], self.at_s, self.cpu_s)
        return float(end - begin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """CPU seconds of all programs of this machine, and those that its host gave to others."""

    busy_s: float
    stolen_s: float

    def __sub__(self, earlier: "Used") -> "Used":
        return Used(busy_s=self.busy_s - earlier.busy_s, stolen_s=self.stolen_s - earlier.stolen_s)


@dataclass(slots=True, kw_only=True)
class _Meter:
    root: psutil.Process
    gone: threading.Event = field(default_factory=threading.Event)
    at_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def watch(self) -> None:
        while not self.gone.wait(_EVERY_S):
            total = 0.0
            for process in _tree(self.root):
                total += _cpu_s(process)
            self.at_s.append(time.monotonic())
            self.cpu_s.append(max(total, self.cpu_s[-1] if self.cpu_s else 0.0))


def run(command: Sequence[str], *, folder: Path, timeout_s: float, environment: Mapping[str, str]) -> Finished:
    """Run to the end, or kill the tree that was started when it takes too long; ``environment`` is added to ours."""
    out, err = folder / "stdout", folder / "stderr"
    timed_out = False
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, **environment},
        )
        meter = _Meter(root=psutil.Process(process.pid))
        thread = threading.Thread(target=meter.watch)
        thread.start()
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
            for member in reversed(_tree(meter.root)):
                member.kill()
            code = process.wait()
        finally:
            meter.gone.set()
            thread.join()
    return Finished(
        folder=folder,
        code=code,
        stdout=out.read_text(errors="replace"),
        stderr=err.read_text(errors="replace"),
        at_s=meter.at_s,
        cpu_s=meter.cpu_s,
        timed_out=timed_out,
    )


def used() -> Used:
    """What this machine has spent so far."""
    times = psutil.cpu_times()
    busy = times.user + times.nice + times.system + times.irq + times.softirq
    return Used(busy_s=float(busy), stolen_s=float(times.steal))


def _tree(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
