"""Desired against observed → plan: an action, every difference, and the revision it was made from. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rtdeploy.deploy.contract import Desired, Effect, Json, Observed, Provider, State, Version, digest_of
from rtdeploy.deploy.desired import refuse_unsupported

__all__ = ["SCHEMA", "About", "Action", "Change", "Plan", "active_of", "differences", "make_plan", "next_version"]

SCHEMA = "rtdeploy.plan/1"


class Action(StrEnum):
    """What applying the plan does to the target."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    NONE = "none"


class About(StrEnum):
    """What a change is about."""

    BUNDLE = "bundle"
    SETTING = "setting"
    SERVE = "serve"
    ENVIRONMENT = "environment"
    STATE = "state"
    TRAFFIC = "traffic"
    VERSIONS = "versions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference; ``field`` as it is written in the file, None where a side has no such value."""

    about: About
    field: str
    old: Json
    new: Json
    effect: Effect

    def __str__(self) -> str:
        return f"{self.field}: {_words(self.old)} → {_words(self.new)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rollout will do.

    Attributes:
        target: Name of the target.
        provider: Name of the provider.
        action: What happens to the target as a whole.
        changes: Every difference; empty when there is nothing to do.
        version: The version that serves afterwards.
        digest: Digest of its bundle.
        base: What was observed; None where there was nothing.

    """

    target: str
    provider: str
    action: Action
    changes: tuple[Change, ...]
    version: str
    digest: str
    base: Observed | None

    @property
    def empty(self) -> bool:
        """Nothing to do."""
        return self.action is Action.NONE

    @property
    def revision(self) -> str | None:
        """Revision of what was observed; applying the plan to another one is refused."""
        return self.base.revision if self.base else None

    @property
    def outage(self) -> bool:
        """The endpoint goes away and comes back."""
        return any(change.effect is Effect.OUTAGE for change in self.changes) and self.action is Action.REPLACE

    @property
    def active(self) -> Version | None:
        """The version that has most of the traffic now."""
        return active_of(self.base.versions) if self.base and self.base.versions else None

    @property
    def creates(self) -> bool:
        """A version has to be made; else the version is there already and only wants traffic, a change or time."""
        there = () if self.base is None or self.outage else self.base.versions
        return not self.empty and all(version.name != self.version for version in there)

    @property
    def updates(self) -> bool:
        """The version is changed, or mended, in place."""
        own = (About.SETTING, About.SERVE, About.ENVIRONMENT, About.BUNDLE)
        return self.action is Action.UPDATE and any(
            change.about in own or (change.about is About.STATE and change.old != State.PENDING)
            for change in self.changes
        )

    def to_json(self) -> dict[str, Any]:
        """Give the plan as other programs read it: schema ``rtdeploy.plan/1``; holds no secrets."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "provider": self.provider,
            "action": str(self.action),
            "version": self.version,
            "digest": self.digest,
            "outage": self.outage,
            "revision": self.revision,
            "serving": {v.name: {"digest": v.digest, "state": str(v.state), "weight": v.weight} for v in self._now()},
            "changes": [
                {"about": str(c.about), "field": c.field, "old": c.old, "new": c.new, "effect": str(c.effect)}
                for c in self.changes
            ],
        }

    def describe(self) -> list[str]:
        """Say the plan in plain lines for a terminal: what happens, each difference, what it costs."""
        changed = [f"  {_line(change, self.action)}" for change in self.changes]
        return [f"{self.target} ({self.provider}): {self._headline()}", *changed, *self._consequences()]

    def _now(self) -> Sequence[Version]:
        return self.base.versions if self.base else ()

    def _headline(self) -> str:
        match self.action:
            case Action.NONE:
                return f"nothing to do, {self.version} is what the file asks for"
            case Action.CREATE:
                return f"create {self.version}"
            case Action.UPDATE:
                return f"update {self.version} in place"
            case Action.REPLACE:
                return f"replace {self.active.name if self.active else 'nothing'} by {self.version}"

    def _consequences(self) -> list[str]:
        if self.outage:
            return [
                "  Outage: a change needs the endpoint to be deleted and made again;"
                " it answers no request until the new version is ready."
            ]
        if self.action is Action.REPLACE:
            how = "is started beside what serves, tested" if self.creates else "runs already; it is tested"
            return [f"  Replace: {self.version} {how}, and takes the traffic; then the rest is removed. No outage."]
        return []


def _line(change: Change, action: Action) -> str:
    if action is Action.CREATE:
        return f"+ {change.field}: {_words(change.new)}"
    return f"~ {change}  ({change.effect})"


def _words(value: Json) -> str:
    match value:
        case None:
            return "(none)"
        case str():
            return value[:19] if value.startswith("sha256:") else value
        case dict():
            return " ".join(f"{key}={_words(inner)}" for key, inner in value.items()) or "{}"
        case list():
            return ", ".join(map(_words, value)) or "[]"
        case float():
            return f"{value:.12g}"
        case _:
            return str(value).lower()


def active_of(versions: Sequence[Version]) -> Version:
    """The version with most of the traffic; the newest of them where several have the same."""
    return max(reversed(versions), key=lambda version: version.weight)


def next_version(versions: Sequence[Version]) -> str:
    """Name the version after the newest: ``v4`` where ``v3`` is the highest number there is."""
    numbers = [int(v.name[1:]) for v in versions if v.name[:1] == "v" and v.name[1:].isdecimal()]
    return f"v{max(numbers, default=0) + 1}"


def make_plan(desired: Desired, observed: Observed | None, provider: Provider) -> Plan:
    """Compare what should be with what is.

    Raises:
        UsageError: the provider cannot do what the target asks for.

    """
    refuse_unsupported(desired, provider)
    if observed is None or not observed.versions:
        return _plan(desired, observed, provider, Action.CREATE, "v1", _from_nothing(desired))
    active = active_of(observed.versions)
    own = differences(desired, active, provider)
    action, version = _decide(desired, observed, active, own, provider)
    state = _state_change(observed, active) if action is Action.UPDATE or not own else ()
    rest = () if any(change.effect is Effect.OUTAGE for change in own) else _left_over(observed, active, version)
    changes = (*own, *state, *rest)
    return _plan(desired, observed, provider, action if changes else Action.NONE, version, changes)


def _plan(
    desired: Desired,
    observed: Observed | None,
    provider: Provider,
    action: Action,
    version: str,
    changes: tuple[Change, ...],
) -> Plan:
    return Plan(
        target=desired.target,
        provider=provider.name,
        action=action,
        changes=changes,
        version=version,
        digest=desired.digest,
        base=observed,
    )


def differences(desired: Desired, version: Version, provider: Provider) -> tuple[Change, ...]:
    """Compare one version field by field; the environment by its digest, and never shown."""
    return tuple(_differences(desired, version, provider.fields))


def _differences(desired: Desired, version: Version, fields: Mapping[str, Effect]) -> Iterator[Change]:
    if desired.digest != version.digest:
        yield _change(About.BUNDLE, "bundle", version.digest, desired.digest, Effect.REPLACE)
    for field, old, new in _unequal(version.settings, desired.settings):
        yield _change(About.SETTING, field, old, new, fields.get(field, Effect.REPLACE))
    for field, old, new in _unequal(version.serve, desired.serve):
        yield _change(About.SERVE, f"serve.{field}", old, new, Effect.REPLACE)
    if digest_of(desired.environment) != (version.environment_digest or digest_of({})):
        yield _change(About.ENVIRONMENT, "environment", "(hidden)", "(hidden, differs)", Effect.REPLACE)


def _change(about: About, field: str, old: Json, new: Json, effect: Effect) -> Change:
    return Change(about=about, field=field, old=old, new=new, effect=effect)


def _unequal(old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[tuple[str, Json, Json]]:
    for field in sorted({*old, *new}):
        if not _same(old.get(field), new.get(field)):
            yield field, old.get(field), new.get(field)


def _same(one: Json, other: Json) -> bool:
    """Compare as JSON does: 1 is 1.0, and true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == other


def _from_nothing(desired: Desired) -> tuple[Change, ...]:
    nothing = Version(name="", digest="", state=State.PENDING, weight=0)
    found = _differences(desired, nothing, {})
    return tuple(
        _change(c.about, c.field, None, "(hidden)" if c.about is About.ENVIRONMENT else c.new, Effect.REPLACE)
        for c in found
    )


def _decide(
    desired: Desired, observed: Observed, active: Version, own: Sequence[Change], provider: Provider
) -> tuple[Action, str]:
    """Choose the smallest thing that leads to what is desired."""
    effects = {change.effect for change in own}
    if Effect.OUTAGE in effects:
        return Action.REPLACE, next_version(observed.versions)
    dead = State.FAILED in (active.state, observed.state)
    if not own and not dead:
        return Action.UPDATE, active.name
    if effects <= {Effect.IN_PLACE} and not dead and active.state is not State.PENDING:
        return Action.UPDATE, active.name
    made = [v for v in observed.versions if v.name != active.name and v.state is not State.FAILED]
    fitting = [v.name for v in made if not differences(desired, v, provider)]
    return Action.REPLACE, fitting[-1] if fitting else next_version(observed.versions)


def _state_change(observed: Observed, active: Version) -> tuple[Change, ...]:
    state = active.state if active.state is not State.READY else observed.state
    if state is State.READY:
        return ()
    effect = Effect.REPLACE if State.FAILED in (active.state, observed.state) else Effect.IN_PLACE
    return (_change(About.STATE, "state", str(state), str(State.READY), effect),)


def _left_over(observed: Observed, active: Version, version: str) -> Iterator[Change]:
    """What is there besides the one version that shall have all traffic."""
    weights: dict[str, Json] = {v.name: v.weight for v in observed.versions if v.weight}
    names: list[Json] = [v.name for v in observed.versions]
    if weights != {active.name: 100} or (version in names and version != active.name):
        yield _change(About.TRAFFIC, "traffic", weights, {version: 100}, Effect.IN_PLACE)
    if len(names) > 1:
        yield _change(About.VERSIONS, "versions", names, [version], Effect.IN_PLACE)
