"""One target of rtdeploy.yaml and a bundle → what a provider is asked for, or the reason why it cannot be."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING

from rtdeploy.deploy.contract import Desired, Feature, Json, Provider
from rtdeploy.errors import UsageError

if TYPE_CHECKING:
    from rtdeploy.bundle.manifest import Bundle
    from rtdeploy.spec.model import Spec

__all__ = ["FEATURE_FIELDS", "desired_of", "features_used", "refuse_unsupported", "require_feature"]

FEATURE_FIELDS: Mapping[Feature, tuple[str, ...]] = MappingProxyType(
    {
        Feature.AUTOSCALING: ("scale.max", "scale.metric", "scale.target", "scale.target_per_s"),
        Feature.SCALE_TO_ZERO: ("scale.min",),
        Feature.SCHEDULED_SCALING: ("scale.schedule",),
        Feature.GPU: ("gpus",),
        Feature.GRPC: ("protocol",),
        Feature.STREAMING: ("protocol",),
        Feature.PRIVATE_NETWORK: ("subnets", "security_groups", "network_isolation", "public"),
        Feature.TTL: ("ttl_s",),
    }
)
"""The settings that ask for a feature."""

SECRET_PREFIX = "secret://"  # noqa: S105


def desired_of(spec: "Spec", target: str, bundle: "Bundle") -> Desired:
    """State what one target should be.

    Raises:
        UsageError: the file has no such target.

    """
    from rtdeploy.spec import environment_of, flatten

    if target not in spec.targets:
        near = get_close_matches(target, spec.targets, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"The file has: {', '.join(spec.targets)}."
        raise UsageError(f"No target {target!r} in the file.", remedy=hint)
    section = spec.targets[target]
    return Desired(
        project=spec.name,
        target=target,
        bundle=bundle.path,
        digest=bundle.digest,
        model=bundle.name,
        settings=flatten(section),
        serve=flatten(spec.serve),
        environment=environment_of(section),
    )


def features_used(desired: Desired) -> Mapping[Feature, str]:
    """Tell which features a target needs, each with the setting that asks for it."""
    settings = desired.settings
    least, most = settings.get("scale.min", 1), settings.get("scale.max")
    asked = {
        Feature.AUTOSCALING: ("scale.max", _number(most) > _number(least)),
        Feature.SCALE_TO_ZERO: ("scale.min", "scale.min" in settings and _number(least) == 0),
        Feature.SCHEDULED_SCALING: ("scale.schedule", bool(settings.get("scale.schedule"))),
        Feature.GPU: ("gpus", bool(settings.get("gpus"))),
        Feature.GRPC: ("protocol", settings.get("protocol") == "grpc"),
        Feature.STREAMING: ("protocol", settings.get("protocol") == "stream"),
        Feature.PRIVATE_NETWORK: (_private(settings), bool(_private(settings))),
        Feature.SECRETS: ("environment", any(v.startswith(SECRET_PREFIX) for v in desired.environment.values())),
        Feature.TTL: ("ttl_s", settings.get("ttl_s") is not None),
    }
    return {feature: field for feature, (field, used) in asked.items() if used}


def _number(value: Json) -> float:
    return value if isinstance(value, int | float) else 0


def _private(settings: Mapping[str, Json]) -> str:
    """Name the setting that takes the endpoint off the public network; empty where none does."""
    if settings.get("public") is False:
        return "public"
    return next((name for name in ("subnets", "security_groups", "network_isolation") if settings.get(name)), "")


def refuse_unsupported(desired: Desired, provider: Provider) -> None:
    """Refuse what the platform cannot do, all of it at once, before anything is changed.

    Raises:
        UsageError: a feature that is absent, or a setting that the provider would drop.

    """
    used = features_used(desired)
    wrong = [_absence(provider, feature, field) for feature, field in used.items() if not _has(provider, feature)]
    told = {field for feature, field in used.items() if not _has(provider, feature)}
    unknown = sorted(set(desired.settings) - set(provider.fields) - told)
    wrong += [f"{field}: the provider {provider.name!r} has no such setting" for field in unknown]
    if not wrong:
        return
    place = f"targets.{desired.target}"
    raise UsageError(
        f"{place} asks for what the provider {provider.name!r} cannot do.",
        remedy=f"Take it out of {place}, or choose another provider (rtdeploy targets shows what each can do).",
        detail="\n".join(f"{place}.{line}" for line in wrong),
    )


def require_feature(provider: Provider, feature: Feature, *, remedy: str) -> None:
    """Refuse to use a feature that is absent; the error carries the provider's note.

    Raises:
        UsageError: the provider does not have it.

    """
    if not _has(provider, feature):
        raise UsageError(
            f"The provider {provider.name!r} has no {feature}.", remedy=remedy, detail=_note(provider, feature)
        )


def _has(provider: Provider, feature: Feature) -> bool:
    support = provider.features.get(feature)
    return support is not None and support.available


def _note(provider: Provider, feature: Feature) -> str:
    support = provider.features.get(feature)
    return support.note if support else "the provider does not declare it"


def _absence(provider: Provider, feature: Feature, field: str) -> str:
    return f"{field}: {feature} is absent: {_note(provider, feature)}"
