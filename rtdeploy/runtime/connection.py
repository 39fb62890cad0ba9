"""HTTP/1.1 by uvicorn on httptools, with what a server that faces strangers needs besides: bounds on what comes in."""

import asyncio
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

    from rtdeploy.runtime.app import App

__all__ = ["Connection"]

_LARGEST_HEAD = 64 * 1024


class Connection(HttpToolsProtocol):
    """A connection that notes when a request came in, and ends one whose head is too large or too slow.

    Attributes:
        task: Answers the request under way; it is cancelled when the client leaves.
        responses: How many there were.

    """

    def __init__(self, app: "App", config: "Config", state: "ServerState", *, head_timeout_s: float) -> None:
        super().__init__(config=config, server_state=state, app_state={"connection": self})
        self.task: asyncio.Task[None] | None = None
        self.responses = 0
        self._counts = app
        self._head_timeout_s = head_timeout_s
        self._alarm: asyncio.TimerHandle | None = None
        self._in_head = False
        self._waited = 0
        self._data = b""
        self._owed: int | None = None

    @property
    def pipelined(self) -> bool:
        """Whether the client has sent more requests already."""
        return bool(self.pipeline)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; a client that says nothing is given as long as one that begins and stops."""
        super().connection_made(transport)
        self._alarm = self.loop.call_later(self._head_timeout_s, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; nobody waits for what is under way or in the pipeline."""
        self._calm()
        self._unset_keepalive_if_required()
        self._counts.unread -= len(self.pipeline)
        self.pipeline.clear()
        super().connection_lost(exc)
        if self.task is not None:
            self.task.cancel()
        self.app_state = {}

    def data_received(self, data: bytes) -> None:
        """Read on; the alarm is set only where a head does not come in one piece."""
        if self._owed is not None:
            self._take(data)
            return
        begun = self._in_head
        self._data = data
        super().data_received(data)
        self._data = b""
        if begun and self._in_head:
            self._waited += len(data)
            if self._waited > _LARGEST_HEAD:
                self.send_400_response("")
        if self.cycle is not None and not self.cycle.response_complete:
            self._calm()
        elif self._alarm is None and not self.transport.is_closing():
            self._alarm = self.loop.call_later(self._head_timeout_s, self._too_slow)

    def on_message_begin(self) -> None:
        """Note the time of the first byte."""
        super().on_message_begin()
        self._in_head = True
        self._waited = 0
        self.scope["state"]["arrived"] = time.monotonic()

    def on_headers_complete(self) -> None:
        """Count the request in before its task begins."""
        if (self._waited or len(self._data) > _LARGEST_HEAD) and self._head_size() > _LARGEST_HEAD:
            raise ValueError("the head of the request is too large")  # the parser stops, and the request is refused
        self._in_head = False
        super().on_headers_complete()
        self._counts.unread += 1
        if self.expect_100_continue or self.parser.should_upgrade():
            # The body may never come, or what follows may be another protocol: where the next request begins is open.
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Tell the application that it need not wait for the body."""
        super().on_message_complete()
        self.scope["state"]["whole"] = True

    def _unsupported_upgrade_warning(self) -> None:
        """Read the body by hand: Java's client offers h2c with every request, and the parser takes all for upgraded."""
        error = sys.exception()
        length = next((int(value) for name, value in self.headers if name == b"content-length"), 0)
        self._owed = length
        if length and error is not None:
            self.cycle.more_body = True
            del self.scope["state"]["whole"]
            self._take(self._data[error.args[0] :])

    def _take(self, data: bytes) -> None:
        if not self._owed or self.cycle.response_complete:
            return
        body = data[: self._owed]
        self._owed -= len(body)
        if body:
            self.on_body(body)
        if not self._owed:
            self.on_message_complete()

    async def reply(
        self, cycle: RequestResponseCycle, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Write a response in one piece, where ASGI would take two and a packet for each; :meth:`finish` ends it."""
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        parts = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        if cycle.scope["method"] != "HEAD":
            parts.append(body)
        self.transport.write(b"".join(parts))

    def finish(self, cycle: RequestResponseCycle) -> None:
        """Go on to the next request, or close."""
        if cycle.disconnected:
            return
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP; requests that came before it are answered first."""
        if self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
            last = self.pipeline[0][0] if self.pipeline else self.cycle
            last.keep_alive = False
            return
        status = 431 if self._in_head and max(self._waited, self._head_size()) > _LARGEST_HEAD else 400
        body = orjson.dumps({"error": "the head of the request is too large" if status == 431 else msg})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _too_slow(self) -> None:
        self._alarm = None
        if not self.transport.is_closing():
            self.transport.close()

    def _calm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
