"""Whether this machine can be a platform: the lines of ``rtdeploy doctor``."""

import os
import resource
import shutil
import socket
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from rtdeploy.deploy.contract import Check
from rtdeploy.errors import PlatformError
from rtdeploy_process.sockets import SHARES, Doors

__all__ = ["checks"]

_FILES = 4 * SHARES
_FREE_BYTES = 100 << 20


def checks(home: Path) -> list[Check]:
    """Look at everything; changes nothing."""
    looks: tuple[Callable[[Path], Check], ...] = (_system, _model_runtime, _event_loop, _home, _disk, _ports, _files)
    return [look(home) for look in looks]


def _system(_: Path) -> Check:
    ok = sys.platform == "linux" and hasattr(socket, "SO_REUSEPORT")
    remedy = "" if ok else "Run it on Linux: the kernel must share a port among sockets (SO_REUSEPORT)."
    return Check(name="system", ok=ok, detail=sys.platform, remedy=remedy)


def _model_runtime(_: Path) -> Check:
    ok = find_spec("onnxruntime") is not None
    remedy = "" if ok else "pip install 'rtdeploy[serve]' (models of other formats need their own package)"
    return Check(name="onnxruntime", ok=ok, detail="installed" if ok else "not installed", remedy=remedy)


def _event_loop(_: Path) -> Check:
    ok = find_spec("uvloop") is not None
    remedy = "" if ok else "pip install uvloop"
    return Check(name="uvloop", ok=ok, detail="installed" if ok else "not installed", remedy=remedy)


def _home(home: Path) -> Check:
    there = _nearest(home)
    ok = os.access(there, os.W_OK | os.X_OK)
    return Check(name="directory", ok=ok, detail=str(home), remedy="" if ok else f"Get permission to write {there}.")


def _disk(home: Path) -> Check:
    free = shutil.disk_usage(_nearest(home)).free
    ok = free > _FREE_BYTES
    remedy = "" if ok else f"Make room on the disk of {home}."
    return Check(name="disk", ok=ok, detail=f"{free >> 20} MiB free", remedy=remedy)


def _nearest(path: Path) -> Path:
    """The directory itself, or the one that it would be made in."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def _ports(_: Path) -> Check:
    doors = Doors()
    try:
        doors.bind("127.0.0.1", 0)
    except PlatformError as error:
        return Check(name="ports", ok=False, detail=error.summary, remedy=error.remedy)
    finally:
        doors.close()
    return Check(name="ports", ok=True, detail="a free port can be shared")


def _files(_: Path) -> Check:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ok = soft == resource.RLIM_INFINITY or soft >= _FILES
    return Check(name="open files", ok=ok, detail=f"limit {soft}", remedy="" if ok else f"ulimit -n {4 * _FILES}")
