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

_SAY_S = 1.0
"""A supervisor that does not read must not hold up the answers to everybody else."""

Do: TypeAlias = Callable[[Mapping[str, Any], list[socket.socket]], Awaitable[None]]


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
            self._socket.settimeout(_SAY_S)
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
        sockets: list[socket.socket] = []
        try:
            for descriptor in descriptors:
                sockets.append(_adopted(descriptor))  # noqa: PERF401 - those before a bad one have to be closed
            command = json.loads(line)
            await self._commands[command["do"]](command, sockets)
        except (ValueError, KeyError, TypeError, AttributeError, OSError, RuntimeError) as error:
            for sock in sockets:
                sock.close()
            for descriptor in descriptors[len(sockets) :]:
                with suppress(OSError):
                    os.close(descriptor)
            self.say(ok=False, error=f"{type(error).__name__}: {error}")
        else:
            self.say(ok=True)

    async def _listen(self, command: Mapping[str, Any], sockets: list[socket.socket]) -> None:
        add, keep = _numbers(command["add"]), frozenset(_numbers(command["keep"]))
        if len(add) != len(sockets):
            raise ValueError(f"{len(add)} sockets to add, {len(sockets)} descriptors")
        if strange := keep - self._listener.sockets:
            raise ValueError(f"there are no sockets {sorted(strange)} to keep")
        if known := self._listener.sockets & frozenset(add):
            raise ValueError(f"there are sockets {sorted(known)} already")
        await self._listener.add(dict(zip(add, sockets, strict=True)))
        self._listener.remove(self._listener.sockets - keep - frozenset(add))

    async def _recycle(self, command: Mapping[str, Any], _: list[socket.socket]) -> None:
        requests = command["requests"]
        if requests is not None and (type(requests) is not int or requests < 1):
            raise ValueError(f"requests is {requests!r}")
        self._app.recycle = requests

    async def _drain(self, command: Mapping[str, Any], _: list[socket.socket]) -> None:
        timeout_s = float(command["timeout_s"])
        if not 0 <= timeout_s <= 86400:
            raise ValueError(f"timeout_s is {timeout_s}")
        self._drain_for(timeout_s)

    async def _line(self) -> bytes | None:
        while b"\n" not in self._text:
            if len(self._text) > _LONGEST or not await self._receive():
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


def _adopted(descriptor: int) -> socket.socket:
    """Own a descriptor; only a listening or bound stream socket is of use."""
    sock = socket.socket(fileno=descriptor)
    if sock.type != socket.SOCK_STREAM:
        sock.detach()
        raise ValueError("a descriptor is no stream socket")
    return sock


def _numbers(value: object) -> list[int]:
    if not isinstance(value, list) or not all(type(one) is int for one in value) or len(set(value)) != len(value):
        raise ValueError(f"{value!r} is not a list of different numbers")
    return value
