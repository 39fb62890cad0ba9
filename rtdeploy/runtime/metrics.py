"""What an operator sees under /metrics, in Prometheus terms; children are bound beforehand, for labels are slow."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from rtdeploy.runtime.lane import Answer

__all__ = ["Metrics"]

_SECONDS = (1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_REASONS = ("deadline", "breaker", "error")


class Metrics:
    """Counters, gauges and histograms of one server process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self._responses = Counter(
            "rtdeploy_responses", "Responses by route and status.", ["route", "status"], registry=registry
        )
        self._bound: dict[tuple[str, int], Counter] = {}
        self._request = _histogram(registry, "rtdeploy_request_seconds", "First byte in to response, inference only.")
        self._queue = _histogram(registry, "rtdeploy_queue_seconds", "Waiting for the model.")
        self._predict = _histogram(registry, "rtdeploy_predict_seconds", "Inside the model, per call.")
        self._rows = Histogram("rtdeploy_batch_rows", "Rows per call of the model.", buckets=_ROWS, registry=registry)
        self._shed = Counter("rtdeploy_shed", "Requests refused because too many were waiting.", registry=registry)
        self._left = Counter("rtdeploy_left", "Clients that left before they were answered.", registry=registry)
        failures = Counter("rtdeploy_failures", "Requests without the model's answer.", ["reason"], registry=registry)
        fallbacks = Counter("rtdeploy_fallbacks", "Requests answered by the fallback.", ["reason"], registry=registry)
        self._failures = {reason: failures.labels(reason) for reason in _REASONS}
        self._fallbacks = {reason: fallbacks.labels(reason) for reason in _REASONS}
        self._ready = Gauge("rtdeploy_ready", "1 while requests are welcome.", registry=registry)
        self._waiting = Gauge("rtdeploy_waiting", "Requests that wait for the model.", registry=registry)
        self._computing = Gauge("rtdeploy_computing", "Threads that are in the model.", registry=registry)

    def predicted(self, answer: Answer) -> None:
        """The model has answered."""
        self._queue.observe(answer.queue_s)
        self._predict.observe(answer.predict_s)
        self._rows.observe(answer.rows)

    def failed(self, reason: str) -> None:
        """The model has not answered."""
        self._failures[reason].inc()

    def fell_back(self, reason: str) -> None:
        """The fallback has answered."""
        self._fallbacks[reason].inc()

    def shed(self) -> None:
        """A request was refused at the door."""
        self._shed.inc()

    def left(self) -> None:
        """A client did not wait for its answer."""
        self._left.inc()

    def responded(self, route: str, status: int) -> None:
        """Any response has been sent."""
        child = self._bound.get((route, status))
        if child is None:
            child = self._bound[route, status] = self._responses.labels(route, str(status))
        child.inc()

    def took(self, seconds: float) -> None:
        """An inference request is over."""
        self._request.observe(seconds)

    def text(self, *, ready: bool, waiting: int, computing: int) -> bytes:
        """Prometheus text format."""
        self._ready.set(float(ready))
        self._waiting.set(waiting)
        self._computing.set(computing)
        return generate_latest(self._registry)


def _histogram(registry: CollectorRegistry, name: str, words: str) -> Histogram:
    return Histogram(name, words, buckets=_SECONDS, registry=registry)
