"""The load generators: how each is called, and what it says about latency in its own words and digits."""

import csv
import io
import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.ruler.meter import Finished
from benchmarks.ruler.truth import percentile

__all__ = ["PEERS", "Command", "Job", "Peer", "Reported", "Schedule"]

_JSON = "application/json"
_USERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of one tool: POST the body to the port at a rate for a time."""

    port: int
    body: Path
    rate_rps: float
    duration_s: float
    budget_ms: float
    seed: int
    folder: Path

    @property
    def url(self) -> str:
        """Loopback, always."""
        return f"http://127.0.0.1:{self.port}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is started, and what it reads from its environment besides ours."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a tool meant to send, in seconds of a clock of its own, ascending."""

    arrivals_s: NDArray[np.float64]
    measured: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a tool says. None is what it does not say.

    Attributes:
        schedule: Where it keeps one; else it is taken at its word: a constant rate from its first request on.
        said: Its own judgement of the run, where it has one.

    """

    p50_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    requests: int
    errors: int | None
    schedule: Schedule | None = None
    said: Mapping[str, object] = field(default_factory=dict)


class Peer(Protocol):
    """A load generator."""

    name: str
    paced: bool
    """It claims to offer a rate; else it sends as fast as answers come."""
    judges_itself: bool
    """It says when its own figures cannot be trusted."""
    arrivals: str
    warmup_s: float
    """Time at the start of its run that it does not count."""

    def counted_s(self, duration_s: float) -> float:
        """The time that it does count when asked for so much."""

    def version(self) -> str | None:
        """None where it is not installed."""

    def command(self, job: Job) -> Command:
        """How to start it."""

    def read(self, finished: Finished) -> Reported:
        """Its figures, from what it printed and wrote."""


class _Tool:
    paced = True
    judges_itself = False
    arrivals = "constant"
    warmup_s = 0.0

    def counted_s(self, duration_s: float) -> float:
        return duration_s


class Rtdeploy(_Tool):
    """The bench of this repository, called as its users call it."""

    name = "rtdeploy"
    judges_itself = True
    arrivals = "poisson"
    warmup_s = 1.0

    def version(self) -> str | None:
        return _first_line(sys.executable, "-m", "rtdeploy", "--version")

    def command(self, job: Job) -> Command:
        arguments = [
            *(sys.executable, "-m", "rtdeploy", "bench", "--url", job.url, "--data", str(job.body)),
            *("--rate", f"{job.rate_rps:g}/s", "--arrivals", self.arrivals, "--duration", f"{job.duration_s:g}s"),
            *("--warmup", f"{self.warmup_s:g}s", "--seed", str(job.seed), "--p99", f"{job.budget_ms:g}ms", "--json"),
        ]
        return Command(arguments=arguments)

    def read(self, finished: Finished) -> Reported:
        result = json.loads(finished.stdout)
        latency = result["latency_ms"]
        (samples,) = finished.folder.glob(".rtdeploy/runs/*/samples.npz")
        with np.load(samples) as columns:
            order = np.argsort(columns["scheduled"], kind="stable")
            scheduled, measured = columns["scheduled"][order], columns["measured"][order] == 1
        return Reported(
            p50_ms=latency["p50"],
            p99_ms=latency["p99"],
            p999_ms=latency["p999"],
            requests=result["requests"],
            errors=result["errors"],
            schedule=Schedule(arrivals_s=scheduled, measured=measured),
            said={
                "exit": finished.code,
                "verdict": result["verdict"],
                "reasons": result["reasons"],
                "lag_p99_ms": result["generator"]["schedule_lag_ms"]["p99"],
                "cpu_share": result["generator"]["cpu_share"],
                "p99_ci95_ms": result["p99_ci95_ms"],
            },
        )


class Locust(_Tool):
    """FastHttpUser with constant_throughput, 20 users."""

    name = "locust"

    def version(self) -> str | None:
        return _first_line(sys.executable, "-m", "locust", "--version", keep=r"locust (\S+)")

    def command(self, job: Job) -> Command:
        locustfile = Path(__file__).with_name("stock_locustfile.py")
        arguments = [
            *(
                sys.executable,
                "-m",
                "locust",
                "-f",
                str(locustfile),
                "--host",
                job.url.rstrip("/"),
                "--headless",
                "--only-summary",
            ),
            *("-u", str(_USERS), "-r", str(_USERS), "-t", f"{job.duration_s:g}s", "--csv", str(job.folder / "locust")),
            *("--exit-code-on-error", "0"),
        ]
        rate, body = str(job.rate_rps / _USERS), job.body.read_text()
        return Command(arguments=arguments, environment={"RULER_RATE_PER_USER": rate, "RULER_BODY": body})

    def read(self, finished: Finished) -> Reported:
        with (finished.folder / "locust_stats.csv").open() as file:
            (row,) = (row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
        return Reported(
            p50_ms=float(row["50%"]),
            p99_ms=float(row["99%"]),
            p999_ms=float(row["99.9%"]),
            requests=int(row["Request Count"]),
            errors=int(row["Failure Count"]),
        )


class Wrk2(_Tool):
    """wrk2 on 64 connections; the time in which it calibrates itself, 10 s and 5 ms a connection, comes on top."""

    name = "wrk2"
    warmup_s = 10.32

    def counted_s(self, duration_s: float) -> float:
        return math.ceil(self.warmup_s + duration_s) - self.warmup_s  # it knows whole seconds only

    def version(self) -> str | None:
        return _installed("wrk2") and _first_line("wrk2", "--version", keep=r"wrk (\S+)")

    def command(self, job: Job) -> Command:
        seconds = f"{self.warmup_s + self.counted_s(job.duration_s):.0f}s"
        load = ("-t1", "-c64", f"-R{job.rate_rps:g}", f"-d{seconds}")
        return Command(arguments=["wrk2", *load, "-s", str(_lua(job)), job.url])

    def read(self, finished: Finished) -> Reported:
        return _lua_said(finished)


class Wrk(_Tool):
    """wrk on 16 connections: a closed loop, which has no rate, for comparison."""

    name = "wrk (closed loop)"
    paced = False

    def version(self) -> str | None:
        return _installed("wrk") and _first_line("wrk", "--version", keep=r"wrk (?:debian/)?(\S+)")

    def command(self, job: Job) -> Command:
        load = ("-t1", "-c16", f"-d{job.duration_s:.0f}s")
        return Command(arguments=["wrk", *load, "-s", str(_lua(job)), job.url])

    def read(self, finished: Finished) -> Reported:
        return _lua_said(finished)


class Vegeta(_Tool):
    """vegeta with its defaults."""

    name = "vegeta"

    def version(self) -> str | None:
        return _installed("vegeta") and _first_line("vegeta", "-version", keep=r"Version: (\S+)")

    def command(self, job: Job) -> Command:
        targets = job.folder / "targets"
        targets.write_text(f"POST {job.url}\nContent-Type: {_JSON}\n@{job.body}\n")
        arguments = [
            *("vegeta", "attack", "-targets", str(targets), "-rate", f"{job.rate_rps:g}/1s"),
            *("-duration", f"{job.duration_s:g}s", "-output", str(job.folder / "results")),
        ]
        return Command(arguments=arguments)

    def read(self, finished: Finished) -> Reported:
        results = str(finished.folder / "results")
        report = json.loads(_output("vegeta", "report", "-type", "json", results))
        rows = list(csv.reader(io.StringIO(_output("vegeta", "encode", "-to", "csv", results))))
        latency = report["latencies"]
        return Reported(
            p50_ms=latency["50th"] / 1e6,
            p99_ms=latency["99th"] / 1e6,
            p999_ms=percentile(np.array([float(row[2]) for row in rows]), 0.999) / 1e6,
            requests=report["requests"],
            errors=sum(row[1] != "200" for row in rows),
        )


class Hey(_Tool):
    """hey with 20 workers, each at its part of the rate."""

    name = "hey"

    def version(self) -> str | None:
        return _installed("hey") and _first_line("dpkg-query", "-W", "-f", "${Version}", "hey")

    def command(self, job: Job) -> Command:
        arguments = [
            *("hey", "-z", f"{job.duration_s:g}s", "-c", str(_USERS), "-q", f"{job.rate_rps / _USERS:g}", "-m", "POST"),
            *("-T", _JSON, "-D", str(job.body), "-o", "csv", job.url),
        ]
        return Command(arguments=arguments)

    def read(self, finished: Finished) -> Reported:
        rows = csv.DictReader(io.StringIO(finished.stdout))
        values = np.array([float(row["response-time"]) for row in rows]) * 1e3
        return Reported(
            p50_ms=percentile(values, 0.5),
            p99_ms=percentile(values, 0.99),
            p999_ms=percentile(values, 0.999),
            requests=len(values),
            errors=None,  # its CSV leaves failures out
        )


class Autocannon(_Tool):
    """autocannon on 20 connections with its correction for coordinated omission."""

    name = "autocannon"

    def version(self) -> str | None:
        return _installed("autocannon") and _first_line("autocannon", "--version", keep=r"autocannon v(\S+)")

    def command(self, job: Job) -> Command:
        arguments = [
            *("autocannon", "-j", "-n", "-c", str(_USERS), "-R", f"{job.rate_rps:g}", "-d", f"{job.duration_s:g}"),
            *("-m", "POST", "-H", f"content-type={_JSON}", "-i", str(job.body), job.url),
        ]
        return Command(arguments=arguments)

    def read(self, finished: Finished) -> Reported:
        said = json.loads(finished.stdout)
        latency = said["latency"]
        return Reported(
            p50_ms=latency["p50"],
            p99_ms=latency["p99"],
            p999_ms=latency["p99_9"],
            requests=said["requests"]["total"],
            errors=said["errors"] + said["non2xx"],
        )


PEERS: tuple[Peer, ...] = (Rtdeploy(), Wrk2(), Vegeta(), Locust(), Hey(), Autocannon(), Wrk())


def _installed(program: str) -> str | None:
    return shutil.which(program)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def _first_line(*command: str, keep: str = r"(\S.*)") -> str | None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    found = re.search(keep, done.stdout + done.stderr)
    return found[1].strip() if found else None


def _lua_said(finished: Finished) -> Reported:
    said = json.loads(finished.stdout.splitlines()[-1])
    return Reported(
        p50_ms=said["p50"] / 1e3,
        p99_ms=said["p99"] / 1e3,
        p999_ms=said["p999"] / 1e3,
        requests=said["requests"],
        errors=said["errors"],
    )


def _lua(job: Job) -> Path:
    script = job.folder / "post.lua"
    script.write_text(
        f"""wrk.method = "POST"
wrk.body = [[{job.body.read_text()}]]
wrk.headers["content-type"] = "{_JSON}"
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{{"p50": %f, "p99": %f, "p999": %f, "requests": %d, "errors": %d}}\\n',
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""
    )
    return script
