"""What became of a request, as a number that fits into a flat array."""

import ssl
from enum import IntEnum

__all__ = ["PENDING", "Outcome", "of_error", "of_status"]

PENDING = 65535
"""Not finished yet; the column starts out filled with it."""


class Outcome(IntEnum):
    """Ends of a request that are not an HTTP status; a status other than 2xx stands for itself."""

    OK = 0
    TIMEOUT = 1
    CONNECT = 2
    TLS = 3
    RESET = 4
    INVALID_RESPONSE = 5
    NOT_SENT = 6
    """The bound on open connections was reached: the generator's end, not the server's."""
    UNFINISHED = 7
    """Still under way when the run was stopped."""


def of_status(status: int) -> int:
    """2xx is success; anything else is recorded as the status itself."""
    return Outcome.OK if 200 <= status < 300 else status


def of_error(error: OSError, *, connected: bool) -> Outcome:
    """Name what a socket said."""
    if isinstance(error, TimeoutError):
        return Outcome.TIMEOUT
    if isinstance(error, ssl.SSLError):
        return Outcome.TLS
    return Outcome.RESET if connected else Outcome.CONNECT
