"""Desired → what is made here: versions and their ledger, as the supervisor keeps and reports them."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Self

from rtdeploy.deploy.contract import Desired, Endpoint, Json, Observed, State, Version, digest_of
from rtdeploy.errors import ConflictError, InvalidRequestError
from rtdeploy_process.features import FIELDS

__all__ = ["Ledger", "Record", "Report", "endpoint_of", "observed_of", "record_of", "state_of"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One version as it was asked for.

    Attributes:
        bundle: Absolute path of its bundle.
        port: Where this version answers whatever its weight is; 0 before it is bound.
        deployed_at: Unix time of the last create or update; ``ttl_s`` counts from here.
        proven: It has been ready once, so that a start that fails is worth another try.

    """

    name: str
    bundle: str
    digest: str
    model: str
    settings: Mapping[str, Json]
    serve: Mapping[str, Json]
    environment_digest: str
    weight: int = 0
    port: int = 0
    deployed_at: float = 0.0
    proven: bool = False

    @property
    def host(self) -> str:
        """Address to listen on."""
        return str(self.settings.get("host", "127.0.0.1"))

    @property
    def wanted_port(self) -> int:
        """Port to listen on; 0 lets the system choose one."""
        return int(_number(self.settings, "port", 0))

    @property
    def replicas(self) -> int:
        """How many servers."""
        return int(_number(self.settings, "replicas", 1))

    @property
    def startup_timeout_s(self) -> float:
        """How long a replica may take to become ready."""
        return _number(self.settings, "startup_timeout_s", 60)

    @property
    def drain_timeout_s(self) -> float:
        """How long a replica may take to finish what it has begun."""
        return _number(self.settings, "drain_timeout_s", 30)

    @property
    def expires_at(self) -> float | None:
        """Unix time at which its target has outlived its time."""
        ttl_s = self.settings.get("ttl_s")
        return None if ttl_s is None else self.deployed_at + _number(self.settings, "ttl_s", 0)


def _number(settings: Mapping[str, Json], name: str, default: float) -> float:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise InvalidRequestError(f"{name}: {value!r} is not a number of 0 or more.", remedy=f"Correct {name}.")
    return value


def record_of(desired: Desired, version: str) -> Record:
    """Write down a version; refuses what could not be honoured.

    Raises:
        InvalidRequestError: an unknown setting, another protocol than REST, a number that is none.

    """
    if not _NAME.fullmatch(version):
        raise InvalidRequestError(f"{version!r} is no name for a version.", remedy="Use v1, v2 and so on.")
    unknown = sorted(set(desired.settings) - set(FIELDS))
    if unknown:
        raise InvalidRequestError(
            f"A process has no setting {', '.join(unknown)}.", remedy=f"Take it out of targets.{desired.target}."
        )
    protocol = desired.settings.get("protocol", "rest")
    if protocol != "rest":
        raise InvalidRequestError(f"A process speaks REST, not {protocol}.", remedy="Set protocol: rest.")
    record = Record(
        name=version,
        bundle=str(desired.bundle.absolute()),
        digest=desired.digest,
        model=desired.model,
        settings=dict(desired.settings),
        serve=dict(desired.serve),
        environment_digest=digest_of(desired.environment),
    )
    _check_numbers(record)
    return record


def _check_numbers(record: Record) -> None:
    _ = record.startup_timeout_s, record.drain_timeout_s, record.expires_at
    if record.replicas < 1 or record.wanted_port > 65535:
        raise InvalidRequestError(
            f"{record.name}: at least one replica, and a port of at most 65535.", remedy="Correct replicas and port."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All versions of one target, oldest first; every change gives a new ledger with another revision."""

    incarnation: str = field(default_factory=lambda: secrets.token_hex(4))
    changes: int = 0
    port: int = 0
    versions: tuple[Record, ...] = ()

    @property
    def revision(self) -> str:
        """Differs after every change, and between two targets of the same name one after the other."""
        return f"{self.incarnation}.{self.changes}"

    @property
    def host(self) -> str:
        """Address that the target listens on."""
        return self.versions[0].host if self.versions else "127.0.0.1"

    @property
    def expires_at(self) -> float | None:
        """Unix time at which the target has outlived its time: what the newest version says."""
        return self.versions[-1].expires_at if self.versions else None

    def find(self, name: str) -> Record | None:
        """Find a version by its name."""
        return next((record for record in self.versions if record.name == name), None)

    def get(self, name: str) -> Record:
        """Find a version that must be there."""
        found = self.find(name)
        if found is None:
            there = ", ".join(record.name for record in self.versions) or "none"
            raise InvalidRequestError(f"There is no version {name}.", remedy=f"Name one of those there are: {there}.")
        return found

    def added(self, record: Record) -> Self:
        """Add a version; the first gets all traffic.

        Raises:
            ConflictError: there is one of that name.
            InvalidRequestError: it wants another address than the versions that are there.

        """
        if self.find(record.name):
            raise ConflictError(f"Version {record.name} is there already.", remedy="rtdeploy status shows it.")
        first = self.versions[0] if self.versions else record
        if (first.host, first.wanted_port) != (record.host, record.wanted_port):
            raise InvalidRequestError(
                f"{record.name} wants another address than {first.name} has.",
                remedy="Remove the target first; rtdeploy deploy does, and calls it an outage.",
            )
        return self._changed((*self.versions, replace(record, weight=0 if self.versions else 100)))

    def updated(self, name: str, settings: Mapping[str, Json], now: float) -> Self:
        """Change the settings of a version; the same ledger where nothing differs."""
        record = self.get(name)
        if record.settings == settings:
            return self
        changed = replace(record, settings=dict(settings), deployed_at=now)
        return self._changed(tuple(changed if r.name == name else r for r in self.versions))

    def weighed(self, weights: Mapping[str, int]) -> Self:
        """Split the traffic; versions that are not named get none."""
        for name in weights:
            self.get(name)
        if sum(weights.values()) != 100 or min(weights.values()) < 0:
            raise InvalidRequestError(
                "Weights are 0 to 100 and sum to 100.", remedy="For example: rtdeploy traffic TARGET v1=90 v2=10"
            )
        return self._changed(tuple(replace(r, weight=weights.get(r.name, 0)) for r in self.versions))

    def removed(self, name: str) -> Self:
        """Remove a version that gets no traffic."""
        record = self.get(name)
        if record.weight:
            raise InvalidRequestError(
                f"{name} still gets {record.weight} % of the traffic.",
                remedy="Send the traffic elsewhere first: rtdeploy traffic, or rtdeploy promote.",
            )
        return self._changed(tuple(r for r in self.versions if r.name != name))

    def proved(self, name: str) -> Self:
        """Remember that a version has been ready; nobody's change, so the revision stays."""
        return replace(self, versions=tuple(replace(r, proven=True) if r.name == name else r for r in self.versions))

    def bound(self, port: int) -> Self:
        """Remember the port that the target has."""
        return replace(self, port=port)

    def bound_own(self, name: str, port: int) -> Self:
        """Remember the port that a version has for itself."""
        return replace(self, versions=tuple(replace(r, port=port) if r.name == name else r for r in self.versions))

    def _changed(self, versions: tuple[Record, ...]) -> Self:
        return replace(self, versions=versions, changes=self.changes + 1)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON; holds no secrets."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave."""
        versions = tuple(Record(**record) for record in document["versions"])
        return cls(**{**document, "versions": versions})


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A ledger and how each of its versions is doing: state, and the words for it."""

    ledger: Ledger
    states: Mapping[str, tuple[State, str]]
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"ledger": self.ledger.to_json(), "states": dict(self.states), "detail": self.detail}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave."""
        states = {name: (State(state), detail) for name, (state, detail) in document["states"].items()}
        return cls(ledger=Ledger.from_json(document["ledger"]), states=states, detail=document["detail"])


def state_of(report: Report) -> State:
    """How the endpoint as a whole is doing: what the versions with traffic say together."""
    serving = {report.states[record.name][0] for record in report.ledger.versions if record.weight}
    if serving == {State.READY} and not report.detail:
        return State.READY
    if serving & {State.READY, State.DEGRADED}:
        return State.DEGRADED
    return State.PENDING if State.PENDING in serving else State.FAILED


def endpoint_of(host: str, port: int, model: str) -> Endpoint:
    """Where requests are posted; an address that means every interface is reached over the loopback."""
    address = _ANY_ADDRESS.get(host, host)
    shown = f"[{address}]" if ":" in address else address
    return Endpoint(url=f"http://{shown}:{port}/v2/models/{model}/infer")


def observed_of(target: str, report: Report) -> Observed:
    """Report a target in the words of the contract."""
    ledger, state = report.ledger, state_of(report)
    answers = state in (State.READY, State.DEGRADED)
    model = max(ledger.versions, key=lambda record: record.weight).model
    return Observed(
        target=target,
        revision=ledger.revision,
        state=state,
        versions=tuple(_version(record, *report.states[record.name]) for record in ledger.versions),
        endpoint=endpoint_of(ledger.host, ledger.port, model) if answers else None,
        detail=report.detail or _trouble(report),
        expires_at=datetime.fromtimestamp(ledger.expires_at, UTC) if ledger.expires_at is not None else None,
    )


def _version(record: Record, state: State, detail: str) -> Version:
    return Version(
        name=record.name,
        digest=record.digest,
        state=state,
        weight=record.weight,
        settings=record.settings,
        serve=record.serve,
        environment_digest=record.environment_digest,
        detail=detail,
    )


def _trouble(report: Report) -> str:
    serving = [(r.name, *report.states[r.name]) for r in report.ledger.versions if r.weight]
    return "\n".join(f"{name}: {detail}" for name, state, detail in serving if state is not State.READY)
