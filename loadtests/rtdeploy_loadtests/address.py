"""Where requests go: a URL, resolved once, that opens sockets."""

import ssl
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gevent import socket

__all__ = ["Address", "address_of"]

_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True, kw_only=True)
class Address:
    """A host and port; certificates are verified against the system's authorities.

    Attributes:
        host: Name or number, without brackets.
        port: TCP port.
        tls: How to speak TLS, None for plain HTTP.

    """

    host: str
    port: int
    tls: ssl.SSLContext | None
    _resolved: list[Any] = field(default_factory=list)

    def resolve(self) -> None:
        """Look the name up, so that no request waits for it; OSError where there is no such host."""
        self._resolved = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)

    def open(self, timeout_s: float) -> Any:
        """Connect, shake hands, and hand out a socket that never blocks.

        Tries the addresses in turn and keeps the one that answered for the next time; OSError when none does.
        """
        deadline = time.monotonic() + timeout_s
        problem: OSError = TimeoutError("no address answered in time")
        for place in list(self._resolved):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                break
            try:
                opened = self._open(place, remaining)
            except OSError as error:
                problem = error
                continue
            self._resolved.remove(place)
            self._resolved.insert(0, place)
            return opened
        raise problem

    def _open(self, place: Any, timeout_s: float) -> Any:
        family, kind, protocol, _, where = place
        raw = socket.socket(family, kind, protocol)
        try:
            raw.settimeout(timeout_s)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.connect(where)
            ready = raw if self.tls is None else self.tls.wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise
        ready.settimeout(0)
        return ready


def address_of(url: str) -> Address:
    """Read host, port and scheme from a URL that the caller has checked."""
    parts = urlsplit(url)
    tls = None
    if parts.scheme == "https":
        tls = ssl.create_default_context()
        tls.set_alpn_protocols(["http/1.1"])
    return Address(host=parts.hostname or "", port=parts.port or _PORTS[parts.scheme], tls=tls)
