"""The supervisor of a target: takes commands over a socket, one at a time, and tells at any time how things are.

Run as ``python -m rtdeploy_process.supervisor DIRECTORY FD``. Everything that must outlive it lies in the directory or
with the keeper, so that another supervisor goes on where this one was killed.
"""

import asyncio
import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rtdeploy.errors import ConflictError, PlatformError
from rtdeploy_process import wire
from rtdeploy_process.errors import to_json, translate
from rtdeploy_process.fleet import Fleet
from rtdeploy_process.launch import Beginning
from rtdeploy_process.resources import Record
from rtdeploy_process.takeover import furnish

__all__ = ["Supervisor", "main"]

_LOCK = "lock"
_UNUSED_S = 30.0
_LONGEST_SLEEP_S = 3600.0
_REQUEST_BYTES = 1 << 24


class Supervisor:
    """The commands, and when it is all over."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._turn = asyncio.Lock()
        self._over = asyncio.Event()
        self._obeyed = asyncio.Event()
        self._ending = False
        self._erased = False
        self._verbs: Mapping[str, Callable[[Any], Awaitable[None]]] = {
            "create": self._create,
            "delete": self._delete,
            "end": lambda _: self._erase(),
            "traffic": self._traffic,
            "update": self._update,
        }

    async def run(self, door: socket.socket, begun: Callable[[], None]) -> None:
        """Serve until the target is removed, or until SIGTERM, which stops the servers and forgets nothing."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._over.set)
        self._fleet.begin()
        server = await asyncio.start_unix_server(self._hear, sock=door, limit=_REQUEST_BYTES)
        begun()
        clock = asyncio.create_task(self._watch_the_clock())
        await self._over.wait()
        clock.cancel()
        server.close()
        if not self._erased:
            await self._fleet.leave()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError):
            if line := await reader.readline():
                writer.write(json.dumps(await self._answer(json.loads(line))).encode() + b"\n")
                await writer.drain()
        writer.close()
        if self._erased:
            self._over.set()

    async def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            if request["do"] == "status":
                return self._fleet.report().to_json()
            async with self._turn:
                await self._obey(request)
        except PlatformError as error:
            return {"error": to_json(error)}
        except OSError as error:
            return {"error": to_json(translate(error, str(request["do"])))}
        return {}

    async def _obey(self, request: Mapping[str, Any]) -> None:
        """Carry a command out; a target that has no version after it is gone."""
        if self._ending:
            raise ConflictError("The target is being removed.", remedy="Run the command again.")
        try:
            await self._verbs[request["do"]](request)
        finally:
            self._obeyed.set()
            if not self._fleet.ledger.versions:
                await self._erase()

    async def _create(self, request: Mapping[str, Any]) -> None:
        await self._fleet.create(Record(**request["record"]), request["environment"])

    async def _update(self, request: Mapping[str, Any]) -> None:
        await self._fleet.update(request["version"], request["settings"])

    async def _traffic(self, request: Mapping[str, Any]) -> None:
        await self._fleet.weigh(request["weights"])

    async def _delete(self, request: Mapping[str, Any]) -> None:
        await self._fleet.remove(request["version"])

    async def _erase(self) -> None:
        if not self._ending:
            self._ending = True
            await self._fleet.end()
            self._erased = True

    async def _watch_the_clock(self) -> None:
        """Remove a target that has outlived its time, or that nobody has made anything of."""
        unused = time.time() + _UNUSED_S
        while True:
            ledger = self._fleet.ledger
            expires = ledger.expires_at if ledger.versions else unused
            left = _LONGEST_SLEEP_S if expires is None else expires - time.time()
            if left <= 0:
                break
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._obeyed.wait(), min(left, _LONGEST_SLEEP_S))
            self._obeyed.clear()
        async with self._turn:
            await self._erase()
        self._over.set()


def _lock(directory: Path) -> bool:
    """Become the only supervisor of a target, for as long as this process lives; False where there is one."""
    lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock), (directory / _LOCK).stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def main() -> None:
    """Begin, and serve until the target is removed."""
    directory, beginning = Path(sys.argv[1]), Beginning(int(sys.argv[2]))
    try:
        if not _lock(directory):
            beginning.tell()
            return
        fleet, words_to = furnish(directory)
        door = wire.listen(directory, wire.CONTROL)
    except OSError as error:
        beginning.tell(translate(error, "start the supervisor"))
        return
    except PlatformError as error:
        beginning.tell(error)
        return
    asyncio.run(Supervisor(fleet).run(door, lambda: beginning.tell(words_to=words_to)))


if __name__ == "__main__":
    main()
