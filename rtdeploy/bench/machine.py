"""What the measurement ran on; no names of hosts or people."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import rtdeploy

__all__ = ["cpu_times", "describe", "steal_between"]


def describe() -> dict[str, Any]:
    """Versions, processor, kernel and load average, as result.json keeps them."""
    return {
        "rtdeploy": rtdeploy.__version__,
        "python": platform.python_version(),
        "locust": version("locust"),
        "gevent": version("gevent"),
        "platform": platform.system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpu_model": _cpu_model(),
        "cpu_count": os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def cpu_times() -> tuple[float, float]:
    """Ticks of all processors since boot: all of them, and those that the host gave to others; zero off Linux."""
    try:
        first, *_ = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0, 0.0
    ticks = [float(field) for field in first.split()[1:9]]
    return sum(ticks), ticks[7] if len(ticks) > 7 else 0.0


def steal_between(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Share of the time between two readings that was stolen."""
    passed = after[0] - before[0]
    return (after[1] - before[1]) / passed if passed > 0 else 0.0


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
