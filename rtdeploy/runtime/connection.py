"""HTTP/1.1 by uvicorn on httptools, with what a server that faces strangers needs besides: bounds on what comes in."""

import asyncio
import time
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from rtdeploy.runtime.app import App

__all__ = ["Connection"]

_LARGEST_HEAD = 64 * 1024
_HEAD_TIMEOUT_S = 10.0


class Connection(HttpToolsProtocol):
    """A connection that notes when a request came in, and ends one whose head is too large or too slow."""

    _alarm: asyncio.TimerHandle | None = None
    _head = 0
    _in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; a client that says nothing is given as long as one that begins and stops."""
        super().connection_made(transport)
        self._alarm = self.loop.call_later(_HEAD_TIMEOUT_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._calm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; the alarm is set only where a head does not come in one piece."""
        super().data_received(data)
        if self._in_head:
            if self._alarm is None:
                self._alarm = self.loop.call_later(_HEAD_TIMEOUT_S, self._too_slow)
        elif self._alarm is not None:
            self._calm()

    def on_message_begin(self) -> None:
        """Note the time of the first byte."""
        super().on_message_begin()
        self._in_head = True
        self._head = 0
        self.scope["state"]["arrived"] = time.monotonic()

    def on_url(self, url: bytes) -> None:
        """Count."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Count the request in before its task begins."""
        self._in_head = False
        super().on_headers_complete()
        cast("App", self.config.app).unread += 1

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > _LARGEST_HEAD:
            raise ValueError("the head of the request is too large")  # the parser answers 400 and closes

    def _too_slow(self) -> None:
        self._alarm = None
        if not self.transport.is_closing():
            self.transport.close()

    def _calm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
