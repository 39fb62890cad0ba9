"""What was asked for, written down before it is done, and done."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rtdeploy.deploy.contract import Json
from rtdeploy.errors import PlatformError
from rtdeploy_process import state
from rtdeploy_process.custody import Custody
from rtdeploy_process.errors import translated
from rtdeploy_process.family import Member
from rtdeploy_process.mark import Role
from rtdeploy_process.resources import Ledger, Record, Report
from rtdeploy_process.servers import Servers
from rtdeploy_process.sockets import Doors

__all__ = ["Fleet"]


class Fleet:
    """Carries out one change at a time; a change that cannot be written down is not made.

    Attributes:
        ledger: What was asked for.

    """

    def __init__(
        self, directory: Path, ledger: Ledger, doors: Doors, custody: Custody, orphans: Iterable[Member]
    ) -> None:
        self.ledger = ledger
        self._directory = directory
        self._doors = doors
        self._custody = custody
        self._servers = Servers(directory, doors, custody, orphans=orphans, proved=self.prove)

    def begin(self) -> None:
        """Start what the ledger asks for."""
        self._custody.begin()
        self._servers.begin(self.ledger.versions)

    async def create(self, record: Record, environment: Mapping[str, str]) -> None:
        """Bind, write down and start a version; where any of that is refused all of it is undone."""
        first = not self.ledger.versions
        ledger = self.ledger.added(replace(record, deployed_at=time.time()))
        try:
            if first:
                ledger = ledger.bound(self._doors.bind(record.host, record.wanted_port))
            ledger = ledger.bound_own(record.name, self._doors.bind_own(record.name, record.host))
            with translated("write down the version"):
                state.save_environment(self._directory, record.name, environment)
                self._commit(ledger)
        except PlatformError:
            self._unmake(record.name, first=first)
            raise
        self._custody.hold()
        self._servers.start(ledger.get(record.name))

    def _unmake(self, name: str, *, first: bool) -> None:
        with suppress(OSError):
            state.forget_environment(self._directory, name)
        self._doors.close_own(name)
        if first:
            self._doors.close()

    async def update(self, name: str, settings: Mapping[str, Json]) -> None:
        """Change the settings of a version, and try again at once what had failed."""
        ledger = self.ledger.updated(name, settings, time.time())
        if ledger is not self.ledger:
            with translated("write down the change"):
                self._commit(ledger)
        await self._servers.change(ledger.get(name))

    async def weigh(self, weights: Mapping[str, int]) -> None:
        """Split the traffic."""
        with translated("write down the weights"):
            self._commit(self.ledger.weighed(weights))
        await self._servers.weigh(self.ledger.versions)

    async def remove(self, name: str) -> None:
        """Remove a version that gets no traffic, or the only one; what is not there is removed already."""
        if self.ledger.find(name) is None:
            return
        if len(self.ledger.versions) == 1:
            self.ledger = Ledger()
            return
        with translated("write down the removal"):
            self._commit(self.ledger.removed(name))
            state.forget_environment(self._directory, name)
        await self._servers.stop(name)

    def prove(self, name: str) -> None:
        """Remember that a version has been ready; on a full disk only until this process ends."""
        ledger = self.ledger.proved(name)
        with suppress(OSError):
            state.save(self._directory, ledger)
        self.ledger = ledger

    def _commit(self, ledger: Ledger) -> None:
        state.save(self._directory, ledger)
        self.ledger = ledger

    async def end(self) -> None:
        """Remove everything."""
        self._custody.release()
        self._custody.drop(*self._doors.named)
        self._doors.close()
        await self._servers.stop_all()
        self._custody.end()
        state.erase(self._directory)

    async def leave(self) -> None:
        """Stop everything, and keep what was asked for."""
        self._custody.release()
        self._custody.note(Role.SUPERVISOR, "was asked to stop")
        await self._servers.stop_all()
        self._custody.end()

    def report(self) -> Report:
        """How everything is doing."""
        states = {record.name: self._servers.state(record.name) for record in self.ledger.versions}
        return Report(ledger=self.ledger, states=states, detail="" if self._custody.present else "the keeper is gone")
