"""How a run is going, about once a second."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtdeploy.bench.samples import PENDING
from rtdeploy.bench.statistics import Values, percentile
from rtdeploy.bench.worker import Worker

__all__ = ["Tick", "look"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The state of a run; percentiles are of the measured window so far, of the warm-up while that lasts.

    Attributes:
        elapsed_s: Since the first scheduled request.
        planned_s: Warm-up and measured window.
        sent: Requests started.
        done: Requests that came to an end, one way or the other.
        errors: Of these, failed.
        p50_ms: Of the successful ones; None while there are none.
        p99_ms: Likewise.
        lag_p99_ms: How late the generator starts requests.
        cpu_share: Share of a core that the busiest worker took in the last second.

    """

    elapsed_s: float
    planned_s: float
    sent: int
    done: int
    errors: int
    p50_ms: float | None
    p99_ms: float | None
    lag_p99_ms: float | None
    cpu_share: float | None


def look(workers: Sequence[Worker], elapsed_s: float, warmup_s: float, planned_s: float) -> Tick:
    """Read the workers' columns while they write them."""
    scheduled, dispatched, done, outcome = (
        np.concatenate([worker.columns[name] for worker in workers])
        for name in ("scheduled", "dispatched", "done", "outcome")
    )
    ended = outcome != PENDING
    window = scheduled >= (0.0 if elapsed_s > warmup_s else -np.inf)
    latency = np.sort((done - scheduled)[(outcome == 0) & window]) * 1e3
    lag = np.sort((dispatched - scheduled)[~np.isnan(dispatched) & window]) * 1e3
    shares = [worker.cpu[-1][1] for worker in workers if worker.cpu]
    return Tick(
        elapsed_s=min(elapsed_s, planned_s),
        planned_s=planned_s,
        sent=int((~np.isnan(dispatched)).sum()),
        done=int(ended.sum()),
        errors=int((ended & (outcome != 0)).sum()),
        p50_ms=_or_none(latency, 0.5),
        p99_ms=_or_none(latency, 0.99),
        lag_p99_ms=_or_none(lag, 0.99),
        cpu_share=max(shares, default=None),
    )


def _or_none(ascending: Values, p: float) -> float | None:
    return percentile(ascending, p) if len(ascending) else None
