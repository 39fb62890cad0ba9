"""A wake-up call at a given time, exact to the scheduler's tenth of a millisecond.

gevent's own timers have the millisecond of epoll_wait: half a millisecond late on average and one at p99, which
alone would spend the whole allowance for schedule lag. A timerfd is a file descriptor that becomes readable on time.
"""

import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Alarm", "LoopAlarm", "TimerfdAlarm", "alarm"]

_ABSOLUTE = 1
_NONBLOCKING = os.O_NONBLOCK
_READ = 1
_AFTER_ANSWERS = -1
"""Priority in the loop: what has arrived is read before anything new is sent, so that no answer waits behind a burst of
requests and a connection that has become free is known to be."""


class Alarm(Protocol):
    """Calls back once per :meth:`set`, never before its time."""

    def set(self, due: float) -> None:
        """Ring at ``due`` (``time.monotonic``), or at once where that has passed; replaces an earlier time."""

    def close(self) -> None:
        """Ring no more."""


class _Timespec(ctypes.Structure):
    _fields_ = (("sec", ctypes.c_long), ("nsec", ctypes.c_long))


class _Timer(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class TimerfdAlarm:
    """Linux: timerfd_create(2), watched by gevent's loop. Python has it from 3.13 on, libc since 2008."""

    def __init__(self, loop: Any, ring: Callable[[], None]) -> None:
        self._settime = ctypes.CDLL(None, use_errno=True).timerfd_settime
        self._fd = _timerfd()
        self._timer = _Timer()
        self._address = ctypes.byref(self._timer)
        self._watcher = loop.io(self._fd, _READ, priority=_AFTER_ANSWERS)
        self._ring = ring

    def set(self, due: float) -> None:
        """Set anew, which also makes the descriptor unreadable: no read(2) needed."""
        seconds = int(due)
        value = self._timer.value
        value.sec, value.nsec = seconds, int((due - seconds) * 1e9) or 1
        self._settime(self._fd, _ABSOLUTE, self._address, None)
        if not self._watcher.active:
            self._watcher.start(self._ring)

    def close(self) -> None:
        """Stop watching and give the descriptor back."""
        self._watcher.stop()
        self._watcher.close()
        os.close(self._fd)


class LoopAlarm:
    """Elsewhere: the loop's own timer; the bench's check of the schedule lag tells whether it was good enough."""

    def __init__(self, loop: Any, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._watcher = loop.timer(0, priority=_AFTER_ANSWERS)

    def set(self, due: float) -> None:
        """Replace the timer."""
        self.close()
        self._watcher = self._loop.timer(max(0.0, due - time.monotonic()), priority=_AFTER_ANSWERS)
        self._watcher.start(self._ring)

    def close(self) -> None:
        """Stop the timer."""
        self._watcher.stop()
        self._watcher.close()


def alarm(loop: Any, ring: Callable[[], None]) -> Alarm:
    """The most exact alarm that this system has."""
    return TimerfdAlarm(loop, ring) if sys.platform == "linux" else LoopAlarm(loop, ring)


def _timerfd() -> int:
    descriptor: int = ctypes.CDLL(None, use_errno=True).timerfd_create(time.CLOCK_MONOTONIC, _NONBLOCKING)
    if descriptor < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return descriptor
