"""The control channel to one server: it tells events, and carries out one command at a time."""

import asyncio
import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Self

__all__ = ["Channel", "ChannelError"]

_LINE_BYTES = 1 << 20
_ANSWER_S = 10.0


class ChannelError(Exception):
    """The server is gone, does not answer, or refused."""


class Channel:
    """One end of a socket pair; JSON lines both ways, descriptors on the way out."""

    def __init__(self, ours: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._socket = ours
        self._writer = writer
        self._turn = asyncio.Lock()
        self._events: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self._answers: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self._pump = asyncio.create_task(self._read(reader))

    @classmethod
    async def open(cls, ours: socket.socket) -> Self:
        """Listen to one end of a pair."""
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_LINE_BYTES)
        return cls(ours, reader, writer)

    async def event(self) -> Mapping[str, Any] | None:
        """Wait for what the server has to say; None when it is gone."""
        return await self._events.get()

    async def command(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Have something done, and wait until it is.

        Raises:
            ChannelError: it was not done.

        """
        async with self._turn:
            try:
                socket.send_fds(self._socket, [json.dumps(message).encode() + b"\n"], descriptors)
                answer = await asyncio.wait_for(self._answers.get(), _ANSWER_S)
            except (TimeoutError, OSError) as error:
                raise ChannelError(f"{message['do']}: {error or 'no answer'}") from error
            if not answer or not answer["ok"]:
                raise ChannelError(f"{message['do']}: {(answer or {}).get('error', 'the server is gone')}")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._sort(line)
        except (OSError, ValueError):
            pass
        self._events.put_nowait(None)
        self._answers.put_nowait(None)

    def _sort(self, line: bytes) -> None:
        message = json.loads(line)
        (self._events if "event" in message else self._answers).put_nowait(message)

    def close(self) -> None:
        """Hang up."""
        self._pump.cancel()
        self._writer.close()
