"""The numbers of a result, from the samples of its measured window."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtdeploy.bench.result import Percentiles
from rtdeploy.bench.samples import Samples
from rtdeploy.bench.statistics import Values, block_length, design_effect, interval, percentile, summary

__all__ = ["Rates", "clustering", "p99_interval", "phases", "rates", "unhindered"]


_LATE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Requests per second of the measured window.

    Attributes:
        planned: Scheduled in the window.
        offered: Of these, started before the window was over; a tenth of a second of delay is the lag's business.
        achieved: Answered with success while the window lasted, whenever they were sent.

    """

    planned: float
    offered: float
    achieved: float


def rates(everything: Samples, planned: int, window_s: float) -> Rates:
    """Count the window; ``everything`` has the warm-up, whose late answers belong to the window."""
    begun = (everything.measured == 1) & (everything.dispatched < window_s + _LATE_S)
    answered = (everything.outcome == 0) & (everything.done >= 0) & (everything.done < window_s)
    return Rates(
        planned=planned / window_s,
        offered=float(begun.sum()) / window_s,
        achieved=float(answered.sum()) / window_s,
    )


def phases(measured: Samples) -> dict[str, Percentiles]:
    """Where the time of a successful request goes, in milliseconds.

    ``network`` is what is left of the time from the send to the last byte when the server's own time is taken off.
    """
    good = measured.only(measured.outcome == 0)
    named: dict[str, npt.NDArray[np.floating]] = {
        "connect": good.connect,
        "first_byte": (good.first_byte - good.sent) * 1e3,
        "server": good.server,
        "queue": good.queue,
        "predict": good.predict,
        "network": (good.done - good.sent) * 1e3 - good.server,
    }
    return {name: summary(values.astype(np.float64)) for name, values in named.items()}


def clustering(
    latencies: Values,
    times: Values,
    span_s: float,
    p: float,
    budget_s: float | None = None,
    *,
    caution: float = 0.0,
) -> float:
    """How many requests make one independent piece of evidence about a percentile, or about its budget.

    For a percentile it is what the requests beyond it show. For a budget it is what those beyond it show or those
    beyond half of it (beyond the percentile, where that is more), whichever is worse: requests far below the budget may
    come in any clusters they like, and a budget that nothing exceeds has no clusters of its own to show.
    """
    if not len(latencies):
        return 1.0
    block_s = block_length(latencies, span_s)
    level = percentile(np.sort(latencies), p)
    levels = [level] if budget_s is None else [max(level, budget_s / 2), budget_s]
    return max(design_effect(latencies > level, times, block_s, caution=caution) for level in levels)


def p99_interval(latencies: Values, times: Values, span_s: float) -> tuple[float | None, float | None] | None:
    """95 % interval of the p99 in milliseconds."""
    return interval(np.sort(latencies) * 1e3, 0.99, clustering(latencies, times, span_s, 0.99))


def unhindered(measured: Samples) -> Values:
    """Seconds of service that no pause of the generator can explain; infinite where the request failed.

    A generator that stands still sends late and reads late. How long it stood still while a request was under way is
    what the requests show that were due in that time: the worst of their lags is taken off.
    """
    lag = np.append(np.maximum(measured.lag, 0.0), 0.0)
    first = np.searchsorted(measured.scheduled, np.nan_to_num(measured.sent, nan=np.inf))
    last = np.searchsorted(measured.scheduled, np.nan_to_num(measured.done, nan=np.inf), side="right")
    bounds = np.column_stack([first, np.maximum(first, last)]).ravel()
    pause = np.where(last > first, np.maximum.reduceat(lag, bounds)[::2], 0.0)
    return np.maximum(measured.service - pause, 0.0)
