"""Where the model is called: on the event loop where a call is quick, else in threads that take what waits together.

Batching follows Triton's rule: nobody waits for company, but whatever waits already is taken along. At low load that
costs nothing, at high load a model that is slow per call and not per row becomes many times faster.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from queue import Empty, SimpleQueue
from typing import Protocol

import numpy as np

from rtdeploy.bundle.signature import Array

__all__ = ["Answer", "ExpiredError", "FailedError", "HungError", "Inline", "Lane", "Predict", "Threads", "rows_of"]

Predict = Callable[[Mapping[str, Array]], dict[str, Array]]
_now = time.monotonic


class ExpiredError(Exception):
    """The deadline passed before there was an answer."""


class HungError(ExpiredError):
    """It passed while the model was computing."""


class FailedError(Exception):
    """The model raised something; the text is its words."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")


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

    @property
    def waiting(self) -> int:
        """Requests that have been taken in and are not being predicted yet."""

    @property
    def idle(self) -> int:
        """Requests that could be predicted at once."""

    @property
    def computing(self) -> int:
        """Threads that are in the model."""

    @property
    def stuck_s(self) -> float:
        """For how long no thread has come back from the model, in seconds; 0 while one is free."""

    async def run(self, inputs: Mapping[str, Array], deadline: float) -> Answer:
        """Predict.

        Args:
            inputs: One array per input.
            deadline: ``time.monotonic`` after which nobody wants the answer.

        Raises:
            ExpiredError: it passed.
            FailedError: the model raised.

        """

    def close(self) -> None:
        """Take no more."""


def rows_of(inputs: Mapping[str, Array]) -> int:
    """Length of the first dimension."""
    for array in inputs.values():
        return len(array) if array.ndim else 1
    return 1


class Inline:
    """On the event loop: a thread would cost more than the call; a large request goes to one all the same.

    Args:
        predict: The model.
        most_rows: What is quick enough for the event loop.

    """

    idle = 1

    def __init__(self, predict: Predict, *, most_rows: int) -> None:
        self._predict = predict
        self._most_rows = most_rows
        self._aside = Threads(predict)

    @property
    def waiting(self) -> int:
        """Large requests; others never wait."""
        return self._aside.waiting

    @property
    def computing(self) -> int:
        """The thread for large requests."""
        return self._aside.computing

    @property
    def stuck_s(self) -> float:
        """How long the thread for large requests has been in one call."""
        return self._aside.stuck_s

    async def run(self, inputs: Mapping[str, Array], deadline: float) -> Answer:
        """Predict at once, unless it is too late already."""
        rows = rows_of(inputs)
        if rows > self._most_rows:
            return await self._aside.run(inputs, deadline)
        begun = _now()
        if begun >= deadline:
            raise ExpiredError
        try:
            outputs = self._predict(inputs)
        except BaseException as error:
            raise FailedError(error) from error
        return Answer(outputs, predict_s=_now() - begun, rows=rows)

    def close(self) -> None:
        """End the thread beside the loop."""
        self._aside.close()


@dataclass(slots=True, eq=False)
class _Job:
    inputs: Mapping[str, Array]
    deadline: float
    entered: float
    rows: int
    future: "asyncio.Future[Answer]"
    computing: bool = False

    def wanted(self, now: float) -> bool:
        """Whether somebody waits for it still."""
        return now < self.deadline and not self.future.done()

    def kind(self) -> object:
        """Requests of one kind fit into one batch; one whose inputs differ in length fits with none."""
        if any(array.ndim == 0 or len(array) != self.rows for array in self.inputs.values()):
            return id(self)
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
        self._predict = predict
        self._max_size = max_size
        self._max_wait_s = max_wait_s
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._put = 0
        # Each written by one thread only and read by the loop, so that no lock and no message is needed.
        self._taken = [0] * threads
        self._busy = [False] * threads
        self._since = [inf] * threads
        self._threads = [
            threading.Thread(target=self._work, args=(n,), name=f"model-{n}", daemon=True) for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Requests in the queue, and those that wait for company."""
        return self._put - sum(self._taken)

    @property
    def idle(self) -> int:
        """Threads that have nothing to do."""
        return self._busy.count(False)

    @property
    def computing(self) -> int:
        """Threads that have something to do."""
        return self._busy.count(True)

    @property
    def stuck_s(self) -> float:
        """How long the thread that began last has been in one call."""
        return max(0.0, _now() - max(self._since))

    async def run(self, inputs: Mapping[str, Array], deadline: float) -> Answer:
        """Wait for a thread, but not beyond the deadline."""
        entered = _now()
        if entered >= deadline:
            raise ExpiredError
        job = _Job(inputs, deadline, entered, rows_of(inputs), self._loop.create_future())
        self._put += 1
        self._queue.put(job)
        alarm = self._loop.call_later(deadline - entered, _expire, job)
        try:
            return await job.future
        finally:
            alarm.cancel()

    def close(self) -> None:
        """Let every thread end after what it is doing."""
        for _ in self._threads:
            self._queue.put(None)

    # In the threads.

    def _work(self, number: int) -> None:
        over: _Job | None = None
        while (first := over or self._queue.get()) is not None:
            taken, over, ended = self._company(first)
            self._busy[number] = True
            self._taken[number] += len(taken)
            picked = _now()
            alive = [job for job in taken if job.wanted(picked)]
            for together in _alike(alive) if self._max_size else ([job] for job in alive):
                self._since[number] = _now()
                self._answer(together, picked)
            self._since[number] = inf
            self._busy[number] = False
            if ended:
                return

    def _company(self, first: _Job) -> tuple[list[_Job], _Job | None, bool]:
        """What waits beside the first, up to the size of a batch; one that is too much; whether it is time to end."""
        taken, rows = [first], first.rows
        until = _now() + self._max_wait_s
        while self._max_size and rows < self._max_size:
            try:
                job = self._queue.get(timeout=left) if (left := until - _now()) > 0 else self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                return taken, None, True
            if rows + job.rows > self._max_size:
                return taken, job, False
            taken.append(job)
            rows += job.rows
        return taken, None, False

    def _answer(self, jobs: Sequence[_Job], picked: float) -> None:
        begun = _now()
        for job in jobs:
            job.computing = True
        try:
            results = self._batch(jobs) if len(jobs) > 1 else [self._predict(jobs[0].inputs)]
        except BaseException as error:  # noqa: BLE001 - whatever a model raises belongs to the requests it was given
            self._failed(jobs, picked, error)
            return
        took, rows = _now() - begun, sum(job.rows for job in jobs)
        answers = [
            Answer(result, picked - job.entered, begun - picked, took, rows)
            for job, result in zip(jobs, results, strict=True)
        ]
        self._tell(_resolve, jobs, answers)

    def _failed(self, jobs: Sequence[_Job], picked: float, error: BaseException) -> None:
        """One poisoned request must not spoil the others: after a batch has failed each is tried alone."""
        if len(jobs) == 1:
            self._tell(_fail, jobs[0], FailedError(error))
            return
        for job in jobs:
            job.computing = False
        for job in jobs:
            if job.wanted(_now()):
                self._answer([job], picked)

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


def _expire(job: _Job) -> None:
    if not job.future.done():
        job.future.set_exception(HungError() if job.computing else ExpiredError())


def _resolve(jobs: Sequence[_Job], answers: Sequence[Answer]) -> None:
    for job, answer in zip(jobs, answers, strict=True):
        if not job.future.done():
            job.future.set_result(answer)


def _fail(job: _Job, error: FailedError) -> None:
    if not job.future.done():
        job.future.set_exception(error)


def _alike(jobs: Sequence[_Job]) -> Iterable[list[_Job]]:
    kinds: dict[object, list[_Job]] = {}
    for job in jobs:
        kinds.setdefault(job.kind(), []).append(job)
    return kinds.values()
