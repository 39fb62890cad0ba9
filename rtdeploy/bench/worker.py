"""One load generator process as the bench sees it: a command, a socket and a file of samples."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rtdeploy.bench.layout import lay_out, layout
from rtdeploy.bench.payloads import Payloads
from rtdeploy.bench.samples import PENDING
from rtdeploy.bench.schedule import Times
from rtdeploy.endpoint import Endpoint
from rtdeploy.errors import MissingDependencyError

__all__ = ["Worker"]

_CONNECTIONS = 8192
_JOB_TIMEOUT_S = 30.0
_END_S = 5.0


class Worker:
    """Starts the process and gives it its job; the caller watches :meth:`fileno` and calls :meth:`hear`.

    The job goes over the socket and never touches a disk: its headers may hold secrets. The process ends by itself when
    the socket does, so that no load outlives the bench.

    Attributes:
        columns: What it has recorded, live.
        outcomes: Its names for outcomes; empty until it is ready.
        cpu: Time (``time.monotonic``) and share of a core, every second.
        over: It has finished its schedule.
        lost: Why it never will; empty while all is well.

    """

    def __init__(self, number: int, directory: Path, scheduled: Times, payload: npt.NDArray[np.uint32]) -> None:
        self.number = number
        self.outcomes: dict[int, str] = {}
        self.cpu: list[tuple[float, float]] = []
        self.over = False
        self.lost = ""
        self._file = directory / f"worker-{number}.samples"
        self._log = directory / f"worker-{number}.log"
        self.columns = lay_out(self._file, scheduled, payload, pending=PENDING)
        self._socket, theirs = socket.socketpair()
        self._heard = b""
        with theirs, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                _command(),
                cwd=directory,
                env=_environment(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for the bench alone
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def ready(self) -> bool:
        """Whether it waits for :meth:`start`."""
        return bool(self.outcomes)

    @property
    def log(self) -> str:
        """The last words of the process."""
        return self._log.read_text(errors="replace")[-2000:].strip() if self._log.exists() else ""

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def send_job(self, endpoint: Endpoint, payloads: Payloads, *, timeout_s: float, connections: int) -> None:
        """Tell what to do; a process that is gone is noticed by :meth:`hear`."""
        rows = len(self.columns["scheduled"])
        job = {
            "url": endpoint.url,
            "headers": {"Content-Type": endpoint.content_type} | dict(endpoint.headers),
            "bodies": [len(body) for body in payloads.bodies],
            "timeout_s": timeout_s,
            "connections": connections,
            "bound": _CONNECTIONS,
            "columns": str(self._file.resolve()),
            "layout": layout(rows),
            "rows": rows,
        }
        self._socket.settimeout(_JOB_TIMEOUT_S)
        self._send(json.dumps(job).encode() + b"\n" + b"".join(payloads.bodies))

    def start(self, origin: float) -> None:
        """The measured window begins at ``origin`` (``time.monotonic``), the warm-up before it."""
        self._say({"start": origin})

    def stop(self, drain_s: float) -> None:
        """Start no more requests; those under way have so long."""
        self._say({"stop": drain_s})

    def hear(self) -> None:
        """Take in what the process says; its end before its time is :attr:`lost`."""
        try:
            said = self._socket.recv(65536)
        except OSError:
            said = b""
        if not said and not self.over:
            self.lost = self._obituary()
        *lines, self._heard = (self._heard + said).split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def end(self) -> None:
        """Leave no process and no file behind."""
        self._socket.close()
        try:
            self._process.wait(_END_S if self.over else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._file.unlink(missing_ok=True)
        self._log.unlink(missing_ok=True)

    def _take(self, message: Mapping[str, Any]) -> None:
        if "outcomes" in message:
            self.outcomes = {int(code): name for code, name in message["outcomes"].items()}
        elif "cpu" in message:
            self.cpu.append((message["at"], message["cpu"]))
        elif "failed" in message:
            self.lost = f"The load generator cannot begin: {message['failed']}."
        elif "over" in message:
            self.over = True

    def _obituary(self) -> str:
        try:
            status = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return f"Load generator process {self.number} closed its channel."
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return f"Load generator process {self.number} {how} before its schedule was over."

    def _say(self, message: Mapping[str, Any]) -> None:
        self._send(json.dumps(message).encode() + b"\n")

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError:
            return


def _command() -> list[str]:
    found = importlib.util.find_spec("rtdeploy_loadtests")
    if found is None or not found.submodule_search_locations:
        raise MissingDependencyError("The load generator", install="--force-reinstall rtdeploy")
    locustfile = Path(next(iter(found.submodule_search_locations))) / "locustfile.py"
    quiet = ["--headless", "--only-summary", "--loglevel", "WARNING", "--exit-code-on-error", "0"]
    return [sys.executable, "-m", "locust", "-f", str(locustfile), "-u", "1", "-r", "1", *quiet]


def _environment(descriptor: int) -> dict[str, str]:
    """Ours, without settings that are meant for somebody's own Locust."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    return kept | {"RTDEPLOY_LOAD_FD": str(descriptor)}
