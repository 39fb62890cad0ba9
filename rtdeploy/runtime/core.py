"""What every protocol calls: admission, deadline, breaker, model, fallback, each exactly once per request."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from circuitbreaker import CircuitBreaker

from rtdeploy.bundle.model import LoadedModel
from rtdeploy.bundle.signature import Array, Signature
from rtdeploy.runtime.fallback import Fallback
from rtdeploy.runtime.http import RefusedError
from rtdeploy.runtime.lane import Answer, ExpiredError, HungError, Inline, Lane, Predict, Threads
from rtdeploy.runtime.metrics import Metrics
from rtdeploy.runtime.settings import ServeSettings

__all__ = ["Core", "Prediction", "WarmUp", "warm_up"]

QUICK_S = 100e-6
"""A longer call leaves the event loop: a thread costs some 50 µs, a blocked loop costs everybody."""
_RETRY_AFTER = ((b"retry-after", b"1"),)
_WARM_UP_CALLS = 20
_WARM_UP_S = 1.0
_now = time.monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """What calling the model with its sample has shown."""

    median_s: float

    @property
    def quick(self) -> bool:
        """Whether a call may run on the event loop."""
        return self.median_s < QUICK_S


def warm_up(predict: Predict, sample: Mapping[str, Array]) -> WarmUp:
    """Call the model a few times; the first call of most libraries is the slowest, and is not counted."""
    predict(sample)
    took: list[float] = []
    end = _now() + _WARM_UP_S
    while len(took) < _WARM_UP_CALLS and (not took or _now() < end):
        begun = time.perf_counter()
        predict(sample)
        took.append(time.perf_counter() - begun)
    return WarmUp(median_s=sorted(took)[len(took) // 2])


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer, and the reason where it is not the model's own."""

    answer: Answer
    fallback: str = ""


class Core:
    """One loaded model that answers requests.

    Args:
        model: The model.
        settings: How to treat a request.
        fallback: Answers while the model cannot.
        warm: What the warm-up has shown.
        metrics: Told what happens.

    """

    def __init__(
        self, model: LoadedModel, settings: ServeSettings, fallback: Fallback | None, warm: WarmUp, metrics: Metrics
    ) -> None:
        self.signature: Signature = model.signature
        self._model = model
        self._settings = settings
        self._fallback = fallback
        self._metrics = metrics
        self._breaker = _breaker(settings)
        self.lane = self._make_lane(warm)

    @property
    def ready(self) -> bool:
        """False while the breaker keeps requests from the model."""
        return self._breaker is None or not self._breaker.opened

    async def predict(
        self, inputs: Mapping[str, Array], arrived: float, *, timeout_s: float | None = None, unread: int = 0
    ) -> Prediction:
        """Answer one request.

        Args:
            inputs: One array per input of the signature.
            arrived: When the request came in (``time.monotonic``).
            timeout_s: What the client allows; the server's own limit where it is shorter.
            unread: Requests that have come in and are not here yet.

        Raises:
            RefusedError: 503 where too many wait or the model cannot answer, 504 past the deadline, 500 where the
                model failed, and in no case a fallback has been declared for.

        """
        if self.lane.waiting + unread >= self._settings.queue:
            self._metrics.shed()
            raise RefusedError(503, "too many requests are waiting", headers=_RETRY_AFTER)
        most = self._settings.timeout_s if timeout_s is None else min(timeout_s, self._settings.timeout_s)
        if self._breaker is not None and self._breaker.opened:
            refusal = RefusedError(503, "the model has failed repeatedly and is left alone", headers=_RETRY_AFTER)
            return self._without_model(inputs, refusal, "breaker")
        try:
            answer = await self.lane.run(inputs, arrived + most)
        except ExpiredError as error:
            if isinstance(error, HungError):
                self._count(error)
            return self._without_model(inputs, RefusedError(504, f"no answer within {most:g} s"), "deadline")
        except Exception as error:  # noqa: BLE001 - a model may raise anything; its words go to the client
            self._count(error)
            refusal = RefusedError(500, f"the model failed: {type(error).__name__}: {error}")
            return self._without_model(inputs, refusal, "error")
        if self._breaker is not None and self._breaker.failure_count:
            self._breaker.reset()
        self._metrics.predicted(answer)
        return Prediction(answer)

    def close(self) -> None:
        """Let the model go."""
        self.lane.close()
        self._model.close()

    def _count(self, error: Exception) -> None:
        """Tell the breaker of a failure."""
        if self._breaker is not None:
            with suppress(type(error)), self._breaker:
                raise error

    def _without_model(self, inputs: Mapping[str, Array], refusal: RefusedError, reason: str) -> Prediction:
        self._metrics.failed(reason)
        if self._fallback is None:
            raise refusal
        try:
            outputs = self._fallback(inputs)
        except Exception as error:
            raise RefusedError(500, f"{refusal.words}; the fallback failed: {error}") from error
        self._metrics.fell_back(reason)
        return Prediction(Answer(outputs), reason)

    def _make_lane(self, warm: WarmUp) -> Lane:
        settings = self._settings
        if settings.concurrency == "auto" and settings.batch_max_size is None and warm.quick:
            return Inline(self._model.predict)
        return Threads(
            self._model.predict,
            threads=1 if settings.concurrency == "auto" else settings.concurrency,
            max_size=settings.batch_max_size if _batches(self.signature) else None,
            max_wait_s=settings.batch_max_wait_s,
        )


def _breaker(settings: ServeSettings) -> CircuitBreaker | None:
    if settings.breaker_failures is None:
        return None
    return CircuitBreaker(failure_threshold=settings.breaker_failures, recovery_timeout=settings.breaker_reset_s)


def _batches(signature: Signature) -> bool:
    tensors = (*signature.inputs, *signature.outputs)
    return all(tensor.shape[:1] == (-1,) for tensor in tensors)
