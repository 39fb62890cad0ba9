"""Servers with known behaviour, and benches of them."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rtdeploy.bench import Budget, Payloads, Run, Scenario
from rtdeploy.bench import run as measure
from rtdeploy.endpoint import Endpoint

SERVER = Path(__file__).with_name("server.py")


@dataclass
class KnownServer:
    """A running server; :meth:`end` gives what it did, by its own clock."""

    process: "subprocess.Popen[str]"
    port: int
    scheme: str
    log: list[tuple[float, float]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/predict"

    def end(self) -> list[tuple[float, float]]:
        if self.process.poll() is None:
            out, _ = self.process.communicate(timeout=20)
            self.log = [(read, written) for read, written in json.loads(out)]
        return self.log


Serve = Callable[..., KnownServer]
Bench = Callable[..., Run]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with the given options (``server.py`` explains them)."""
    started: list[KnownServer] = []

    def start(**options: Any) -> KnownServer:
        process = subprocess.Popen(
            [sys.executable, str(SERVER), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        server = KnownServer(process, int(process.stdout.readline()), "https" if "certificate" in options else "http")
        started.append(server)
        return server

    yield start
    for server in started:
        try:
            server.end()
        finally:
            server.process.kill()
            server.process.wait()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Measure a URL for a second or two.

    The budget is so wide that a machine busy with other tests cannot spoil a run by keeping the generator waiting.
    """

    def measured(
        url: str,
        *,
        budget: Budget | None = None,
        bodies: tuple[bytes, ...] = (b'{"x": 1}',),
        headers: dict[str, str] | None = None,
        workers: int = 1,
        floor: bool = False,
        baseline: Run | None = None,
        **scenario: Any,
    ) -> Run:
        payloads = Payloads(bodies=bodies, weights=(1.0,) * len(bodies))
        asked = {"rate_rps": 100.0, "duration_s": 2.0, "warmup_s": 0.3, "timeout_s": 20.0} | scenario
        return measure(
            Endpoint(url=url, headers=headers or {}),
            payloads,
            Scenario(payloads_digest=payloads.digest, **asked),
            budget or Budget(p99_ms=10_000.0, error_rate=0.5),
            out=tmp_path / "runs",
            workers=workers,
            floor=floor,
            baseline=baseline,
        )

    return measured
