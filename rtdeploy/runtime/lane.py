"""Where the model is called: on the event loop where a call is quick, else in threads that take what waits together.

Batching follows Triton's rule: nobody waits for company, but whatever waits already is taken along. At low load that
costs nothing, at high load a model that is slow per call and not per row becomes many times faster.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

import numpy as np

from rtdeploy.bundle.signature import Array

__all__ = ["Answer", "ExpiredError", "HungError", "Inline", "Lane", "Predict", "Threads"]

Predict = Callable[[Mapping[str, Array]], dict[str, Array]]
_now = time.monotonic


class ExpiredError(Exception):
    """The deadline passed before there was an answer."""


class HungError(ExpiredError):
    """It passed while the model was computing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, and where the time went, in seconds."""

    outputs: Mapping[str, Array]
    queue_s: float = 0.0
    batch_s: float = 0.0
    predict_s: float = 0.0
    rows: int = 1


class Lane(Protocol):
    """Calls the model for one request after the other."""

    waiting: int
    """Requests that have been taken in and are not being predicted yet."""

    async def run(self, inputs: Mapping[str, Array], deadline: float) -> Answer:
        """Predict; raises :class:`ExpiredError` past ``deadline`` (``time.monotonic``), else what the model raises."""

    def close(self) -> None:
        """Take no more."""


class Inline:
    """On the event loop: a thread would cost more than the call."""

    waiting = 0

    def __init__(self, predict: Predict) -> None:
        self._predict = predict

    async def run(self, inputs: Mapping[str, Array], deadline: float) -> Answer:
        """Predict at once, unless it is too late already."""
        begun = _now()
        if begun >= deadline:
            raise ExpiredError
        outputs = self._predict(inputs)
        return Answer(outputs, predict_s=_now() - begun)

    def close(self) -> None:
        """Nothing to end."""


@dataclass(slots=True, eq=False)
class _Job:
    inputs: Mapping[str, Array]
    deadline: float
    entered: float
    rows: int
    future: "asyncio.Future[Answer]"

    @property
    def kind(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Requests of one kind fit into one batch."""
        return tuple((name, array.shape[1:]) for name, array in self.inputs.items())


class Threads:
    """In threads, which take one request each, or as many rows as ``max_size`` allows where there is one.

    Args:
        predict: The model.
        threads: How many call it at the same time.
        max_size: Rows that are predicted together at most; None: every request alone.
        max_wait_s: How long the first of a batch waits for more than what waits already.

    """

    def __init__(
        self,
        predict: Predict,
        *,
        threads: int = 1,
        max_size: int | None = None,
        max_wait_s: float = 0.0,
    ) -> None:
        self.waiting = 0
        self._predict = predict
        self._max_size = max_size
        self._max_wait_s = max_wait_s
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._computing: set[_Job] = set()
        self._threads = [threading.Thread(target=self._work, name=f"model-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    async def run(self, inputs: Mapping[str, Array], deadline: float) -> Answer:
        """Wait for a thread, but not beyond the deadline."""
        entered = _now()
        if entered >= deadline:
            raise ExpiredError
        rows = max((len(array) for array in inputs.values() if array.ndim), default=1)
        job = _Job(inputs, deadline, entered, rows, self._loop.create_future())
        self.waiting += 1
        self._queue.put(job)
        alarm = self._loop.call_later(deadline - entered, self._expire, job)
        try:
            return await job.future
        finally:
            alarm.cancel()

    def close(self) -> None:
        """Let every thread end after what it is doing."""
        for _ in self._threads:
            self._queue.put(None)

    def _expire(self, job: _Job) -> None:
        if not job.future.done():
            job.future.set_exception(HungError() if job in self._computing else ExpiredError())

    # In the threads.

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            taken, over = self._company(first)
            picked = _now()
            alive = [job for job in taken if job.deadline > picked and not job.future.done()]
            self._tell(self._picked, len(taken), alive)
            for together in _alike(alive) if self._max_size else ([job] for job in alive):
                self._answer(together, picked)
            if over:
                return

    def _company(self, first: _Job) -> tuple[list[_Job], bool]:
        """What waits beside the first, up to the size of a batch; True when it is time to end."""
        taken, rows = [first], first.rows
        until = _now() + self._max_wait_s
        while self._max_size and rows < self._max_size:
            try:
                job = self._queue.get(timeout=left) if (left := until - _now()) > 0 else self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                return taken, True
            taken.append(job)
            rows += job.rows
        return taken, False

    def _answer(self, jobs: Sequence[_Job], picked: float) -> None:
        begun = _now()
        try:
            results = self._batch(jobs) if len(jobs) > 1 else [self._predict(jobs[0].inputs)]
        except Exception as error:  # noqa: BLE001 - whatever a model raises belongs to the requests it was given
            if len(jobs) > 1:  # one poisoned request must not spoil the others
                for job in jobs:
                    self._answer([job], picked)
            else:
                self._tell(self._fail, jobs[0], error)
            return
        took, rows = _now() - begun, sum(job.rows for job in jobs)
        answers = [
            Answer(result, picked - job.entered, begun - picked, took, rows)
            for job, result in zip(jobs, results, strict=True)
        ]
        self._tell(self._resolve, jobs, answers)

    def _batch(self, jobs: Sequence[_Job]) -> list[dict[str, Array]]:
        """Predict several requests in one call; where rows out are not rows in, each alone."""
        inputs = {name: np.concatenate([job.inputs[name] for job in jobs]) for name in jobs[0].inputs}
        outputs = self._predict(inputs)
        total = sum(job.rows for job in jobs)
        if any(array.ndim == 0 or len(array) != total for array in outputs.values()):
            return [self._predict(job.inputs) for job in jobs]
        ends = np.cumsum([job.rows for job in jobs])
        return [
            {name: array[end - job.rows : end] for name, array in outputs.items()}
            for job, end in zip(jobs, ends, strict=True)
        ]

    def _tell(self, callback: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:  # the loop has ended: nobody waits any more
            return

    # On the loop.

    def _picked(self, count: int, alive: Iterable[_Job]) -> None:
        self.waiting -= count
        self._computing.update(alive)

    def _resolve(self, jobs: Sequence[_Job], answers: Sequence[Answer]) -> None:
        for job, answer in zip(jobs, answers, strict=True):
            self._computing.discard(job)
            if not job.future.done():
                job.future.set_result(answer)

    def _fail(self, job: _Job, error: Exception) -> None:
        self._computing.discard(job)
        if not job.future.done():
            job.future.set_exception(error)


def _alike(jobs: Sequence[_Job]) -> Iterable[list[_Job]]:
    kinds: dict[object, list[_Job]] = {}
    for job in jobs:
        kinds.setdefault(job.kind, []).append(job)
    return kinds.values()
