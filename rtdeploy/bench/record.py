"""Runs the load generator's processes through one schedule and collects what they recorded."""

import selectors
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtdeploy.bench.interrupts import Interrupts
from rtdeploy.bench.machine import cpu_times, steal_between
from rtdeploy.bench.payloads import Payloads
from rtdeploy.bench.progress import Tick, look, seen
from rtdeploy.bench.samples import Samples, gather
from rtdeploy.bench.scenario import Scenario
from rtdeploy.bench.schedule import Times
from rtdeploy.bench.sequential import Sequential
from rtdeploy.bench.worker import Worker
from rtdeploy.endpoint import Endpoint
from rtdeploy.errors import MeasurementError, StoppedError

__all__ = ["Lane", "Progress", "Recording", "record", "record_lanes"]

Progress = Callable[[Tick], None]

_READY_S = 60.0
_LEAD_S = 0.2
_DRAIN_S = 2.0
_LOOK_S = 1.0
_REST = 20
_PATIENCE_S = 15.0
"""How long after the last deadline a worker may take to say that it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What happened.

    Attributes:
        samples: All requests that were started.
        planned: Requests scheduled in the measured window, as far as it went.
        window_s: Length of the measured window, as far as it went.
        cpu: Share of a core in every second of the window, per worker.
        steal: Share of the machine's time that its host gave to others.
        lost: Why a worker did not finish, a sentence each.
        interrupted: Somebody asked for an end.
        decided: It ended because its budgets were decided.

    """

    samples: Samples
    planned: int
    window_s: float
    cpu: tuple[tuple[float, ...], ...]
    steal: float
    lost: tuple[str, ...]
    interrupted: bool
    decided: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """An endpoint and when it is sent requests: seconds from the start of the measured window."""

    endpoint: Endpoint
    times: Times


def record(
    endpoint: Endpoint,
    payloads: Payloads,
    scenario: Scenario,
    *,
    directory: Path,
    workers: int,
    progress: Progress | None,
    rule: Sequential | None = None,
) -> Recording:
    """Send the scenario's schedule to the endpoint; worker i of N takes every N-th request from i on.

    Where there is a ``rule``, it looks at what has been recorded once a second, and its verdict ends the run.

    Raises:
        MeasurementError: The load generator did not start, or there is no such host.
        StoppedError: A signal asked for an end before anything was sent, or a second one did not want to wait.

    """
    times = scenario.schedule()
    lane = Lane(endpoint=endpoint, times=times)
    return record_lanes([lane], payloads, scenario, directory=directory, workers=workers, progress=progress, rule=rule)[
        0
    ]


def record_lanes(
    lanes: Sequence[Lane],
    payloads: Payloads,
    scenario: Scenario,
    *,
    directory: Path,
    workers: int,
    progress: Progress | None,
    rule: Sequential | None = None,
) -> list[Recording]:
    """Send each endpoint its own schedule on one clock, with ``workers`` processes each; a recording for each.

    The scenario says how long all of it lasts and what is sent, the lanes say when. Raises like :func:`record`.
    """
    if any(not (lane.times >= 0).any() for lane in lanes):
        raise MeasurementError(
            "The schedule has no request in the measured window.", remedy="Raise the rate or the duration."
        )
    with Interrupts() as interrupts, ExitStack() as stack:
        crews: list[list[Worker]] = []
        for lane in lanes:
            drawn = payloads.draw(len(lane.times), scenario.seed)
            crews.append([])
            for number in range(min(workers, len(lane.times))):
                name = len(crews[0]) * (len(crews) - 1) + number
                worker = Worker(name, directory, lane.times[number::workers], drawn[number::workers])
                stack.callback(worker.end)
                crews[-1].append(worker)
            connections = _connections(scenario.peak_rps / len(crews[-1]))
            for worker in crews[-1]:
                worker.send_job(lane.endpoint, payloads, timeout_s=scenario.timeout_s, connections=connections)
        return _Session(crews, scenario, [lane.times for lane in lanes], interrupts, progress, rule).run()


class _Session:
    """Schedules on one clock, from ready to over."""

    def __init__(
        self,
        crews: Sequence[Sequence[Worker]],
        scenario: Scenario,
        times: Sequence[Times],
        interrupts: Interrupts,
        progress: Progress | None,
        rule: Sequential | None,
    ) -> None:
        self._crews = crews
        self._crew = [worker for crew in crews for worker in crew]
        self._scenario = scenario
        self._times = times
        self._interrupts = interrupts
        self._progress = progress
        self._selector = selectors.DefaultSelector()
        self._selector.register(interrupts, selectors.EVENT_READ)
        for worker in self._crew:
            self._selector.register(worker, selectors.EVENT_READ)
        self._origin = 0.0
        self._stopped: float | None = None
        self._rule = rule
        self._decided = False
        self._next_look = 0.0

    def run(self) -> list[Recording]:
        self._get_ready()
        before = cpu_times()
        self._origin = time.monotonic() + _LEAD_S + self._scenario.warmup_s
        for worker in self._crew:
            worker.start(self._origin)
        self._see_through()
        steal = steal_between(before, cpu_times())
        return [self._collect(crew, times, steal) for crew, times in zip(self._crews, self._times, strict=True)]

    def _get_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        while not all(worker.ready for worker in self._crew):
            self._listen(1.0)
            if self._interrupts.count:
                raise StoppedError("Stopped before anything was sent.", remedy="Run the command again.")
            lost = next((worker for worker in self._crew if worker.lost), None)
            if lost is not None:
                raise MeasurementError(lost.lost, remedy=_REMEDY, detail=lost.log)
            if time.monotonic() > deadline:
                raise MeasurementError(f"The load generator was not ready after {_READY_S:g} s.", remedy=_REMEDY)

    def _see_through(self) -> None:
        shown = -np.inf
        deadline = self._origin + self._scenario.duration_s + self._scenario.timeout_s + _PATIENCE_S
        while not all(worker.over or worker.lost for worker in self._crew):
            self._listen(0.2)
            now = time.monotonic()
            if self._interrupts.count > 1:
                raise StoppedError("Stopped without waiting for an answer.", remedy="Run the command again.")
            if self._stopped is None and (self._interrupts.count or any(worker.lost for worker in self._crew)):
                self._stop(now, _DRAIN_S)
            if self._stopped is None and self._look(now):
                self._decided = True
                self._stop(now, self._scenario.timeout_s)
            if now > deadline:
                self._give_up()
            if now - shown >= 1 and self._progress is not None:
                shown = now
                self._progress(self._tick(now))

    def _listen(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            source = key.fileobj
            if isinstance(source, Worker):
                source.hear()
                if source.over or source.lost:
                    self._selector.unregister(source)
            elif isinstance(source, Interrupts):
                source.clear()

    def _look(self, now: float) -> bool:
        """Ask the rule, once a second, and never so often that it takes more than a twentieth of a core."""
        if self._rule is None or now < max(self._next_look, self._origin):
            return False
        over = self._rule.look(seen(self._crew, now - self._origin, self._rule.slowest_s))
        self._next_look = now + max(_LOOK_S, _REST * (time.monotonic() - now))
        return over

    def _stop(self, now: float, drain_s: float) -> None:
        self._stopped = now - self._origin
        for worker in self._crew:
            worker.stop(min(drain_s, self._scenario.timeout_s))

    def _give_up(self) -> None:
        for worker in self._crew:
            if not worker.over and not worker.lost:
                worker.lost = f"Load generator process {worker.number} did not come to an end."

    def _tick(self, now: float) -> Tick:
        return look(self._crew, now - self._origin, self._scenario.warmup_s, self._scenario.duration_s)

    def _collect(self, crew: Sequence[Worker], times: Times, steal: float) -> Recording:
        duration_s = self._scenario.duration_s
        window_s = duration_s if self._stopped is None else float(np.clip(self._stopped, 0.0, duration_s))
        cpu = [[(at - self._origin, share) for at, share in worker.cpu] for worker in crew]
        names = {code: name for worker in crew for code, name in worker.outcomes.items()}
        columns = [worker.columns for worker in crew]
        return Recording(
            samples=gather(columns, names, [sample for series in cpu for sample in series], until_s=duration_s),
            planned=int(((times >= 0) & (times < window_s)).sum()),
            window_s=window_s,
            cpu=tuple(tuple(share for at, share in series if 0.5 < at <= window_s + 0.5) for series in cpu),
            steal=steal,
            lost=tuple(worker.lost for worker in crew if worker.lost),
            interrupted=self._interrupts.count > 0,
            decided=self._decided,
        )


_REMEDY = "Check the URL, and that `python -m locust --version` works."


def _connections(rate_rps: float) -> int:
    """Enough for answers of 20 ms; more are opened when all are busy."""
    return min(64, max(4, round(0.02 * rate_rps)))
