"""A closed loop over a few keep-alive connections, as cheap as Python allows: whole requests out, whole answers in."""

import asyncio
import time
from dataclasses import dataclass

import uvloop

__all__ = ["Load", "offer"]


@dataclass(frozen=True, kw_only=True)
class Load:
    """What was offered: answers with status 200 in ``seconds``; anything else is an error."""

    answers: int
    errors: int
    seconds: float


class _Client(asyncio.Protocol):
    """Sends the next request when the answer to the last is complete."""

    def __init__(self, request: bytes, until: float, done: asyncio.Future[None]) -> None:
        self._request = request
        self._until = until
        self._done = done
        self._missing = 0
        self._head = b""
        self.answers = self.errors = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._missing == 0:
            self._head += data
            head, found, body = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self._head = b""
            lowered = head.lower()
            place = lowered.index(b"content-length: ") + 16
            self._missing = int(lowered[place : place + 12].split(b"\r", 1)[0])
            self.answers += head[9:12] == b"200"
            self.errors += head[9:12] != b"200"
            data = body
        self._missing -= len(data)
        if self._missing == 0:
            self._next()

    def _next(self) -> None:
        if time.perf_counter() < self._until:
            self._transport.write(self._request)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.errors += exc is not None or time.perf_counter() < self._until
        self._done.set_result(None)


def offer(port: int, path: str, body: bytes, *, connections: int, seconds: float) -> Load:
    """Keep every connection busy for so long."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )

    async def run() -> Load:
        loop = asyncio.get_running_loop()
        begun = time.perf_counter()
        dones = [loop.create_future() for _ in range(connections)]
        clients = [_Client(head.encode() + body, begun + seconds, done) for done in dones]
        for client in clients:
            await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
        await asyncio.gather(*dones)
        return Load(
            answers=sum(client.answers for client in clients),
            errors=sum(client.errors for client in clients),
            seconds=time.perf_counter() - begun,
        )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())
