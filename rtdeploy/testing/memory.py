"""The smallest complete provider: it speaks to :class:`~rtdeploy.testing.platform.Platform`; read it to write yours."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from rtdeploy.deploy.contract import (
    Check,
    Context,
    Desired,
    Effect,
    Endpoint,
    Feature,
    Json,
    Observed,
    State,
    Support,
    Version,
    digest_of,
)
from rtdeploy.errors import (
    ConflictError,
    DeniedError,
    InvalidRequestError,
    PlatformError,
    QuotaError,
    ThrottledError,
    UnavailableError,
)
from rtdeploy.testing.platform import Platform, Record, SdkError

__all__ = ["ERRORS", "FEATURES", "FIELDS", "MemoryProvider"]

FEATURES: Mapping[Feature, Support] = {
    Feature.CANARY: Support(available=True, note="by requests, exact over every hundred"),
    Feature.MIRROR: Support(available=False, note="requests are answered once"),
    Feature.AUTOSCALING: Support(available=True),
    Feature.SCALE_TO_ZERO: Support(available=False, note="something always runs"),
    Feature.SCHEDULED_SCALING: Support(available=False, note="there is no calendar"),
    Feature.GPU: Support(available=False, note="there is no GPU"),
    Feature.GRPC: Support(available=False, note="only HTTP is spoken"),
    Feature.STREAMING: Support(available=False, note="answers come in one piece"),
    Feature.LOGS: Support(available=True),
    Feature.METRICS: Support(available=False, note="nothing is counted"),
    Feature.PRIVATE_NETWORK: Support(available=False, note="loopback only"),
    Feature.SECRETS: Support(available=False, note="there is no vault"),
    Feature.TTL: Support(available=True),
}

FIELDS: Mapping[str, Effect] = {
    "replicas": Effect.IN_PLACE,
    "label": Effect.IN_PLACE,
    "region": Effect.REPLACE,
    "note": Effect.REPLACE,
    "port": Effect.OUTAGE,
    "protocol": Effect.REPLACE,
    "scale.min": Effect.IN_PLACE,
    "scale.max": Effect.IN_PLACE,
    "ttl_s": Effect.IN_PLACE,
}

ERRORS: Mapping[str, tuple[type[PlatformError], str]] = {
    "Conflict": (ConflictError, "Plan again; somebody else has changed it."),
    "Denied": (DeniedError, "Ask for the permission that is named below."),
    "Invalid": (InvalidRequestError, "Correct what is named below."),
    "NotFound": (InvalidRequestError, "rtdeploy status shows what there is."),
    "Quota": (QuotaError, "Ask for less, or have the quota raised."),
    "Throttled": (ThrottledError, "Wait a little."),
    "Unavailable": (UnavailableError, "Try again later."),
}
"""The words of the SDK → ours, each with what to do about it."""

_STATES = {"Starting": State.PENDING, "Running": State.READY, "Failed": State.FAILED, "Crashed": State.FAILED}
_ENVIRONMENT_TAG = "rtdeploy:environment"


class MemoryProvider:
    """A connection to a toy platform for one project; it remembers nothing by itself."""

    name = "memory"
    features: Mapping[Feature, Support] = FEATURES
    fields: Mapping[str, Effect] = FIELDS

    def __init__(self, context: Context, platform: Platform) -> None:
        self._project = context.project
        self._platform = platform

    def check(self) -> Sequence[Check]:
        """Say where the platform listens."""
        return (Check(name="platform", ok=True, detail=self._platform.url),)

    def observe(self, target: str) -> Observed | None:
        """Ask the platform."""
        with self._translated(target):
            found = self._platform.describe((self._project, target))
        if found is None:
            return None
        revision, made_at, records = found
        state = _state_of(records)
        answers = state in (State.READY, State.DEGRADED)
        return Observed(
            target=target,
            revision=str(revision),
            state=state,
            versions=tuple(self._version(record) for record in records),
            endpoint=Endpoint(url=self._url(target)) if answers else None,
            detail="" if answers else ", ".join(f"{r.name} {r.status}" for r in records),
            expires_at=_expiry(made_at, records[-1].settings.get("ttl_s")) if records else None,
        )

    def _version(self, record: Record) -> Version:
        return Version(
            name=record.name,
            digest=record.digest,
            state=_STATES[record.status],
            weight=record.weight,
            settings=record.settings,
            serve=record.serve,
            environment_digest=record.tags.get(_ENVIRONMENT_TAG, ""),
            detail="" if record.status == "Running" else record.status,
        )

    def create(self, desired: Desired, version: str) -> None:
        """Make the endpoint where there is none, then the version; an endpoint made in vain is taken away again."""
        key = (self._project, desired.target)
        with self._translated(desired.target):
            was_there = self._platform.describe(key) is not None
            self._platform.put_endpoint(key)
            try:
                self._put(key, desired, version)
            except BaseException:
                if not was_there:
                    self._platform.drop_endpoint(key)
                raise

    def _put(self, key: tuple[str, str], desired: Desired, version: str) -> None:
        self._platform.put_version(
            key,
            name=version,
            bundle=desired.bundle,
            digest=desired.digest,
            settings=self._settings(desired),
            serve=desired.serve,
            tags={_ENVIRONMENT_TAG: digest_of(desired.environment)},
        )

    def _settings(self, desired: Desired) -> Mapping[str, Json]:
        return desired.settings

    def update(self, desired: Desired, version: str) -> None:
        """Change the settings of a version."""
        with self._translated(desired.target):
            self._platform.patch_version((self._project, desired.target), version, self._settings(desired))

    def traffic(self, target: str, weights: Mapping[str, int]) -> None:
        """Set the weights."""
        with self._translated(target):
            self._platform.put_weights((self._project, target), weights)

    def delete(self, target: str, version: str | None = None) -> None:
        """Remove a version or the endpoint; what is not there is removed already."""
        key = (self._project, target)
        with self._translated(target), _absence_is_fine():
            if version is None:
                self._platform.drop_endpoint(key)
            else:
                self._platform.drop_version(key, version)

    def endpoint(self, target: str, version: str) -> Endpoint:
        """Where one version answers."""
        with self._translated(target):
            found = self._platform.describe((self._project, target))
            if found is None or all(record.name != version for record in found[2]):
                raise SdkError("NotFound", f"no version {version}")
        return Endpoint(url=self._url(target, f"/versions/{version}"))

    def logs(self, target: str, *, version: str | None = None, lines: int = 100, follow: bool = False) -> Iterator[str]:
        """Give what the versions wrote."""
        found = self._log(target)
        if version is not None and all(name != version for name, _ in found):
            raise self._translate(target, SdkError("NotFound", f"no version {version}"))
        chosen = _chosen(found, version)
        tail = chosen[max(0, len(chosen) - lines) :]
        return self._lines(target, version, start=len(found), tail=tail, follow=follow)

    def _lines(
        self, target: str, version: str | None, *, start: int, tail: Sequence[str], follow: bool
    ) -> Iterator[str]:
        yield from tail
        while follow:
            found = self._log(target)
            yield from _chosen(found[start:], version)
            start = len(found)
            time.sleep(0.05)

    def _log(self, target: str) -> list[tuple[str, str]]:
        with self._translated(target):
            return self._platform.log((self._project, target))

    def _url(self, target: str, pinned: str = "") -> str:
        return f"{self._platform.url}/{self._project}/{target}{pinned}/v2/models/toy/infer"

    @contextmanager
    def _translated(self, target: str) -> Iterator[None]:
        try:
            yield
        except SdkError as refusal:
            raise self._translate(target, refusal) from refusal

    def _translate(self, target: str, refusal: SdkError) -> Exception:
        kind, remedy = ERRORS[refusal.code]
        return kind(f"The platform refused {target}: {refusal.code}.", remedy=remedy, detail=refusal.message)


@contextmanager
def _absence_is_fine() -> Iterator[None]:
    try:
        yield
    except SdkError as refusal:
        if refusal.code != "NotFound":
            raise


def _state_of(records: Sequence[Record]) -> State:
    serving = [_STATES[record.status] for record in records if record.weight]
    if not serving or set(serving) == {State.FAILED}:
        return State.FAILED if serving else State.PENDING
    if set(serving) == {State.READY}:
        return State.READY
    return State.DEGRADED if State.READY in serving else State.PENDING


def _chosen(log: Sequence[tuple[str, str]], version: str | None) -> list[str]:
    return [f"{name} {text}" for name, text in log if version in (None, name)]


def _expiry(made_at: datetime, ttl_s: Json) -> datetime | None:
    """When an endpoint has outlived its time; None where it has none."""
    return made_at + timedelta(seconds=float(ttl_s)) if isinstance(ttl_s, int | float) else None
