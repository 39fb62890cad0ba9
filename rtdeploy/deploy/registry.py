"""Provider names → providers; a table of strings, so that listing them imports nothing."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from rtdeploy.deploy.contract import Connect, Context, Provider
from rtdeploy.errors import MissingDependencyError, RtdeployError, UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["BUILT_IN", "GROUP", "connect", "provider_names"]

GROUP = "rtdeploy.providers"
"""Entry point group for providers of other packages: ``mine = "my_package:connect"``."""

BUILT_IN: Mapping[str, str] = MappingProxyType({"process": "rtdeploy_process:connect"})
"""Providers that come with rtdeploy: name → ``module:function``."""

_INSTALL: Mapping[str, str] = MappingProxyType({"process": "'rtdeploy[serve]'"})
"""What to install when a built-in provider's package is missing."""

_KNOWN_TO_THE_FILE = ("azureml", "databricks", "docker", "kserve", "sagemaker")
"""Providers whose targets can be written down and checked, and that this release has no adapter for."""


def provider_names() -> tuple[str, ...]:
    """Name every provider that can be connected to; imports none of them."""
    return tuple(sorted({*BUILT_IN, *(point.name for point in _entry_points())}))


def connect(provider: str, context: Context) -> Provider:
    """Import a provider, and nothing of any other, and connect to its platform.

    Raises:
        UsageError: there is no provider of this name.
        MissingDependencyError: its package, or one that it needs, is not installed.

    """
    return _load(provider)(context)


def _load(provider: str) -> Connect:
    if provider in BUILT_IN:
        return _import(provider, BUILT_IN[provider], install=_INSTALL[provider])
    for point in _entry_points():
        if point.name == provider:
            package = point.dist.name if point.dist else point.value.partition(":")[0]
            return _import(provider, point.value, install=package)
    raise _unknown(provider)


def _import(provider: str, entry: str, *, install: str) -> Connect:
    module, _, attribute = entry.partition(":")
    try:
        return cast(Connect, getattr(import_module(module), attribute))
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"The provider {provider!r}", install=install, detail=str(error)) from error
    except AttributeError as error:
        raise RtdeployError(
            f"The provider {provider!r} has no entry {entry!r}.",
            remedy=f"pip install --upgrade {install}",
            detail=str(error),
        ) from error


def _unknown(provider: str) -> UsageError:
    names = provider_names()
    if provider in _KNOWN_TO_THE_FILE:
        return UsageError(
            f"This release of rtdeploy has no adapter for the provider {provider!r} yet.",
            remedy=f"Deploy to one of: {', '.join(names)}.",
        )
    near = get_close_matches(provider, names, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}."
    return UsageError(f"No provider {provider!r}.", remedy=hint)


@cache
def _entry_points() -> "Iterable[EntryPoint]":
    from importlib.metadata import entry_points

    return tuple(entry_points(group=GROUP))
