"""One HTTP/1.1 connection, driven by the event loop's callbacks: no greenlet, no retry, no body kept.

A greenlet per request would cost more than the request (12 µs to spawn, two switches); a callback costs its call.
"""

import ssl
import time
from typing import Any, Protocol

from httptools import HttpParserError, HttpResponseParser

from rtdeploy_loadtests.columns import Columns
from rtdeploy_loadtests.outcome import Outcome, of_error, of_status
from rtdeploy_loadtests.timing import parse

__all__ = ["Connection", "Owner"]

_IDLE = -1
_READ, _WRITE = 1, 2
_CHUNK = 65536
_AGAIN = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_now = time.monotonic


class Owner(Protocol):
    """Who lends a connection out and hears how it went."""

    origin: float
    columns: Columns

    def finished(self, connection: "Connection", index: int, outcome: int) -> None:
        """The request is over; the connection is idle again, or closed (:attr:`Connection.open`)."""

    def closed(self) -> None:
        """A connection is gone."""


class Connection:
    """An open socket that carries one request at a time."""

    __slots__ = (
        "_complete",
        "_framed",
        "_head",
        "_index",
        "_keep",
        "_owner",
        "_parser",
        "_pending",
        "_read",
        "_rest",
        "_silent",
        "_socket",
        "_status",
        "_write",
        "open",
    )

    def __init__(self, sock: Any, loop: Any, owner: Owner) -> None:
        self._socket = sock
        self._owner = owner
        self._pending = getattr(sock, "pending", None)
        self._parser: Any = HttpResponseParser(self)
        self._index = _IDLE
        self._rest = memoryview(b"")
        self._silent = True
        self._complete = self._framed = self._head = self._keep = False
        self._status = 0
        self._read = loop.io(sock.fileno(), _READ)
        self._write = loop.io(sock.fileno(), _WRITE)
        self._read.start(self._on_readable)
        self.open = True

    def send(self, index: int, request: bytes) -> None:
        """Start request ``index``; :meth:`Owner.finished` tells its end."""
        self._index = index
        self._expect()
        owner = self._owner
        owner.columns.sent[index] = _now() - owner.origin
        self._push(memoryview(request))

    def abandon(self) -> None:
        """Close in the middle of a request whose end nobody waits for any more."""
        self._index = _IDLE
        self.close()

    def close(self) -> None:
        """Close; harmless when closed."""
        if not self.open:
            return
        self.open = False
        for watcher in (self._read, self._write):
            watcher.stop()
            watcher.close()
        self._socket.close()
        self._parser = None  # breaks the cycle, so that nothing waits for the collector
        self._owner.closed()

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what frames the body and what the server says about its time."""
        length = len(name)
        if length == 13 and name.lower() == b"server-timing":
            index, columns = self._index, self._owner.columns
            columns.server[index], columns.queue[index], columns.predict[index] = parse(value)
        elif (length == 14 and name.lower() == b"content-length") or (
            length == 17 and name.lower() == b"transfer-encoding"
        ):
            self._framed = True

    def on_headers_complete(self) -> None:
        """Remember that a body without a length may end with the connection."""
        self._head = True

    def on_message_complete(self) -> None:
        """Note the end, but for that of an interim answer (1xx)."""
        self._status = self._parser.get_status_code()
        if self._status >= 200:
            self._complete = True
            self._keep = self._parser.should_keep_alive()

    # What the loop calls.

    def _on_readable(self) -> None:
        while self._receive() and self._pending is not None and self.open and self._pending():
            pass  # TLS has decrypted more than one read took: the descriptor alone does not tell

    def _receive(self) -> bool:
        """Take in what is there; False when there is nothing, or nothing more to come."""
        try:
            data = self._socket.recv(_CHUNK)
        except _AGAIN:
            return False
        except OSError as error:
            self._lost(of_error(error, connected=True))
            return False
        now = _now() - self._owner.origin
        if self._index == _IDLE:  # the server hangs up on an idle connection, or talks unasked
            self.close()
            return False
        if not data:
            self._ended(now)
            return False
        self._take(data, now)
        return True

    def _take(self, data: bytes, now: float) -> None:
        if self._silent:
            self._silent = False
            self._owner.columns.first_byte[self._index] = now
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self._lost(Outcome.INVALID_RESPONSE)
            return
        if self._complete:
            self._finish(now)

    def _on_writable(self) -> None:
        self._write.stop()
        self._push(self._rest)

    def _push(self, data: memoryview) -> None:
        try:
            taken = self._socket.send(data)
        except _AGAIN:
            taken = 0
        except OSError as error:
            self._lost(of_error(error, connected=True))
            return
        if taken < len(data):
            self._rest = data[taken:]
            self._write.start(self._on_writable)

    # How a request ends.

    def _expect(self) -> None:
        self._silent = True
        self._complete = self._framed = self._head = self._keep = False
        self._status = 0

    def _ended(self, now: float) -> None:
        """The server closed: the end of a body without a length, else too early."""
        if self._head and not self._framed and self._parser.get_status_code() >= 200:
            self._status = self._parser.get_status_code()
            self._keep = False
            self._finish(now)
        else:
            self._lost(Outcome.RESET)

    def _finish(self, now: float) -> None:
        index, self._index = self._index, _IDLE
        self._owner.columns.done[index] = now
        if not self._keep or self._rest:
            self.close()
        self._owner.finished(self, index, of_status(self._status))

    def _lost(self, outcome: Outcome) -> None:
        index, self._index = self._index, _IDLE
        self.close()
        if index != _IDLE:
            self._owner.finished(self, index, outcome)
