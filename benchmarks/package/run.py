"""Package a model of 2 GiB beside `cp` of the same file: time as a ratio, memory in MiB.

    python benchmarks/package/run.py [--gib 2] [--rounds 5]

Each round copies the weights with `cp` and `sync`, then packages the model in a process of its own, so that a machine
that slows down slows both. Both write to the directory of the system for temporary files. What is counted of packaging
is bringing the files in: copied, hashed, on the disk. Then comes what every model pays for its own size, whatever
packages it: opening it once and asking it the sample, in a child. It needs twice the size in disk space and, for the
child, once the size in memory; everything is removed at the end.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from onnx import TensorProto, helper

HERE = Path(__file__).parent

PACKAGE = """
import json, re, sys, time
from pathlib import Path
from rtdeploy import bundle
from rtdeploy.spec.model import Model

home, moments = Path(sys.argv[1]), []

def package():
    model = Model.model_validate({"path": "model.onnx"})
    return bundle.package(
        model, name="big", root=home, store=home / "store", progress=lambda *_: moments.append(time.monotonic())
    )

started = time.monotonic()
first = package()
built, brought = time.monotonic(), moments[-1]
again = package()
reused = time.monotonic()
memory = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
print(json.dumps({
    "files_s": brought - started, "all_s": built - started, "again_s": reused - built,
    "reused": again.reused, "memory_mib": memory / 1024,
}))
"""


def write_model(home: Path, gib: float) -> int:
    """One matrix product with weights of that size, full of bytes that nothing compresses or skips."""
    width = int((gib * 2**30 / 4) ** 0.5)
    size = width * width * 4
    piece = os.urandom(2**20)
    with (home / "weights.bin").open("wb") as file:
        for start in range(0, size, len(piece)):
            file.write(piece[: size - start])
        os.fsync(file.fileno())
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=(width, width))
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", str(size))):
        weights.external_data.add(key=key, value=value)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "big",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", width])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (home / "model.onnx").write_bytes(model.SerializeToString())
    return size


def copy(home: Path) -> tuple[float, float]:
    """Seconds until `cp` has returned, and until `sync` of the copy has."""
    target = home / "copy.bin"
    started = time.monotonic()
    subprocess.run(["cp", "--reflink=never", "--sparse=never", str(home / "weights.bin"), str(target)], check=True)
    copied = time.monotonic()
    subprocess.run(["sync", str(target)], check=True)
    finished = time.monotonic()
    target.unlink()
    return copied - started, finished - started


def hash_alone(home: Path) -> float:
    """Seconds to hash the weights out of memory: nothing that hashes while it copies is faster."""
    started = time.monotonic()
    with (home / "weights.bin").open("rb") as file:
        hashlib.file_digest(file, "sha256")
    return time.monotonic() - started


def package(home: Path) -> dict[str, float]:
    """Package twice in a process of its own."""
    done = subprocess.run([sys.executable, "-c", PACKAGE, str(home)], check=True, capture_output=True, text=True)
    shutil.rmtree(home / "store")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(gib: float, rounds: int) -> dict[str, object]:
    """Interleave both, and take medians."""
    with tempfile.TemporaryDirectory(prefix="rtdeploy-package-") as name:
        home = Path(name)
        size = write_model(home, gib)
        copies, hashes, packages = [], [], []
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            copies.append(copy(home))
            hashes.append(hash_alone(home))
            packages.append(package(home))
    median = {key: statistics.median(one[key] for one in packages) for key in packages[0]}
    ratios = [one["files_s"] / durable for one, (_, durable) in zip(packages, copies, strict=True)]
    return {
        "schema": "rtdeploy.benchmark.package/1",
        "bytes": size,
        "rounds": rounds,
        "cp_s": round(statistics.median(fast for fast, _ in copies), 3),
        "cp_and_sync_s": round(statistics.median(durable for _, durable in copies), 3),
        "sha256_s": round(statistics.median(hashes), 3),
        "package_files_s": round(median["files_s"], 3),
        "package_all_s": round(median["all_s"], 3),
        "package_again_s": round(median["again_s"], 4),
        "reused_every_time": all(one["reused"] for one in packages),
        "memory_mib": round(max(one["memory_mib"] for one in packages), 1),
        "ratio_to_cp_and_sync": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "machine": {
            "cpus": os.cpu_count(),
            "cpu": _cpu(),
            "python": platform.python_version(),
            "kernel": platform.release(),
        },
    }


def _cpu() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def table(result: dict[str, object]) -> str:
    """The figures as a table."""
    rows = [
        ("weights", f"{int(str(result['bytes'])) / 2**30:.2f} GiB"),
        ("cp", f"{result['cp_s']} s"),
        ("cp and sync", f"{result['cp_and_sync_s']} s"),
        ("SHA-256 alone", f"{result['sha256_s']} s"),
        ("package, bringing the files in", f"{result['package_files_s']} s"),
        ("… as a ratio to cp and sync", f"{result['ratio_to_cp_and_sync']}"),
        ("package, with the model's own trial", f"{result['package_all_s']} s"),
        ("package again, nothing changed", f"{result['package_again_s']} s"),
        ("memory of the packaging process", f"{result['memory_mib']} MiB"),
    ]
    return "\n".join(["| what | figure |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> None:
    """Measure, print, write result.json beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    result = measure(options.gib, options.rounds)
    print(table(result))
    (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
