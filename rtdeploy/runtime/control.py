"""The channel to a supervisor, which hands out the sockets to listen on and says when to stop.

One JSON object a line, both ways; every command is answered before the next is read. Descriptors come along as
ancillary data (SCM_RIGHTS). Events of the server: ``loading``, ``ready`` (with ``pid``), ``failed`` (with ``summary``,
``remedy``, ``detail``), ``drained``. Commands: ``listen`` (``keep``, ``add``: numbers of sockets, one descriptor for
each in ``add``), ``recycle`` (``requests``), ``drain`` (``timeout_s``). Answers: ``{"ok": true}``, or ``{"ok": false,
"error": …}``.
"""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from rtdeploy.errors import RtdeployError
from rtdeploy.runtime.app import App
from rtdeploy.runtime.listener import Listener

__all__ = ["Control"]

_LONGEST = 1 << 16
_DESCRIPTORS = 250
"""Linux passes no more than 253 at a time."""

Do: TypeAlias = Callable[[Mapping[str, Any], list[int]], Awaitable[None]]


class Control:
    """This side of the channel.

    Args:
        descriptor: The inherited socket.
        drain: Called with the seconds that requests under way may take.

    """

    def __init__(self, descriptor: int, app: App, listener: Listener, drain: Callable[[float], None]) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self._app = app
        self._listener = listener
        self._drain_for = drain
        self._text = b""
        self._descriptors: list[int] = []
        self._commands: Mapping[str, Do] = {"listen": self._listen, "recycle": self._recycle, "drain": self._drain}

    def say(self, **message: Any) -> None:
        """Send one line; a supervisor that is gone hears nothing, and the server goes on without it."""
        with suppress(OSError):
            self._socket.setblocking(True)
            self._socket.sendall(json.dumps(message).encode() + b"\n")
            self._socket.setblocking(False)

    def fail(self, error: RtdeployError) -> None:
        """Say why there will be no server."""
        self.say(event="failed", summary=error.summary, remedy=error.remedy, detail=error.detail)

    async def obey(self) -> None:
        """Do what the supervisor says until it is gone; then keep serving on the sockets that there are."""
        while (line := await self._line()) is not None:
            await self._answer(line)

    async def _answer(self, line: bytes) -> None:
        descriptors, self._descriptors = self._descriptors, []
        try:
            command = json.loads(line)
            await self._commands[command["do"]](command, descriptors)
        except (ValueError, KeyError, TypeError, OSError) as error:
            for descriptor in descriptors:
                with suppress(OSError):
                    os.close(descriptor)
            self.say(ok=False, error=f"{type(error).__name__}: {error}")
        else:
            self.say(ok=True)

    async def _listen(self, command: Mapping[str, Any], descriptors: list[int]) -> None:
        add: list[int] = command["add"]
        if len(add) != len(descriptors):
            raise ValueError(f"{len(add)} sockets to add, {len(descriptors)} descriptors")
        keep = frozenset(command["keep"])
        await self._listener.add({n: socket.socket(fileno=fd) for n, fd in zip(add, descriptors, strict=True)})
        self._listener.remove(self._listener.sockets - keep - frozenset(add))

    async def _recycle(self, command: Mapping[str, Any], _: list[int]) -> None:
        requests = command["requests"]
        if requests is not None and (not isinstance(requests, int) or requests < 1):
            raise ValueError(f"requests is {requests!r}")
        self._app.recycle = requests

    async def _drain(self, command: Mapping[str, Any], _: list[int]) -> None:
        self._drain_for(float(command["timeout_s"]))

    async def _line(self) -> bytes | None:
        while b"\n" not in self._text:
            if not await self._receive():
                return None
        line, _, self._text = self._text.partition(b"\n")
        return line

    async def _receive(self) -> bool:
        """Read what is there, descriptors and all; False at the end."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._socket, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._socket)
        try:
            text, descriptors, _, _ = socket.recv_fds(self._socket, _LONGEST, _DESCRIPTORS)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._text += text
        self._descriptors += descriptors
        return bool(text)
