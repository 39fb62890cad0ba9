"""What every protocol calls: admission, deadline, breaker, model, fallback, each exactly once per request."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from rtdeploy.bundle.model import LoadedModel
from rtdeploy.bundle.signature import Array, Signature
from rtdeploy.errors import UsageError
from rtdeploy.runtime.breaker import Breaker
from rtdeploy.runtime.fallback import Fallback
from rtdeploy.runtime.http import RefusedError
from rtdeploy.runtime.lane import (
    Answer,
    ExpiredError,
    FailedError,
    HungError,
    Inline,
    Lane,
    Predict,
    Threads,
    rows_of,
)
from rtdeploy.runtime.metrics import Metrics
from rtdeploy.runtime.settings import ServeSettings

__all__ = ["Core", "Prediction", "WarmUp", "warm_up"]

QUICK_S = 100e-6
"""A longer call leaves the event loop: a thread costs some 50 µs, a blocked loop costs everybody."""
_WARM_UP_CALLS = 20
_WARM_UP_S = 1.0
_now = time.monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """What calling the model with its sample has shown.

    Attributes:
        median_s: How long a call takes.
        rows: Of the sample.
        steady: The time of a call depends on its size alone, not on what it says.

    """

    median_s: float
    rows: int = 1
    steady: bool = True

    @property
    def quick(self) -> bool:
        """Whether a call may run on the event loop."""
        return self.steady and self.median_s < QUICK_S

    @property
    def quick_rows(self) -> int:
        """How many rows may: in proportion, which overrates the cost of a row and not the limit."""
        return max(self.rows, int(self.rows * QUICK_S / max(self.median_s, 1e-6)))


def warm_up(predict: Predict, sample: Mapping[str, Array], *, steady: bool = True) -> WarmUp:
    """Call the model a few times; the first call of most libraries is the slowest, and is not counted."""
    predict(sample)
    took: list[float] = []
    end = _now() + _WARM_UP_S
    while len(took) < _WARM_UP_CALLS and (not took or _now() < end):
        begun = time.perf_counter()
        predict(sample)
        took.append(time.perf_counter() - begun)
    return WarmUp(median_s=sorted(took)[len(took) // 2], rows=rows_of(sample), steady=steady)


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
        self._breaker = Breaker(settings)
        self.lane = self._make_lane(warm)

    @property
    def ready(self) -> bool:
        """False while the breaker keeps requests from the model."""
        return not self._breaker.open

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
        if self.lane.waiting + unread >= self._settings.queue + self.lane.idle:
            self._metrics.shed()
            raise RefusedError(503, "too many requests are waiting", headers=((b"retry-after", b"1"),))
        if not self._breaker.admit():
            return self._without_model(inputs, self._left_alone(), "breaker")
        most = self._settings.timeout_s if timeout_s is None else min(timeout_s, self._settings.timeout_s)
        try:
            answer = await self.lane.run(inputs, arrived + most)
        except ExpiredError as error:
            if self._hangs(error, most):
                self._breaker.failed()
            else:
                self._breaker.dropped()
            return self._without_model(inputs, RefusedError(504, f"no answer within {most:g} s"), "deadline")
        except FailedError as error:
            self._breaker.failed()
            return self._without_model(inputs, RefusedError(500, f"the model failed: {error}"), "error")
        except BaseException:  # the client has left, above all
            self._breaker.dropped()
            raise
        self._breaker.answered()
        self._metrics.predicted(answer)
        return Prediction(answer)

    def close(self) -> None:
        """Let the model go."""
        self.lane.close()
        self._model.close()

    def _hangs(self, error: ExpiredError, most: float) -> bool:
        """Whether a missed deadline is the model's fault: not where only the client was impatient or many waited."""
        limit = self._settings.timeout_s
        return (isinstance(error, HungError) and most >= limit) or self.lane.stuck_s >= limit

    def _left_alone(self) -> RefusedError:
        seconds = b"%d" % self._breaker.retry_after_s
        words = "the model has failed repeatedly and is left alone"
        return RefusedError(503, words, headers=((b"retry-after", seconds),))

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
        if settings.batch_max_size is not None:
            _check_batches(self.signature)
        elif settings.concurrency == "auto" and warm.quick:
            return Inline(self._model.predict, most_rows=warm.quick_rows)
        return Threads(
            self._model.predict,
            threads=1 if settings.concurrency == "auto" else settings.concurrency,
            max_size=settings.batch_max_size,
            max_wait_s=settings.batch_max_wait_s,
        )


def _check_batches(signature: Signature) -> None:
    for tensor in (*signature.inputs, *signature.outputs):
        if tensor.shape[:1] != (-1,):
            raise UsageError(
                f"serve.batch: the model cannot be given several requests at once; {tensor.name!r} has the shape "
                f"{list(tensor.shape)}.",
                remedy="Leave serve.batch out, or export the model with a free first dimension.",
            )
