"""What a provider is: it reports, and it makes one requested change. The core does everything else.

A provider never compares, waits, retries, prints or decides. It translates the words of its SDK into
:mod:`rtdeploy.errors` in one table. Removing what is not there succeeds; an unknown name is absent, not an error.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias

from rtdeploy.endpoint import Auth, Endpoint
from rtdeploy.endpoint import Protocol as WireProtocol

__all__ = [
    "Auth",
    "Check",
    "Connect",
    "Context",
    "Desired",
    "Effect",
    "Endpoint",
    "Feature",
    "Json",
    "Observed",
    "Provider",
    "State",
    "Support",
    "Version",
    "WireProtocol",
    "digest_of",
]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


class Feature(StrEnum):
    """What a platform may be able to do; every provider declares every one."""

    CANARY = "canary"
    MIRROR = "mirror"
    AUTOSCALING = "autoscaling"
    SCALE_TO_ZERO = "scale-to-zero"
    SCHEDULED_SCALING = "scheduled-scaling"
    GPU = "gpu"
    GRPC = "grpc"
    STREAMING = "streaming"
    LOGS = "logs"
    METRICS = "metrics"
    PRIVATE_NETWORK = "private-network"
    SECRETS = "secrets"
    TTL = "ttl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Whether a feature is there; ``note`` says what to know, and why not where it is absent."""

    available: bool
    note: str = ""


class Effect(StrEnum):
    """What changing a field costs."""

    IN_PLACE = "in place"
    """The running version takes the change."""
    REPLACE = "replace"
    """A new version is rolled out beside the old one."""
    OUTAGE = "outage"
    """The endpoint goes away and comes back."""


class State(StrEnum):
    """How a version or an endpoint is doing."""

    PENDING = "pending"
    """On its way; asking again later will tell more."""
    READY = "ready"
    """Answers requests."""
    DEGRADED = "degraded"
    """Answers, but not all of it is there: some replicas are down, or nobody supervises them."""
    FAILED = "failed"
    """Does not answer and will not by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a provider is made from: which project, and where it lies on this machine."""

    project: str
    root: Path
    """Directory of rtdeploy.yaml."""
    home: Path
    """The project's ``.rtdeploy`` directory; a provider may keep files under ``home / <provider name>``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """One version of one target as it should be.

    Attributes:
        project: Name in rtdeploy.yaml.
        target: Name of the target.
        bundle: Directory of the bundle.
        digest: Its digest, ``sha256:…``.
        model: Name of the model inside the bundle, as it appears in URLs.
        settings: The target's fields, flat and dotted (``scale.max``), defaults filled in, JSON values only.
        serve: Settings of the runtime, flat and dotted (``batch.max_size``), JSON values only, units in the names.
        environment: Variables for the server; values may be secret, so they stay out of ``repr``.

    """

    project: str
    target: str
    bundle: Path
    digest: str
    model: str
    settings: Mapping[str, Json] = field(default_factory=dict)
    serve: Mapping[str, Json] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a target as the platform reports it.

    Attributes:
        name: ``v1``, ``v2``, …
        digest: Digest of its bundle.
        state: How it is doing.
        weight: Share of the traffic, 0 to 100.
        settings: Read back, with the same keys as :attr:`Desired.settings`.
        serve: Read back, with the same keys as :attr:`Desired.serve`.
        environment_digest: What the platform stores of :attr:`Desired.environment`, which is never read back:
            :func:`rtdeploy.deploy.contract.digest_of` it.
        detail: Why it is not ready, in the platform's words.

    """

    name: str
    digest: str
    state: State
    weight: int
    settings: Mapping[str, Json] = field(default_factory=dict)
    serve: Mapping[str, Json] = field(default_factory=dict)
    environment_digest: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One target as the platform reports it, now.

    Attributes:
        target: Name of the target.
        revision: Opaque; differs after every change that anybody makes.
        state: How the endpoint as a whole is doing.
        versions: Oldest first.
        endpoint: Where it answers; there whenever ``state`` is READY or DEGRADED.
        detail: Why it is not ready, in the platform's words.
        expires_at: When its ``ttl_s`` has passed, with time zone; None where it stays until somebody removes it.

    """

    target: str
    revision: str
    state: State
    versions: tuple[Version, ...]
    endpoint: Endpoint | None
    detail: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of ``rtdeploy doctor``; ``remedy`` is empty where all is well."""

    name: str
    ok: bool
    detail: str = ""
    remedy: str = ""


class Provider(Protocol):
    """Connection to one platform for one project."""

    name: str
    features: Mapping[Feature, Support]
    fields: Mapping[str, Effect]
    """Every field of :attr:`Desired.settings` that this provider honours, and what changing it costs."""

    def check(self) -> Sequence[Check]:
        """Look whether the platform can be used; changes nothing."""

    def observe(self, target: str) -> Observed | None:
        """Report a target as it is now, or None where there is none; changes nothing."""

    def create(self, desired: Desired, version: str) -> None:
        """Start making a version, and the endpoint where there is none.

        The first version of a target gets all traffic, a later one none. Returns once the platform has accepted;
        a failure leaves nothing behind of what this call made.
        """

    def update(self, desired: Desired, version: str) -> None:
        """Change a version in place; only fields whose effect is IN_PLACE differ.

        With nothing that differs it mends what is degraded, and is harmless otherwise.
        """

    def traffic(self, target: str, weights: Mapping[str, int]) -> None:
        """Split the traffic; weights sum to 100, versions that are not named get none.

        All traffic to one version works everywhere; a split where there is no CANARY is an InvalidRequestError.
        """

    def delete(self, target: str, version: str | None = None) -> None:
        """Remove one version, or the endpoint with everything that was ever made for it."""

    def endpoint(self, target: str, version: str) -> Endpoint:
        """Where one version answers whatever its weight is, for the smoke test and the canary's bench.

        A name that is not there is an InvalidRequestError, as in ``update``, ``traffic`` and ``logs``; creating a
        version that is there already is a ConflictError.
        """

    def logs(self, target: str, *, version: str | None = None, lines: int = 100, follow: bool = False) -> Iterator[str]:
        """Yield log lines without their newline, oldest first; with ``follow`` until the caller stops."""


class Connect(Protocol):
    """The entry point that a provider package exports (group ``rtdeploy.providers``)."""

    def __call__(self, context: Context) -> Provider:
        """Connect; must not fail for want of credentials, :meth:`Provider.check` tells."""


def digest_of(environment: Mapping[str, str]) -> str:
    """Digest of what a platform cannot or must not read back; order does not matter."""
    text = json.dumps(dict(environment), sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
