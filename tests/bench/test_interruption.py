"""Ctrl-C, kill, and the death of either side: a result or none, but never a process left over."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.bench.conftest import Serve

BENCH = """
import json, sys
from pathlib import Path
from rtdeploy.bench import Budget, Payloads, Scenario, run
from rtdeploy.endpoint import Endpoint
from rtdeploy.errors import RtdeployError

url, out, options = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
scenario = Scenario(rate_rps=100.0, duration_s=60.0, warmup_s=0.2, timeout_s=20.0)
budget = Budget(p99_ms=10_000.0, error_rate=0.5)
try:
    done = run(Endpoint(url=url), Payloads.one(b"{}"), scenario, budget, out=out, floor=False,
               progress=lambda tick: print("tick", tick.sent, flush=True), **options)
except RtdeployError as error:
    print(json.dumps({"error": error.summary, "exit_code": error.exit_code}))
else:
    print(json.dumps(done.result.to_json()))
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(serve: Serve, tmp_path: Path) -> Iterator[Start]:
    """A bench of a minute in a process of its own."""
    begun: list[subprocess.Popen[str]] = []
    seen: set[psutil.Process] = set()

    def begin(url: str = "", **options: Any) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", BENCH, url or serve().url, str(tmp_path / "runs"), json.dumps(options)],
            stdout=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        seen.update(generators(process) if process.poll() is None else ())
        process.kill()
        process.communicate()
    for orphan in seen:
        orphan.kill()


def generators(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def wait_for_requests(process: "subprocess.Popen[str]", least: int = 50) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        assert line.startswith("tick"), line
        if int(line.split()[1]) >= least:
            return
    pytest.fail("the bench ended before it sent anything")


def outcome(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, _ = process.communicate(timeout=40)
    document: dict[str, Any] = json.loads(out.splitlines()[-1])
    return document


def gone(processes: list[psutil.Process], within_s: float = 20) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return not alive


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_gives_the_result_so_far_marked_and_never_a_pass(start: Start, number: signal.Signals) -> None:
    process = start()
    wait_for_requests(process)
    workers = generators(process)
    process.send_signal(number)
    result = outcome(process)
    assert result["interrupted"] is True
    assert result["verdict"] != "pass"
    assert any(reason.startswith("Interrupted after") for reason in result["reasons"]), result["reasons"]
    assert 10 < result["requests"] < 6000
    assert result["errors"] == 0
    assert gone(workers)


def test_a_signal_does_not_wait_for_a_server_that_hangs(start: Start, serve: Serve) -> None:
    process = start(serve(behaviour="never").url)
    wait_for_requests(process)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    result = outcome(process)
    assert time.monotonic() - begun < 20  # drained briefly, not for the request timeout of every request
    assert result["errors_by_kind"] == {"unfinished": result["requests"]}
    assert result["verdict"] == "invalid"


def test_a_second_signal_waits_for_nothing(start: Start, serve: Serve, tmp_path: Path) -> None:
    process = start(serve(behaviour="never").url)
    wait_for_requests(process)
    workers = generators(process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)  # two signals at the same instant would be one
    process.send_signal(signal.SIGINT)
    assert outcome(process) == {"error": "Stopped without waiting for an answer.", "exit_code": 130}
    assert gone(workers)
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_killed_generator_makes_the_result_invalid_and_ends_the_others(start: Start) -> None:
    process = start(workers=2)
    wait_for_requests(process)
    first, second = generators(process)
    first.kill()
    result = outcome(process)
    assert result["verdict"] == "invalid"
    assert any("was killed by SIGKILL before its schedule was over" in reason for reason in result["reasons"])
    assert result["requests"] > 10
    assert gone([first, second])


def test_when_the_bench_is_killed_its_generators_end_by_themselves(start: Start) -> None:
    process = start(workers=2)
    wait_for_requests(process)
    workers = generators(process)
    assert len(workers) == 2
    os.kill(process.pid, signal.SIGKILL)
    assert gone(workers)
