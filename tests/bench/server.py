"""A small HTTP server whose behaviour is known: it keeps its own log, by which the bench is checked.

    python server.py '{"service_ms": 2, "stall_at_s": 1.5, "stall_ms": 200, "every": 10, "behaviour": "status"}'

Prints its port, serves until its standard input ends, then prints the log: one [read, written] pair of CLOCK_MONOTONIC
seconds per request, in order of arrival. It imports nothing of rtdeploy.
"""

import asyncio
import json
import ssl
import sys
import time
from typing import Any, ClassVar

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    b"Server-Timing: queue;dur=0.5, batch;dur=0.25, predict;dur=1.25, total;dur=2.5\r\n\r\n{}"
)
ODD = {
    "status": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "garbage": b"SMTP? no, this is not HTTP\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
}
THEN_CLOSE = {
    "until_close": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
    "short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
    "close": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
}


class Server(asyncio.Protocol):
    """Answers each request `service_ms` after it was read; every `every`-th in the odd way that `behaviour` names."""

    log: ClassVar[list[list[float]]] = []
    begun = 0.0
    stalled = False

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.waiting = b""
        self.idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.touch()

    def touch(self) -> None:
        """Hang up after `idle_s` without a request."""
        if "idle_s" in self.options:
            if self.idle is not None:
                self.idle.cancel()
            self.idle = asyncio.get_running_loop().call_later(self.options["idle_s"], self.transport.close)

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head = self.waiting[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self.waiting) < end + 4 + length:
                return
            self.waiting = self.waiting[end + 4 + length :]
            self.take()

    def take(self) -> None:
        now = time.monotonic()
        self.touch()
        kind = type(self)
        kind.begun = kind.begun or now
        kind.log.append([now, float("nan")])
        number = len(kind.log)
        if not kind.stalled and now - kind.begun >= self.options.get("stall_at_s", float("inf")):
            kind.stalled = True
            time.sleep(self.options["stall_ms"] / 1e3)  # everything waits: the whole server stands still
        service_s = self.options.get("service_ms", 0.0) / 1e3
        if service_s:
            asyncio.get_running_loop().call_later(service_s, self.reply, number)
        else:
            self.reply(number)

    def reply(self, number: int) -> None:
        odd = number % self.options.get("every", 1) == 0
        behaviour = self.options.get("behaviour", "") if odd else ""
        if behaviour == "never":
            return
        if behaviour == "reset":
            self.transport.abort()
            return
        self.transport.write(THEN_CLOSE.get(behaviour) or ODD.get(behaviour, ANSWER))
        if behaviour in THEN_CLOSE:
            self.transport.close()
        type(self).log[number - 1][1] = time.monotonic()


async def main(options: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    tls = None
    if "certificate" in options:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options["certificate"])
    server = await loop.create_server(lambda: Server(options), "127.0.0.1", 0, backlog=1024, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps(Server.log), flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
