"""The servers of all versions of a target, and who of them listens on which socket."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from rtdeploy.deploy.contract import State
from rtdeploy.errors import RtdeployError
from rtdeploy_process import family, state
from rtdeploy_process.channel import ChannelError
from rtdeploy_process.crew import Crew
from rtdeploy_process.custody import Custody
from rtdeploy_process.environment import resolve
from rtdeploy_process.errors import translate
from rtdeploy_process.family import Member
from rtdeploy_process.logs import last_words
from rtdeploy_process.mark import Role, marked
from rtdeploy_process.replica import Replica, StartError
from rtdeploy_process.resources import Record
from rtdeploy_process.shares import recycling, share_out
from rtdeploy_process.sockets import Doors

__all__ = ["Servers"]

T = TypeVar("T")

_LEFT_BEHIND_S = 35.0


class Servers:
    """Keeps crews, and moves sockets between their servers so that no connection is lost.

    Args:
        proved: Called with the name of a version that is ready for the first time.
        orphans: Servers of a former supervisor; each serves until its successor does.

    """

    def __init__(
        self,
        directory: Path,
        doors: Doors,
        custody: Custody,
        *,
        orphans: Iterable[Member],
        proved: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._doors = doors
        self._custody = custody
        self._orphans = list(orphans)
        self._proved = proved
        self._crews: dict[str, Crew] = {}
        self._leaving: set[asyncio.Future[None]] = set()
        self._moving = asyncio.Lock()
        self._unsettled = asyncio.Event()
        self._settler: asyncio.Task[None] | None = None

    def begin(self, records: Sequence[Record]) -> None:
        """Start what is asked for."""
        self._settler = asyncio.create_task(self._keep_settled())
        for record in records:
            self.start(record)
        self._unsettled.set()

    def start(self, record: Record) -> None:
        """Start the servers of a version."""
        self._crews[record.name] = Crew(record, self)
        self._crews[record.name].adjust(record)

    async def change(self, record: Record) -> None:
        """Have as many servers as the record says, and try again at once what had failed."""
        crew = self._crews[record.name]
        surplus = crew.adjust(record)
        crew.mend()
        await self.settle()
        self._retire(surplus, record)

    async def weigh(self, records: Sequence[Record]) -> None:
        """Split the traffic."""
        for record in records:
            self._crews[record.name].record = record
        await self.settle()

    async def stop(self, name: str) -> None:
        """Let the servers of a version finish and end, after others have taken their sockets."""
        crew = self._crews.pop(name)
        leaving = crew.dismiss()
        self._custody.drop(self._doors.close_own(name))
        await self.settle()
        self._retire(leaving, crew.record)

    async def stop_all(self) -> None:
        """Let all servers finish and end."""
        if self._settler:
            self._settler.cancel()
        for crew in self._crews.values():
            self._retire(crew.dismiss(), crew.record)
        self._retire_orphans(self._orphans)
        while self._leaving:
            await asyncio.wait(self._leaving)
        left = [member for member in family.find(self._directory) if member.role is Role.REPLICA]
        await asyncio.to_thread(family.end, left, patience_s=1.0)

    def state(self, name: str) -> tuple[State, str]:
        """How a version is doing."""
        crew = self._crews[name]
        found, detail = crew.state(), crew.describe()
        left = [orphan.label for orphan in self._orphans if orphan.version == name and orphan.process.is_running()]
        if left and found is not State.READY:
            return State.DEGRADED, f"{detail}\n{', '.join(left)} of a former supervisor still answers"
        return found, detail

    async def hire(self, record: Record, number: int) -> Replica:
        """Start a server for a version.

        Raises:
            StartError: it cannot be started.

        """
        label = f"{record.name}/{number}"
        try:
            replica = await Replica.start(label, Path(record.bundle), self._environment(record, label))
        except OSError as error:
            raise StartError(translate(error, f"start {label}").summary) from error
        except RtdeployError as error:
            raise StartError(f"{error.summary}\n{error.remedy}") from error
        self._custody.note(label, f"started, pid {replica.pid}")
        self._custody.listen_to(replica)
        return replica

    def _environment(self, record: Record, label: str) -> dict[str, str]:
        secrets = self._directory.parent.parent / "secrets"
        own = resolve(state.load_environment(self._directory, record.name), secrets)
        ours = {
            "PYTHONUNBUFFERED": "1",
            "RTDEPLOY_SERVE": json.dumps(dict(record.serve)),
            "RTDEPLOY_VERSION": record.name,
        }
        return marked({**os.environ, **own, **ours}, self._directory, f"{Role.REPLICA}/{label}")

    def bury(self, replica: Replica) -> str:
        """Release what belonged to a server that has ended; gives the last lines that it said."""
        self._custody.forget(replica)
        replica.close()
        return last_words(self._directory, replica.label)

    def changed(self, crew: Crew) -> None:
        """A server has become ready or has ended: settle anew."""
        for replica in crew.ready.values():
            self._custody.catch_up(replica)
        if crew.ready and not crew.record.proven:
            crew.record = replace(crew.record, proven=True)
            self._proved(crew.record.name)
        self._unsettled.set()

    def note(self, label: str, text: str) -> None:
        """Write a line of our own into the log."""
        self._custody.note(label, text)

    async def _keep_settled(self) -> None:
        while True:
            await self._unsettled.wait()
            self._unsettled.clear()
            await asyncio.shield(self.settle())

    async def settle(self) -> None:
        """Give every server the sockets that are its share: first the new holders listen, then the old ones let go."""
        async with self._moving:
            servers = {name: [*crew.ready.values()] for name, crew in self._crews.items()}
            wanted = self._wanted(servers)
            self._doors.open({number for numbers in wanted.values() for number in numbers})
            await self._each(wanted, lambda server, to: server.gain({n: self._doors.sockets[n] for n in to}))
            await self._each(wanted, lambda server, to: server.lose(server.listens - to))
            await self._each(self._recycling(servers), lambda server, requests: server.recycle(requests))
        self._retire_orphans([orphan for orphan in self._orphans if self._is_replaced(orphan)])

    def _weights(self) -> dict[str, int]:
        return {name: crew.record.weight for name, crew in self._crews.items()}

    def _wanted(self, servers: Mapping[str, list[Replica]]) -> dict[Replica, frozenset[int]]:
        now = {server: server.listens for crew in servers.values() for server in crew}
        shares = share_out(self._doors.traffic, self._weights(), servers, now)
        return {s: shares[s] | {self._doors.own(name)} for name, crew in servers.items() for s in crew}

    def _recycling(self, servers: Mapping[str, list[Replica]]) -> dict[Replica, int | None]:
        wanted: dict[Replica, int | None] = {}
        for name, crew in servers.items():
            self._crews[name].had_traffic |= bool(self._crews[name].record.weight)
            requests = recycling(self._weights(), name, len(crew), had_traffic=self._crews[name].had_traffic)
            wanted |= dict.fromkeys(crew, requests)
        return wanted

    async def _each(self, wanted: Mapping[Replica, T], do: Callable[[Replica, T], Awaitable[None]]) -> None:
        await asyncio.gather(*(self._safely(server, do(server, to)) for server, to in wanted.items()))

    async def _safely(self, server: Replica, doing: Awaitable[None]) -> None:
        """A server that does not do as it is told is no server: its end lets its crew start another."""
        try:
            await doing
        except ChannelError as error:
            self.note(server.label, f"does not obey and is killed: {error}")
            await server.kill()

    def _retire(self, replicas: Iterable[Replica], record: Record) -> None:
        for replica in replicas:
            self._go_on(self._see_off(replica, record.drain_timeout_s))

    async def _see_off(self, replica: Replica, timeout_s: float) -> None:
        self.note(replica.label, "is to finish and end")
        await replica.drain(timeout_s)
        self.bury(replica)

    def _is_replaced(self, orphan: Member) -> bool:
        crew = self._crews.get(orphan.version)
        if crew is None or crew.state() is State.READY:
            return True
        answering = any(other.record.weight and other.state() is State.READY for other in self._crews.values())
        return not crew.record.weight and answering

    def _retire_orphans(self, orphans: Sequence[Member]) -> None:
        if not orphans:
            return
        self._orphans = [orphan for orphan in self._orphans if orphan not in orphans]
        self.note(Role.SUPERVISOR, f"ends servers left behind: {', '.join(orphan.label for orphan in orphans)}")
        self._go_on(asyncio.to_thread(family.end, orphans, patience_s=_LEFT_BEHIND_S))

    def _go_on(self, work: Awaitable[None]) -> None:
        going = asyncio.ensure_future(work)
        self._leaving.add(going)
        going.add_done_callback(self._leaving.discard)
