"""What the runtime costs beside a bare ASGI function and MLflow's server, in CPU time and in requests per second.

All serve the same model, all run at the same time on one core, the load on another; they take turns, so that drift of
the machine hits all alike, and the ratio within each round of turns is what counts. Writes result.json beside this
file.
"""

import contextlib
import http.client
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
    body: bytes

    def answers(self) -> bool:
        """Whether it serves by now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("POST", self.path, self.body, {"content-type": "application/json"})
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


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


def started(name: str, path: str, body: bytes, *command: str, env: dict[str, str] | None = None) -> Contender:
    """Start a server on the first core and wait until it answers."""
    port = free_port()
    os.sched_setaffinity(0, {0})
    process = subprocess.Popen(
        [sys.executable, *command, str(port)], stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})}
    )
    contender = Contender(name=name, process=process, port=port, path=path, body=body)
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if contender.answers():
            return contender
        time.sleep(0.05)
    process.kill()
    raise SystemExit(f"{name} did not start")


@contextlib.contextmanager
def contenders(bundle: Bundle, folder: Path) -> Iterator[list[Contender]]:
    data = json.loads(bundle.sample)["inputs"][0]["data"]
    rows = json.dumps({"inputs": {"X": [data]}}).encode()
    scoring = ("-m", "uvicorn", "mlflow.pyfunc.scoring_server.app:app", "--log-level", "warning", "--no-access-log")
    everybody: list[Contender] = []
    try:
        everybody.append(started("bare", "/", bundle.sample, str(HERE / "bare.py"), str(folder / "model.onnx")))
        everybody.append(
            started(
                "rtdeploy",
                "/v2/models/forest/infer",
                bundle.sample,
                *("-m", "rtdeploy.runtime", "serve", str(bundle.path), "--port"),
            )
        )
        everybody.append(
            started("mlflow", "/invocations", rows, *scoring, "--port", env={"__pyfunc_model_path__": str(bundle.path)})
        )
        os.sched_setaffinity(0, {1})
        yield everybody
    finally:
        for one in everybody:
            one.process.terminate()
            one.process.wait(30)


def turn(contender: Contender) -> dict[str, float]:
    """One turn: CPU time of the server per request, and requests per second."""
    server = psutil.Process(contender.process.pid)
    before = server.cpu_times()
    load = offer(contender.port, contender.path, contender.body, connections=CONNECTIONS, seconds=SECONDS)
    after = server.cpu_times()
    if load.errors:
        raise SystemExit(f"{contender.name}: {load.errors} errors")
    spent = after.user + after.system - before.user - before.system
    return {"cpu_us": spent / load.answers * 1e6, "per_s": load.answers / load.seconds}


def summary(turns: list[dict[str, dict[str, float]]]) -> dict[str, object]:
    """Medians of each, and of the ratios to the bare function within each round."""
    found: dict[str, object] = {}
    for name in turns[0]:
        ratios = {key: sorted(one[name][key] / one["bare"][key] for one in turns) for key in ("cpu_us", "per_s")}
        found[name] = {
            **{key: round(statistics.median(one[name][key] for one in turns), 1) for key in ("cpu_us", "per_s")},
            **{f"{key}_ratio": round(statistics.median(values), 2) for key, values in ratios.items()},
            "cpu_us_ratio_range": [round(ratios["cpu_us"][0], 2), round(ratios["cpu_us"][-1], 2)],
        }
    return found


def main() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("this needs two cores: one for the servers, one for the load")
    with tempfile.TemporaryDirectory() as home:
        bundle = packaged(Path(home))
        with contenders(bundle, Path(home)) as everybody:
            for one in everybody:
                turn(one)
            others = psutil.cpu_percent(interval=1.0)
            turns = [{one.name: turn(one) for one in everybody} for _ in range(TURNS)]
    result = {
        **summary(turns),
        "turns": TURNS,
        "seconds": SECONDS,
        "connections": CONNECTIONS,
        "request_bytes": len(bundle.sample),
        "cpu_percent_of_others": others,
        "python": platform.python_version(),
        **{name: version(name) for name in ("uvicorn", "uvloop", "httptools", "onnxruntime", "mlflow-skinny")},
    }
    (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
