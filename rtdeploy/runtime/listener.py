"""The sockets that a server listens on, and the connections that came in through them."""

import asyncio
import socket
import time
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, cast

from uvicorn import Config
from uvicorn.server import ServerState

from rtdeploy.runtime.connection import Connection
from rtdeploy.runtime.settings import ServerSettings

if TYPE_CHECKING:
    from asyncio.events import AbstractServer

    from rtdeploy.runtime.app import App

__all__ = ["Listener", "bind"]

_BACKLOG = 2048
_TICK_S = 0.02


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Bind a TCP socket; ``shared`` lets others of the same user bind the same port. ``OSError`` where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    return bound


class Listener:
    """Accepts connections for one application.

    uvicorn's own ``Server`` binds once and closes idle connections the moment it stops; here sockets come and go, and
    a client that is about to reuse a connection is not met by a reset.
    """

    def __init__(self, app: "App", settings: ServerSettings) -> None:
        self._app = app
        self._grace_s = settings.grace_s
        self._head_timeout_s = settings.head_timeout_s
        self._config = Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",  # what strangers send is no news, and what fails is reported by the application
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=cast("int", settings.idle_s),
        )
        self._config.load()
        self._state = ServerState()
        self._servers: dict[int, AbstractServer] = {}
        self._sockets: dict[int, socket.socket] = {}
        self._dating = asyncio.ensure_future(self._keep_date())

    @property
    def sockets(self) -> frozenset[int]:
        """Numbers of the sockets that it listens on."""
        return frozenset(self._servers)

    @property
    def connections(self) -> int:
        """Open connections."""
        return len(self._state.connections)

    async def add(self, sockets: Mapping[int, socket.socket]) -> None:
        """Listen on more sockets, all or none; they belong to the listener from now on."""
        loop = asyncio.get_running_loop()
        begun: set[int] = set()
        try:
            for number, sock in sockets.items():
                self._servers[number] = await loop.create_server(self._connection, sock=sock, backlog=_BACKLOG)
                self._sockets[number] = sock
                begun.add(number)
        except BaseException:
            self.remove(frozenset(begun))
            raise

    def remove(self, numbers: frozenset[int]) -> None:
        """Close some sockets here; connections that came through them live on, and so do copies elsewhere."""
        for number in numbers & self._servers.keys():
            self._servers.pop(number).close()
            del self._sockets[number]

    async def drain(self, timeout_s: float) -> bool:
        """Accept no more, answer what is under way, let idle connections go; False where that took too long."""
        self._app.draining = True
        let_in = [connection for sock in self._sockets.values() for connection in _queued(sock)]
        self.remove(self.sockets)
        loop = asyncio.get_running_loop()
        for connection in let_in:
            await loop.connect_accepted_socket(self._connection, connection)
        begun = time.monotonic()
        while self._state.connections:
            passed = time.monotonic() - begun
            if passed > timeout_s:
                return False
            if passed > min(self._grace_s, timeout_s) and not self._app.busy:
                self._hang_up()
            await asyncio.sleep(_TICK_S)
        return True

    def close(self) -> None:
        """End at once."""
        self._dating.cancel()
        self.remove(self.sockets)
        self._hang_up()

    def _hang_up(self) -> None:
        for connection in list(self._state.connections):
            connection.shutdown()

    def _connection(self) -> Connection:
        return Connection(self._app, self._config, self._state, head_timeout_s=self._head_timeout_s)

    async def _keep_date(self) -> None:
        """The Date header of RFC 9110, section 6.6.1, made once a second and not once a response."""
        while True:
            self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
            await asyncio.sleep(1 - time.time() % 1)


def _queued(sock: socket.socket) -> Iterator[socket.socket]:
    """Accept who has connected already: closing the socket would reset him."""
    while True:
        try:
            yield sock.accept()[0]
        except OSError:
            return
