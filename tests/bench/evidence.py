"""Evidence made by hand, for everything that needs no server."""

from typing import Any

import numpy as np

from rtdeploy.bench.figures import Rates
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.scenario import Budget
from rtdeploy.bench.validity import Doubts
from rtdeploy.bench.verdict import Evidence

NO_DOUBTS = Doubts()


def samples(
    latency_s: Any, times_s: Any = None, *, lag_s: Any = 0.0, failed: Any = None, rate: float = 100.0
) -> Samples:
    """Measured requests with the given latencies; ``failed`` marks those that were answered with 503."""
    latency = np.asarray(latency_s, dtype=float)
    n = len(latency)
    times = np.arange(n) / rate if times_s is None else np.asarray(times_s, dtype=float)
    sent = times + lag_s
    return Samples(
        scheduled=times,
        dispatched=sent,
        sent=sent,
        first_byte=times + latency,
        done=times + latency,
        connect=np.zeros(n, dtype=np.float32),
        server=np.full(n, np.nan, dtype=np.float32),
        queue=np.full(n, np.nan, dtype=np.float32),
        predict=np.full(n, np.nan, dtype=np.float32),
        outcome=np.zeros(n, dtype=np.uint8) if failed is None else np.asarray(failed, dtype=np.uint8),
        kinds=np.array(["ok", "http_503"]),
        measured=np.ones(n, dtype=np.uint8),
        worker=np.zeros(n, dtype=np.uint16),
        cpu_t=np.array([]),
        cpu_share=np.array([]),
    )


def evidence(latency_s: Any, times_s: Any = None, *, window_s: float | None = None, **more: Any) -> Evidence:
    """A run at its declared rate that answered everything."""
    made = samples(latency_s, times_s, **{key: more.pop(key) for key in ("lag_s", "failed") if key in more})
    span_s = window_s if window_s is not None else len(made) / 100
    rate = len(made) / span_s if span_s else 0.0
    asked: dict[str, Any] = {"rate_rps": rate, "rates": Rates(planned=rate, offered=rate, achieved=rate)} | more
    return Evidence(measured=made, window_s=span_s, planned_s=span_s, **asked)


def p99_budget(most_ms: float) -> Budget:
    return Budget(p99_ms=most_ms)
