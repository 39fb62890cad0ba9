"""Which section class reads a target: the provider's own, and no other."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import get_args

from rtdeploy.spec.model import ExternalTarget, Target, TargetBase

__all__ = ["BUILT_IN", "external_names", "known_names", "target_class"]

BUILT_IN: Mapping[str, type[TargetBase]] = {
    get_args(section.model_fields["provider"].annotation)[0]: section
    for section in get_args(Target)
    if section is not ExternalTarget
}
"""Provider to section, as the schema lists them."""


@cache
def external_names() -> tuple[str, ...]:
    """Providers that installed packages bring (entry point group ``rtdeploy.providers``)."""
    found = {point.name for point in entry_points(group="rtdeploy.providers")}
    return tuple(sorted(found - BUILT_IN.keys()))


def known_names() -> tuple[str, ...]:
    """Every provider that a target may name."""
    return (*BUILT_IN, *external_names())


def target_class(provider: str) -> type[TargetBase] | None:
    """The section that reads targets of a provider, or None where nobody knows it."""
    if provider in BUILT_IN:
        return BUILT_IN[provider]
    return ExternalTarget if provider in external_names() else None
