"""The servers of one version: as many as asked for, each started again when it ends."""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Protocol

from rtdeploy.deploy.contract import State
from rtdeploy_process.replica import Replica, StartError, describe
from rtdeploy_process.resources import Record

__all__ = ["Crew", "House", "backoff_s"]

_FIRST_PAUSE_S = 0.1
_MOST_PAUSE_S = 30.0
_STEADY_S = 60.0
_HOPELESS = 5


class House(Protocol):
    """What a crew needs around it."""

    async def hire(self, record: Record, number: int) -> Replica:
        """Start a server; :class:`StartError` where it cannot be."""

    def bury(self, replica: Replica) -> str:
        """Release what belonged to a server that has ended; gives the last lines that it said."""

    def changed(self, crew: "Crew") -> None:
        """Hear that a server has become ready or has ended."""

    def note(self, label: str, text: str) -> None:
        """Write a line into the log."""


def backoff_s(failures: int) -> float:
    """Pause before the next try: nothing to speak of after the first failure, doubling from there to half a minute."""
    return min(_MOST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20))


class Crew:
    """Keeps the servers of a version running.

    Attributes:
        record: What was asked for.
        ready: Servers that answer, by number.
        had_traffic: It had a share of the traffic once, so that old connections may lead here.

    """

    def __init__(self, record: Record, house: House) -> None:
        self.record = record
        self.ready: dict[int, Replica] = {}
        self.had_traffic = False
        self._house = house
        self._slots: dict[int, asyncio.Task[None]] = {}
        self._starting: dict[int, Replica] = {}
        self._troubles: dict[int, str] = {}
        self._failures: Counter[int] = Counter()
        self._restarts = 0
        self._again = asyncio.Event()
        self._complete = False
        self._given_up = False

    def adjust(self, record: Record) -> list[Replica]:
        """Take a changed record: start what is missing; gives those that are too many, which are not kept any more."""
        self.record = record
        for number in range(1, record.replicas + 1):
            if number not in self._slots:
                self._slots[number] = asyncio.create_task(self._keep(number))
        return [replica for number in list(self._slots) if number > record.replicas for replica in self._drop(number)]

    def dismiss(self) -> list[Replica]:
        """Keep none any more; gives all that run."""
        return [replica for number in list(self._slots) for replica in self._drop(number)]

    def _drop(self, number: int) -> list[Replica]:
        self._slots.pop(number).cancel()
        self._troubles.pop(number, None)
        self._failures.pop(number, None)
        found = (self.ready.pop(number, None), self._starting.pop(number, None))
        return [replica for replica in found if replica]

    def mend(self) -> None:
        """Try again at once what waits or was given up."""
        self._failures.clear()
        self._given_up = False
        self._again.set()
        self._again = asyncio.Event()

    async def _keep(self, number: int) -> None:
        """Start a server, watch it, and start it again, for as long as there is reason to."""
        while True:
            trouble = await self._live(number)
            self._failures[number] += 1
            self._troubles[number] = trouble
            self._given_up = not self.record.proven
            pause = None if self._given_up else backoff_s(self._failures[number])
            again = "given up: it has never been ready" if pause is None else f"starting again in {pause:g} s"
            self._house.note(self._label(number), f"{trouble.splitlines()[0]}; {again}")
            waiting = self._again
            self._house.changed(self)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(waiting.wait(), pause)
            self._restarts += 1

    async def _live(self, number: int) -> str:
        """One life of a server; gives why it ended."""
        try:
            replica = await self._house.hire(self.record, number)
        except StartError as error:
            return str(error)
        self._starting[number] = replica
        try:
            await replica.until_ready(self.record.startup_timeout_s)
        except StartError as error:
            return await self._end(number, replica, str(error))
        self._starting.pop(number)
        self._serve(number, replica)
        status = await replica.until_gone()
        if replica.uptime_s > _STEADY_S:
            self._failures[number] = 0
        return await self._end(number, replica, describe(status))

    def _serve(self, number: int, replica: Replica) -> None:
        self.ready[number] = replica
        self._troubles.pop(number, None)
        self._complete = self._complete or len(self.ready) == self.record.replicas
        if self._given_up:
            self.mend()
        self._house.note(replica.label, f"ready, pid {replica.pid}")
        self._house.changed(self)

    async def _end(self, number: int, replica: Replica, why: str) -> str:
        self._starting.pop(number, None)
        self.ready.pop(number, None)
        await replica.kill()
        said = self._house.bury(replica)
        return f"{why}\n{said}".strip()

    def _label(self, number: int) -> str:
        return f"{self.record.name}/{number}"

    def state(self) -> State:
        """How the version is doing."""
        wanted, there = self.record.replicas, sum(bool(replica.listens) for replica in self.ready.values())
        if there == wanted:
            return State.READY
        if there:
            return State.DEGRADED if self._complete or self._troubles else State.PENDING
        hopeless = self._failures and min(self._failures[n] for n in range(1, wanted + 1)) >= _HOPELESS
        return State.FAILED if self._given_up or hopeless else State.PENDING

    def describe(self) -> str:
        """Say what runs and what does not, in lines."""
        head = f"{len(self.ready)} of {self.record.replicas} ready"
        head += f", {self._restarts} restarts" if self._restarts else ""
        running = [replica.describe() for _, replica in sorted(self.ready.items())]
        wrong = [f"{self._label(number)} {trouble}" for number, trouble in sorted(self._troubles.items())]
        return "\n".join((head, *running, *wrong))
