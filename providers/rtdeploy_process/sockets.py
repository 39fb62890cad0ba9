"""Listening sockets: many on one port for the traffic, and one on a port of its own for every version.

The kernel spreads connections evenly over the sockets that listen on a port with SO_REUSEPORT, so a share of the
sockets is a share of the connections. A socket that changes hands keeps the connections that wait in its queue, as long
as somebody holds it open; that is the supervisor, and beside it the keeper.
"""

import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack

import psutil

from rtdeploy.errors import ConflictError, InvalidRequestError
from rtdeploy_process.errors import translate

__all__ = ["SHARES", "Doors", "owner_of"]

SHARES = 100
"""Sockets for the traffic of a target: one for each per cent."""

_BACKLOG = 256
_CLAIM = "claim"


class Doors:
    """The sockets of one target, each with a number and a name.

    Attributes:
        sockets: By number; 0 to 99 are for the traffic, higher ones belong to one version each.

    """

    def __init__(self, named: Mapping[str, socket.socket] | None = None) -> None:
        self.sockets: dict[int, socket.socket] = {}
        self._own: dict[str, int] = {}
        self._claim: socket.socket | None = None
        for name, found in (named or {}).items():
            self._adopt(name, found)

    def _adopt(self, name: str, found: socket.socket) -> None:
        kind, _, rest = name.partition("/")
        if kind == _CLAIM:
            self._claim = found
        elif kind == "traffic":
            self.sockets[int(rest)] = found
        else:
            self._place(rest, found)

    def _place(self, version: str, found: socket.socket) -> None:
        number = max(SHARES, max(self.sockets, default=0) + 1)
        self.sockets[number] = found
        self._own[version] = number

    @property
    def named(self) -> Mapping[str, socket.socket]:
        """All of them, by the names under which they are kept elsewhere."""
        claim = {_CLAIM: self._claim} if self._claim else {}
        traffic = {f"traffic/{number}": self.sockets[number] for number in self.traffic}
        return claim | traffic | {f"own/{version}": self.sockets[number] for version, number in self._own.items()}

    @property
    def traffic(self) -> tuple[int, ...]:
        """Numbers of those that share the traffic."""
        return tuple(sorted(number for number in self.sockets if number < SHARES))

    def own(self, version: str) -> int:
        """Number of the one that belongs to a version."""
        return self._own[version]

    def has_own(self, version: str) -> bool:
        """Whether a version has one."""
        return version in self._own

    def port(self, number: int) -> int:
        """Port of a socket."""
        port: int = self.sockets[number].getsockname()[1]
        return port

    def bind(self, host: str, port: int) -> int:
        """Take the target's port, all of it or nothing; it refuses connections until :meth:`open`.

        Returns:
            The port; a free one where ``port`` is 0.

        Raises:
            ConflictError: somebody listens there, or another target has taken it.
            InvalidRequestError: ``host`` is no address of this machine.

        """
        with ExitStack() as undo:
            probe = undo.enter_context(_bound(host, port, shared=False))
            port = probe.getsockname()[1]
            claim = undo.enter_context(_claimed(port))
            made = [undo.enter_context(_bound(host, port, shared=True)) for _ in range(SHARES)]
            undo.pop_all()
        probe.close()
        self._claim = claim
        self.sockets |= dict(enumerate(made))
        return port

    def join(self, host: str, port: int) -> None:
        """Take the port again beside servers that a former supervisor has left there.

        Raises:
            ConflictError: somebody else has it.

        """
        with ExitStack() as undo:
            claim = undo.enter_context(_claimed(port))
            made = [undo.enter_context(_bound(host, port, shared=True)) for _ in range(SHARES)]
            undo.pop_all()
        self._claim = claim
        self.sockets |= dict(enumerate(made))

    def bind_own(self, version: str, host: str) -> int:
        """Give a version a port of its own; returns it."""
        made = _bound(host, 0, shared=False)
        self._place(version, made)
        port: int = made.getsockname()[1]
        return port

    def open(self, numbers: Iterable[int]) -> None:
        """Let connections come; harmless for those that are open."""
        for number in numbers:
            self.sockets[number].listen(_BACKLOG)

    def close_own(self, version: str) -> str:
        """Give up the port of a version; gives the name under which it is kept elsewhere."""
        number = self._own.pop(version, None)
        if number is not None:
            self.sockets.pop(number).close()
        return f"own/{version}"

    def close(self) -> None:
        """Give up everything."""
        for held in self.named.values():
            held.close()
        self.sockets.clear()
        self._own.clear()
        self._claim = None


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    """Bind without listening. Alone, it fails where anybody listens, be it with SO_REUSEPORT."""
    family, address = _address(host, port)
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.setblocking(False)
        made.bind(address)
    except OSError as error:
        made.close()
        raise _refusal(error, host, port) from error
    return made


def _claimed(port: int) -> socket.socket:
    """Claim a port among all targets of this machine.

    Two that have bound a port with SO_REUSEPORT and do not listen yet do not notice each other. A name in Linux's
    abstract namespace is exclusive, belongs to the same network namespace as the port, and goes with its holder.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        made.bind(f"\0rtdeploy/port/{port}")
    except OSError as error:
        made.close()
        raise ConflictError(
            f"Port {port} belongs to another target of rtdeploy.",
            remedy="Choose another port, or port: 0 for any that is free.",
            detail=str(error),
        ) from error
    return made


def _address(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise InvalidRequestError(
            f"host: {host!r} is no address.", remedy="Set host to an address of this machine.", detail=str(error)
        ) from error
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))


def _refusal(error: OSError, host: str, port: int) -> Exception:
    refused = translate(error, f"listen on {host}:{port}")
    if not isinstance(refused, ConflictError):
        return refused
    owner = owner_of(port)
    words = f"Port {port} is in use" + (f" by {owner}." if owner else ".")
    return ConflictError(words, remedy=refused.remedy, detail=refused.detail)


def owner_of(port: int) -> str:
    """Name who listens on a port, as far as we may see: ``python3 (pid 42)``."""
    try:
        found = psutil.net_connections(kind="tcp")
        listening = [c for c in found if c.status == psutil.CONN_LISTEN and getattr(c.laddr, "port", 0) == port]
        pids = [c.pid for c in listening if c.pid]
        return ", ".join(f"{psutil.Process(pid).name()} (pid {pid})" for pid in sorted(set(pids)))
    except psutil.Error:
        return ""
