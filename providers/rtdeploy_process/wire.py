"""JSON lines over Unix sockets that lie in the directory of a target, with file descriptors beside them."""

import array
import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["CONTROL", "KEEPER", "MOST_DESCRIPTORS", "connect", "listen", "receive", "send"]

CONTROL = "control.sock"
"""Where the supervisor of a target listens."""
KEEPER = "keeper.sock"
"""Where its keeper does."""

MOST_DESCRIPTORS = 100
"""In one message; the kernel takes 253."""

_CHUNK = 1 << 16


def connect(directory: Path, name: str, *, timeout_s: float) -> socket.socket:
    """Connect to a socket file; ``OSError`` where nobody listens."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(timeout_s)
    folder = -1
    try:
        folder = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        made.connect(_short(folder, name))
    except OSError:
        made.close()
        raise
    finally:
        if folder >= 0:
            os.close(folder)
    return made


def listen(directory: Path, name: str) -> socket.socket:
    """Make a socket file and listen on it; one that a dead process has left is replaced."""
    (directory / name).unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        made.bind(_short(folder, name))
        (directory / name).chmod(0o600)
        made.listen(64)
    except OSError:
        made.close()
        raise
    finally:
        os.close(folder)
    return made


def _short(folder: int, name: str) -> str:
    """Name a file in an open directory; the path of a socket may have 108 bytes, that of a project has more."""
    return f"/proc/self/fd/{folder}/{name}"


def send(to: socket.socket, document: Any, descriptors: Sequence[int] = ()) -> None:
    """Write one line."""
    line = json.dumps(document).encode() + b"\n"
    sent = 0
    if descriptors:
        rights = array.array("i", descriptors)
        sent = to.sendmsg([line], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    to.sendall(line[sent:])


def receive(of: socket.socket) -> tuple[Any, list[int]]:
    """Read one line and what came with it; ``ConnectionResetError`` at the end of the stream."""
    line, descriptors = b"", list[int]()
    while not line.endswith(b"\n"):
        chunk, more, _, _ = socket.recv_fds(of, _CHUNK, MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
        descriptors += more
        if not chunk:
            raise ConnectionResetError("the other side has closed the connection")
        line += chunk
    return json.loads(line), descriptors
