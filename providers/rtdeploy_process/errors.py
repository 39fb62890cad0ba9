"""The words of the operating system → :mod:`rtdeploy.errors`, and errors on their way between processes."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from rtdeploy import errors
from rtdeploy.errors import (
    ConflictError,
    DeniedError,
    InvalidRequestError,
    PlatformError,
    QuotaError,
    UnavailableError,
)

if TYPE_CHECKING:
    from rtdeploy.deploy.contract import Json

__all__ = ["from_json", "to_json", "translate", "translated"]

_DISK = "Make room on the disk that holds .rtdeploy, then run the command again."
_FILES = "Raise the limit (ulimit -n), or run fewer replicas."
_MEMORY = "Free memory or processes, or run fewer replicas."
_GONE = "Run the command again; rtdeploy status shows what is there."

TABLE: Mapping[int, tuple[type[PlatformError], str]] = MappingProxyType(
    {
        errno.EACCES: (DeniedError, "Use a port above 1023, and a .rtdeploy directory that you may write."),
        errno.EADDRINUSE: (ConflictError, "Choose another port, or port: 0 for any that is free."),
        errno.EADDRNOTAVAIL: (InvalidRequestError, "Set host to an address of this machine."),
        errno.EAGAIN: (QuotaError, _MEMORY),
        errno.ECONNREFUSED: (UnavailableError, _GONE),
        errno.ECONNRESET: (UnavailableError, _GONE),
        errno.EDQUOT: (QuotaError, _DISK),
        errno.EFBIG: (QuotaError, _DISK),
        errno.EMFILE: (QuotaError, _FILES),
        errno.ENFILE: (QuotaError, _FILES),
        errno.ENOENT: (UnavailableError, _GONE),
        errno.ENOMEM: (QuotaError, _MEMORY),
        errno.ENOSPC: (QuotaError, _DISK),
        errno.EPERM: (DeniedError, "Run it as the user who owns the .rtdeploy directory."),
        errno.EPIPE: (UnavailableError, _GONE),
        errno.EROFS: (DeniedError, "Move the project to a disk that can be written."),
    }
)
"""errno → which of our errors, and what to do about it."""


def translate(error: OSError, doing: str) -> PlatformError:
    """Say in our words why the system refused; ``doing`` names what was tried (``write the state of local``)."""
    if isinstance(error, TimeoutError):
        return UnavailableError(f"Could not {doing}: no answer in time.", remedy=_GONE, detail=str(error))
    kind, remedy = TABLE.get(error.errno or 0, (PlatformError, "Read the system's own words below."))
    words = os.strerror(error.errno) if error.errno else "the system refused"
    return kind(f"Could not {doing}: {words}.", remedy=remedy, detail=str(error))


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Let no ``OSError`` out."""
    try:
        yield
    except OSError as error:
        raise translate(error, doing) from error


def to_json(error: errors.RtdeployError) -> "dict[str, Json]":
    """Write an error down for another process."""
    return {
        "kind": type(error).__name__,
        "summary": error.summary,
        "remedy": error.remedy,
        "detail": error.detail,
    }


def from_json(document: "Mapping[str, Json]") -> PlatformError:
    """Make the error that another process wrote down."""
    found = getattr(errors, str(document.get("kind")), PlatformError)
    kind = found if isinstance(found, type) and issubclass(found, PlatformError) else PlatformError
    words = {key: str(document.get(key, "")) for key in ("remedy", "detail")}
    return kind(str(document.get("summary", "The supervisor refused.")), **words)
