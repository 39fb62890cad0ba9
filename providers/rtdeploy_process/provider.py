"""The verbs: each asks the supervisor of a target, which is started when there is something to supervise."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rtdeploy.deploy.contract import Check, Context, Desired, Effect, Endpoint, Observed, State
from rtdeploy.errors import InvalidRequestError, UnavailableError
from rtdeploy_process import family, logs, state
from rtdeploy_process.checks import checks
from rtdeploy_process.client import ask, begin
from rtdeploy_process.environment import resolve
from rtdeploy_process.errors import translated
from rtdeploy_process.features import FEATURES, FIELDS
from rtdeploy_process.mark import Role
from rtdeploy_process.resources import Ledger, Record, Report, endpoint_of, observed_of, record_of

__all__ = ["ProcessProvider"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ENDING_S = 90.0
_PATIENCE_S = 35.0
_UNSUPERVISED = "nobody supervises it: rtdeploy deploy starts a new supervisor"


class ProcessProvider:
    """A connection to this machine for one project; it remembers nothing by itself."""

    name = "process"
    features = FEATURES
    fields = FIELDS

    def __init__(self, context: Context) -> None:
        self._home = context.home
        self._targets = context.home / self.name

    def check(self) -> Sequence[Check]:
        """Look at system, packages, disk, ports and limits."""
        return checks(self._home)

    def observe(self, target: str) -> Observed | None:
        """Ask the supervisor; where there is none, look what it has left."""
        report = self._report(target)
        return observed_of(target, report) if report and report.ledger.versions else None

    def _report(self, target: str) -> Report | None:
        directory = self._directory(target)
        if not directory.exists():
            return None
        answer = ask(directory, "status")
        if answer is not None:
            return Report.from_json(answer)
        with translated(f"read the state of {target}"):
            ledger = state.load(directory)
        return _left_behind(directory, ledger) if ledger else None

    def create(self, desired: Desired, version: str) -> None:
        """Have a version started; a supervisor that this needs ends again where it is refused."""
        _check_system()
        record = record_of(desired, version)
        _check_bundle(desired)
        resolve(desired.environment, self._home / "secrets")
        directory = self._directory(desired.target)
        with translated(f"make {desired.target}"):
            if not directory.exists():
                family.kill(directory, Role.KEEPER, Role.SUPERVISOR)
                family.end(family.find(directory), patience_s=_PATIENCE_S)
            begin(directory)
        ask(directory, "create", record=asdict(record), environment=dict(desired.environment))

    def update(self, desired: Desired, version: str) -> None:
        """Change what can be changed in place, and mend what is broken."""
        record = record_of(desired, version)
        directory = self._supervised(desired.target)
        _check_in_place(self._ledger(desired.target).get(version), record)
        ask(directory, "update", version=version, settings=record.settings)

    def traffic(self, target: str, weights: Mapping[str, int]) -> None:
        """Split the connections."""
        ask(self._supervised(target), "traffic", weights=dict(weights))

    def delete(self, target: str, version: str | None = None) -> None:
        """Let the servers finish, end them, and remove what was made for them."""
        directory = self._directory(target)
        if version is None:
            self._remove(directory)
        elif state.load(directory) is not None:
            begin(directory)
            ask(directory, "delete", version=version, timeout_s=self._patience_s(target))

    def _remove(self, directory: Path) -> None:
        """Without a supervisor, or with one that does not answer, do its work."""
        with translated(f"remove {directory.name}"):
            if not self._ends(directory):
                family.kill(directory, Role.KEEPER, Role.SUPERVISOR)
            family.end(family.find(directory), patience_s=_PATIENCE_S)
            state.erase(directory)

    def _ends(self, directory: Path) -> bool:
        try:
            return ask(directory, "end", timeout_s=self._patience_s(directory.name)) is not None
        except UnavailableError:
            return False

    def _patience_s(self, target: str) -> float:
        ledger = state.load(self._directory(target))
        return _ENDING_S + max((r.drain_timeout_s for r in ledger.versions), default=0.0) if ledger else _ENDING_S

    def endpoint(self, target: str, version: str) -> Endpoint:
        """Where one version answers."""
        record = self._ledger(target).get(version)
        return endpoint_of(record.host, record.port, record.model)

    def logs(self, target: str, *, version: str | None = None, lines: int = 100, follow: bool = False) -> Iterator[str]:
        """Read what the servers have said, each line after version and number of its server."""
        ledger = self._ledger(target)
        if version is not None:
            ledger.get(version)
        return logs.read(self._directory(target), version=version, lines=lines, follow=follow)

    def _ledger(self, target: str) -> Ledger:
        report = self._report(target)
        if report is None or not report.ledger.versions:
            raise InvalidRequestError(f"There is no target {target}.", remedy=f"rtdeploy deploy {target}")
        return report.ledger

    def _supervised(self, target: str) -> Path:
        """See that a target is there and has a supervisor."""
        self._ledger(target)
        directory = self._directory(target)
        with translated(f"supervise {target}"):
            begin(directory)
        return directory

    def _directory(self, target: str) -> Path:
        if not _NAME.fullmatch(target):
            raise InvalidRequestError(f"{target!r} is no name for a target.", remedy="Use letters, digits and hyphens.")
        return self._targets / target


def _left_behind(directory: Path, ledger: Ledger) -> Report:
    """What still answers where the supervisor is gone."""
    serving = {member.version for member in family.find(directory) if member.role is Role.REPLICA}
    states = {
        record.name: (State.DEGRADED if record.name in serving else State.FAILED, _UNSUPERVISED)
        for record in ledger.versions
    }
    return Report(ledger=ledger, states=states, detail=_UNSUPERVISED)


def _check_system() -> None:
    if sys.platform != "linux":
        raise InvalidRequestError(
            f"The process provider does not run on {sys.platform}: the kernel must share a port among sockets.",
            remedy="Use provider: docker, or a Linux machine.",
        )


def _check_bundle(desired: Desired) -> None:
    manifest = desired.bundle / "rtdeploy.json"
    with translated(f"read the bundle {desired.bundle}"):
        if not manifest.is_file():
            raise InvalidRequestError(f"{desired.bundle} is no bundle.", remedy="rtdeploy package makes one.")
        found = _digest(manifest)
    if found != desired.digest:
        raise InvalidRequestError(
            f"{desired.bundle} is another bundle than {desired.digest}.",
            remedy="Package the model again.",
            detail=f"its digest is {found}",
        )


def _check_in_place(now: Record, then: Record) -> None:
    """Refuse what cannot be changed while it runs."""
    fixed = [name for name, effect in FIELDS.items() if effect is not Effect.IN_PLACE]
    differ = [name for name in fixed if now.settings.get(name) != then.settings.get(name)]
    differ += [n for n in ("digest", "model", "serve", "environment_digest") if getattr(now, n) != getattr(then, n)]
    if differ:
        raise InvalidRequestError(
            f"{now.name} cannot change {', '.join(differ)} in place.", remedy="Create a new version instead."
        )


def _digest(manifest: Path) -> str:
    try:
        return str(json.loads(manifest.read_bytes())["digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidRequestError(
            f"{manifest} cannot be understood.", remedy="Package the model again.", detail=str(error)
        ) from error
