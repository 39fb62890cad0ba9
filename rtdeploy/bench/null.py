"""A server that does nothing, at once: what a bench of it measures is the generator's own noise.

``python -m rtdeploy.bench.null`` prints its port on the loopback interface and serves until its standard input ends.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvloop

from rtdeploy.errors import MeasurementError

__all__ = ["main", "serving"]

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_BACKLOG = 1024
_END_S = 5.0


@contextmanager
def serving() -> Iterator[str]:
    """The address of such a server in a process of its own; ``MeasurementError`` where it does not start."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rtdeploy.bench.null"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C in the terminal is for the bench alone
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        if not port:
            raise MeasurementError("The server for the noise floor does not start.", remedy="Bench with --no-floor.")
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class _Nothing(asyncio.Protocol):
    """One connection: reads a request to its last byte and answers."""

    def __init__(self) -> None:
        self._head = b""
        self._owed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        while data:
            data = self._read_body(data) if self._owed else self._read_head(data)

    def _read_head(self, data: bytes) -> bytes:
        self._head += data
        head, ended, rest = self._head.partition(b"\r\n\r\n")
        if not ended:
            return b""
        self._head = b""
        length = _LENGTH.search(head)
        self._owed = int(length[1]) if length else 0
        if not self._owed:
            self._transport.write(_ANSWER)
        return rest

    def _read_body(self, data: bytes) -> bytes:
        taken = min(self._owed, len(data))
        self._owed -= taken
        if not self._owed:
            self._transport.write(_ANSWER)
        return data[taken:]


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Nothing, "127.0.0.1", 0, backlog=_BACKLOG)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.buffer.read)


def main() -> None:
    """Serve until standard input ends."""
    uvloop.run(_serve())


if __name__ == "__main__":
    main()
