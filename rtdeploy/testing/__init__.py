"""The conformance suite that every provider inherits; for authors of providers."""

from typing import TYPE_CHECKING, Any

from rtdeploy.errors import MissingDependencyError

if TYPE_CHECKING:
    from rtdeploy.testing.conformance import ProviderConformance
    from rtdeploy.testing.steps import DesiredFactory, Refusal

__all__ = ["DesiredFactory", "ProviderConformance", "Refusal"]

_PLACES = {
    "DesiredFactory": "rtdeploy.testing.steps",
    "ProviderConformance": "rtdeploy.testing.conformance",
    "Refusal": "rtdeploy.testing.steps",
}
_WITH_ASSERTS = tuple(f"rtdeploy.testing.{name}" for name in ("changing", "looking", "making", "refusing", "removing"))


def __getattr__(name: str) -> Any:
    """Load the suite on first use, so that the rest of this package does not need pytest."""
    if name not in _PLACES:
        raise AttributeError(name)
    import sys
    from importlib import import_module

    try:
        import pytest
    except ModuleNotFoundError as error:
        raise MissingDependencyError("The conformance suite", install="pytest", detail=str(error)) from error

    if not any(module in sys.modules for module in _WITH_ASSERTS):
        pytest.register_assert_rewrite("rtdeploy.testing.steps", *_WITH_ASSERTS)
    return getattr(import_module(_PLACES[name]), name)
