"""One change of one target from beginning to end: under its lock, with a line in its history whatever comes of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rtdeploy.deploy.contract import Observed
from rtdeploy.deploy.history import Entry, History, Outcome
from rtdeploy.deploy.lock import locked, user_name
from rtdeploy.deploy.plan import Plan, active_of
from rtdeploy.deploy.rollout import sigterm_interrupts
from rtdeploy.errors import QuotaError, RtdeployError, StoppedError

__all__ = ["Record", "changing"]


@dataclass(slots=True, kw_only=True)
class Record:
    """What the history will say; whoever makes the change fills in what it has seen.

    Attributes:
        before: The target before the change.
        after: The target after it.
        plan: What was carried out.

    """

    before: Observed | None = None
    after: Observed | None = None
    plan: Plan | None = None


@contextmanager
def changing(home: Path, target: str, *, action: str, plan: Plan | None = None) -> Iterator[Record]:
    """Hold the lock of a target while it is changed, and write down how it ended::

        with changing(home, target, action="deploy", plan=plan) as record:
            record.after = rollout(plan, …)

    A plan with nothing to do leaves no line.

    Args:
        home: The project's ``.rtdeploy`` directory.
        target: Name of the target.
        action: The command, for the history and for those who meet the lock.
        plan: What will be carried out, where there is a plan.

    Raises:
        ConflictError: somebody else is changing the target.
        QuotaError: the change was made, and its line could not be written.

    """
    history, start = History(home, target), time.monotonic()
    when = datetime.now(UTC).isoformat(timespec="seconds")
    record = Record(plan=plan, before=plan.base if plan else None)

    def append(outcome: Outcome, error: str = "") -> None:
        if record.plan is None or not record.plan.empty:
            history.append(_entry(record, action, when, time.monotonic() - start, outcome, error))

    with locked(home, target, command=f"rtdeploy {action} {target}"), sigterm_interrupts():
        try:
            yield record
        except BaseException as error:
            with suppress(OSError):
                append(_outcome_of(error), _words(error))
            raise
        try:
            append(Outcome.DONE)
        except OSError as error:
            raise QuotaError(
                f"{target} was changed, but its history could not be written.",
                remedy=f"Make room for {history.file}.",
                detail=str(error),
            ) from error


def _entry(record: Record, action: str, when: str, seconds: float, outcome: Outcome, error: str) -> Entry:
    import socket

    after = active_of(record.after.versions) if record.after and record.after.versions else None
    before = active_of(record.before.versions) if record.before and record.before.versions else None
    plan = record.plan
    return Entry(
        when=when,
        who=f"{user_name()}@{socket.gethostname()}",
        action=action,
        outcome=outcome,
        seconds=round(seconds, 3),
        version=after.name if after else plan.version if plan else "",
        digest=after.digest if after else plan.digest if plan else "",
        from_version=before.name if before else "",
        error=error,
        plan=plan.to_json() if plan else None,
    )


def _outcome_of(error: BaseException) -> Outcome:
    return Outcome.STOPPED if isinstance(error, StoppedError | KeyboardInterrupt) else Outcome.FAILED


def _words(error: BaseException) -> str:
    return error.summary if isinstance(error, RtdeployError) else repr(error)
