"""What a route sees of HTTP: a request, a response, and a refusal."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["JSON", "OCTETS", "TEXT", "Headers", "Receive", "RefusedError", "Request", "Response", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

JSON = b"application/json"
OCTETS = b"application/octet-stream"
TEXT = b"text/plain; charset=utf-8"


class RefusedError(Exception):
    """The request is answered with an error; ``words`` say what is wrong, in the client's terms."""

    def __init__(self, status: int, words: str, *, headers: Headers = ()) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request; header names are in lower case."""

    headers: Headers
    body: bytes
    arrived: float
    """``time.monotonic`` when its first byte was read."""

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    @property
    def media_type(self) -> bytes:
        """Type of the body without parameters, in lower case; empty where the client does not say."""
        return (self.header(b"content-type") or b"").partition(b";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: Headers = field(default=())
