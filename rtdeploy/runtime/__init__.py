"""Bundle → server: the protocols translate, one core predicts.

The way of a request: :mod:`connection` (bytes → ASGI) → :mod:`app` (route) → :mod:`protocols` (body → tensors) →
:mod:`core` (admission, deadline, breaker, fallback) → :mod:`lane` (the model, alone or in batches) → and back.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtdeploy.runtime.serving import serve
    from rtdeploy.runtime.settings import ServerSettings, ServeSettings

__all__ = ["ServeSettings", "ServerSettings", "serve"]

_HOMES = {"ServeSettings": "settings", "ServerSettings": "settings", "serve": "serving"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
