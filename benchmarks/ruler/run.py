"""Measure every tool in every scenario, in random order, within one run: ``python -m benchmarks.ruler.run [--quick]``.

A full run writes ``result.json`` beside this file, and the tables made from it.
"""

import argparse
import dataclasses
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.ruler import meter, record, table
from benchmarks.ruler.peers import PEERS, Job, Peer
from benchmarks.ruler.scenarios import SCENARIOS, Scenario
from benchmarks.ruler.server import Running, compile_server, running

_HERE = Path(__file__).parent
_RESULT = _HERE / "result.json"
_BODY = b'{"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [0.1, 0.2, 0.3, 0.4]}]}'
_EXTRA_RATES = (("null", 4000.0), ("null", 20000.0), ("short", 4000.0))
_BEYOND = ("null", 60_000.0)
"""More than one process can offer; asked only of tools that judge themselves."""
_CLOSED_LOOP = ("lognormal", "stall")
_DRAWS = 1 << 18
_STOLEN, _FOREIGN, _LATE_MS = 0.02, 0.3, 0.5
"""Cores that the host, or other programs, may take, and how late the server may be, before a run is repeated."""
_MORE_TRIES = 12
_START_AND_DRAIN_S = 45.0
_FIRST = ("chrt", "--rr", "1")
_LONG_S, _SHORT_S = 10.0, 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One run: a tool, a scenario with its rate, how long."""

    peer: Peer
    scenario: Scenario
    duration_s: float
    seed: int
    first: bool


def main() -> None:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="two scenarios, no calibration of ten seconds: two minutes"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="TOOL", help="these tools")
    parser.add_argument("--scenarios", nargs="+", default=[], metavar="NAME", help="these scenarios")
    parser.add_argument("--first", action="store_true", help="real-time priority for every tool, on a machine in use")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the result there; else a full run writes it beside this file")
    options = parser.parse_args()
    document = measure(options)
    print(table.figures(document))
    if options.out:
        options.out.write_text(json.dumps(document, indent=1) + "\n")
    elif not (options.quick or options.only or options.scenarios):
        _RESULT.write_text(json.dumps(document, indent=1) + "\n")
        table.write(document, _HERE)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run all cells; the document that is stored."""
    versions = {peer.name: peer.version() for peer in PEERS}
    peers = [p for p in PEERS if versions[p.name] and (not options.only or p.name in options.only)]
    todo = list(cells(peers, options))
    random.Random(options.seed).shuffle(todo)
    begun, load = time.monotonic(), os.getloadavg()
    runs = _run_all(todo)
    return {
        "schema": "rtdeploy.ruler/1",
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_s": round(time.monotonic() - begun),
        "seed": options.seed,
        "tools_real_time": options.first,
        "machine": _machine(load),
        "tools": versions,
        "missing": sorted(name for name, version in versions.items() if not version),
        "truth": _truths(todo),
        "runs": sorted(runs, key=lambda run: (run["scenario"], run["rate_rps"], run["tool"])),
    }


def cells(peers: Sequence[Peer], options: argparse.Namespace) -> Iterator[Cell]:
    """What to run."""
    for number, scenario in enumerate(_asked(options)):
        duration = _LONG_S if scenario.freeze else _SHORT_S
        for peer in peers:
            if _fits(peer, scenario) and not (options.quick and peer.warmup_s > _SHORT_S):
                yield Cell(
                    peer=peer,
                    scenario=scenario,
                    duration_s=duration,
                    seed=options.seed * 1000 + number,
                    first=options.first,
                )


def _asked(options: argparse.Namespace) -> list[Scenario]:
    if options.quick:
        return [SCENARIOS["short"], SCENARIOS["stall"]]
    extra = [dataclasses.replace(SCENARIOS[name], rate_rps=rate) for name, rate in (*_EXTRA_RATES, _BEYOND)]
    return [s for s in (*SCENARIOS.values(), *extra) if not options.scenarios or s.name in options.scenarios]


def _fits(peer: Peer, scenario: Scenario) -> bool:
    if (scenario.name, scenario.rate_rps) == _BEYOND:
        return peer.judges_itself
    return peer.paced or scenario.name in _CLOSED_LOOP


def _run_all(todo: Sequence[Cell]) -> list[dict[str, Any]]:
    """Each cell, and at the end those again that others disturbed; the quietest try stays."""
    with tempfile.TemporaryDirectory(prefix="ruler-") as scratch:
        binary = compile_server(Path(scratch))
        runs = [_one(cell, binary, Path(scratch), f"{i + 1}/{len(todo)}") for i, cell in enumerate(todo)]
        for _ in range(_MORE_TRIES):
            worst = max(range(len(runs)), key=lambda i: _disturbance(runs[i]))
            if _disturbance(runs[worst]) <= 1:
                break
            again = _one(todo[worst], binary, Path(scratch), "again")
            runs[worst] = min(runs[worst], again, key=_disturbance) | {"tries": runs[worst].get("tries", 1) + 1}
    return runs


def _disturbance(run: Mapping[str, Any]) -> float:
    """More than 1 where the host or others took time away from the tool, or from the server."""
    foreign = 0.0 if run["first"] else run["foreign_cpu_share"] / _FOREIGN
    late = run["server"]["late_p99_ms"] / _LATE_MS if "server" in run and run["rate_rps"] < _BEYOND[1] else 0.0
    return float(max(run["stolen_cpu_share"] / _STOLEN, late, foreign))


def _one(cell: Cell, binary: Path, scratch: Path, progress: str) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(dir=scratch))
    body = folder / "body.json"
    body.write_bytes(_BODY)
    draws = cell.scenario.draw(_DRAWS, cell.seed)
    with running(binary, cell.scenario, draws, folder) as server:
        job = Job(
            port=server.port,
            body=body,
            rate_rps=cell.scenario.rate_rps,
            duration_s=cell.duration_s,
            budget_ms=_budget_ms(cell),
            seed=cell.seed,
            folder=folder,
        )
        begun, used, own = time.monotonic(), meter.used(), _own_cpu_s(server)
        command = cell.peer.command(job)
        finished = meter.run(
            [*(_FIRST if cell.first else ()), *command.arguments],
            folder=folder,
            timeout_s=cell.peer.warmup_s + cell.duration_s + _START_AND_DRAIN_S,
            environment=command.environment,
        )
        spent = meter.used() - used
        known = _own_cpu_s(server) - own + finished.total_cpu_s
        wall = time.monotonic() - begun
    run = {
        "tool": cell.peer.name,
        "scenario": cell.scenario.name,
        "rate_rps": cell.scenario.rate_rps,
        "arrivals": cell.peer.arrivals,
        "duration_s": cell.duration_s,
        "first": cell.first,
        "foreign_cpu_share": round(max(spent.busy_s - known, 0.0) / wall, 3),
        "stolen_cpu_share": round(spent.stolen_s / wall, 4),
        **record.entry(cell.peer, cell.scenario, cell.duration_s, draws, server, finished),
    }
    print(progress, table.line(run), file=sys.stderr, flush=True)
    if "failed" in run:
        print(finished.stderr[-2000:], file=sys.stderr, flush=True)
    return run


def _budget_ms(cell: Cell) -> float:
    """What a tool that judges is asked to prove: half as much again as the endless p99, and never less than 1 ms."""
    p99 = record.endless(cell.scenario, cell.peer.arrivals)["p99"] if cell.peer.judges_itself else None
    return max(1.0, round(1.5 * (p99 or 0.0), 1))


def _truths(todo: Sequence[Cell]) -> list[dict[str, Any]]:
    """The open loop without end, for each scenario, rate and kind of arrivals."""
    kinds = {(c.scenario.name, c.scenario.rate_rps, c.peer.arrivals): c.scenario for c in todo}
    return [
        {"scenario": name, "rate_rps": rate, "arrivals": arrivals}
        | record.endless(kinds[name, rate, arrivals], arrivals)
        for name, rate, arrivals in sorted(kinds)
    ]


def _own_cpu_s(server: Running) -> float:
    mine, its = psutil.Process().cpu_times(), psutil.Process(server.pid).cpu_times()
    return float(mine.user + mine.system + its.user + its.system)


def _machine(load: tuple[float, float, float]) -> dict[str, Any]:
    """What the figures depend on; no names."""
    described = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in described if line.startswith("model name")), "unknown")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": [round(value, 2) for value in load],
        "load_after": [round(value, 2) for value in os.getloadavg()],
    }


if __name__ == "__main__":
    main()
