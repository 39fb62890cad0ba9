"""What the runtime costs over a bare ASGI function with the same model, in CPU time and in requests per second.

Both servers run at the same time on one core, the load on another; they take turns, so that drift of the machine hits
both alike, and the ratio of each pair of turns is what counts. Writes result.json beside this file.
"""

import contextlib
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil
from load import offer

from rtdeploy import bundle as bundles
from rtdeploy.bundle import Bundle
from rtdeploy.spec.model import Model

TURNS = 9
SECONDS = 2.0
CONNECTIONS = 16
HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A server under test."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    path: str


def packaged(folder: Path) -> Bundle:
    """A forest of 100 trees on 30 features: some microseconds a call, so that the rest shows."""
    import numpy as np
    from skl2onnx import to_onnx
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier

    rows, classes = load_breast_cancer(return_X_y=True)
    rows = rows.astype(np.float32)
    forest = RandomForestClassifier(100, random_state=0).fit(rows, classes)
    graph = to_onnx(forest, rows[:1], options={"zipmap": False})
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    (folder / "sample.json").write_text(json.dumps(rows[:1].tolist()))
    model = Model.model_validate({"path": "model.onnx", "sample": "sample.json"})
    return bundles.package(model, name="forest", root=folder, store=folder / "store")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def started(name: str, path: str, *command: str) -> Contender:
    """Start a server on the first core and wait until it answers."""
    port = free_port()
    os.sched_setaffinity(0, {0})
    process = subprocess.Popen([sys.executable, *command, str(port)], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return Contender(name=name, process=process, port=port, path=path)
        time.sleep(0.05)
    raise SystemExit(f"{name} did not start")


@contextlib.contextmanager
def contenders(bundle: Bundle, folder: Path) -> Iterator[list[Contender]]:
    ours = ("-m", "rtdeploy.runtime", "serve", str(bundle.path), "--port")
    both = [started("bare", "/", str(HERE / "bare.py"), str(folder / "model.onnx"))]
    try:
        both.append(started("rtdeploy", "/v2/models/forest/infer", *ours))
        os.sched_setaffinity(0, {1})
        yield both
    finally:
        for one in both:
            one.process.terminate()
            one.process.wait(30)


def turn(contender: Contender, body: bytes) -> dict[str, float]:
    """One turn: CPU time of the server per request, and requests per second."""
    server = psutil.Process(contender.process.pid)
    before = server.cpu_times()
    load = offer(contender.port, contender.path, body, connections=CONNECTIONS, seconds=SECONDS)
    after = server.cpu_times()
    if load.errors:
        raise SystemExit(f"{contender.name}: {load.errors} errors")
    spent = after.user + after.system - before.user - before.system
    return {"cpu_us": spent / load.answers * 1e6, "per_s": load.answers / load.seconds}


def summary(turns: list[dict[str, dict[str, float]]]) -> dict[str, object]:
    medians = {
        name: {key: round(statistics.median(pair[name][key] for pair in turns), 1) for key in ("cpu_us", "per_s")}
        for name in ("bare", "rtdeploy")
    }
    ratios = {key: sorted(pair["rtdeploy"][key] / pair["bare"][key] for pair in turns) for key in ("cpu_us", "per_s")}
    return {
        **medians,
        "cpu_ratio": round(statistics.median(ratios["cpu_us"]), 3),
        "cpu_ratio_range": [round(ratios["cpu_us"][0], 3), round(ratios["cpu_us"][-1], 3)],
        "per_s_ratio": round(statistics.median(ratios["per_s"]), 3),
    }


def main() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("this needs two cores: one for the servers, one for the load")
    with tempfile.TemporaryDirectory() as home:
        bundle = packaged(Path(home))
        with contenders(bundle, Path(home)) as both:
            for one in both:
                turn(one, bundle.sample)
            idle = psutil.cpu_percent(interval=1.0)
            turns = [{one.name: turn(one, bundle.sample) for one in both} for _ in range(TURNS)]
    result = {
        **summary(turns),
        "turns": TURNS,
        "seconds": SECONDS,
        "connections": CONNECTIONS,
        "request_bytes": len(bundle.sample),
        "cpu_percent_of_others": idle,
        "python": platform.python_version(),
        **{name: version(name) for name in ("uvicorn", "uvloop", "httptools", "onnxruntime")},
    }
    (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
