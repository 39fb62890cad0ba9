"""The open loop: every request starts at its scheduled time, whatever became of those before it."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gevent
from gevent.event import Event

from rtdeploy_loadtests.address import Address
from rtdeploy_loadtests.alarm import alarm
from rtdeploy_loadtests.columns import Columns
from rtdeploy_loadtests.connection import Connection
from rtdeploy_loadtests.outcome import PENDING, Outcome, of_error

__all__ = ["OpenLoop", "Plan"]

_BATCH = 8
"""Requests started in one go before the loop looks at answers again, however late they are."""
_OVERTIME_S = 1.0
"""How long after the last scheduled time a generator that is behind goes on."""
_now = time.monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send, where, and within which bounds.

    Attributes:
        requests: One per payload, as bytes on the wire.
        address: Where to.
        timeout_s: From the scheduled start of a request to its last byte.
        connections: Opened before the start; more are opened when all are busy.
        bound: Connections at most. A request that would need one more is not sent, and recorded as such.

    """

    requests: Sequence[bytes]
    address: Address
    timeout_s: float
    connections: int
    bound: int


class OpenLoop:
    """Walks the schedule in ``columns.scheduled`` and records what happens there.

    Nothing here waits: requests are started by an alarm, answers are read by watchers, a connection that has to be
    opened is opened by a greenlet of its own. All requests have the same time to finish, so that their deadlines lie
    in the order of the schedule and one pointer at the oldest is enough.
    """

    def __init__(self, plan: Plan, columns: Columns, loop: Any) -> None:
        self.origin = 0.0
        self.columns = columns
        self.over = Event()
        self._plan = plan
        self._loop = loop
        self._alarm = alarm(loop, self._on_alarm)
        self._idle: deque[Connection] = deque()
        self._flying: dict[int, Connection] = {}
        self._open = 0
        self._next = self._oldest = self._waiting = 0
        self._limit = len(columns)
        self._last_start = columns.scheduled[self._limit - 1] + _OVERTIME_S if self._limit else 0.0

    def prepare(self) -> None:
        """Resolve the name and open connections; OSError only where there is no such host."""
        self._plan.address.resolve()
        gevent.joinall([gevent.spawn(self._open_idle) for _ in range(self._plan.connections)])

    def start(self, origin: float) -> None:
        """Begin; ``origin`` (``time.monotonic``) is the start of the measured window. :attr:`over` tells the end."""
        self.origin = origin
        self._arm()

    def stop(self, drain_s: float) -> None:
        """Start no more requests, and give those under way so long."""
        self._limit = self._next
        gevent.spawn_later(drain_s, self._give_up)
        self._settle()

    def close(self) -> None:
        """Close what is open."""
        self._alarm.close()
        for connection in [*self._idle, *self._flying.values()]:
            connection.close()

    # What a connection calls.

    def finished(self, connection: Connection, index: int, outcome: int) -> None:
        """Take the connection back for the next request: the one that has rested longest comes first.

        Taking turns keeps all connections in use, and with them all replicas behind a balancer of connections.
        """
        self._flying.pop(index, None)
        if connection.open:
            self._idle.append(connection)
        self._record(index, outcome)

    def closed(self) -> None:
        """Count; a closed connection in the queue of idle ones is skipped there."""
        self._open -= 1

    # The schedule.

    def _on_alarm(self) -> None:
        scheduled, origin = self.columns.scheduled, self.origin
        last = min(self._next + _BATCH, self._limit)
        now = _now() - origin
        while self._next < last and scheduled[self._next] <= now:
            index = self._next
            self._next += 1
            self._waiting += 1
            self._dispatch(index, now)
            now = _now() - origin
        if now > self._last_start:
            self._limit = self._next
        self._expire(now)
        self._arm()
        self._settle()

    def _arm(self) -> None:
        due = [self.columns.scheduled[self._next]] if self._next < self._limit else []
        if self._oldest < self._next:
            due.append(self.columns.scheduled[self._oldest] + self._plan.timeout_s)
        if due:
            self._alarm.set(self.origin + min(due))

    def _dispatch(self, index: int, now: float) -> None:
        columns, idle = self.columns, self._idle
        columns.dispatched[index] = now
        while idle:
            connection = idle.popleft()
            if connection.open:
                columns.connect[index] = 0.0
                self._flying[index] = connection
                connection.send(index, self._plan.requests[columns.payload[index]])
                return
        if self._open >= self._plan.bound:
            self._record(index, Outcome.NOT_SENT)
        else:
            self._open += 1
            gevent.spawn(self._open_for, index)

    def _expire(self, now: float) -> None:
        outcome, scheduled = self.columns.outcome, self.columns.scheduled
        while self._oldest < self._next:
            oldest = self._oldest
            if outcome[oldest] == PENDING:
                if scheduled[oldest] + self._plan.timeout_s > now:
                    return
                self._drop(oldest, Outcome.TIMEOUT)
            self._oldest += 1

    def _drop(self, index: int, outcome: Outcome) -> None:
        connection = self._flying.pop(index, None)
        if connection is not None:
            connection.abandon()
        self._record(index, outcome)

    def _give_up(self) -> None:
        for index in range(self._oldest, self._next):
            if self.columns.outcome[index] == PENDING:
                self._drop(index, Outcome.UNFINISHED)

    def _record(self, index: int, outcome: int) -> None:
        self.columns.outcome[index] = outcome
        self._waiting -= 1
        self._settle()

    def _settle(self) -> None:
        if self._waiting == 0 and self._next >= self._limit:
            self.over.set()

    # Connections.

    def _open_idle(self) -> None:
        self._open += 1
        try:
            opened = self._plan.address.open(self._plan.timeout_s)
        except OSError:
            self._open -= 1  # the requests will tell
            return
        self._idle.append(Connection(opened, self._loop, self))

    def _open_for(self, index: int) -> None:
        columns = self.columns
        begun = _now()
        remaining = columns.scheduled[index] + self._plan.timeout_s - (begun - self.origin)
        try:
            opened = self._plan.address.open(remaining)
        except OSError as error:
            self._open -= 1
            if columns.outcome[index] == PENDING:
                self._record(index, of_error(error, connected=False))
            return
        connection = Connection(opened, self._loop, self)
        if columns.outcome[index] != PENDING:  # too late for its request, in time for another
            self._idle.append(connection)
            return
        columns.connect[index] = (_now() - begun) * 1e3
        self._flying[index] = connection
        connection.send(index, self._plan.requests[columns.payload[index]])
