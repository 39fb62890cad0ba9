"""Where a model answers: all that a client needs to know, and nothing of the platform behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Auth", "Endpoint", "Protocol"]


class Protocol(StrEnum):
    """How a request travels."""

    REST = "rest"
    GRPC = "grpc"
    STREAM = "stream"


class Auth(StrEnum):
    """What proves who the caller is; how it is refreshed is the client's business."""

    NONE = "none"
    HEADERS = "headers"
    """Fixed headers, in :attr:`Endpoint.headers`."""
    SIGV4 = "sigv4"
    BEARER = "bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address that takes inference requests.

    Attributes:
        url: Where one request is posted, path included (``http://127.0.0.1:8080/v2/models/m/infer``).
        protocol: How a request travels.
        auth: What proves who the caller is.
        headers: Sent with every request; may hold secrets, so they stay out of ``repr``.
        content_type: Of the request body.

    """

    url: str
    protocol: Protocol = Protocol.REST
    auth: Auth = Auth.NONE
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content_type: str = "application/json"
