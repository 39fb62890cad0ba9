"""One server: a process of the runtime that is told over its control channel on which sockets to listen."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from rtdeploy_process.channel import Channel, ChannelError

__all__ = ["Replica", "StartError"]

_EXIT_S = 10.0


class StartError(Exception):
    """A server did not become ready; in its own words as far as there are any."""


class Replica:
    """A running server.

    Attributes:
        label: Version and number, ``v3/1``.
        pid: Of its process.
        answers: It has been ready.
        output: Read end of the pipe that its standard output and error go to.
        listens: Numbers of the sockets that it listens on.

    """

    def __init__(self, label: str, process: asyncio.subprocess.Process, channel: Channel, output: int) -> None:
        self.label = label
        self.pid = process.pid
        self.output = output
        self.answers = False
        self.listens: frozenset[int] = frozenset()
        self._process = process
        self._channel = channel
        self._begun = time.monotonic()
        self._recycles: int | None = None

    @classmethod
    async def start(cls, label: str, bundle: Path, environment: Mapping[str, str]) -> Self:
        """Start a server for a bundle; ``OSError`` where the system refuses.

        It gets a session of its own, so that it outlives whatever kills the supervisor's.
        """
        ours, theirs = socket.socketpair()
        channel = await Channel.open(ours)
        output, says = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *_command(bundle, theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=says,
                stderr=says,
                pass_fds=(theirs.fileno(),),
                cwd="/",
                env=dict(environment),
                start_new_session=True,
            )
        except BaseException:
            os.close(output)
            channel.close()
            raise
        finally:
            theirs.close()
            os.close(says)
        return cls(label, process, channel, output)

    async def until_ready(self, timeout_s: float) -> None:
        """Wait until it can answer requests.

        Raises:
            StartError: it says that it cannot, ends, or takes too long.

        """
        try:
            await asyncio.wait_for(self._heard_ready(), timeout_s)
        except TimeoutError as error:
            raise StartError(f"not ready within {timeout_s:g} s (startup_timeout)") from error

    async def _heard_ready(self) -> None:
        while True:
            said = await self._channel.event()
            if said is None:
                raise StartError(f"{await self._last_words()} before it was ready")
            if said["event"] == "failed":
                raise StartError(_words(said))
            if said["event"] == "ready":
                self.answers = True
                return

    async def _last_words(self) -> str:
        with suppress(asyncio.TimeoutError):
            return describe(await asyncio.wait_for(self.until_gone(), _EXIT_S))
        return "it closed its control channel"

    async def until_gone(self) -> int:
        """Wait for the end of the process; the exit status, negative for a signal."""
        return await self._process.wait()

    async def gain(self, doors: Mapping[int, socket.socket]) -> None:
        """Listen on more sockets besides those that it has."""
        new = {number: door for number, door in doors.items() if number not in self.listens}
        if new:
            await self._listen(self.listens, new)

    async def lose(self, numbers: frozenset[int]) -> None:
        """Stop listening on some sockets."""
        if self.listens & numbers:
            await self._listen(self.listens - numbers, {})

    async def _listen(self, keep: frozenset[int], add: Mapping[int, socket.socket]) -> None:
        message = {"do": "listen", "keep": sorted(keep), "add": list(add)}
        await self._channel.command(message, [door.fileno() for door in add.values()])
        self.listens = keep | frozenset(add)

    async def recycle(self, requests: int | None) -> None:
        """Close every connection after so many requests, so that they spread again; None to let them be."""
        if requests != self._recycles:
            await self._channel.command({"do": "recycle", "requests": requests})
            self._recycles = requests

    async def drain(self, timeout_s: float) -> None:
        """Let it finish what it has begun and end; killed when it takes too long."""
        try:
            await self._ask_to_end(timeout_s)
        except ChannelError:
            self.terminate()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.until_gone(), timeout_s + _EXIT_S)
        await self.kill()

    async def _ask_to_end(self, timeout_s: float) -> None:
        if self.answers:
            await self._channel.command({"do": "drain", "timeout_s": timeout_s})
        else:
            self.terminate()

    def terminate(self) -> None:
        """Ask it to end by signal."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    async def kill(self) -> None:
        """End it now."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self.until_gone()

    def close(self) -> None:
        """Let go of the channel and the pipe of a process that has ended."""
        self._channel.close()
        os.close(self.output)

    @property
    def uptime_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._begun

    def describe(self) -> str:
        """Say pid, memory and age."""
        with suppress(psutil.Error):
            memory = psutil.Process(self.pid).memory_info().rss >> 20
            return f"{self.label} pid {self.pid}, {memory} MiB, up {self.uptime_s:.0f} s"
        return f"{self.label} pid {self.pid}"


def describe(status: int) -> str:
    """Say how a process ended."""
    return f"killed by signal {-status}" if status < 0 else f"ended with status {status}"


def _command(bundle: Path, control: int) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", "rtdeploy.runtime", "serve", str(bundle), "--control-fd", str(control))


def _words(failed: Mapping[str, Any]) -> str:
    return "\n".join(str(failed[key]) for key in ("summary", "remedy", "detail") if failed.get(key))
