"""What an operator sees under /metrics, in Prometheus terms; counting costs a request next to nothing."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from rtdeploy.runtime.lane import Answer

__all__ = ["Metrics", "State"]

_SECONDS = (1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
_REASONS = ("deadline", "breaker", "error")


class _Histogram:
    """Counts per bucket; a quarter of the price of prometheus_client's own, whose text it gives."""

    def __init__(self, name: str, words: str, bounds: tuple[float, ...] = _SECONDS) -> None:
        self._name = name
        self._words = words
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value into the first bucket that holds it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def family(self) -> Metric:
        """As Prometheus has it: every bucket counts what is in those below."""
        limits = [*map(str, self._bounds), "+Inf"]
        buckets = list(zip(limits, accumulate(self._counts), strict=True))
        return HistogramMetricFamily(self._name, self._words, buckets=buckets, sum_value=self._sum)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Gauges, which are looked at when somebody asks."""

    ready: bool = False
    waiting: int = 0
    computing: int = 0


class Metrics:
    """Counters and histograms of one server process."""

    def __init__(self) -> None:
        self._responses: dict[tuple[str, int], int] = {}
        self._request = _Histogram("rtdeploy_request_seconds", "First byte in to response, inference only.")
        self._queue = _Histogram("rtdeploy_queue_seconds", "Waiting for the model.")
        self._predict = _Histogram("rtdeploy_predict_seconds", "Inside the model, per request.")
        self._rows = _Histogram("rtdeploy_batch_rows", "Rows that were predicted together, per request.", _ROWS)
        self._shed = self._left = 0
        self._failures = dict.fromkeys(_REASONS, 0)
        self._fallbacks = dict.fromkeys(_REASONS, 0)

    def predicted(self, answer: Answer) -> None:
        """The model has answered."""
        self._queue.observe(answer.queue_s)
        self._predict.observe(answer.predict_s)
        self._rows.observe(answer.rows)

    def failed(self, reason: str) -> None:
        """The model has not answered."""
        self._failures[reason] += 1

    def fell_back(self, reason: str) -> None:
        """The fallback has answered."""
        self._fallbacks[reason] += 1

    def shed(self) -> None:
        """A request was refused at the door."""
        self._shed += 1

    def left(self) -> None:
        """A client did not wait for its answer."""
        self._left += 1

    def responded(self, route: str, status: int) -> None:
        """Any response has been sent."""
        key = route, status
        self._responses[key] = self._responses.get(key, 0) + 1

    def took(self, seconds: float) -> None:
        """An inference request is over."""
        self._request.observe(seconds)

    def text(self, state: State) -> bytes:
        """Prometheus text format."""
        registry = CollectorRegistry()
        registry.register(_Families([*self._counters(), *self._histograms(), *_gauges(state)]))
        return generate_latest(registry)

    def _counters(self) -> Iterable[Metric]:
        responses = CounterMetricFamily(
            "rtdeploy_responses", "Responses by route and status.", labels=["route", "status"]
        )
        for (route, status), count in self._responses.items():
            responses.add_metric([route, str(status)], count)
        yield responses
        yield CounterMetricFamily("rtdeploy_shed", "Refused because too many were waiting.", value=self._shed)
        yield CounterMetricFamily("rtdeploy_left", "Clients that left before they were answered.", value=self._left)
        for name, words, counts in (
            ("rtdeploy_failures", "Requests without the model's answer.", self._failures),
            ("rtdeploy_fallbacks", "Requests answered by the fallback.", self._fallbacks),
        ):
            family = CounterMetricFamily(name, words, labels=["reason"])
            for reason, count in counts.items():
                family.add_metric([reason], count)
            yield family

    def _histograms(self) -> Iterable[Metric]:
        return (one.family() for one in (self._request, self._queue, self._predict, self._rows))


class _Families:
    """What a registry collects from."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return self._families


def _gauges(state: State) -> Iterable[Metric]:
    yield GaugeMetricFamily("rtdeploy_ready", "1 while requests are welcome.", value=float(state.ready))
    yield GaugeMetricFamily("rtdeploy_waiting", "Requests that wait for the model.", value=state.waiting)
    yield GaugeMetricFamily("rtdeploy_computing", "Threads that are in the model.", value=state.computing)
