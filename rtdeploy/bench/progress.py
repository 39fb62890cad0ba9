"""How a run is going, about once a second."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtdeploy.bench.layout import Columns
from rtdeploy.bench.samples import PENDING
from rtdeploy.bench.sequential import Seen
from rtdeploy.bench.statistics import Values, percentile
from rtdeploy.bench.worker import Worker

__all__ = ["Tick", "look", "seen"]


_RECENT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The state of a run; percentiles are of what was due in the last ten seconds.

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


def look(workers: Sequence[Worker], now_s: float, warmup_s: float, duration_s: float) -> Tick:
    """Read the workers' columns while they write them; ``now_s`` counts from the start of the measured window.

    Only the recent past is sorted, so that a long run does not take the generator's core from it.
    """
    recent = [_recent(worker.columns, now_s) for worker in workers]
    scheduled, dispatched, done, outcome = (
        np.concatenate([columns[name] for columns in recent]) for name in ("scheduled", "dispatched", "done", "outcome")
    )
    latency = np.sort((done - scheduled)[outcome == 0]) * 1e3
    lag = np.sort((dispatched - scheduled)[~np.isnan(dispatched)]) * 1e3
    ended = [worker.columns["outcome"] for worker in workers]
    return Tick(
        elapsed_s=min(now_s, duration_s) + warmup_s,
        planned_s=warmup_s + duration_s,
        sent=sum(int(np.count_nonzero(~np.isnan(worker.columns["dispatched"]))) for worker in workers),
        done=sum(int(np.count_nonzero(outcome != PENDING)) for outcome in ended),
        errors=sum(int(np.count_nonzero((outcome != PENDING) & (outcome != 0))) for outcome in ended),
        p50_ms=_or_none(latency, 0.5),
        p99_ms=_or_none(latency, 0.99),
        lag_p99_ms=_or_none(lag, 0.99),
        cpu_share=max((worker.cpu[-1][1] for worker in workers if worker.cpu), default=None),
    )


def seen(workers: Sequence[Worker], now_s: float, slowest_s: float) -> Seen:
    """What was due so long ago that it had ``slowest_s`` for its answer, in the order of the schedule."""
    span_s = max(now_s - slowest_s, 0.0)
    due = [_between(worker.columns, 0.0, span_s) for worker in workers]
    times, done, outcome = (
        np.concatenate([columns[name] for columns in due]) for name in ("scheduled", "done", "outcome")
    )
    order = np.argsort(times, kind="stable")
    times, done, outcome = times[order], done[order], outcome[order]
    return Seen(
        times=times,
        latency=np.where(outcome == 0, done - times, np.inf),
        failed=(outcome != 0) & (outcome != PENDING),
        waiting=outcome == PENDING,
        span_s=span_s,
    )


def _recent(columns: Columns, now_s: float) -> Columns:
    return _between(columns, now_s - _RECENT_S, now_s)


def _between(columns: Columns, begin_s: float, end_s: float) -> Columns:
    first, last = np.searchsorted(columns["scheduled"], [begin_s, end_s])
    return {name: values[first:last] for name, values in columns.items()}


def _or_none(ascending: Values, p: float) -> float | None:
    return percentile(ascending, p) if len(ascending) else None
